"""What recipients answer: on the page, or signed with the key they registered. Every answer is kept word for word.

An answer becomes that of the plan's item; one that comes after the certificate supersedes it. Where the plan has no
such item, because it was found out later who received something, the certificate lists it beside the plan.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit import notes
from portal.audit.log import instant
from portal.erasure import carrying, plans, resuming
from portal.erasure.items import ANSWERED
from portal.errors import BadInput
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.notices import keeping, making, wire, wording
from portal.tables import Erasure, ErasureItem, Notice, Order, Recipient

LONGEST = 5000


def read(session: Session, notice: Notice) -> None:
    """Their page was opened, or their endpoint took the notice."""
    if notice.read_at is None:
        notice.read_at = clock.now()
        if notice.state in ("made", "sent"):
            notice.state = "read"
        session.flush()


def answer(session: Session, notice: Notice, result: str, words: str) -> None:
    """The recipient answers on the page. Raises BadInput. They may answer anew; all answers are kept."""
    if result not in wire.RESULTS:
        raise BadInput(_("Choose one answer."), "unknown-answer")
    if result in ("refused", "partly") and not words.strip():
        raise BadInput(_("Say in a sentence why not all of it was erased."), "reason-missing")
    _keep(session, notice, result, _text(words), "recipient")


def answer_by_hand(session: Session, notice: Notice, result: str, words: str, account_id: str) -> None:
    """A caseworker writes down what the recipient said by telephone or letter. Raises BadInput."""
    if result not in ANSWERED:
        raise BadInput("Choose what they said from the list.", "unknown-answer")
    if not words.strip():
        raise BadInput("Say in a sentence who said this, when and how.", "note-missing")
    _keep(session, notice, result, _text(words), "caseworker", account_id=account_id)


def take_signed(session: Session, text: str, only: Recipient | None = None) -> list[Notice]:
    """An answer or a receipt of `efface purge`, signed by a key that a recipient registered.

    Returns the notices it answers; taken twice, it changes nothing. Raises BadInput: unreadable, not signed by a
    registered key (of `only`, where given), or about nothing that was sent to them.
    """
    recipients = [only] if only is not None else list(session.scalars(select(Recipient)))
    facts, recipient = _opened(text, [one for one in recipients if one.answer_key])
    said = wire.read_answer(facts)
    notices = _meant(session, recipient, said)
    if not notices:
        raise BadInput(f"This answer of {recipient.name} fits no notice that was sent to them.", "no-notice")
    for notice in notices:
        if text not in [one["words"] for one in answers_of(session, notice)]:
            _keep(session, notice, said.result, text, "recipient", signed=True, why=said.reason)
    return notices


def answers_of(session: Session, notice: Notice) -> list[dict[str, Any]]:
    """All answers to a notice, oldest first: at, by, result, words (verbatim), signed, why (in their sentence)."""
    if notice.answer is None:
        return []
    kept: list[dict[str, Any]] = json.loads(keys_of(session).unseal(notice.answer, f"notice/{notice.id}/answer"))
    return kept


def note_for_item(notice: Notice, result: str, why: str) -> str:
    """The sentence that stands on the certificate: who said what, when, and what was sent."""
    sent = f"Notice {notice.id[:8]} of {instant(notice.made_at)[:10]}."
    return " ".join(part for part in (wording.RESULTS[result], why.strip(), sent) if part)


def close_item(session: Session, notice: Notice, result: str, note: str, account_id: str | None) -> None:
    """Carry an outcome into the plan of an erasure, where it has this recipient: others were found out about later.

    After the certificate a new one is issued, which supersedes it. An order takes outcomes up by itself.
    """
    item = session.get(ErasureItem, notice.item_id) if notice.item_id else None
    if item is not None:
        plans.answer_item(session, item, account_id, result, note)
    if notice.erasure_id is not None:
        carrying.settle_if_complete(session, session.get_one(Erasure, notice.erasure_id))


def _opened(text: str, recipients: list[Recipient]) -> tuple[dict[str, Any], Recipient]:
    """The facts that were signed, and by whom."""
    if len(text.encode(errors="replace")) > wire.LARGEST_ANSWER:
        raise BadInput("The answer is larger than 64 KiB.", "too-large")
    by_key = {notes.read_key_line(one.answer_key): one for one in recipients if one.answer_key}
    try:
        facts, signer = wire.open_signed(wire.ANSWER, text, list(by_key))
    except notes.NoteRefused as problem:
        raise BadInput(f"The signed answer does not count. {problem.sentence}", problem.code) from problem
    return facts, by_key[signer]


def _meant(session: Session, recipient: Recipient, said: wire.Answer) -> list[Notice]:
    """The notice that is named, or all whose photographs were gone through in the feed that is named."""
    theirs = list(session.scalars(select(Notice).filter_by(recipient_id=recipient.id)))
    if said.notice:
        return [one for one in theirs if one.id == said.notice]
    return [one for one in theirs if making.is_in_feed(session, one, said.feed, said.size)]


def _keep(
    session: Session,
    notice: Notice,
    result: str,
    words: str,
    by: str,
    *,
    signed: bool = False,
    why: str | None = None,
    account_id: str | None = None,
) -> None:
    now = clock.now()
    kept = answers_of(session, notice)
    why = words if why is None else why
    kept.append({"at": instant(now), "by": by, "result": result, "words": words, "signed": signed, "why": why})
    notice.answer = keys_of(session).seal(json.dumps(kept).encode(), f"notice/{notice.id}/answer")
    notice.result, notice.answered_at, notice.answered_by, notice.signed = result, now, by, signed
    notice.account_id = account_id
    notice.state = "refused" if result == "refused" else "acknowledged"
    # Nobody has to be reminded any more; a refusal is for a caseworker to see.
    notice.next_at = None
    notice.escalated_at = now if result in ("refused", "partly") else None
    keeping.keep(session, notice)
    about = making.erasure_of(session, notice) or session.get_one(Order, notice.order_id)
    late = about.state == "settled"
    close_item(session, notice, ANSWERED[result], note_for_item(notice, result, why), account_id)
    if notice.erasure_id is not None:
        resuming.look_at_holder(session, notice.erasure_id, notice.recipient_id)
    said = {"notice": notice.id, **making.subject_of(notice), "result": result, "by": by, "signed": signed}
    audit.append(session, "notice-answered", {**said, "late": late})


def _text(words: str) -> str:
    words = words.strip()
    if len(words) > LONGEST:
        raise BadInput(_("This is longer than %(most)s characters.", most=LONGEST), "too-long")
    if "\0" in words:
        raise BadInput(_("There is a sign in this text that cannot be shown. Take it out."), "zero-byte")
    return words
