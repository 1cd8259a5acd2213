"""A person's way through the public pages, as a browser without scripts makes it."""

from __future__ import annotations

import io
import re
from typing import Any

from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import select

from portal.cases import mails
from portal.db import Database
from portal.tables import Mail
from tests.web.conftest import send


def jpeg(size: tuple[int, int] = (320, 240), shade: int = 120) -> bytes:
    """A picture without a face; the web process does not look for one."""
    file = io.BytesIO()
    Pillow.effect_noise(size, shade).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def begin(client: FlaskClient, rights: list[str] | None = None, ways: list[str] | None = None) -> Any:
    """From the first page to the first question about a way to look."""
    send(client, "/", "/request/start")
    send(client, "/request/rights", rights=rights or ["deletion"])
    send(client, "/request/whom", for_whom="me")
    send(client, "/request/residence", residence="EU")
    return send(client, "/request/ways", ways=ways or ["link"])


def finish(client: FlaskClient) -> Any:
    """From the contact question to the confirmation, without an address."""
    send(client, "/request/contact", "/request/no-contact")
    send(client, "/request/helps", helps="")
    send(client, "/request/check")
    return client.get("/request/sent")


def whole(client: FlaskClient) -> tuple[str, str]:
    """A whole request by a link. Returns reference and secret words."""
    begin(client)
    send(client, "/request/links", text="https://example.com/me.jpg")
    page = finish(client).text
    reference = re.search(r"EF-[A-Z2-9]{4}-[A-Z2-9]{4}", page)
    words = re.search(r'class="ef-words"><bdi>([a-z ]+)<', page)
    assert reference
    assert words
    return reference.group(), words.group(1)


def newest_code(database: Database) -> str:
    """The digits of the mail that waits to be sent."""
    with database.reading() as session:
        mail = session.scalar(select(Mail).order_by(Mail.created_at.desc()).limit(1))
        assert mail
        letter = mails.open_mail(session, mail)
    assert letter
    found = re.search(r"\b\d{6}\b", letter.body)
    assert found
    return found.group()
