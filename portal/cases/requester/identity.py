"""Making sure the requester is the subject: a code to the contact, then a caseworker's decision."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.cases.acting import mandates
from portal.cases.arrival import drafts
from portal.cases.arrival.addresses import clean_contact
from portal.cases.arrival.limits import spend, spend_text
from portal.cases.clocks import pausing
from portal.cases.law import rule_by
from portal.cases.requester import assurance, challenge, lost_words, profiles
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.keys import contact_digest, keys_of
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import Arrival, Case, Code, Draft

VALID = timedelta(minutes=10)
TRIES = 5
SENDS = 3
SENDS_PER_CONTACT = 6

Confirmed = Literal["confirmed", "wrong", "expired", "too-many"]
SENTENCES: dict[str, str] = {
    "wrong": mark("This is not the code we sent. Check it and try again."),
    "expired": mark("This code does not work any more. Ask for a new code."),
    "too-many": mark("You have tried many times. Your answers are saved. Ask for a new code."),
}


def send_code(session: Session, draft: Draft, typed: str) -> None:
    """Send six digits to a mail address or a number, which becomes the draft's contact; earlier codes stop working.

    Raises BadInput (neither of them) or TooMany (3 per draft in 10 minutes, 6 per contact in an hour, and by text
    EFFACE_TEXT_CODES in a day).
    """
    address = clean_contact(session, typed, drafts.read_answers(session, draft).get("residence", ""))
    digest = contact_digest(session, address)
    per_draft = spend(session, "code", draft.id, SENDS, timedelta(minutes=10))
    if not per_draft or not spend(session, "code-to", digest, SENDS_PER_CONTACT, timedelta(hours=1)):
        raise TooMany(_("We have sent you several codes. Your answers are saved. Please wait 10 minutes."))
    spend_text(session, address)
    drafts.save_answers(session, draft, contact=address, no_contact=False)
    session.execute(delete(Code).where(Code.draft_id == draft.id))
    code = f"{secrets.randbelow(1_000_000):06}"
    row = Code(
        id=secrets.token_hex(16), draft_id=draft.id, contact_digest=digest, digest="", expires_at=clock.now() + VALID
    )
    row.digest = _digest(session, row.id, code)
    session.add(row)
    session.flush()
    mails.queue_code(session, address, code, row.id)


def confirm_code(session: Session, draft: Draft, typed: str) -> Confirmed:
    """Check a typed code. Returns what came of it and raises nothing: a wrong try must be committed to count.

    Five wrong tries kill the code. `SENTENCES` has the words for each result but `confirmed`.
    """
    code = session.scalar(select(Code).where(Code.draft_id == draft.id))
    if code is None or code.used_at is not None or code.expires_at <= clock.now():
        return "expired"
    if code.tries >= TRIES:
        return "too-many"
    digits = "".join(each for each in typed if each.isascii() and each.isdigit())
    right = hmac.compare_digest(code.digest, _digest(session, code.id, digits))
    contact = drafts.read_answers(session, draft).get("contact") or ""
    if right and code.contact_digest == contact_digest(session, contact):
        return "confirmed" if _use(session, draft, code) else "expired"
    code.tries += 1
    session.flush()
    return "wrong" if code.tries < TRIES else "too-many"


def _use(session: Session, draft: Draft, code: Code) -> bool:
    """Use a code up. False when another request was faster."""
    now = clock.now()
    statement = update(Code).where(Code.id == code.id, Code.used_at.is_(None)).values(used_at=now)
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    if result.rowcount != 1:
        return False
    draft.contact_confirmed_at = now
    session.flush()
    return True


def _digest(session: Session, code_id: str, code: str) -> str:
    return keys_of(session).digest("code", f"{code_id}/{code}".encode())


def decide_identity(session: Session, case: Case, account_id: str, decision: str, note: str) -> None:
    """A caseworker says whether the requester is the subject: `confirmed` or `not-confirmed`, and how they know.

    Confirmed, the search begins; not confirmed, the case closes as unverified. Where no check was needed it may be
    confirmed at any time: from then on the person may see what was found, and the certificate. The photographs of a
    challenge are deleted with the decision. Raises BadInput (unknown decision, no note), Conflict (decided already),
    NotAllowed (no caseworker, or the one who entered the request where two people are needed).
    """
    if decision not in {"confirmed", "not-confirmed"}:
        raise BadInput("Choose whether you are sure who is asking.", "unknown-decision")
    if not note.strip():
        raise BadInput("Write down how you know. It is kept with the case.", "note-missing")
    session.refresh(case)
    if not may_decide_identity(case) or (case.identity == "not-needed" and decision != "confirmed"):
        raise Conflict("Who is asking was decided already, or nobody needs to know it.", "moved-meanwhile")
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker decides who is asking.", "not-your-step")
    entered_by = session.scalar(select(Arrival.entered_by).where(Arrival.case_id == case.id))
    if entered_by == account_id and decision == "confirmed" and config_of(session).two_people:
        # Else one person could make a request up and have what is held given out.
        raise NotAllowed("You entered this request yourself. A colleague must make sure who is asking.", "own-entry")
    mandate = mandates.of_case(session, case)
    if mandate is not None and mandate.judged != "accepted":
        raise Conflict("Look first at what shows that they may act for the person.", "mandate-open")
    case.identity = decision
    case.identity_note = note.strip()
    case.identity_by = account_id
    case.identity_at = clock.now()
    challenge.purge(session, case)
    _move_on(session, case, account_id, decision)
    pausing.apply(session, case)


def may_decide_identity(case: Case) -> bool:
    """True while a caseworker can say who is asking: at the check, or later where none was needed."""
    return case.state == "identity-check" or (
        case.identity == "not-needed" and case.outcome not in {"withdrawn", "unverified"}
    )


def _move_on(session: Session, case: Case, account_id: str, decision: str) -> None:
    if case.state != "identity-check":
        lifecycle.record(session, case, "identity-confirmed", account_id)
        audit.append(session, "identity-confirmed", {"case": case.id, "actor": account_id})
    elif decision == "confirmed":
        lifecycle.move(session, case, "searching", account_id)
    else:
        # The note may name the person, so it stays in its own column, which is purged.
        lifecycle.move(session, case, "closed", account_id, "insuf_verification", outcome="unverified")


@dataclass(frozen=True)
class Check:
    """One fact a caseworker looks at. `met` is None where only a person can tell."""

    name: str
    sentence: str
    met: bool | None


def checklist(session: Session, case: Case) -> list[Check]:
    """What is known about who is asking, and how much each right needs by its frozen rule."""
    at = case.contact_confirmed_at
    details = drafts.read_details(session, case)
    confirmed = f"A code sent to the contact was typed back on {mails.long_date(at)}." if at else None
    checks = [
        Check(
            "contact", confirmed or "The person chose not to leave a contact, or did not confirm it.", at is not None
        ),
        Check("declaration", "By sending it the person declared that the photographs are theirs.", True),
        _who(session, case, details.get("for_whom") or "me"),
    ]
    renewed = lost_words.given_at(session, case)
    if renewed is not None:
        checks.append(Check("new-words", RENEWED % mails.long_date(renewed), None))
    if case.state == "identity-check":
        checks.append(_challenge_check(session, case))
    profile = profiles.of_case(session, case)
    if profile is not None and profile.state in {"found", "not-found"}:
        checks.append(Check("profile", PROFILE[profile.state], profile.state == "found"))
    if assurance.is_asked(case):
        there = assurance.standing(session, case)
        checks.append(Check("second-sign", SECOND_SIGN[there.sign is not None], there.sign is not None))
        checks.append(Check("signed", SIGNED[there.declared], there.declared))
        if there.compared is False and case.state != "identity-check":
            checks.append(Check("compared", NOT_COMPARED, False))
    for right in case.rights:
        rule = rule_by(right.rule, right.rule_version)
        checks.append(Check(right.right, f"{LADDER[rule.identity]} (rule {rule.id}, version {rule.version})", None))
    return checks


def _who(session: Session, case: Case, for_whom: str) -> Check:
    """Acting for somebody else has a list of its own, which comes before this one."""
    mandate = mandates.of_case(session, case)
    accepted = mandate is not None and mandate.judged == "accepted"
    return Check("who", FOR_WHOM[for_whom], True if for_whom == "me" or accepted else None)


def _challenge_check(session: Session, case: Case) -> Check:
    sent = challenge.newest(session, case)
    if sent is not None and sent.state in {"sent", "looked-at"}:
        return Check("challenge", "The person sent two new photos with a code. Look at them.", None)
    if assurance.is_asked(case) and assurance.standing(session, case).compared is False:
        return Check("challenge", NOT_COMPARED, False)
    return Check("challenge", "There are no new photos with a code. The person may show it in another way.", False)


RENEWED = (
    "Somebody who reads what we send to the contact got new secret words on %s. "
    "Be sure that it is the person who asked."
)
NOT_COMPARED = (
    "The person gave a photo of their face and has not sent two new photos with a code. "
    "Without them, or a second sign of another kind, no photographs are given out."
)
SECOND_SIGN = {
    True: "There is a second sign of who is asking.",
    False: "There is no second sign of who is asking yet. Without it no photographs are given out.",
}
PROFILE = {
    "found": "The token we gave was found on the page that the person named. Look whether it is their profile.",
    "not-found": "The token we gave was not found on the page that the person named. They may have had no time yet.",
}
SIGNED = {
    True: "The person signed the declaration.",
    False: "The declaration is not signed yet. Without it no photographs are given out.",
}
FOR_WHOM = {
    "me": "The person asks for themselves.",
    "child": "The person asks for a child. Check that they are responsible for it.",
    "agent": "The person asks for somebody else. Check that they may.",
    "deceased": "The person asks for somebody who has died. Check how they are related.",
}
LADDER = {
    "none": "Needs no check of who is asking: the law forbids one.",
    "contact": "Needs a contact that was confirmed.",
    "challenge": "Needs a person to be sure who is asking: two new photos with a code, or another way as good.",
    "strong": "Needs a person to be sure who is asking: two new photos with a code where a photo of their face was "
    "given, a second sign, and the declaration.",
}
