"""The gate for other programs: only with the token, and nothing that is sent is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal import images
from portal.config import Config, read_config
from portal.db import Database
from portal.errors import UnsafeConfig
from portal.suppression import suppress
from portal.tables import Attempt, Blob
from portal.web import create_app
from tests.fakes import draw_photograph, drawn_jpeg
from tests.suppression.rows import an_erasure, an_image

pytestmark = pytest.mark.migrated

TOKEN = "0123456789abcdef0123456789abcdef"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def asked(config: Config, database: Database) -> Iterator[FlaskClient]:
    """The gate of an installation where photograph 1 was erased."""
    with database.writing() as session:
        suppress(session, an_erasure(session).id, an_image(session, seed=1))
    return create_app(replace(config, gate_token=TOKEN)).test_client()


def test_a_file_is_told_by_its_bytes_or_by_its_likeness(asked: FlaskClient, database: Database) -> None:
    again = images.to_jpeg(draw_photograph(1, seed=1), quality=40)
    assert asked.post("/gate", data=again, headers=SHOWN).json == {"stopped": True, "by": "likeness", "picture": True}
    other = asked.post("/gate", data=drawn_jpeg(4, seed=4), headers=SHOWN)
    assert other.json == {"stopped": False, "by": None, "picture": True}
    assert asked.post("/gate", data=b"no picture", headers=SHOWN).json["picture"] is False  # type: ignore[index]
    with database.writing() as session:
        image = an_image(session, seed=4)
        suppress(session, an_erasure(session).id, image)
        digest = image.digest
        assert digest is not None
    # What was erased a moment ago counts at once.
    body = f"{hashlib.sha256(b'x').hexdigest()}\n{digest.hex()}\n"
    answer = asked.post("/gate/digests", data=body, headers=SHOWN)
    assert [json.loads(line)["stopped"] for line in answer.text.splitlines()] == [False, True]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Blob)) == 0


def test_only_with_the_token(asked: FlaskClient, config: Config, database: Database) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN[:-1]}):
        answer = asked.post("/gate", data=b"x", headers=headers)
        assert (answer.status_code, answer.json["error"]) == (403, "no-token")  # type: ignore[index]
    without = create_app(config).test_client()
    assert without.post("/gate", data=b"x", headers={"Authorization": "Bearer "}).status_code == 403
    tries = [asked.post("/gate/digests", data=b"", headers={}).status_code for _ in range(40)]
    assert tries[-1] == 429
    assert asked.post("/gate/digests", data=b"", headers=SHOWN).status_code == 200
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 1


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/gate", b"", "no-file"),
        ("/gate?for=anything", b"x", "unknown-place"),
        ("/gate/digests", b"A" * 64, "no-digest"),
        ("/gate/digests", b"00", "no-digest"),
    ],
)
def test_what_is_wrong_is_named(asked: FlaskClient, path: str, body: bytes, error: str) -> None:
    answer = asked.post(path, data=body, headers=SHOWN)
    assert (answer.status_code, answer.json["error"]) == (422, error)  # type: ignore[index]


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(UnsafeConfig, match="at least 32"):
        read_config({"EFFACE_GATE_TOKEN": "secret"})
