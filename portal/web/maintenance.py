"""While the operator works on the portal: people read so and lose nothing, staff and machines go on.

After a copy of the database was put back nobody goes on, not even staff, until what was erased since is gone again.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from portal.backups import copies, waiting
from portal.languages import gettext as _
from portal.web.context import settings
from portal.web.errors import error_page
from portal.web.policy import FILES, OWN_FILES

# What people may still do: leave, and choose how the page looks and speaks.
OPEN = FILES | OWN_FILES | {"subject.leave", "subject.look", "subject.favicon", "speaking.choose"}
STAFF = ("/staff", "/join/", "/healthz", "/readyz")
ALIVE = ("/healthz",)
RETRY_AFTER = "600"


def prepare(app: Flask) -> None:
    app.before_request(_put_back)
    app.before_request(_closed)


def _put_back() -> Response | None:
    if request.path in ALIVE or request.endpoint in FILES or not _is_waiting():
        return None
    return _away()


def _is_waiting() -> bool:
    """Asked of the database until the first answer is no; then only whether somebody puts a copy back meanwhile."""
    if current_app.extensions.get("may serve"):
        return copies.is_marked(settings())
    is_waiting = waiting.is_waiting(current_app.extensions["database"])
    current_app.extensions["may serve"] = not is_waiting
    return is_waiting


def _closed() -> Response | None:
    if not settings().maintenance or request.endpoint in OPEN or request.path.startswith(STAFF):
        return None
    return _away()


def _away() -> Response:
    sentence = _("Your saved answers are still there. Please come back later.")
    page, status = error_page(503, _("We are working on this page"), sentence)
    return Response(page, status, {"Retry-After": RETRY_AFTER}, mimetype="text/html")
