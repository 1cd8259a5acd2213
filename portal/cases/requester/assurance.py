"""What shows who is asking before photographs are given out, beside a person's judgement: a second sign, and a
declaration. Only where the frozen rule asks for it, and never an identity document. Who gave a photo of their face also
sends the two new photographs of `challenge`, which are compared with it; who cannot, shows a further second sign of
another kind. Who gave no face has nothing to compare: there the signs and the caseworker's written reason stand alone.

A second sign is a second address that answers a code; an address the organisation holds already, which answers a code
or is the one the person gave; or a profile in which the person placed a token. Each address is forgotten once it has
answered.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle, mails
from portal.cases.arrival.addresses import clean_contact
from portal.cases.arrival.limits import spend, spend_text
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.keys import contact_digest, keys_of
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import (
    Arrival,
    Case,
    CaseEvent,
    CaseLink,
    CaseRight,
    Declaration,
    Probe,
    ProfileCheck,
    SecondSign,
    random_id,
)

VALID = timedelta(minutes=10)
TRIES = 5
SENDS = 6
# So many signs of different kinds stand in for the new photographs.
ENOUGH = 2
DAY = timedelta(days=1)
OPEN_STATES = ("received", "identity-check", "searching", "reviewing", "deciding")
STATEMENT = mark(
    "I declare that I am the person this request is about, or may act for them, and that what I wrote is true."
)
# Words that a law asks for are signed as the law has them, in its language.
PERJURY = (
    "I declare under penalty of perjury under the laws of the State of California "
    "that the foregoing is true and correct."
)


@dataclass(frozen=True)
class Standing:
    """What is there of what a strong check asks for. `sign` is the kind that was shown first, one of tables.SIGNS.

    `compared`: the face they gave was compared with new photographs; None where they gave none, or showed a further
    sign instead.
    """

    sign: str | None
    declared: bool
    compared: bool | None

    @property
    def complete(self) -> bool:
        return self.sign is not None and self.declared and self.compared is not False


def is_asked(case: Case) -> bool:
    """True when a right's frozen rule asks for the strong check."""
    return any(_is_strong(right) for right in case.rights)


def standing(session: Session, case: Case) -> Standing:
    """What was shown so far; in a request that follows another one, also what was shown there."""
    session.flush()
    followed = session.scalar(
        select(CaseLink.other_id).where(CaseLink.case_id == case.id, CaseLink.kind == "follow-up").limit(1)
    )
    if followed is not None and (before := standing(session, session.get_one(Case, followed))).complete:
        return before
    shown = select(SecondSign.kind).where(SecondSign.case_id == case.id, SecondSign.shown_at.is_not(None))
    signs = session.scalars(shown.order_by(SecondSign.shown_at)).all()
    compared = _compared(session, case) if len(signs) < ENOUGH else None
    return Standing(signs[0] if signs else None, session.get(Declaration, case.id) is not None, compared)


def _compared(session: Session, case: Case) -> bool | None:
    """Whether the two new photographs came; None where no face was given, or a caseworker had the person before them.

    What was sent for it is deleted with the decision, so the timeline tells.
    """
    face = select(Probe.id).where(Probe.case_id == case.id, Probe.kind == "selfie", Probe.state != "refused")
    came = session.get(Arrival, case.id)
    if session.scalar(face.limit(1)) is None or (came is not None and came.how == "in-person"):
        return None
    sent = select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.kind == "challenge-sent")
    return session.scalar(sent.limit(1)) is not None


def waits_for_person(session: Session, case: Case) -> bool:
    """True while something of the strong check is open and the request is not decided. The same for hit and miss."""
    there = standing(session, case)
    # For the new photographs they are asked on a page of its own.
    begun = there.compared is False and bool(waiting_codes(session, case))
    return case.state in OPEN_STATES and is_asked(case) and (begun or not (there.sign and there.declared))


def why_not_grant(session: Session, right: CaseRight) -> str | None:
    """Why a right may not be granted yet, in words for staff; None where nothing is missing."""
    there = standing(session, right.case)
    if not _is_strong(right) or there.complete:
        return None
    missing = [] if there.sign else ["a second sign of who is asking"]
    missing += [] if there.declared else ["the signed declaration"]
    missing += ["the check of two new photos with a code, or another kind of second sign,"] * (there.compared is False)
    return f"The law asks for more before photographs are given out: {' and '.join(missing)} is missing."


def words_of(case: Case) -> str:
    """What the person signs, in the language spoken now; with the words of the law where it names them."""
    named = any(law.rule_by(right.rule, right.rule_version).declaration == "perjury" for right in case.rights)
    return f"{_(STATEMENT)} {PERJURY}" if named else _(STATEMENT)


def declare(session: Session, case: Case, name: str) -> None:
    """The person signs with their name. Signed twice, the first stays. Raises BadInput (no name), Conflict."""
    clean = " ".join(name.split())
    if not 2 <= len(clean) <= 200 or not clean.isprintable():
        raise BadInput(_("Type your name to sign."), "name-missing")
    _keep(session, case, {"words": words_of(case), "name": clean}, None)


def take_paper(session: Session, case: Case, account_id: str) -> None:
    """A caseworker holds the declaration signed on paper. Raises NotAllowed, Conflict."""
    _only_caseworker(session, account_id)
    _keep(session, case, {"words": words_of(case), "name": "on paper"}, account_id)


def give_contact(session: Session, case: Case, typed: str) -> None:
    """The person names a second address, or a number; a code goes there. Raises BadInput, TooMany, Conflict."""
    address = clean_contact(session, typed, case.residence)
    if case.contact_digest == contact_digest(session, address):
        raise BadInput(_("We know this address already. Give us another one, or write to us."), "same-address")
    _send(session, case, "second-contact", address, None, None)


def write_to_held(session: Session, case: Case, account_id: str, typed: str, note: str) -> None:
    """A caseworker has a code sent to an address or number that is held of the person. `note` says from where.

    Raises NotAllowed, BadInput, TooMany, Conflict.
    """
    _only_caseworker(session, account_id)
    address = clean_contact(session, typed, case.residence)
    _send(session, case, "held-contact", address, account_id, _noted(note))


def accept_known(session: Session, case: Case, account_id: str, note: str) -> None:
    """A caseworker found that the confirmed contact is the one the organisation holds of the person: no code is needed.

    Raises NotAllowed, BadInput (no note), Conflict (no confirmed contact).
    """
    _only_caseworker(session, account_id)
    if case.contact_confirmed_at is None:
        raise Conflict("The person confirmed no contact, so there is none to know again.", "no-contact")
    sign = _fresh(session, case, "known-contact")
    sign.given_by, sign.note, sign.shown_at = account_id, _noted(note), clock.now()
    _write_down(session, case, "second-sign-shown", account_id, sign="known-contact")


def accept_profile(session: Session, case: Case, account_id: str, note: str) -> None:
    """A caseworker looked at the profile in which the token was found. `note` says why it is the person's.

    Raises NotAllowed, BadInput (no note), Conflict (no token was found there).
    """
    _only_caseworker(session, account_id)
    found = select(ProfileCheck.id).where(ProfileCheck.case_id == case.id, ProfileCheck.state == "found")
    if session.scalar(found) is None:
        raise Conflict("No token was found in a profile.", "no-profile")
    if not note.strip():
        raise BadInput("Write down why this profile is the person's. It is kept with the case.", "note-missing")
    sign = _fresh(session, case, "profile")
    sign.given_by, sign.note, sign.shown_at = account_id, note.strip(), clock.now()
    _write_down(session, case, "second-sign-shown", account_id, sign="profile")


def confirm(session: Session, case: Case, typed: str) -> bool:
    """Check a code typed by the person. False when it is wrong or over: commit that, too, for a wrong try counts."""
    digits = "".join(each for each in typed if each.isascii() and each.isdigit())
    for sign in waiting_codes(session, case):
        if hmac.compare_digest(sign.digest or "", _digest(session, sign, digits)) and _use(session, sign):
            _write_down(session, case, "second-sign-shown", "subject", sign=sign.kind)
            return True
    for sign in waiting_codes(session, case):
        sign.tries += 1
    session.flush()
    return False


def waiting_codes(session: Session, case: Case) -> list[SecondSign]:
    """The signs whose code still works."""
    session.flush()
    mine = select(SecondSign).where(
        SecondSign.case_id == case.id,
        SecondSign.shown_at.is_(None),
        SecondSign.tries < TRIES,
        SecondSign.expires_at > clock.now(),
    )
    return list(session.scalars(mine.order_by(SecondSign.kind)))


def forget(session: Session, case: Case) -> None:
    """Forget addresses, notes and the name under the declaration. That they were there stays."""
    changed = {"sealed": None, "note": None, "digest": None}
    session.execute(update(SecondSign).where(SecondSign.case_id == case.id).values(**changed))
    session.execute(update(Declaration).where(Declaration.case_id == case.id).values(sealed=None))
    session.expire_all()


def _is_strong(right: CaseRight) -> bool:
    return law.rule_by(right.rule, right.rule_version).identity == "strong"


def _only_caseworker(session: Session, account_id: str) -> None:
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker checks who is asking.", "not-your-step")


def _noted(note: str) -> str:
    if not note.strip():
        raise BadInput("Write down where this address comes from. It is kept with the case.", "note-missing")
    return note.strip()


def _is_open(case: Case) -> None:
    if case.state not in OPEN_STATES:
        raise Conflict(_("This request was decided already. Please make a new one."), "decided")


def _keep(session: Session, case: Case, said: dict[str, str], taken_by: str | None) -> None:
    _is_open(case)
    if session.get(Declaration, case.id) is not None:
        return
    sealed = keys_of(session).seal(json.dumps(said).encode(), f"declaration/{case.id}")
    session.add(Declaration(case_id=case.id, sealed=sealed, signed_at=clock.now(), taken_by=taken_by))
    _write_down(session, case, "declared", taken_by or "subject")


def _send(session: Session, case: Case, kind: str, address: str, given_by: str | None, note: str | None) -> None:
    _is_open(case)
    per_case = spend(session, "sign", case.id, SENDS, DAY)
    if not per_case or not spend(session, "code-to", contact_digest(session, address), SENDS, timedelta(hours=1)):
        raise TooMany(_("We have sent several codes. Nothing is lost. Please try again later."))
    spend_text(session, address)
    sign = _fresh(session, case, kind)
    code = f"{secrets.randbelow(1_000_000):06}"
    sign.sealed = keys_of(session).seal(address.encode(), f"sign/{sign.id}")
    sign.digest, sign.tries, sign.expires_at = _digest(session, sign, code), 0, clock.now() + VALID
    sign.given_by, sign.note = given_by, note
    _write_down(session, case, "second-sign-asked", given_by or "subject", sign=kind)
    mails.queue_code(session, address, code, random_id())


def _fresh(session: Session, case: Case, kind: str) -> SecondSign:
    """The row of this kind, made anew. Raises Conflict once it was shown."""
    _is_open(case)
    session.flush()
    sign = session.scalar(select(SecondSign).where(SecondSign.case_id == case.id, SecondSign.kind == kind))
    if sign is not None and sign.shown_at is not None:
        raise Conflict(_("This was shown already."), "shown-already")
    if sign is None:
        sign = SecondSign(id=random_id(), case_id=case.id, kind=kind, asked_at=clock.now())
        session.add(sign)
    sign.asked_at = clock.now()
    return sign


def _use(session: Session, sign: SecondSign) -> bool:
    """Use the code up and forget the address. False when another request was faster."""
    statement = (
        update(SecondSign)
        .where(SecondSign.id == sign.id, SecondSign.shown_at.is_(None))
        .values(shown_at=clock.now(), sealed=None, digest=None)
    )
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    session.refresh(sign)
    return result.rowcount == 1


def _digest(session: Session, sign: SecondSign, code: str) -> str:
    return keys_of(session).digest("sign", f"{sign.id}/{code}".encode())


def _write_down(session: Session, case: Case, kind: str, actor: str, **facts: str) -> None:
    lifecycle.record(session, case, kind, actor, **facts)
    audit.append(session, kind, {"case": case.id, "actor": actor, **facts})
