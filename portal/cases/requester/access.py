"""Coming back to a case: reference and secret words, no account."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases.acting import mandates
from portal.cases.arrival import words
from portal.cases.arrival.limits import spend
from portal.errors import NotAllowed, TooMany
from portal.languages import gettext as _
from portal.tables import Case

TRIES = 10
TRIES_PER_PLACE = 30
WINDOW = timedelta(minutes=15)


def count_try(session: Session, reference: str, place: str) -> None:
    """Count a sign-in before it is tried, by reference and by `place` (the caller's network address).

    Commit before `sign_in`, so that a wrong try counts. Raises TooMany.
    """
    by_reference = spend(session, "sign-in", words.as_reference(reference), TRIES, WINDOW)
    by_place = spend(session, "sign-in-from", place, TRIES_PER_PLACE, WINDOW)
    if not (by_reference and by_place):
        raise TooMany(_("You have tried many times. Nothing is lost. Please wait 15 minutes, then try again."))


def sign_in(session: Session, reference: str, secret_words: str) -> Case:
    """The case of these words. Raises NotAllowed, in the same time and words for an unknown reference.

    Reads only. Slow on purpose (about 40 ms): do not hold a writing session.
    """
    case = session.scalar(select(Case).where(Case.reference == words.as_reference(reference)))
    # Where somebody acts for another, each has words of their own. Two are always tried: the time must not tell.
    mandate = mandates.of_case(session, case) if case is not None else None
    hashes = [case.secret_hash if case is not None else None, mandate.secret_hash if mandate is not None else None]
    right = [words.is_right(each or _nobodys_hash(), secret_words) for each in hashes]
    if case is None or not any(right):
        raise NotAllowed(
            _("The reference and the secret words do not fit together. Check both and try again."), "wrong-words"
        )
    return case


@cache
def _nobodys_hash() -> str:
    """A hash to check against when there is no such case, so that the answer takes as long."""
    return words.hashed(words.new_words())
