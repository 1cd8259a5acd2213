"""The privacy team's inbox: all requests by their last day. What is shown stands in the address, so it can be kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from portal import clock
from portal.cases import assigning, law, messages
from portal.cases.answer import appeals
from portal.cases.arrival import words
from portal.errors import BadInput
from portal.tables import Case, CaseRight, SavedView
from portal.tables.cases import CASE_STATES, RIGHTS, WAITING_FOR
from portal.web.context import settings
from portal.web.desk.caseworker import WAITS
from portal.web.policy import policy, safe_path

blueprint = Blueprint("inbox", __name__, url_prefix="/staff/cases")

CASES_A_PAGE = 100
LONGEST_NAME = 60
FILTERS = ("reference", "state", "waiting", "due", "right", "law", "assigned")
# What single keys do in the list, by the key each has from the start.
KEYS = {"j": "Next request", "k": "Request before", "x": "Tick it", "a": "Tick all"}
# Views that everybody has from the start.
STANDING = {
    "Mine": {"assigned": "me"},
    "Overdue": {"due": "overdue"},
    "Due this week": {"due": "7"},
    "Waits for the person": {"waiting": "subject"},
    "Being compared": {"state": "reviewing"},
    "Ready to be decided": {"state": "deciding"},
}
DUE = {
    "": "Any day",
    "overdue": "Overdue",
    "0": "Today or before",
    "3": "Within 3 days",
    "7": "Within 7 days",
    "14": "Within 14 days",
    "30": "Within 30 days",
}


@dataclass(frozen=True)
class Row:
    """One request in the list. `last` is its last day, `left` the days until then, `whole` all it had, in days.

    An objection has a last day of its own; then `whole` is 0, for not known.
    """

    case: Case
    last: date
    left: int
    whole: int
    runs: bool


@blueprint.get("/")
@policy("caseworker")
def show() -> str:
    team = {account.id: account.name for account in assigning.caseworkers(g.session)}
    chosen = _known(request.args, team)
    query = _filtered(chosen)
    count = g.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    pages = max(1, -(-count // CASES_A_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    ordered = query.options(selectinload(Case.rights)).order_by(Case.due_on, Case.received_at, Case.id)
    found = list(g.session.scalars(ordered.offset((page - 1) * CASES_A_PAGE).limit(CASES_A_PAGE)))
    again = appeals.cases_in_appeal(g.session)
    return render_template(
        "caseworker/inbox.html",
        rows=[_row(case, again) for case in found],
        count=count,
        page=page,
        pages=pages,
        ticked=_ticked([case.reference for case in found]),
        keys=KEYS,
        chosen=chosen,
        kept={name: value for name, value in chosen.items() if value},
        waits=WAITS,
        again=again,
        news=messages.cases_with_news(g.session),
        dues=DUE if chosen["due"] in DUE else {**DUE, chosen["due"]: f"Within {chosen['due']} days"},
        laws=_laws(),
        team=team,
        standing=STANDING,
        views=_views(),
    )


@blueprint.get("/requests.csv")
@policy("caseworker")
def download() -> Response:
    """The same list as a table, by the same filters, whole and without anything about the person."""
    team = {account.id: account.name for account in assigning.caseworkers(g.session)}
    query = _filtered(_known(request.args, team)).options(selectinload(Case.rights))
    again = appeals.cases_in_appeal(g.session)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["reference", "rights", "received", "last_day", "days_left", "state", "waits_for", "given_to"])
    for case in g.session.scalars(query.order_by(Case.due_on, Case.received_at, Case.id)):
        row, received = _row(case, again), clock.local_date(case.received_at, settings().zone)
        rights = " ".join(right.right for right in case.rights)
        # A name that begins like a formula must not become one in a spreadsheet.
        given = team.get(case.caseworker_id or "", "").lstrip("=+-@")
        writer.writerow([case.reference, rights, received, row.last, row.left, case.state, case.waiting_for, given])
    headers = {"Content-Disposition": 'attachment; filename="requests.csv"'}
    return Response(out.getvalue(), mimetype="text/csv", headers=headers)


@blueprint.post("/views")
@policy("caseworker")
def save_view() -> Response:
    """Keep the filters of the form under a name of one's own; the same name keeps the newer ones."""
    name = request.form.get("name", "").strip()
    team = {account.id: account.name for account in assigning.caseworkers(g.session)}
    kept: dict[str, Any] = {each: value for each, value in _known(request.form, team).items() if value}
    if not 0 < len(name) <= LONGEST_NAME:
        flash(f"The view is not kept. Give it a name of 1 to {LONGEST_NAME} letters.")
        return redirect(url_for("inbox.show", **kept), 303)
    view = next((view for view in _views() if view.name == name), None)
    if view is None:
        view = SavedView(account_id=current_user.id, name=name)
        g.session.add(view)
    view.filters = kept
    g.session.commit()
    return redirect(url_for("inbox.show", **kept), 303)


@blueprint.post("/views/<view_id>/remove")
@policy("caseworker")
def remove_view(view_id: str) -> Response:
    for view in _views():
        if view.id == view_id:
            g.session.delete(view)
    g.session.commit()
    return redirect(url_for("inbox.show"), 303)


def _views() -> list[SavedView]:
    """The views of whoever is signed in, by name."""
    mine = select(SavedView).where(SavedView.account_id == current_user.id)
    return list(g.session.scalars(mine.order_by(SavedView.name)))


@blueprint.post("/assign")
@policy("caseworker")
def assign() -> Response:
    """Give the ticked requests to a caseworker or to nobody, all or none of them; `back` is where it was asked.

    What stands in the way is said there by reference, and the other ticks are still set.
    """
    to, asked = request.form.get("to", ""), request.form.getlist("case")
    cases = {case.reference: case for case in g.session.scalars(select(Case).where(Case.reference.in_(asked)))}
    problems = _in_the_way(asked, cases)
    back = safe_path(request.form.get("back"), url_for("inbox.show"))
    if not problems:
        try:
            for case in map(cases.__getitem__, dict.fromkeys(asked)):
                assigning.assign(g.session, case, current_user.id, to or None)
        except BadInput as problem:
            problems[""] = problem.sentence
    if not problems:
        g.session.commit()
        return redirect(back, 303)
    flash(" ".join(["Nothing was given to anybody.", *problems.values()]))
    left = [reference for reference in asked if reference not in problems]
    return redirect(_with_ticks(back, left), 303)


@blueprint.get("/assign")
@blueprint.get("/views")
@policy("caseworker")
def not_a_page() -> Response:
    """What only forms are sent to, opened by itself, as after a page that was open too long: back to the list."""
    return redirect(url_for("inbox.show"), 303)


def _in_the_way(asked: Sequence[str], cases: Mapping[str, Case]) -> dict[str, str]:
    """Why a request cannot be given to anybody, by its reference. A finished one only while it came back."""
    if not asked:
        return {"": "Tick the requests first."}
    back = _came_back()
    problems = {}
    for reference in asked:
        case = cases.get(reference)
        if case is None:
            problems[reference] = f"{words.as_reference(reference)} is not kept any more."
        elif case.state == "closed" and case.id not in back:
            problems[reference] = f"{reference} is finished."
    return problems


def _came_back() -> set[str]:
    """Finished cases that are on the desk again: their person writes, or does not agree."""
    return messages.cases_with_news(g.session) | set(appeals.cases_in_appeal(g.session))


def _with_ticks(back: str, references: Sequence[str]) -> str:
    """The address of the list with these requests ticked."""
    path, _, query = back.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "ticked"]
    if references and path == url_for("inbox.show"):
        kept.append(("ticked", ",".join(references)))
    return f"{path}?{urlencode(kept)}" if kept else path


def _ticked(shown: Sequence[str]) -> set[str]:
    """Which requests are ticked from the start: `all` of the page, or those named in the address."""
    asked = request.args.get("ticked", "")
    return set(shown) if asked == "all" else set(asked.split(",")).intersection(shown)


def _known(asked: Mapping[str, str], team: Mapping[str, str]) -> dict[str, str]:
    """What to show, from an address. Filters nobody knows are passed over and left empty."""
    known: dict[str, Any] = {
        "state": CASE_STATES,
        "waiting": WAITING_FOR,
        "right": RIGHTS,
        "law": _laws(),
        "assigned": {"me", "nobody", *team},
    }
    chosen = {name: asked.get(name, "").strip() for name in FILTERS}
    for name, values in known.items():
        if chosen[name] not in values:
            chosen[name] = ""
    days = chosen["due"]
    if days != "overdue" and not (days.isascii() and days.isdigit() and len(days) <= 3):
        chosen["due"] = ""
    return chosen


def _filtered(chosen: Mapping[str, str]) -> Select[Case]:
    """The open cases, unless a state or one case is asked for."""
    query = select(Case)
    if chosen["reference"]:
        return query.where(Case.reference == words.as_reference(chosen["reference"]))
    if chosen["state"]:
        query = query.where(Case.state == chosen["state"])
    else:
        query = query.where((Case.state != "closed") | Case.id.in_(_came_back()))
    if chosen["waiting"]:
        query = query.where(Case.waiting_for == chosen["waiting"])
    if chosen["right"]:
        query = query.where(Case.rights.any(CaseRight.right == chosen["right"]))
    if chosen["law"]:
        query = query.where(Case.rights.any(CaseRight.rule.startswith(f"{chosen['law']}.", autoescape=True)))
    if chosen["assigned"] == "nobody":
        query = query.where(Case.caseworker_id.is_(None))
    elif chosen["assigned"]:
        whose = current_user.id if chosen["assigned"] == "me" else chosen["assigned"]
        query = query.where(Case.caseworker_id == whose)
    if chosen["due"] == "overdue":
        query = query.where(Case.due_on < today())
    elif chosen["due"]:
        query = query.where(Case.due_on <= today() + timedelta(days=int(chosen["due"])))
    return query


def _laws() -> dict[str, str]:
    """The first part of the rules' ids, with the name of the place whose law it is."""
    return {rule.id.split(".")[0]: place.name for place in law.places().values() for rule in place.rules}


def _row(case: Case, again: Mapping[str, date | None]) -> Row:
    objected = again.get(case.id)
    last = objected or case.due_on
    received = clock.local_date(case.received_at, settings().zone)
    whole = 0 if objected else (last - received).days
    return Row(case, last, (last - today()).days, whole, case.state != "closed" or objected is not None)


def today() -> date:
    return clock.local_date(clock.now(), settings().zone)
