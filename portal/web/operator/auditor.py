"""What an auditor reads: the requests, the log, its signed head. Nothing here changes anything."""

from __future__ import annotations

import json

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from portal import audit
from portal.audit import asking
from portal.audit.asking import Checked
from portal.tables import Case, Entry
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("auditor", __name__, url_prefix="/staff/audit")

Page = str | Response | tuple[str, int]

ROWS_A_PAGE = 100


@blueprint.get("/")
@policy("auditor")
def cases() -> Page:
    page = max(0, request.args.get("page", 0, int))
    query = select(Case).options(selectinload(Case.rights)).order_by(Case.received_at.desc(), Case.id)
    found = list(g.session.scalars(query.offset(page * ROWS_A_PAGE).limit(ROWS_A_PAGE + 1)))
    return render_template("auditor/cases.html", cases=found[:ROWS_A_PAGE], page=page, more=len(found) > ROWS_A_PAGE)


@blueprint.get("/log")
@policy("auditor")
def log() -> Page:
    """The log from its newest line, by kind if asked."""
    return _log(asking.newest(settings()))


@blueprint.post("/log/check")
@policy("auditor")
def check() -> Page:
    """Go over the whole log: at once where that is short, else the clockwork does it. Nothing in the log changes."""
    if asking.is_short(g.session):
        return _log(asking.check(g.session))
    asking.ask(settings())
    return redirect(url_for("auditor.log"), 303)


def _log(checked: Checked | None) -> Page:
    kind = request.args.get("kind", "")
    before = request.args.get("before", None, int)
    query = select(Entry).order_by(Entry.position.desc())
    if kind:
        query = query.where(Entry.kind == kind)
    if before is not None:
        query = query.where(Entry.position < before)
    entries = list(g.session.scalars(query.limit(ROWS_A_PAGE)))
    return render_template(
        "auditor/log.html",
        entries=[(entry, json.loads(entry.body).get("facts") or {}) for entry in entries],
        kind=kind,
        kinds=list(g.session.scalars(select(Entry.kind).distinct().order_by(Entry.kind))),
        size=g.session.scalar(select(func.count()).select_from(Entry)),
        checked=checked,
        asked=asking.is_asked(settings()),
        checkpoint=audit.newest_checkpoint(g.session),
        more=len(entries) == ROWS_A_PAGE,
    )
