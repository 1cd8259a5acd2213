"""What a person and the privacy team write to each other in a case. It stands behind the sign-in, sealed.

A mail only says that there is news. All of it goes together with the person's contact.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, limits, mails, pausing
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
    """One message, opened. `account_id` is None when the person wrote it; `new` until the other side saw it."""

    account_id: str | None
    text: str
    at: datetime
    new: bool


def write(session: Session, case: Case, actor: str, text: str) -> Message:
    """Keep a message of `subject` or of an account, sealed. The person is told by mail that there is news.

    Raises BadInput (nothing in it, or more than MOST characters), Conflict (the request was taken back), NotAllowed
    (no caseworker), TooMany (the person wrote A_DAY messages today).
    """
    clean = readable(text)
    if case.outcome == "withdrawn":
        raise Conflict(_("This request was taken back. Please make a new one."), "withdrawn")
    if actor != "subject" and "caseworker" not in lifecycle.roles_of(session, actor):
        raise NotAllowed("Only a caseworker writes to the person.", "not-your-step")
    if actor == "subject" and not limits.spend(session, "message", case.id, A_DAY, DAY):
        raise TooMany(_("You have sent many messages today. Please send the next one tomorrow."))
    message_id = random_id()
    message = Message(
        id=message_id,
        case_id=case.id,
        account_id=None if actor == "subject" else actor,
        sealed=keys_of(session).seal(clean.encode(), f"message/{message_id}"),
        at=clock.now(),
    )
    session.add(message)
    lifecycle.record(session, case, "message-written", actor)
    audit.append(session, "message-written", {"case": case.id, "actor": actor})
    if actor == "subject":
        pausing.answered(session, case, "clarification")
    else:
        # One mail for all that is unread: a second message soon after the first is no second piece of news.
        mails.queue_message_news(session, case, _oldest_of_ours(session, case) or message_id)
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


def of_case(session: Session, case: Case) -> list[Written]:
    """All messages of a case, oldest first."""
    return [
        Written(message.account_id, _opened(session, message), message.at, message.read_at is None)
        for message in session.scalars(select(Message).where(Message.case_id == case.id).order_by(Message.at))
    ]


def mark_read(session: Session, case: Case, by_person: bool) -> None:
    """Note that the person, or else the privacy team, has seen what the other side wrote."""
    theirs = Message.account_id.is_not(None) if by_person else Message.account_id.is_(None)
    for message in session.scalars(select(Message).where(_unread(case), theirs)):
        message.read_at = clock.now()
    session.flush()


def unread_by_person(session: Session, case: Case) -> bool:
    """True when the privacy team wrote something that the person has not seen."""
    return _oldest_of_ours(session, case) is not None


def cases_with_news(session: Session) -> set[str]:
    """Ids of the cases in which a person wrote something that nobody of the privacy team has seen."""
    return set(session.scalars(select(Message.case_id).where(Message.account_id.is_(None), Message.read_at.is_(None))))


def _oldest_of_ours(session: Session, case: Case) -> str | None:
    """Id of the first message of the privacy team that the person has not seen."""
    ours = select(Message.id).where(_unread(case), Message.account_id.is_not(None))
    return session.scalar(ours.order_by(Message.at).limit(1))


def _unread(case: Case) -> ColumnElement[bool]:
    return (Message.case_id == case.id) & Message.read_at.is_(None)


def _opened(session: Session, message: Message) -> str:
    return keys_of(session).unseal(message.sealed, f"message/{message.id}").decode()
