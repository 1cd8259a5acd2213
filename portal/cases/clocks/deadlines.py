"""Counting legal time. Days are civil days where the organisation is; the instant of receipt is kept elsewhere.

Months clamp: one month after 31 January is the last day of February (Regulation 1182/71). Where a rule says so, a
last day that is a Saturday, Sunday or public holiday moves to the next working day. An extension is counted from
receipt, never from the old last day. Some clocks run without a request: those that destroy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from portal import clock
from portal.cases import law
from portal.cases.law import Duty, Rule, Term
from portal.cases.law.reading import EFFECTS
from portal.errors import BadInput, UnsafeConfig

DAY = timedelta(days=1)
# The effects of waiting that also move the day to tell of an extension by: those of the British law.
MOVES_NOTICE = ("restart", "exclude-both-days")


@dataclass(frozen=True)
class Clock:
    """The days of one right. `latest_on` is the last day if it is extended; aims are days to be sure by.

    `notice_by`: the last day to tell the person of an extension. `backups_by`: the last day for copies in backups.
    """

    acknowledge_by: date | None
    due_on: date
    latest_on: date
    acknowledge_aim: date | None
    aim_on: date
    notice_by: date | None = None
    backups_by: date | None = None


@dataclass(frozen=True)
class AppealClock:
    """The days of an objection to an answer: those are None that the law does not set."""

    acknowledge_by: date | None
    due_on: date | None
    latest_on: date | None


@dataclass(frozen=True)
class Waited:
    """The organisation asked the person something: `cause` is identity or clarification."""

    cause: str
    asked_on: date
    answered_on: date


def clock_for(rule: Rule, received: date, holidays: str, waited: Sequence[Waited] = ()) -> Clock:
    """The clock of a right received on a civil day. `holidays` is the organisation's place, such as DE or DE-BE.

    The version in force at receipt counts. Where a later version begins before that is due, the stricter day of
    the two counts. Waiting moves the clock only where the rule lets it. Raises BadInput for an unknown place.
    """
    clocks = [_clock(rule, received, holidays, waited)]
    clocks += [
        _clock(later, received, holidays, waited)
        for later in law.versions_after(rule)
        if later.first_day <= clocks[0].due_on
    ]
    return strictest(clocks)


def strictest(clocks: Iterable[Clock]) -> Clock:
    """The earliest of each day."""
    clocks = list(clocks)
    return Clock(
        _earliest(clock.acknowledge_by for clock in clocks),
        min(clock.due_on for clock in clocks),
        min(clock.latest_on for clock in clocks),
        _earliest(clock.acknowledge_aim for clock in clocks),
        min(clock.aim_on for clock in clocks),
        _earliest(clock.notice_by for clock in clocks),
        _earliest(clock.backups_by for clock in clocks),
    )


def appeal_clock(rule: Rule, objected: date, holidays: str) -> AppealClock | None:
    """The clock of an objection to the answer under a rule, received on a civil day; None where the law sets none."""
    if rule.appeal is None:
        return None
    terms = (rule.appeal.acknowledge, rule.appeal.respond, rule.appeal.extended or rule.appeal.respond)
    return AppealClock(*(last_day(term, objected, holidays) if term else None for term in terms))


def destroy_by(duty: Duty, happened: Mapping[str, date]) -> date | None:
    """By when a duty wants a thing destroyed, from what happened to it and when; None while no clock runs.

    The keys of `happened` are those of law.reading.AFTER. The earliest clock counts.
    """
    running = [(each.term, happened[each.after]) for each in duty.destroy if each.after in happened]
    return _earliest(last_day(term, start, "") if term else start for term, start in running)


def suppression_until(residence: str, written: date) -> date | None:
    """The last day to keep something made from a face that keeps a person out, unless they renew it.

    From the clocks of the place that run from a contact or a purpose; where nobody said where they live, from the
    shortest of all places. None where no law sets such a clock.
    """
    clocks = [
        last_day(each.term, written, "")
        for place, duty in law.duties(written)
        if residence in ("", place.code)
        for each in duty.destroy
        if each.term is not None and each.after != "found-unnecessary"
    ]
    return _earliest(clocks)


def last_day(term: Term, start: date, holidays: str, excluded: int = 0) -> date:
    """The last day of `term` from `start`, `excluded` days later, moved to a working day if the term rolls."""
    place = holidays if term.calendar == "place" else term.calendar
    if term.unit in ("bd", "bd6"):
        return add_business_days(start, term.n, place, saturdays=term.unit == "bd6") + excluded * DAY
    end = add_months(start, term.n) if term.unit == "cm" else start + term.n * DAY
    end += excluded * DAY
    return next_working_day(end, place) if term.roll else end


def add_months(start: date, months: int) -> date:
    """The same day that many months later; where that day does not exist, the last of the month."""
    return start + relativedelta(months=months)


def next_working_day(day: date, place: str) -> date:
    """The day itself if it is a working day there, else the next one."""
    while not is_working_day(day, place):
        day += DAY
    return day


def add_business_days(start: date, count: int, place: str, saturdays: bool = False) -> date:
    """The `count`-th business day after `start`, which is not counted itself."""
    day = start
    while count:
        day += DAY
        count -= is_working_day(day, place, saturdays)
    return day


def is_working_day(day: date, place: str, saturdays: bool = False) -> bool:
    """Not a Sunday, not a public holiday of the place, and not a Saturday unless those count."""
    return day.weekday() < (6 if saturdays else 5) and day not in _holidays(place, day.year)


def check_place(place: str) -> None:
    """Raises UnsafeConfig when there is no calendar for `EFFACE_HOLIDAYS`: no day could be counted by it."""
    try:
        _holidays(place, clock.now().year)
    except BadInput as problem:
        raise UnsafeConfig(f"EFFACE_HOLIDAYS: {problem.sentence}", "EFFACE_HOLIDAYS") from problem


@functools.cache
def _holidays(place: str, year: int) -> frozenset[date]:
    if place in ("", "weekends"):
        return frozenset()
    # The calendars of all countries are slow to load, and most commands and workers count no day.
    import holidays as calendars

    country, _, part = place.partition("-")
    known = calendars.list_supported_countries()
    if country not in known or (part and part not in known[country]):
        raise BadInput(f"There is no calendar of public holidays for {place}.", "unknown-calendar")
    return frozenset(calendars.country_holidays(country, subdiv=part or None, years=year))


def _clock(rule: Rule, received: date, holidays: str, waited: Sequence[Waited]) -> Clock:
    start, excluded = _start(rule, received, waited)
    cap = last_day(rule.cap, received, holidays) if rule.cap else date.max
    due_on = min(cap, last_day(rule.respond, start, holidays, excluded))
    latest_on = min(cap, last_day(rule.extended, start, holidays, excluded)) if rule.extended else due_on
    # Nothing lets an organisation confirm receipt later because it asks something. Telling of an extension: in the EU
    # within a month of receipt (Article 12(3)), in the UK of the same instant as the answer (UK GDPR Article 12A; its
    # twin, Data Protection Act 2018 section 54(3B) and (3C), was read).
    acknowledge_by = last_day(rule.acknowledge, received, holidays) if rule.acknowledge else None
    notice = rule.notice or rule.respond
    told_from, untold = _start(rule, received, waited, MOVES_NOTICE)
    return Clock(
        acknowledge_by,
        due_on,
        latest_on,
        _aim(rule.acknowledge, received, holidays) or acknowledge_by,
        min(cap, _aim(rule.respond, start, holidays, excluded) or due_on),
        min(due_on, last_day(notice, told_from, holidays, untold)) if rule.extended else None,
        last_day(rule.backups, received, holidays) if rule.backups else None,
    )


def _aim(term: Term | None, start: date, holidays: str, excluded: int = 0) -> date | None:
    return last_day(term.aim, start, holidays, excluded) if term and term.aim else None


def _start(rule: Rule, received: date, waited: Sequence[Waited], counted: Sequence[str] = EFFECTS) -> tuple[date, int]:
    """When the clock starts, and how many days do not count, by the effects `counted`.

    A day is left out once, however many questions ran.
    """
    effects = {pause.cause: pause.effect for pause in rule.pauses if pause.effect in counted}
    start = received
    for wait in waited:
        if wait.answered_on < wait.asked_on or wait.asked_on < received:
            raise BadInput("A question is asked after receipt, and answered after it is asked.", "wrong-order")
        if effects.get(wait.cause) == "restart":
            start = max(start, wait.answered_on)
    left_out: set[date] = set()
    for wait in waited:
        effect = effects.get(wait.cause)
        if effect in ("exclude-both-days", "exclude-between"):
            first = wait.asked_on if effect == "exclude-both-days" else wait.asked_on + DAY
            left_out |= {first + n * DAY for n in range((wait.answered_on - first).days + 1)}
    return start, sum(day >= start for day in left_out)


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)
