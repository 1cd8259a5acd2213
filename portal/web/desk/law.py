"""The law as the portal knows it: what is asked on a day would be due on which, how sure the text is, what comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from portal import clock
from portal.cases import law
from portal.cases.clocks import deadlines
from portal.cases.clocks.deadlines import AppealClock, Clock
from portal.cases.housekeeping import destroying
from portal.cases.law import Duty, Place, Rule
from portal.cases.law.acting import acting_rules
from portal.errors import BadInput
from portal.web.context import settings
from portal.web.desk import mandates
from portal.web.policy import policy

blueprint = Blueprint("law", __name__, url_prefix="/staff/law")

# Days that can be asked about: from the first rule on, and as far as calendars of holidays go.
FIRST, LAST = date(2018, 5, 25), date(2090, 12, 31)
RIGHTS = {
    "access": "Access",
    "copy": "A copy",
    "opt-out": "Opt-out",
    "deletion": "Deletion",
    "correction": "Correction",
    "restriction": "Restriction",
    "portability": "Taking it elsewhere",
    "human-decision": "A decision by a person",
    "limit": "Limiting the use",
    "de-indexing": "De-indexing",
    "grievance": "Grievance",
}
AFTER = {
    "purpose-ended": "the reason to keep it ended",
    "last-contact": "the last contact",
    "found-unnecessary": "a review found it unnecessary",
}

ROLES = {"agent": "Somebody's agent", "child": "A child's parent or guardian", "deceased": "For somebody who has died"}


@dataclass(frozen=True)
class Line:
    """A rule and the days of what is asked on the day shown. `appeal`: of an objection that comes on that day."""

    rule: Rule
    days: Clock
    appeal: AppealClock | None


@dataclass(frozen=True)
class Running:
    """A duty without a request. `clocks`: what starts each clock, and the last day if that happens on the day shown."""

    place: Place
    duty: Duty
    clocks: list[tuple[str, date | None]]


@blueprint.get("/")
@policy("caseworker", "admin", "auditor")
def show() -> str | Response:
    config = settings()
    on = _asked_on(clock.local_date(clock.now(), config.zone))
    kept_until = on + timedelta(days=365.25 * config.suppression_years)
    return render_template(
        "law/show.html",
        on=on,
        places=[(place, lines) for place in _places() if (lines := _lines(place, on, config.holidays))],
        duties=[_running(place, duty, on) for place, duty in law.duties(on)],
        coming=_coming(on),
        held=destroying.newest(g.session),
        columns=sorted(destroying.COLUMNS.values()),
        acting=[
            rule for rule in acting_rules() if rule.first_day <= on and (rule.last_day is None or on <= rule.last_day)
        ],
        roles=ROLES,
        gives=mandates.GIVES,
        answer_to=mandates.ANSWER_TO,
        rights=RIGHTS,
        kept_until=kept_until,
        renew_by=deadlines.suppression_until("", on),
    )


def _asked_on(today: date) -> date:
    given = request.args.get("on", "")
    try:
        on = date.fromisoformat(given) if given else today
    except ValueError as problem:
        raise BadInput("A day is written as 2026-11-21: year, month, day.", "bad-day") from problem
    if not FIRST <= on <= LAST:
        raise BadInput(f"Choose a day from {FIRST} to {LAST}.", "bad-day")
    return on


def _places() -> list[Place]:
    """By name; where nobody said where they live comes first, as most of it is what others are held against."""
    return sorted(law.places().values(), key=lambda place: (place.code != "", place.name))


def _lines(place: Place, on: date, holidays: str) -> list[Line]:
    return [
        Line(rule, deadlines.clock_for(rule, on, holidays), deadlines.appeal_clock(rule, on, holidays))
        for rule in place.rules
        if rule.in_force(on)
    ]


def _running(place: Place, duty: Duty, on: date) -> Running:
    clocks = [(AFTER[each.after], deadlines.destroy_by(duty, {each.after: on})) for each in duty.destroy]
    return Running(place, duty, clocks)


def _coming(on: date) -> list[tuple[Place, Rule | Duty]]:
    """Rules and duties that begin after the day, the first first."""
    everything: list[tuple[Place, Rule | Duty]] = []
    for place in _places():
        everything += [(place, rule) for rule in place.rules]
        everything += [(place, duty) for duty in place.duties]
    return sorted((each for each in everything if each[1].first_day > on), key=lambda each: each[1].first_day)
