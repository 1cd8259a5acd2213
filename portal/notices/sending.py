"""What leaves for a recipient, and what is written down of it. The worker calls their endpoint; mails go as ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit.log import instant
from portal.cases import mails
from portal.config import MAIL_ADDRESS
from portal.db import config_of
from portal.erasure.items import ANSWERED
from portal.errors import BadInput, Conflict
from portal.jobs import make_due
from portal.notices import answering, clocks, keeping, links, making, wording
from portal.tables import Case, Mail, Notice, Recipient

OPEN = ("made", "sent", "read")


@dataclass(frozen=True)
class Call:
    """The recipient's endpoint, and the signed text to send there."""

    endpoint: str
    text: str


@dataclass(frozen=True)
class Came:
    """What came of a call: a word of `wording.CAME`, the status of HTTP where there was one, and the answer's text."""

    word: str
    status: int | None = None
    answer: str = ""


def call_for(session: Session, notice: Notice) -> Call | None:
    """What to send to the recipient's endpoint now; None where they have none, or nobody waits for them any more."""
    text = making.text_of(session, notice)
    endpoint = notice.recipient.endpoint
    if notice.state not in OPEN or not text or not endpoint:
        return None
    return Call(endpoint, text)


def record(session: Session, notice: Notice, call: Call | None, came: Came | None) -> timedelta | None:
    """Write down what came of a call, and write the mail of this round. Returns when to call again, None for not."""
    if notice.state not in OPEN or not notice.sealed:
        return None
    _mail(session, notice)
    if call is not None and came is not None:
        return _of_call(session, notice, call, came)
    if notice.sent_at is None and not address_of(notice.recipient):
        _fact(session, notice, by="nothing")
        notice.state, notice.escalated_at = "unreachable", clock.now()
        session.flush()
    return None


def send_again(session: Session, notice: Notice) -> None:
    """Send it once more, word for word. Raises Conflict once it was purged, or is on its way just now."""
    if not notice.sealed:
        raise Conflict("What this notice said has been purged, so it cannot be sent again.", "purged")
    if notice.work_state in ("due", "leased") and not notice.tries:
        raise Conflict("This notice is on its way just now.", "on-its-way")
    if notice.state == "unreachable":
        # The days of waiting begin anew with this line: see `waiting_since`.
        notice.state, notice.next_at = "sent" if notice.sent_at else "made", None
        _fact(session, notice, by="person")
    notice.reminders += 1
    notice.tries = 0
    make_due(session, notice)


def waiting_since(notice: Notice) -> datetime:
    """From when the days of waiting are counted: it first left, was made, or was taken up again by a person."""
    again = [str(fact["at"]) for fact in notice.facts if fact["by"] == "person"]
    return datetime.fromisoformat(again[-1]) if again else notice.sent_at or notice.made_at


def address_of(recipient: Recipient) -> str | None:
    """Their mail address, where the contact that was written down is one."""
    contact = recipient.contact.strip()
    return contact if MAIL_ADDRESS.fullmatch(contact) else None


def mail_of(session: Session, notice: Notice) -> Mail | None:
    """The last mail of a notice, to see whether it left."""
    mine = select(Mail).where(Mail.dedupe.startswith(f"notice/{notice.id}/")).order_by(Mail.created_at.desc())
    return session.scalars(mine.limit(1)).first()


def outcome_of(session: Session, notice: Notice) -> tuple[str, str] | None:
    """What came of a notice: the result of a plan's item, and the sentence about it. None while they are waited for."""
    if notice.result is not None:
        why = answering.answers_of(session, notice)[-1].get("why", "")
        return ANSWERED[notice.result], answering.note_for_item(notice, notice.result, why)
    if notice.state != "unreachable":
        return None
    tried = wording.all_sentences(notice.facts) or "Nothing could be tried."
    mail = mail_of(session, notice)
    if mail is not None:
        tried += f" The last mail left on {instant(mail.sent_at)[:10]}." if mail.sent_at else " No mail has left."
    return "not-reached", f"No answer until now. {tried}"


def _of_call(session: Session, notice: Notice, call: Call, came: Came) -> timedelta | None:
    said = {"host": urlsplit(call.endpoint).hostname or "", "came": came.word, "status": came.status}
    if came.word != "taken":
        _fact(session, notice, by="webhook", **said)
        notice.tries += 1
        session.flush()
        return clocks.CALL_AGAIN[notice.tries - 1] if notice.tries <= len(clocks.CALL_AGAIN) else None
    _fact(session, notice, by="webhook", **said)
    notice.tries = 0
    _left(session, notice)
    answering.read(session, notice)
    if came.answer.strip():
        _take_answer(session, notice, came.answer, said)
    return None


def _take_answer(session: Session, notice: Notice, text: str, said: dict[str, Any]) -> None:
    """Their endpoint may answer at once, signed. Whatever else it says is no answer, and no error."""
    if "efface-answer/" not in text:
        return
    try:
        with session.begin_nested():
            answering.take_signed(session, text, notice.recipient)
    except BadInput as problem:
        _fact(session, notice, by="webhook", **{**said, "came": "bad-answer", "said": problem.sentence})
        session.flush()


def _mail(session: Session, notice: Notice) -> None:
    to = address_of(notice.recipient)
    if to is None:
        return
    dedupe = f"notice/{notice.id}/{notice.reminders}"
    if session.scalar(select(Mail.id).where(Mail.dedupe == dedupe)) is not None:
        return
    erasure = making.erasure_of(session, notice)
    case = session.get_one(Case, erasure.case_id) if erasure is not None else None
    subject = f"{'Reminder: ' if notice.reminders else ''}Photographs to erase, notice {notice.id[:8]}"
    mails.queue_mail(session, case, to, subject, _letter(session, notice), dedupe)
    _fact(session, notice, by="mail")
    _left(session, notice)


def _letter(session: Session, notice: Notice) -> str:
    """The mail. It is to a firm, so it is in English; the page it leads to is in the reader's language."""
    config = config_of(session)
    return (
        f"{config.organisation} passed photographs, or something made from them, on to you. {_why(notice)}\n\n"
        f"Please read which ones, and tell us what you did:\n{links.answer_page(session, notice.id)}\n\n"
        "The page has a signed file with digests, by which you find the photographs in what you hold. "
        "It has no picture and no name in it.\n\n"
        f"{config.organisation}\n{config.contact}".rstrip()
        + "\n"
    )


def _why(notice: Notice) -> str:
    if notice.order_id is not None:
        return "We have erased these photographs, and ask you to erase them, too."
    return "A person in these photographs asked that they are erased, or not used any more."


def _left(session: Session, notice: Notice) -> None:
    if notice.sent_at is None:
        notice.sent_at = clock.now()
        audit.append(session, "notice-sent", {"notice": notice.id, "digest": notice.digest})
    if notice.state == "made":
        notice.state = "sent"
    keeping.keep(session, notice)


def _fact(session: Session, notice: Notice, **fact: Any) -> None:
    # A new list, or the change would not be seen.
    notice.facts = [*notice.facts, {"at": instant(clock.now()), **fact}]
    keeping.keep(session, notice)
