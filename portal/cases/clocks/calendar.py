"""The day of the answer as a calendar file (RFC 5545), for the person's own calendar.

Calendars are shared, like phones: the entry tells no more than a mail's subject does.
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from sqlalchemy.orm import Session

from portal.cases.answer import answers
from portal.languages import gettext as _
from portal.languages import isolated, speaking
from portal.tables import Case


def day_of_answer(session: Session, case: Case) -> bytes:
    """A calendar with one whole day: the last on which the person gets an answer. The same for a hit and a miss."""
    # Slow to load, and needed for this one file alone.
    from icalendar import Calendar, Event, vDate

    day = answers.status_of(session, case).answer_by
    event = Event()
    # The same case is the same entry: taken in again after the day has moved, it moves there, too.
    event.add("uid", str(uuid.uuid5(uuid.NAMESPACE_OID, case.id)))
    event.add("dtstamp", case.received_at)
    event.add("sequence", _moves(case, day))
    with speaking(case.language):
        event.add("summary", _("Your request %(reference)s", reference=isolated(case.reference)))
    event["dtstart"], event["dtend"] = vDate(day), vDate(day + timedelta(days=1))
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    calendar = Calendar()
    calendar.add("prodid", "-//Requests//1//EN")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def _moves(case: Case, day: date) -> int:
    """A number that grows as the day moves on, so that a calendar takes the newer day."""
    return max((day - case.received_at.date()).days, 0)
