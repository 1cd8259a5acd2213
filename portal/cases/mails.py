"""Mails to people, and texts to those who gave a mobile number.

The subject never tells what it is about, and neither does the body: phones are shared.

They are in the language of the case; those without a case in the one that is spoken. In a text from right to left
references and days stand for themselves; addresses have lines of their own, so that they can be clicked.

Both are sealed until they are sent, and emptied after. Delivery is `workers/mailing.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock, languages
from portal.cases import text_messages
from portal.cases.acting import mandates
from portal.cases.arrival.addresses import is_number
from portal.config import Config
from portal.db import config_of
from portal.jobs import make_due
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import isolated, speaking
from portal.tables import Case, CaseRight, Mail, random_id


@dataclass(frozen=True)
class Letter:
    """What a mail or a text says, and to whom. A text has no subject."""

    to: str
    subject: str
    body: str


def queue_mail(
    session: Session,
    case: Case | None,
    to: str,
    subject: str,
    body: str,
    dedupe: str | None = None,
    delay: timedelta = timedelta(0),
) -> Mail:
    """Seal a mail and make it due. The same occasion (`dedupe`) is mailed once: asked again, the first one is given."""
    if dedupe is not None:
        earlier = session.scalar(select(Mail).where(Mail.dedupe == dedupe))
        if earlier is not None:
            return earlier
    mail_id = random_id()
    plain = json.dumps({"to": to, "subject": subject, "body": body}).encode()
    mail = Mail(
        id=mail_id,
        case_id=case.id if case is not None else None,
        dedupe=dedupe,
        sealed=keys_of(session).seal(plain, f"mail/{mail_id}"),
        created_at=clock.now(),
    )
    session.add(mail)
    session.flush()
    make_due(session, mail, delay)
    return mail


def write_to(
    session: Session,
    case: Case,
    body: str,
    dedupe: str,
    delay: timedelta = timedelta(0),
    only: Literal["person", "requester"] | None = None,
    text: str | None = None,
) -> Mail | None:
    """Write to the person of a case; None when they gave no contact, or it is not kept any more.

    `body` goes by mail. Who gave a number gets `text`, which says no more than that there is news if it is left out.
    Where somebody acts for them the mail goes to both, or to `only` one of them: to the person once they confirmed it,
    and to the one who acts as long as they may.
    """
    mandate = mandates.of_case(session, case)
    mail = None
    own = mandates.said_of(session, mandate).email if mandate is not None and mandate.confirmed_at is not None else ""
    if own and only != "requester":
        mail = _queue(session, case, own, body, text, f"{dedupe}/person", delay)
    to = contact_of(session, case) if only != "person" else None
    if to is not None and (mandate is None or mandates.over(session, mandate) is None):
        mail = _queue(session, case, to, body, text, dedupe, delay)
    return mail


def _queue(session: Session, case: Case, to: str, body: str, text: str | None, dedupe: str, delay: timedelta) -> Mail:
    with speaking(case.language):
        if is_number(to):
            short = text or text_messages.news(case.reference, _page(session))
            return queue_mail(session, case, to, "", short, dedupe, delay)
        return queue_mail(session, case, to, _subject(case.reference), body, dedupe, delay)


def contact_of(session: Session, case: Case) -> str | None:
    """Where the person of a case is written to: a mail address, or a number for texts."""
    if case.contact is None:
        return None
    return keys_of(session).unseal(case.contact, f"case/{case.id}/contact").decode()


def queue_acknowledgement(session: Session, case: Case, asks_more: bool = False) -> Mail | None:
    """The first mail: the same for everybody of whom the law asks the same. `asks_more`: they must show more."""
    with speaking(case.language):
        reference = isolated(case.reference)
        got = (
            _(
                "We got your request %(reference)s. We need two more things from you. Sign in to read what.",
                reference=reference,
            )
            if asks_more
            else _("We got your request %(reference)s. You do not need to do anything else now.", reference=reference)
        )
        rest = _(
            "We will answer by %(day)s. You can see how far it is at any time:\n"
            "%(address)s\n\n"
            "You need your reference and the secret words that we showed you.",
            day=long_date(case.due_on),
            address=_page(session),
        )
        text = text_messages.received(case.reference, case.due_on, asks_more, _page(session))
        return write_to(session, case, f"{got}\n\n{rest}{_signature(session)}", f"received/{case.id}", text=text)


def queue_news(session: Session, case: Case) -> Mail | None:
    """That something is new. What it is stands behind the sign-in only.

    Where nobody checked who the person is, the mail leaves on the day the answer is due: a case with photographs
    takes longer to carry out than one without, and the day of the mail would tell them apart. After the end there is no
    news for them at all: only a case with photographs has any.
    """
    if case.identity == "not-needed" and case.state == "closed":
        return None
    delay = timedelta(0)
    if case.identity == "not-needed":
        days = (case.due_on - clock.local_date(clock.now(), config_of(session).zone)).days
        delay = timedelta(days=max(days, 0))
    return write_to(session, case, _news(session, case), f"news/{case.id}/{case.version}", delay)


def queue_message_news(
    session: Session, case: Case, first_unread: str, to: Literal["person", "requester"] = "requester"
) -> Mail | None:
    """The same words for a message. `first_unread` is the oldest not seen by that one: there is one mail for all."""
    return write_to(session, case, _news(session, case), f"message/{first_unread}", only=to)


def queue_signs_news(session: Session, case: Case) -> Mail | None:
    """The same words, once, for what the law asks of the person beside their request."""
    return write_to(session, case, _news(session, case), f"signs/{case.id}")


def queue_new_words(session: Session, case: Case, given_at: datetime) -> Mail | None:
    """To the contact, that there are new secret words: whoever did not ask for them must hear of it."""
    with speaking(case.language):
        body = _(
            "Your request %(reference)s has new secret words. The old ones do not work any more.\n\n"
            "If you did not ask for them, somebody else may read your mail. Write to us, best from another address.",
            reference=isolated(case.reference),
        )
        text = text_messages.new_words(case.reference, config_of(session).address)
        dedupe = f"words/{case.id}/{given_at.isoformat()}"
        return write_to(session, case, body + _signature(session), dedupe, text=text)


def queue_challenge_news(session: Session, case: Case, challenge_id: str) -> Mail | None:
    """The same words when photographs are asked for. What is asked stands behind the sign-in."""
    return write_to(session, case, _news(session, case), f"challenge/{challenge_id}")


def _news(session: Session, case: Case) -> str:
    with speaking(case.language):
        body = _(
            "There is news about your request %(reference)s.\n\n"
            "To read it, sign in with your reference and your secret words:\n%(address)s",
            reference=isolated(case.reference),
            address=_page(session),
        )
        return body + _signature(session)


def queue_more_time(session: Session, case: Case, right: CaseRight) -> Mail | None:
    """That the answer comes later. Why stands behind the sign-in."""
    with speaking(case.language):
        body = _(
            "We need more time for your request %(reference)s. We will now answer by %(day)s.\n\n"
            "To read why, and how to object, sign in:\n%(address)s",
            reference=isolated(case.reference),
            day=long_date(right.due_on),
            address=_page(session),
        )
        return write_to(session, case, body + _signature(session), f"more-time/{right.id}")


def queue_reminder(session: Session, case: Case, last_day: date, question: int) -> Mail | None:
    """That a question waits in the case. What it is stands behind the sign-in; each question is reminded of once."""
    with speaking(case.language):
        body = _(
            "We asked you something about your request %(reference)s. We need your answer to go on.\n\n"
            "To read it, sign in:\n%(address)s\n\n"
            "If we do not hear from you by %(day)s, we close this request and delete what you sent. "
            "You can always make a new one.",
            reference=isolated(case.reference),
            address=_page(session),
            day=long_date(last_day),
        )
        text = text_messages.waits(case.reference, last_day, _page(session))
        return write_to(session, case, body + _signature(session), f"reminder/{case.id}/{question}", text=text)


def queue_question_reminder(session: Session, case: Case, last_day: date, question: int) -> Mail | None:
    """That a question waits which the request can go on without, to whoever was asked. Each is reminded of once."""
    with speaking(case.language):
        body = _(
            "We asked you something about your request %(reference)s.\n\n"
            "To read it and to answer, sign in:\n%(address)s\n\n"
            "If we do not hear from you by %(day)s, we go on without your answer. Your request stays open.",
            reference=isolated(case.reference),
            address=_page(session),
            day=long_date(last_day),
        )
        dedupe = f"question/{case.id}/{question}"
        return write_to(session, case, body + _signature(session), dedupe, only="requester")


def queue_appeal(session: Session, case: Case, appeal_id: str, due_on: date | None) -> Mail | None:
    """That we got an objection, and by when it is answered where the law sets a day. The same whatever was found."""
    with speaking(case.language):
        body = _(
            "We got what you wrote about your request %(reference)s. Somebody else looks at it again.",
            reference=isolated(case.reference),
        )
        if due_on is not None:
            body += " " + _("We will answer by %(day)s.", day=long_date(due_on))
        body += "\n\n" + _("To read more, sign in:\n%(address)s", address=_page(session))
        return write_to(session, case, body + _signature(session), f"appeal/{appeal_id}")


def queue_ended(session: Session, to: str, case: Case) -> Mail:
    """That a case is closed and purged. The mail belongs to no case: unsent, it goes after a day."""
    with speaking(case.language):
        body = _(
            "We asked you something about your request %(reference)s and did not hear from you. "
            "So we closed it and deleted what you sent.\n\n"
            "You can make a new request at any time:\n%(address)s",
            reference=isolated(case.reference),
            address=config_of(session).address,
        )
        return _queue_last(session, to, case, body)


def queue_unconfirmed(session: Session, to: str, case: Case) -> Mail:
    """To the one who acts: the person did not confirm it, so it is closed and purged. It belongs to no case."""
    with speaking(case.language):
        body = _(
            "The person you act for has not confirmed your request %(reference)s. "
            "So we closed it and deleted what you sent.\n\n"
            "You can make a new request at any time:\n%(address)s",
            reference=isolated(case.reference),
            address=config_of(session).address,
        )
        return _queue_last(session, to, case, body)


def _queue_last(session: Session, to: str, case: Case, body: str) -> Mail:
    """The last thing that is said of a case which is gone already."""
    if is_number(to):
        text = text_messages.ended(case.reference, config_of(session).address)
        return queue_mail(session, None, to, "", text)
    return queue_mail(session, None, to, _subject(case.reference), body + _signature(session))


def queue_code(session: Session, to: str, code: str, code_id: str) -> Mail:
    """A one-time code. It names neither the portal's purpose nor the person."""
    if is_number(to):
        text = text_messages.code(code, config_of(session).address)
        return queue_mail(session, None, to, "", text, f"code/{code_id}")
    body = _(
        "Your code is %(code)s\n\n"
        "Type it on the page where you asked for it. It works for 10 minutes, once.\n"
        "If you did not ask for a code, you can ignore this mail.",
        code=isolated(code),
    )
    return queue_mail(session, None, to, _("Your code"), body + _signature(session), f"code/{code_id}")


def open_mail(session: Session, mail: Mail) -> Letter | None:
    """What a mail says; None once it was sent and emptied."""
    plain = keys_of(session).unseal(mail.sealed, f"mail/{mail.id}")
    return Letter(**json.loads(plain)) if plain else None


def empty_mail(session: Session, mail: Mail) -> None:
    """Forget what a sent mail said and to whom."""
    mail.sealed = keys_of(session).seal(b"", f"mail/{mail.id}")
    mail.sent_at = mail.sent_at or clock.now()
    session.flush()


def as_message(config: Config, mail: Mail, letter: Letter) -> EmailMessage:
    """The mail on the wire. Its Message-ID comes from the row, so that a mail sent twice is seen as one."""
    message = EmailMessage()
    message["From"] = config.mail_from
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@{config.mail_from.rpartition('@')[2] or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message


def long_date(day: date) -> str:
    """`20 December 2026`: dates people cannot misread, in the language spoken now."""
    return isolated(languages.day(day))


def _subject(reference: str) -> str:
    return _("Your request %(reference)s", reference=isolated(reference))


def _page(session: Session) -> str:
    return f"{config_of(session).address}/case"


def _signature(session: Session) -> str:
    config = config_of(session)
    return f"\n\n{isolated(config.organisation)}\n{config.contact}".rstrip() + "\n"
