"""Counting legal time: the known hard days, and a slow oracle that walks day by day."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.cases import law
from portal.cases.clocks import deadlines
from portal.cases.clocks.deadlines import Clock, Waited, clock_for, last_day
from portal.cases.law import Term
from portal.errors import BadInput, UnsafeConfig
from tests.law.vectors import VECTORS, Vector

DAYS = st.dates(date(2026, 3, 1), date(2040, 12, 31))


def day(text: str) -> date:
    return date.fromisoformat(text)


def clock(place: str, received: str, right: str = "access", holidays: str = "DE", *waited: Waited) -> Clock:
    return clock_for(law.rules_for(place, right, day(received)), day(received), holidays, waited)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one.place} {one.received} {one.right}")
def test_known_hard_days(vector: Vector) -> None:
    assert vector.wrong() == []


def test_a_wrong_day_is_told() -> None:
    (line, of_oracle) = Vector("BR", "2026-11-20", "", days={"due_on": "2026-12-06"}).wrong()
    assert line == "BR access of 2026-11-20: due_on is 2026-12-05 by the product, not 2026-12-06"
    assert "by the oracle" in of_oracle


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    # 8 March is a holiday in Berlin alone.
    assert clock("EU", "2027-02-08", holidays="DE-BE").due_on == day("2027-03-09")
    assert clock("EU", "2027-02-08", holidays="DE").due_on == day("2027-03-08")


def test_a_day_is_left_out_once_and_not_before_the_start() -> None:
    both = (
        Waited("clarification", day("2026-11-05"), day("2026-11-10")),
        Waited("clarification", day("2026-11-08"), day("2026-11-16")),
    )
    assert clock("UK", "2026-11-02", "access", "GB-ENG", *both).due_on == day("2026-12-14")
    identity = Waited("identity", day("2026-11-05"), day("2026-11-16"))
    assert clock("UK", "2026-11-02", "access", "GB-ENG", identity, both[0]).due_on == day("2026-12-16")


def test_a_european_question_leaves_out_the_days_between() -> None:
    asked = Waited("identity", day("2026-11-05"), day("2026-11-16"))
    assert clock("EU", "2026-11-02", "access", "DE", asked).due_on == day("2026-12-14")


def test_california_waits_for_nobody() -> None:
    asked = Waited("identity", day("2026-11-21"), day("2026-12-16"))
    assert clock("US-CA", "2026-11-20", "access", "US", asked) == clock("US-CA", "2026-11-20", "access", "US")


@pytest.mark.parametrize(("asked", "answered"), [("2026-11-10", "2026-11-09"), ("2026-11-01", "2026-11-09")])
def test_an_answer_before_its_question_is_refused(asked: str, answered: str) -> None:
    with pytest.raises(BadInput):
        clock("UK", "2026-11-02", "access", "GB-ENG", Waited("identity", day(asked), day(answered)))


def test_a_californian_opt_out_has_fifteen_business_days_and_no_more() -> None:
    found = clock("US-CA", "2026-11-20", "opt-out")
    assert (found.due_on, found.aim_on, found.latest_on) == (day("2026-12-14"), day("2026-12-09"), day("2026-12-14"))
    assert found.acknowledge_by is None


def test_the_day_after_thanksgiving_may_be_a_holiday_too() -> None:
    assert deadlines.add_business_days(day("2026-11-20"), 10, "US") == day("2026-12-07")
    # California itself keeps it.
    assert deadlines.add_business_days(day("2026-11-20"), 10, "US-CA") == day("2026-12-08")


def test_a_stricter_cycle_that_begins_before_the_due_day_wins() -> None:
    # California's delete mechanism: 45 days between accesses, 30 from 1 January 2027.
    old, new = law.places()["US-CA-DB"].rules
    assert last_day(old.respond, day("2026-12-01"), "US") == day("2027-01-15")
    assert clock_for(old, day("2026-12-01"), "US").due_on == day("2026-12-31")
    assert clock_for(old, day("2026-11-16"), "US").due_on == day("2026-12-31")
    assert clock_for(new, day("2027-01-01"), "US").due_on == day("2027-01-31")


def test_the_person_is_told_of_an_extension_within_the_first_days() -> None:
    """In the EU from receipt, whatever was asked; in the UK what does not count for the answer does not for this."""
    asked = Waited("clarification", day("2026-11-05"), day("2026-11-16"))
    assert clock("EU", "2026-11-02", "access", "", asked).notice_by == day("2026-12-02")
    assert clock("UK", "2026-11-02", "access", "GB-ENG", asked).notice_by == day("2026-12-14")
    shown = Waited("identity", day("2026-11-05"), day("2026-11-16"))
    assert clock("UK", "2026-11-02", "access", "GB-ENG", shown).notice_by == day("2026-12-16")
    assert clock("CA", "2026-11-20").notice_by == day("2026-12-20")
    assert clock("CA", "2026-11-20").latest_on == day("2027-01-19")
    # There is nothing to tell where there is no more time to take.
    assert clock("US-CA", "2026-11-20", "opt-out").notice_by is None


def test_a_cap_holds_whatever_paused_the_clock() -> None:
    rule = replace(law.rules_for("UK", "access", day("2026-11-02")), cap=Term(90, "cd"))
    asked = Waited("identity", day("2026-11-05"), day("2027-01-29"))
    found = clock_for(rule, day("2026-11-02"), "GB-ENG", [asked])
    assert (found.due_on, found.latest_on, found.aim_on) == (day("2027-01-31"),) * 3
    assert clock("UK", "2026-11-02", "access", "GB-ENG", asked).due_on == day("2027-03-01")


def test_backups_in_washington_may_lag_six_months() -> None:
    found = clock("US-WA", "2027-08-31", "deletion", "US")
    assert (found.due_on, found.backups_by) == (day("2027-10-15"), day("2028-02-29"))
    assert clock("US-CA", "2027-08-31", "deletion", "US").backups_by is None


@pytest.mark.parametrize(
    ("place", "acknowledge", "due", "latest"),
    [
        ("US-VA", None, "2027-01-19", "2027-01-19"),
        ("US-CO", None, "2027-01-04", "2027-03-05"),
        ("US-WA", None, "2027-01-04", "2027-01-04"),
        ("UK", "2026-12-20", None, None),
    ],
)
def test_an_objection_has_a_clock_of_its_own(
    place: str, acknowledge: str | None, due: str | None, latest: str | None
) -> None:
    found = deadlines.appeal_clock(law.rules_for(place, "access", day("2026-11-20")), day("2026-11-20"), "US")
    assert found == deadlines.AppealClock(*(day(text) if text else None for text in (acknowledge, due, latest)))


def test_where_the_law_knows_no_objection_there_is_no_clock() -> None:
    assert deadlines.appeal_clock(law.rules_for("US-CA", "access", day("2026-11-20")), day("2026-11-20"), "US") is None


@pytest.mark.parametrize(
    ("duty", "happened", "gone_by"),
    [
        ("us-il.biometrics", {"last-contact": "2026-11-20"}, "2029-11-20"),
        ("us-il.biometrics", {"last-contact": "2026-11-20", "purpose-ended": "2027-03-01"}, "2027-03-01"),
        ("us-tx.biometrics", {"purpose-ended": "2028-02-29"}, "2029-02-28"),
        ("us-tx.biometrics", {"last-contact": "2026-11-20"}, None),
        ("us-co.biometrics", {"last-contact": "2026-11-20"}, "2028-11-20"),
        ("us-co.biometrics", {"last-contact": "2026-11-20", "found-unnecessary": "2027-11-20"}, "2028-01-04"),
        ("ca-qc.biometrics", {"purpose-ended": "2026-11-20"}, "2026-11-20"),
    ],
)
def test_some_clocks_run_without_a_request(duty: str, happened: dict[str, str], gone_by: str | None) -> None:
    known = {each.id: each for _place, each in law.duties(day("2026-11-20"))}
    found = deadlines.destroy_by(known[duty], {event: day(on) for event, on in happened.items()})
    assert found == (day(gone_by) if gone_by else None)


@pytest.mark.parametrize(
    ("residence", "until"),
    [("US-IL", "2029-11-20"), ("US-CO", "2028-11-20"), ("US-TX", "2027-11-20"), ("", "2027-11-20"), ("EU", None)],
)
def test_what_keeps_a_person_out_must_be_renewed_in_time(residence: str, until: str | None) -> None:
    assert deadlines.suppression_until(residence, day("2026-11-20")) == (day(until) if until else None)


def test_an_unknown_calendar_is_named() -> None:
    for place in ("XX", "DE-XX"):
        with pytest.raises(BadInput, match=place):
            clock("EU", "2026-11-20", holidays=place)


# The oracle: slow, and written another way.


def oracle_months(start: date, months: int) -> date:
    """Walk to the month, then back from its last day until the day number is not greater."""
    at, crossed = start, 0
    while crossed < months:
        following = at + timedelta(days=1)
        crossed += following.month != at.month
        at = following
    last = calendar.monthrange(at.year, at.month)[1]
    return at.replace(day=min(start.day, last))


def oracle_working(at: date, place: str, weekend: set[str]) -> bool:
    country, _, part = place.partition("-")
    free = holidays.country_holidays(country, subdiv=part or None) if place else {}
    return at.strftime("%a") not in weekend and at not in free


# The first look at a year reads its holidays, which takes long.
@settings(deadline=None)
@given(DAYS, st.integers(1, 12), st.sampled_from(["", "DE", "DE-BE", "FR", "US", "GB-ENG"]))
def test_months_agree_with_the_oracle(start: date, months: int, place: str) -> None:
    plain = oracle_months(start, months)
    assert deadlines.add_months(start, months) == plain
    while not oracle_working(plain, place, {"Sat", "Sun"}):
        plain += timedelta(days=1)
    assert last_day(Term(months, "cm", roll=True), start, place) == plain


@settings(deadline=None)
@given(DAYS, st.integers(1, 40), st.sampled_from(["", "DE", "US"]), st.booleans())
def test_business_days_agree_with_the_oracle(start: date, count: int, place: str, saturdays: bool) -> None:
    found = last_day(Term(count, "bd6" if saturdays else "bd"), start, place)
    weekend = {"Sun"} if saturdays else {"Sat", "Sun"}
    after = [start + timedelta(days=n) for n in range(1, (found - start).days + 1)]
    assert sum(oracle_working(at, place, weekend) for at in after) == count
    assert oracle_working(found, place, weekend)


@given(DAYS, st.sampled_from(["EU", "UK", "US-CA", ""]), st.sampled_from(law.reading.RIGHTS))
def test_every_clock_is_in_order(received: date, place: str, right: str) -> None:
    found = clock_for(law.rules_for(place, right, received), received, "DE")
    assert received < found.aim_on <= found.due_on <= found.latest_on
    assert found.acknowledge_by is None or received < found.acknowledge_aim <= found.acknowledge_by <= found.due_on


@given(DAYS, st.integers(0, 20), st.integers(0, 30), st.sampled_from(["identity", "clarification"]))
def test_waiting_never_brings_a_day_forward(received: date, after: int, length: int, cause: str) -> None:
    asked = received + timedelta(days=after)
    waited = [Waited(cause, asked, asked + timedelta(days=length))]
    for place in ("EU", "UK", "US-CA"):
        rule = law.rules_for(place, "access", received)
        assert clock_for(rule, received, "DE", waited).due_on >= clock_for(rule, received, "DE").due_on


@pytest.mark.parametrize("right", law.reading.RIGHTS)
@pytest.mark.parametrize("holidays", ["", "US"])
def test_whoever_does_not_say_where_they_live_gets_the_strictest_days(right: str, holidays: str) -> None:
    for n in range(0, 1500, 2):
        received = date(2026, 3, 1) + timedelta(days=n)
        unsaid = clock_for(law.rules_for("", right, received), received, holidays)
        for place, _name in law.residences():
            other = clock_for(law.rules_for(place, right, received), received, holidays)
            assert unsaid.due_on <= other.due_on, (place, received)
            assert unsaid.latest_on <= other.latest_on, (place, received)
            if other.acknowledge_by is not None:
                assert unsaid.acknowledge_by is not None
                assert unsaid.acknowledge_by <= other.acknowledge_by


@pytest.mark.parametrize("place", ["", "DE", "DE-BE", "US-CA"])
def test_a_known_place_has_a_calendar(place: str) -> None:
    deadlines.check_place(place)


@pytest.mark.parametrize("place", ["XX", "DE-XX", "de", "-"])
def test_a_portal_does_not_start_with_a_place_without_a_calendar(place: str) -> None:
    with pytest.raises(UnsafeConfig, match="EFFACE_HOLIDAYS"):
        deadlines.check_place(place)
