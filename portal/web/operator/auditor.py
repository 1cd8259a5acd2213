"""What an auditor reads: the requests, the log, its signed head. Nothing here changes anything."""

from __future__ import annotations

import json
from itertools import islice

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from portal import audit
from portal.audit import asking, finding
from portal.audit.asking import Checked
from portal.cases.arrival import words
from portal.tables import Case, Entry
from portal.web.context import settings
from portal.web.days import FIRST, LAST, day_in
from portal.web.policy import policy

blueprint = Blueprint("auditor", __name__, url_prefix="/staff/audit")

Page = str | Response | tuple[str, int]

ROWS_A_PAGE = 100
FILTERS = ("kind", "from", "until", "about")


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
    """The log from its newest line: by kind, by day, and by what it is about, if asked."""
    return _log(asking.newest(settings()))


@blueprint.post("/log/check")
@policy("auditor")
def check() -> Page:
    """Go over the whole log: at once where that is short, else the clockwork does it. Nothing in the log changes."""
    if asking.is_short(g.session):
        return _log(asking.check(g.session))
    asking.ask(settings())
    return redirect(url_for("auditor.log"), 303)


@blueprint.get("/log.csv")
@policy("auditor")
def download() -> Response:
    """The lines that fit the same filters, whole, as a table."""
    wanted, _chosen = _wanted()
    headers = {"Content-Disposition": 'attachment; filename="log.csv"'}
    return Response(finding.as_csv(finding.lines(g.session, wanted)), mimetype="text/csv", headers=headers)


def _wanted() -> tuple[finding.Wanted, dict[str, str]]:
    """What to find, from the address, and the filters as they were typed."""
    chosen = {name: request.args.get(name, "").strip() for name in FILTERS}
    wanted = finding.Wanted(
        kind=chosen["kind"],
        since=day_in("from", FIRST) if chosen["from"] else None,
        until=day_in("until", LAST) if chosen["until"] else None,
        about=_about(chosen["about"]),
        before=request.args.get("before", None, int),
    )
    return wanted, chosen


def _about(typed: str) -> str:
    """The id of the request with this reference; else what was typed, which is then an id itself."""
    case_id = g.session.scalar(select(Case.id).where(Case.reference == words.as_reference(typed))) if typed else None
    return case_id or typed


def _log(checked: Checked | None) -> Page:
    wanted, chosen = _wanted()
    entries = list(islice(finding.lines(g.session, wanted), ROWS_A_PAGE))
    return render_template(
        "auditor/log.html",
        entries=[(entry, json.loads(entry.body).get("facts") or {}) for entry in entries],
        chosen=chosen,
        kept={name: value for name, value in chosen.items() if value},
        kinds=list(g.session.scalars(select(Entry.kind).distinct().order_by(Entry.kind))),
        size=g.session.scalar(select(func.count()).select_from(Entry)),
        checked=checked,
        asked=asking.is_asked(settings()),
        checkpoint=audit.newest_checkpoint(g.session),
        more=len(entries) == ROWS_A_PAGE,
    )
