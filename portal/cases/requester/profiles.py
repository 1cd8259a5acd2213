"""A token that the person places in a profile of theirs: who can change a page is likely the one it shows.

The person is given a fresh token for a day. Once they say that it is there, a worker has it looked for by a process
that knows nothing else, on the allowed websites only. What was seen is one sign among others: a comment under somebody
else's photograph can hold a token, too. So a caseworker looks, and decides.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from portal import audit, clock, forgotten
from portal.cases import lifecycle
from portal.cases.arrival.limits import spend
from portal.cases.requester import assurance
from portal.db import config_of
from portal.errors import BadInput, Conflict, TooMany
from portal.jobs import make_due
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.stores import links
from portal.tables import Case, ManifestEntry, ProfileCheck

VALID = timedelta(days=1)
ASKS = 6
LOOKS = 10
SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"
LENGTH = 20


def is_open(session: Session, case: Case) -> bool:
    """True while the person may show a profile. It depends on nothing that was found."""
    asked = case.state == "identity-check" or assurance.waits_for_person(session, case)
    return asked and bool(hosts(session))


def of_case(session: Session, case: Case) -> ProfileCheck | None:
    session.flush()
    return session.scalar(
        select(ProfileCheck).where(ProfileCheck.case_id == case.id).execution_options(populate_existing=True)
    )


def ask(session: Session, case: Case, link: str) -> ProfileCheck:
    """Give a fresh token for the profile at `link`; an earlier one is over. Raises BadInput, Conflict, TooMany."""
    _may(session, case)
    page = _page(session, link)
    if not spend(session, "profile", case.id, ASKS, timedelta(days=1)):
        raise TooMany(_("You have tried this many times today. Nothing is lost. Please try again tomorrow."))
    row = of_case(session, case)
    if row is not None and row.state == "found":
        raise Conflict(_("We found the words in your profile already. You can take them out again."), "found-already")
    if row is None:
        row = ProfileCheck(case_id=case.id, asked_at=clock.now(), expires_at=clock.now())
        session.add(row)
        session.flush()
    row.sealed = keys_of(session).seal(page.encode(), f"profile/{row.id}")
    row.token = "efface-" + "".join(secrets.choice(SIGNS) for _each in range(LENGTH))
    row.state, row.seen, row.work_state = "asked", None, "idle"
    row.fence += 1  # A worker that looks for the token before this one must not record anything any more.
    row.asked_at, row.expires_at = clock.now(), clock.now() + VALID
    _write_down(session, case, "profile-asked", "subject")
    return row


def placed(session: Session, case: Case, token: str) -> None:
    """The person says that this token is in the profile: have it looked for. Said twice, it is looked for once.

    Raises Conflict (over, or another token), TooMany.
    """
    _may(session, case)
    row = of_case(session, case)
    if row is None or not is_valid(row) or not secrets.compare_digest((row.token or "").encode(), token.encode()):
        raise Conflict(
            _("These words do not work any more. Give us the link again, and you get new ones."), "token-over"
        )
    if not _begin(session, row):
        return
    if not spend(session, "profile-look", case.id, LOOKS, timedelta(days=1)):
        raise TooMany(_("You have tried this many times today. Nothing is lost. Please try again tomorrow."))
    make_due(session, row)
    _write_down(session, case, "profile-placed", "subject")


def is_valid(row: ProfileCheck) -> bool:
    """True while its token can be found, or is looked for."""
    return row.token is not None and row.state != "found" and clock.now() < row.expires_at


def question(session: Session, row: ProfileCheck) -> tuple[str, str] | None:
    """Link and token to look for; None where nothing is to be looked for any more."""
    case = session.get_one(Case, row.case_id)
    if row.state != "looking" or row.token is None or row.sealed is None or not is_open(session, case):
        return None
    return link_of(session, row) or "", row.token


def looked(session: Session, row: ProfileCheck, token: str, seen: str) -> None:
    """Write down what came of a look for `token`: `seen` is a word of the fetcher. Changes nothing when it is late."""
    if row.state != "looking" or row.token != token:
        return
    row.seen = seen
    row.state = "found" if seen == "seen" else "not-found"
    if row.state == "found":
        row.found_at, row.token = clock.now(), None
    _write_down(session, session.get_one(Case, row.case_id), "profile-looked-at", "machine", seen=seen)


def given_up(row: ProfileCheck) -> None:
    """What was to be looked for is over."""
    if row.state == "looking":
        row.state = "not-found"


def link_of(session: Session, row: ProfileCheck) -> str | None:
    """The page, as it is asked for; None where it was forgotten."""
    return keys_of(session).unseal(row.sealed, f"profile/{row.id}").decode() if row.sealed else None


def known_photographs(session: Session, row: ProfileCheck) -> int:
    """How many photographs the stores' lists say come from this very page. For staff alone."""
    link = link_of(session, row)
    if link is None:
        return 0
    same = ManifestEntry.source_url_key == links.canonical(link)
    return session.scalar(select(func.count()).select_from(ManifestEntry).where(same)) or 0


def forget_decided(session: Session) -> int:
    """Forget link and token of each case in which nothing waits for them any more. Returns how many."""
    over = ProfileCheck.case_id.in_(select(Case.id).where(Case.state.not_in(assurance.OPEN_STATES)))
    kept = ProfileCheck.sealed.is_not(None) | ProfileCheck.token.is_not(None)
    return empty(session, session.scalars(select(ProfileCheck.id).where(over, kept)).all())


def empty(session: Session, ids: Sequence[str]) -> int:
    """Forget link and token of these. Returns of how many."""
    forgotten.note(session, "profile", ids)
    statement = update(ProfileCheck).where(ProfileCheck.id.in_(ids)).values(sealed=None, token=None)
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def _begin(session: Session, row: ProfileCheck) -> bool:
    """Take the row from waiting to looking. False when that was done already."""
    statement = update(ProfileCheck).where(ProfileCheck.id == row.id, ProfileCheck.state.in_(("asked", "not-found")))
    result = session.execute(statement.values(state="looking").execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    session.refresh(row)
    return result.rowcount == 1


def _may(session: Session, case: Case) -> None:
    session.refresh(case)
    if not is_open(session, case):
        raise Conflict(_("You do not need to show us a profile now."), "not-now")


def _page(session: Session, link: str) -> str:
    """The page to ask for: canonical, but with the host as it was given. Raises BadInput."""
    page = links.canonical(link)
    given = link.strip()
    host = urlsplit(given if "://" in given else f"https://{given}").hostname or ""
    parts = urlsplit(page)
    if parts.hostname not in hosts(session):
        raise BadInput(
            _("We cannot look at this website. We can look at: %(sites)s", sites=", ".join(hosts(session))),
            "host-not-allowed",
        )
    if parts.port is not None:
        raise BadInput(_("This link has a number after the website's name. Copy the link of the page without it."))
    return parts._replace(netloc=host.rstrip(".")).geturl()


def hosts(session: Session) -> tuple[str, ...]:
    """The websites that may be asked, without `www.`."""
    return config_of(session).websites


def _write_down(session: Session, case: Case, kind: str, actor: str, **facts: str) -> None:
    lifecycle.record(session, case, kind, actor, **facts)
    audit.append(session, kind, {"case": case.id, "actor": actor, **facts})
