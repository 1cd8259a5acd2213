"""What every view finds ready: the database, its session, the settings."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, Response, current_app, g, request

from portal.config import Config
from portal.db import Database

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class InMemoryRequest(Request):
    """Keeps uploads in memory: werkzeug would write larger ones to the temporary folder, in the clear."""

    def _get_file_stream(self, *_args: Any, **_more: Any) -> IO[bytes]:
        return BytesIO()


def database() -> Database:
    found: Database = current_app.extensions["database"]
    return found


def settings() -> Config:
    return database().config


def prepare(app: Flask) -> None:
    app.before_request(_open)
    app.after_request(_close_before_the_browser_session_is_saved)
    app.teardown_request(_close_at_the_end)


def _open() -> None:
    # Nothing begins before the first statement, so a view may do slow work before it touches `g.session`.
    g.session = database().session(write=request.method not in READING)


def _close_before_the_browser_session_is_saved(response: Response) -> Response:
    # Saving writes in a transaction of its own, which would wait for this one for ever.
    _close()
    return response


def _close_at_the_end(_problem: BaseException | None) -> None:
    _close()


def _close() -> None:
    """Views commit with `g.session.commit()`; what they did not commit is rolled back here."""
    if "session" in g:
        g.session.close()
