"""A slow oracle of legal time. It knows no date arithmetic but "the next day", and nothing of the product's.

It reads the same rules as the product does; what it makes of them is its own.
"""

from __future__ import annotations

import calendar
import functools
import random
from datetime import date, timedelta

import holidays as calendars

from portal.cases import law
from portal.cases.clocks.deadlines import Clock, Waited
from portal.cases.law import Rule, Term

DAY = timedelta(days=1)
PLACES = ("", "DE", "DE-BE", "FR", "US", "GB-ENG")


@functools.cache
def holidays_of(place: str) -> calendars.HolidayBase:
    country, _, part = place.partition("-")
    return calendars.country_holidays(country, subdiv=part or None)


def free(at: date, place: str, saturdays_work: bool = False) -> bool:
    if at.strftime("%a") in ({"Sun"} if saturdays_work else {"Sat", "Sun"}):
        return True
    return place not in ("", "weekends") and at in holidays_of(place)


def walked(term: Term, start: date, home: str, skipped: int) -> date:
    """Day after day from the start until enough has gone by."""
    place = {"place": home}.get(term.calendar, term.calendar)
    at, counted = start, 0
    if term.unit == "cm":
        while counted < term.n:
            at += DAY
            counted += at.day == 1
        at = at.replace(day=min(start.day, calendar.monthrange(at.year, at.month)[1]))
    while counted < term.n:
        at += DAY
        counted += term.unit == "cd" or not free(at, place, term.unit == "bd6")
    for _ in range(skipped):
        at += DAY
    while term.roll and free(at, place):
        at += DAY
    return at


def begun(rule: Rule, received: date, waited: list[Waited]) -> tuple[date, int]:
    """When the clock starts, and how many days from then on do not count, by asking each day about each question."""
    effect = {pause.cause: pause.effect for pause in rule.pauses}
    start = max([received, *(each.answered_on for each in waited if effect.get(each.cause) == "restart")])
    at, skipped, last = start, 0, max((each.answered_on for each in waited), default=start)
    while at <= last:
        skipped += any(
            (effect.get(each.cause) == "exclude-both-days" and each.asked_on <= at <= each.answered_on)
            or (effect.get(each.cause) == "exclude-between" and each.asked_on < at <= each.answered_on)
            for each in waited
        )
        at += DAY
    return start, skipped


def oracle(rule: Rule, received: date, home: str, waited: list[Waited]) -> dict[str, date | None]:
    start, skipped = begun(rule, received, waited)
    cap = walked(rule.cap, received, home, 0) if rule.cap else date.max
    due = min(cap, walked(rule.respond, start, home, skipped))
    latest = min(cap, walked(rule.extended, start, home, skipped)) if rule.extended else due
    ack = walked(rule.acknowledge, received, home, 0) if rule.acknowledge else None
    ack_aim = walked(rule.acknowledge.aim, received, home, 0) if rule.acknowledge and rule.acknowledge.aim else ack
    aim = min(cap, walked(rule.respond.aim, start, home, skipped)) if rule.respond.aim else due
    # Only where the law has no pause between two days does asking leave the day to tell of an extension alone.
    staying = {pause.cause for pause in rule.pauses if pause.effect == "exclude-between"}
    moving = [each for each in waited if each.cause not in staying]
    told, untold = begun(rule, received, moving)
    notice = min(due, walked(rule.notice or rule.respond, told, home, untold)) if rule.extended else None
    backups = walked(rule.backups, received, home, 0) if rule.backups else None
    return dict(zip(Clock.__dataclass_fields__, (ack, due, latest, ack_aim, aim, notice, backups), strict=True))


def with_later_versions(rule: Rule, received: date, home: str, waited: list[Waited]) -> dict[str, date | None]:
    found = oracle(rule, received, home, waited)
    due = found["due_on"]
    for place in law.places().values():
        for later in place.rules:
            if later.id == rule.id and later.version > rule.version and due and later.first_day <= due:
                other = oracle(later, received, home, waited)
                for name, on in found.items():
                    found[name] = min((each for each in (on, other[name]) if each is not None), default=None)
    return found


def objected(rule: Rule, on: date, home: str) -> tuple[date | None, date | None, date | None]:
    """For an objection made on a day: to confirm it by, to answer it by, and the last day if that is extended."""
    appeal = rule.appeal
    if appeal is None:
        return None, None, None
    terms = (appeal.acknowledge, appeal.respond, appeal.extended or appeal.respond)
    first, due, latest = (walked(term, on, home, 0) if term else None for term in terms)
    return first, due, latest


def questions(chance: random.Random, received: date) -> list[Waited]:
    asked = [received + chance.randrange(25) * DAY for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))]
    return [Waited(chance.choice(("identity", "clarification")), on, on + chance.randrange(20) * DAY) for on in asked]
