"""What a person and the privacy team write to each other in a case. It stands behind the sign-in, sealed.

Where somebody acts for the person there are two threads: with the one who acts, and, once the person has confirmed the
request and so has a way in of their own, with the person themselves (`with_person`). Neither reads the other's.
A mail only says that there is news. All of it goes together with the person's contact.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.cases.acting import mandates
from portal.cases.answer import answering
from portal.cases.arrival import limits
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import number
from portal.tables import Case, Message, random_id

MOST = 2000
A_DAY = 20
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Written:
    """One message, opened. `account_id` is None when it came from outside; `new` until the other side saw it."""

    account_id: str | None
    text: str
    at: datetime
    new: bool
    with_person: bool = False


def has_two_threads(session: Session, case: Case) -> bool:
    """True where somebody acts for a person who can be written to themselves, because they confirmed the request."""
    mandate = mandates.of_case(session, case)
    return mandate is not None and mandate.confirmed_at is not None


def write(session: Session, case: Case, actor: str, text: str, with_person: bool = False) -> Message:
    """Keep a message of `subject` or of an account, sealed. Whose thread it is in is told by mail that there is news.

    Raises BadInput (nothing in it, or more than MOST characters), Conflict (the request was taken back, or there is no
    such thread), NotAllowed (no caseworker), TooMany (A_DAY messages came in this thread today).
    """
    clean = readable(text)
    if with_person and not has_two_threads(session, case):
        raise Conflict("The person has no way in of their own in this request.", "no-thread")
    if case.outcome == "withdrawn":
        raise Conflict(_("This request was taken back. Please make a new one."), "withdrawn")
    if actor != "subject" and "caseworker" not in lifecycle.roles_of(session, actor):
        raise NotAllowed("Only a caseworker writes to the person.", "not-your-step")
    if actor == "subject" and not limits.spend(session, "message", _thread(case, with_person), A_DAY, DAY):
        raise TooMany(_("You have sent many messages today. Please send the next one tomorrow."))
    message_id = random_id()
    message = Message(
        id=message_id,
        case_id=case.id,
        account_id=None if actor == "subject" else actor,
        with_person=with_person,
        sealed=keys_of(session).seal(clean.encode(), f"message/{message_id}"),
        at=clock.now(),
    )
    session.add(message)
    lifecycle.record(session, case, "message-written", actor)
    audit.append(session, "message-written", {"case": case.id, "actor": actor})
    if actor == "subject":
        answering.answered(session, case)
    else:
        # One mail for all that is unread: a second message soon after the first is no second piece of news.
        oldest = _oldest_of_ours(session, case, with_person) or message_id
        mails.queue_message_news(session, case, oldest, "person" if with_person else "requester")
    return message


def readable(text: str) -> str:
    """The text without control characters and space around it. Raises BadInput when it is empty or too long."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    clean = "".join(each for each in lines if each == "\n" or unicodedata.category(each) not in {"Cc", "Cs"}).strip()
    if not clean:
        raise BadInput(_("Write your message first."), "empty-message")
    if len(clean) > MOST:
        raise BadInput(
            _(
                "Your message has %(length)s characters. It may have %(most)s.",
                length=number(len(clean)),
                most=number(MOST),
            ),
            "long-message",
        )
    return clean


def of_case(session: Session, case: Case, with_person: bool | None = None) -> list[Written]:
    """The messages of a case, oldest first; of one thread where it is named."""
    mine = Message.case_id == case.id
    if with_person is not None:
        mine &= Message.with_person.is_(with_person)
    return [
        Written(message.account_id, _opened(session, message), message.at, message.read_at is None, message.with_person)
        for message in session.scalars(select(Message).where(mine).order_by(Message.at))
    ]


def text_of(session: Session, message_id: str) -> str:
    """The text of one message; empty when it is not kept any more."""
    message = session.get(Message, message_id)
    return _opened(session, message) if message is not None else ""


def mark_read(session: Session, case: Case, by_person: bool, with_person: bool = False) -> None:
    """Note that those outside, or else the privacy team, have seen what the other side wrote in one thread."""
    theirs = Message.account_id.is_not(None) if by_person else Message.account_id.is_(None)
    for message in session.scalars(select(Message).where(_unread(case, with_person), theirs)):
        message.read_at = clock.now()
    session.flush()


def unread_by_person(session: Session, case: Case, with_person: bool = False) -> bool:
    """True when the privacy team wrote something in this thread that has not been seen."""
    return _oldest_of_ours(session, case, with_person) is not None


def cases_with_news(session: Session) -> set[str]:
    """Ids of the cases in which somebody wrote something that nobody of the privacy team has seen."""
    return set(session.scalars(select(Message.case_id).where(Message.account_id.is_(None), Message.read_at.is_(None))))


def _oldest_of_ours(session: Session, case: Case, with_person: bool) -> str | None:
    """Id of the first message of the privacy team in this thread that has not been seen."""
    ours = select(Message.id).where(_unread(case, with_person), Message.account_id.is_not(None))
    return session.scalar(ours.order_by(Message.at).limit(1))


def _unread(case: Case, with_person: bool) -> ColumnElement[bool]:
    return (Message.case_id == case.id) & Message.with_person.is_(with_person) & Message.read_at.is_(None)


def _thread(case: Case, with_person: bool) -> str:
    return f"{case.id}/person" if with_person else case.id


def _opened(session: Session, message: Message) -> str:
    return keys_of(session).unseal(message.sealed, f"message/{message.id}").decode()
