"""What everybody may read: the first page, help, and what is needed to check a certificate."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from portal import audit
from portal.cases.housekeeping.purging import RECORD_MONTHS
from portal.errors import NotFound
from portal.languages import gettext as _
from portal.matching import thresholds
from portal.tables import Checkpoint
from portal.web.context import settings
from portal.web.policy import policy, safe_path
from portal.web.texts import THEME_COOKIE, THEMES

blueprint = Blueprint("subject", __name__)

YEAR = 365 * 24 * 3600


@blueprint.get("/")
@policy("public")
def start() -> str:
    return render_template("subject/start.html", two_people=settings().two_people, going_on="draft" in session)


@blueprint.get("/leave")
@policy("public")
def leave() -> AnyResponse:
    """Away from here at once. The pages themselves name no other site."""
    return redirect(settings().exit_url, 303)


@blueprint.get("/stay-safe")
@policy("public")
def stay_safe() -> str:
    """How to leave quickly. Where the operator turned it on, a request begins with it."""
    return render_template("subject/stay_safe.html")


@blueprint.post("/look")
@policy("public")
def look() -> AnyResponse:
    """Light, dark, or as the device says. Kept in a cookie of its own, which says nothing else."""
    answer = redirect(safe_path(request.form.get("back"), url_for("subject.start")), 303)
    asked = request.form.get("theme", "")
    if asked in THEMES:
        secure = settings().secure_cookies
        answer.set_cookie(THEME_COOKIE, asked, max_age=YEAR, httponly=True, samesite="Lax", secure=secure)
    return answer


@blueprint.get("/help")
@policy("public")
def help_page() -> str:
    return render_template("subject/help.html")


@blueprint.get("/privacy")
@policy("public")
def privacy() -> str:
    return render_template("subject/privacy.html", config=settings(), record_months=RECORD_MONTHS)


@blueprint.get("/comparison")
@policy("public")
def comparison() -> str:
    return render_template(
        "subject/comparison.html", two_people=settings().two_people, errors=thresholds.errors_now(g.session)
    )


@blueprint.get("/accessibility")
@policy("public")
def accessibility() -> str:
    return render_template("subject/accessibility.html")


@blueprint.get("/verify-help")
@policy("public")
def verify_help() -> str:
    return render_template("subject/verify_help.html")


@blueprint.get("/public-key")
@policy("public")
def public_key() -> Response:
    """The line with which anybody checks certificates and the log: a C2SP verifier key."""
    return _plain(audit.verifier_key(g.session) + "\n")


@blueprint.get("/log/checkpoint")
@policy("public")
def checkpoint() -> Response:
    """The newest signed head of the log: a C2SP checkpoint."""
    newest = g.session.scalar(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1))
    if newest is None:
        raise NotFound(_("The log has no signed head yet."))
    return _plain(newest.note)


@blueprint.get("/favicon.ico")
@policy("public")
def favicon() -> Response:
    return current_app.send_static_file("icon.svg")


def _plain(text: str) -> Response:
    return Response(text, mimetype="text/plain")
