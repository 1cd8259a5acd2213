"""New secret words for who lost theirs. The old ones cannot be brought back: nobody keeps them.

A code to the confirmed contact makes new ones. Who reads somebody's mail or texts must not get more by it than a
contact is worth on the ladder: where a caseworker had made sure who asks, the whole request stays closed to the new
words, but for a box to write in, until a caseworker is sure again.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.cases.acting import mandates
from portal.cases.arrival import words
from portal.cases.arrival.addresses import clean_contact
from portal.cases.arrival.limits import spend
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.keys import contact_digest, keys_of
from portal.languages import gettext as _
from portal.tables import Case, NewWords, random_id

VALID = timedelta(minutes=10)
TRIES = 5
SENDS = 3
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Given:
    """New words, told once, and the case they open."""

    case: Case
    secret_words: str


def ask(session: Session, reference: str, typed: str) -> None:
    """Send a code where what is typed is the confirmed contact of that request; whether it is shows nowhere.

    Raises BadInput (no contact), TooMany (SENDS an hour for one reference, also for one that is none).
    """
    address = clean_contact(session, typed)
    if not spend(session, "lost-words", words.as_reference(reference), SENDS, HOUR):
        raise TooMany(_("You have asked for several codes. Nothing is lost. Please wait an hour."))
    case = _case_of(session, reference, address)
    if case is None:
        return
    code = f"{secrets.randbelow(1_000_000):06}"
    row = session.get(NewWords, case.id) or NewWords(case_id=case.id)
    row.digest, row.tries, row.expires_at = _digest(session, case, code), 0, clock.now() + VALID
    session.add(row)
    session.flush()
    mails.queue_code(session, address, code, random_id())


def give(session: Session, reference: str, contact: str, typed: str) -> Given | None:
    """New words, when this is the code. None when it is wrong or over: commit that, too, for a wrong try counts."""
    case = _case_of(session, reference, clean_contact(session, contact))
    row = session.get(NewWords, case.id) if case is not None else None
    if case is None or row is None or row.expires_at is None or row.expires_at <= clock.now() or row.tries >= TRIES:
        return None
    digits = "".join(each for each in typed if each.isascii() and each.isdigit())
    if not hmac.compare_digest(row.digest or "", _digest(session, case, digits)):
        row.tries += 1
        session.flush()
        return None
    given = _use(session, row)
    if given is None:
        return None
    secret = words.new_words()
    case.secret_hash = words.hashed(secret)
    session.flush()
    lifecycle.record(session, case, "words-renewed", "subject")
    audit.append(session, "words-renewed", {"case": case.id})
    mails.queue_new_words(session, case, given)
    return Given(case, secret)


def since(session: Session, case: Case) -> datetime | None:
    """Since when the request is closed to its new words; None while nothing holds it.

    Where nobody made sure who asks nothing may be shown anyway, and who does so later knows of the new words. A person
    for whom somebody else acts has words of their own: to them nothing is closed by those of the other one.
    """
    row = session.get(NewWords, case.id)
    if row is None or row.given_at is None or row.cleared_at is not None:
        return None
    sure = _sure_at(session, case)
    return row.given_at if sure is not None and sure <= row.given_at else None


def _sure_at(session: Session, case: Case) -> datetime | None:
    """When somebody last made sure of whoever has these words: who asks, or whether they may act. None: nobody did."""
    mandate = mandates.of_case(session, case)
    moments = [case.identity_at or case.received_at] if case.identity == "confirmed" else []
    if mandate is not None and mandate.judged_at is not None:
        moments.append(mandate.judged_at)
    return max(moments, default=None)


def given_at(session: Session, case: Case) -> datetime | None:
    """When new words were made last; None where the person has their first ones."""
    row = session.get(NewWords, case.id)
    return row.given_at if row is not None else None


def clear(session: Session, case: Case, account_id: str, note: str) -> None:
    """A caseworker is sure again who asks: the request opens. Raises BadInput (no note), Conflict, NotAllowed."""
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker checks who is asking.", "not-your-step")
    if since(session, case) is None:
        raise Conflict("Nothing is closed to the person here any more.", "nothing-held")
    if not note.strip():
        raise BadInput("Write down how you know. It is kept with the case.", "note-missing")
    row = session.get_one(NewWords, case.id)
    row.cleared_by, row.cleared_at, row.note = account_id, clock.now(), note.strip()
    session.flush()
    lifecycle.record(session, case, "words-cleared", account_id)
    audit.append(session, "words-cleared", {"case": case.id, "actor": account_id})


def _case_of(session: Session, reference: str, address: str) -> Case | None:
    """The request with this reference, if this is its confirmed contact. It is that of the one who asks; once the
    person took back what let them ask, it opens nothing.
    """
    case = session.scalar(select(Case).where(Case.reference == words.as_reference(reference)))
    if case is None or case.contact_confirmed_at is None or case.contact_digest is None:
        return None
    mandate = mandates.of_case(session, case)
    ended = mandate is not None and mandates.over(session, mandate) == "taken-back"
    return case if hmac.compare_digest(case.contact_digest, contact_digest(session, address)) and not ended else None


def _use(session: Session, row: NewWords) -> datetime | None:
    """Use the code up. Returns when that was; None when another press of the button was faster."""
    now = clock.now()
    values = {"digest": None, "expires_at": None, "given_at": now}
    anew = {"cleared_by": None, "cleared_at": None, "note": None}
    statement = update(NewWords).where(NewWords.case_id == row.case_id, NewWords.digest == row.digest)
    result = session.execute(statement.values(**values, **anew).execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    session.refresh(row)
    return now if result.rowcount == 1 else None


def _digest(session: Session, case: Case, code: str) -> str:
    return keys_of(session).digest("lost-words", f"{case.id}/{code}".encode())
