"""While the operator works on the portal: people read so and lose nothing, staff and machines go on."""

from __future__ import annotations

from flask import Flask, Response, request

from portal.languages import gettext as _
from portal.web.context import settings
from portal.web.errors import error_page
from portal.web.policy import FILES, OWN_FILES

# What people may still do: leave, and choose how the page looks and speaks.
OPEN = FILES | OWN_FILES | {"subject.leave", "subject.look", "subject.favicon", "speaking.choose"}
STAFF = ("/staff", "/join/", "/healthz", "/readyz")
RETRY_AFTER = "600"


def prepare(app: Flask) -> None:
    app.before_request(_closed)


def _closed() -> Response | None:
    if not settings().maintenance or request.endpoint in OPEN or request.path.startswith(STAFF):
        return None
    sentence = _("Your saved answers are still there. Please come back later.")
    page, status = error_page(503, _("We are working on this page"), sentence)
    return Response(page, status, {"Retry-After": RETRY_AFTER}, mimetype="text/html")
