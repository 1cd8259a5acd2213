"""The person's own say when somebody acts for them: a link to their own address, secret words of their own, and a way
to end it. No link is sent where only an opt-out is asked, nor where the rule says that nobody may ask the person.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.cases.acting import mandates
from portal.cases.arrival import words
from portal.cases.arrival.limits import spend
from portal.db import config_of
from portal.errors import BadInput, Conflict, Gone, TooMany
from portal.keys import contact_digest, keys_of
from portal.languages import gettext as _
from portal.languages import speaking
from portal.tables import Case, Mandate

# So many strangers may have somebody written to in a day.
LINKS_PER_ADDRESS = 3
# A mail lies in a mailbox for years. Without a word of the person the request itself ends sooner.
VALID = timedelta(days=30)
# For somebody who pressed the button and lost the page with their words.
VALID_AFTER_YES = timedelta(days=1)


def ask_person(session: Session, case: Case, mandate: Mandate) -> bool:
    """Send the person their link, where the rule lets us ask and there is an address. False where there is nothing
    to ask. Raises TooMany when their address got several today: nothing is sent and nothing is lost.
    """
    email = mandates.said_of(session, mandate).email
    if not email or not any(mandates.waits_for_person(mandate, right) for right in case.rights):
        return False
    if not spend(session, "person-link", contact_digest(session, email), LINKS_PER_ADDRESS, timedelta(days=1)):
        raise TooMany(_("This person got several mails from us today. Your answers are saved. Try again tomorrow."))
    link = _new_link(session, mandate)
    mandate.asked_at = clock.now()
    with speaking(case.language):
        body = _(
            "Somebody has written to us on your behalf. To read who it is and what they ask, and to say yes or no, "
            "open this page:\n%(link)s\n\nIf you do not know about it, open the page and say no. If you do nothing, "
            "nothing is given to anybody.",
            link=link,
        )
        mails.queue_mail(session, case, email, _("A question for you"), body, f"person-link/{mandate.id}")
    return True


def ask_again(session: Session, case: Case, mandate: Mandate) -> bool:
    """Remind the person once, with a new link: only a digest of the first was kept. False where it cannot be sent."""
    email = mandates.said_of(session, mandate).email
    if not email or not spend(
        session, "person-link", contact_digest(session, email), LINKS_PER_ADDRESS, timedelta(days=1)
    ):
        return False
    with speaking(case.language):
        body = _(
            "We wrote to you before: somebody has written to us on your behalf. To read who it is and what they ask, "
            "and to say yes or no, open this page. It takes the place of the first link:\n%(link)s\n\n"
            "If you do nothing, nothing is given to anybody.",
            link=_new_link(session, mandate),
        )
        mails.queue_mail(session, case, email, _("A question for you"), body, f"person-link/{mandate.id}/again")
    return True


def _new_link(session: Session, mandate: Mandate) -> str:
    """A link that works from now on, and the only one."""
    token = secrets.token_urlsafe(32)
    mandate.token_digest = _digest(session, token)
    return f"{config_of(session).address}/for-you/{token}"


def find(session: Session, token: str) -> tuple[Case, Mandate]:
    """Case and mandate of a link. Raises Gone, in the same words for one whose time is over or that never was."""
    mandate = session.scalar(select(Mandate).where(Mandate.token_digest == _digest(session, token[:100])))
    case = session.get(Case, mandate.case_id) if mandate is not None and mandate.case_id else None
    if mandate is None or case is None or _is_over(case, mandate):
        raise Gone(_("This link does not work any more. If you have secret words, sign in with them."), "link-gone")
    return case, mandate


def _is_over(case: Case, mandate: Mandate) -> bool:
    """With the request, a day after the person said yes here, or once everybody was silent for long."""
    if case.state == "closed" or mandate.asked_at is None:
        return True
    if mandate.confirmed_at is not None and mandate.secret_hash is not None:
        return clock.now() >= mandate.confirmed_at + VALID_AFTER_YES
    return clock.now() >= max(mandate.asked_at, mandate.judged_at or mandate.asked_at) + VALID


def confirm(session: Session, case: Case, mandate: Mandate) -> str:
    """The person says yes. Returns their own secret words: they exist nowhere else, show them once.

    Said again, there are new words and the old ones stop working. Raises Conflict once the case has ended.
    """
    session.refresh(case)
    if case.state == "closed":
        raise Conflict(_("This request is finished. There is nothing to confirm any more."), "finished")
    own = words.new_words()
    first = session.execute(
        update(Mandate)
        .where(Mandate.id == mandate.id, Mandate.confirmed_at.is_(None))
        .values(confirmed_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(first, CursorResult)
    session.refresh(mandate)
    mandate.secret_hash = words.hashed(own)
    session.flush()
    if first.rowcount == 1:
        _log(session, case, "person-confirmed")
    return own


def take_back(session: Session, case: Case, mandate: Mandate) -> None:
    """The person goes on alone: from now on the one who acted sees nothing of the case. Raises Conflict, BadInput."""
    session.refresh(mandate)
    if mandate.ended_at is not None:
        raise Conflict(_("You have taken the permission back already."), "taken-back")
    if mandate.secret_hash is None:
        raise BadInput(_("Say first that you know of this request. You then get words of your own."), "no-words")
    mandate.ended_at = clock.now()
    _log(session, case, "permission-taken-back")


def is_person(session: Session, case: Case, typed: str) -> bool:
    """True when these are the person's own secret words, and not those of the one who acts for them."""
    mandate = mandates.of_case(session, case)
    return mandate is not None and mandate.secret_hash is not None and words.is_right(mandate.secret_hash, typed)


def _digest(session: Session, token: str) -> str:
    return keys_of(session).digest("person-link", token.encode())


def _log(session: Session, case: Case, kind: str) -> None:
    lifecycle.record(session, case, kind, "subject")
    audit.append(session, kind, {"case": case.id, "actor": "subject"})
