"""The calendar file: a whole day, a title that tells nothing, and lines that calendars can read."""

from __future__ import annotations

from datetime import date, timedelta

from icalendar import Calendar
from sqlalchemy.orm import Session

from portal.cases.answer import answers
from portal.cases.clocks import calendar, extending
from tests.cases.making import make_account, send


def read(data: bytes) -> dict[str, object]:
    (event,) = Calendar.from_ical(data).walk("VEVENT")
    return {name: event.decoded(name) for name in ("uid", "summary", "dtstart", "dtend", "sequence")}


def test_the_day_is_that_of_the_answer_and_lasts_all_day(session: Session) -> None:
    case = send(session).case
    event, day = read(calendar.day_of_answer(session, case)), answers.status_of(session, case).answer_by
    assert (event["dtstart"], event["dtend"]) == (day, day + timedelta(days=1))
    assert type(event["dtstart"]) is date


def test_nothing_in_it_tells_what_it_is_about(session: Session) -> None:
    case = send(session, "deletion").case
    text = calendar.day_of_answer(session, case).decode().lower()
    assert f"summary:your request {case.reference.lower()}" in text
    for telling in ("photo", "face", "delet", "http", "efface", "@"):
        assert telling not in text


def test_more_time_moves_the_same_entry(session: Session) -> None:
    case = send(session).case
    before = read(calendar.day_of_answer(session, case))
    extending.extend(session, case.rights[0], make_account(session).id, "many")
    after = read(calendar.day_of_answer(session, case))
    assert after["uid"] == before["uid"]
    assert after["dtstart"] == case.rights[0].latest_on > before["dtstart"]  # type: ignore[operator]
    assert after["sequence"] > before["sequence"]  # type: ignore[operator]


def test_lines_end_and_fold_as_the_standard_says(session: Session) -> None:
    data = calendar.day_of_answer(session, send(session).case)
    assert data.startswith(b"BEGIN:VCALENDAR\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 75
