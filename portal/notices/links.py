"""Addresses that recipients are given: the page on which they answer, and the feeds."""

from __future__ import annotations

import secrets
from urllib.parse import quote, unquote

from sqlalchemy.orm import Session

from portal.db import config_of
from portal.errors import Gone
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.tables import Dataset, Notice


def answer_page(session: Session, notice_id: str) -> str:
    return f"{config_of(session).address}/notices/{notice_id}/{_token(session, notice_id)}"


def find(session: Session, notice_id: str, token: str) -> Notice:
    """The notice of an answer page. Raises Gone, in the same words for one that never was."""
    right = secrets.compare_digest(_token(session, notice_id).encode(), token.encode())
    notice = session.get(Notice, notice_id) if right else None
    if notice is None:
        raise Gone(_("This link does not work. Look in the mail that it came from, or write to us."), "link-gone")
    return notice


def feed(session: Session, dataset: Dataset) -> str:
    return f"{config_of(session).address}/feeds/{written(dataset.name)}/{written(dataset.version)}"


def written(name: str) -> str:
    """A name as a part of an address: quoted twice where it holds what a server would take apart, such as a slash."""
    return quote(quote(name, safe=" "), safe="")


def read(part: str) -> str:
    """The name in a part of an address, which the server has unquoted once."""
    return unquote(part)


def _token(session: Session, notice_id: str) -> str:
    # It follows from the id, so that reminders carry the same link and nothing has to be kept for it.
    return keys_of(session).digest("notice-answer", notice_id.encode())[:43]
