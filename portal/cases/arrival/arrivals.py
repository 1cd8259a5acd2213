"""A request that came by phone, by post or at the counter: entered by a caseworker, its clock from the day it came."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal import audit, blobs, clock
from portal.cases import lifecycle
from portal.cases.acting.papers import Paper
from portal.cases.arrival import looking, words
from portal.cases.arrival.sending import Submitted, submit
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.keys import keys_of
from portal.tables import Arrival, Blob, Case, Draft, Probe
from portal.tables.acting import ARRIVALS

ADDRESS_LONGEST = 500
# Older letters are a mistake in the date more often than a letter.
OLDEST = timedelta(days=730)

# What a caseworker may take as a sign of who asks where somebody cannot or will not use a screen. Each is in the
# person's own hands; none is a document of identity.
BY_POST = (
    "They answered the letter we sent to their address, with the reference and the code from it.",
    "They sent a photograph of themselves with a code on paper that we gave them in that letter.",
    "We called back on a number that we knew before, and they told things only they can know.",
    "They showed something of the account itself, such as a letter or a mail that came with it.",
)
NO_DOCUMENT = (
    "Do not ask for an identity card or a passport. If one was sent, delete the scan, send it back or destroy it, "
    "and say so in the note."
)


@dataclass(frozen=True)
class Came:
    """How a request came: `how` is one of ARRIVALS. `address`: name and postal address, for the letter."""

    how: str
    received_on: date
    address: str = ""


def enter(session: Session, draft: Draft, account_id: str, came: Came, scan: Paper | None) -> Submitted:
    """Open a case for somebody who did not type it in. The draft holds the answers, as if the person had given them;
    a mail address in it was not confirmed, so it alone shows nobody's identity.

    Raises BadInput (how, day, no way to answer, or what the draft lacks), NotAllowed (no caseworker).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker enters a request for somebody.", "not-your-step")
    sent = submit(session, draft, received_at=_instant(session, check(session, came)))
    case = sent.case
    address = came.address.strip()
    blob = blobs.put_blob(session, "letter", scan.data, scan.media_type) if scan is not None else None
    session.add(
        Arrival(
            case_id=case.id,
            how=came.how,
            entered_by=account_id,
            entered_at=clock.now(),
            address=keys_of(session).seal(json.dumps(address).encode(), _place(case)) if address else None,
            scan_id=blob.id if blob is not None else None,
        )
    )
    session.flush()
    lifecycle.record(session, case, "entered", account_id, how=came.how)
    facts = {"case": case.id, "actor": account_id, "how": came.how, "received": came.received_on.isoformat()}
    audit.append(session, "case-entered", facts)
    return sent


def new_words(session: Session, case: Case, account_id: str) -> str:
    """New secret words for another letter: the old ones stop working. Raises NotFound, NotAllowed.

    Only for a request that was entered by hand. Others keep theirs themselves, and nobody else ever saw them.
    """
    if of_case(session, case) is None:
        raise NotFound("The person typed this request in. Only they have its secret words.")
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker prints a letter for somebody.", "not-your-step")
    secret = words.new_words()
    case.secret_hash = words.hashed(secret)
    session.flush()
    lifecycle.record(session, case, "new-words", account_id)
    audit.append(session, "new-words", {"case": case.id, "actor": account_id})
    return secret


def to_choose(session: Session, case: Case) -> list[Probe]:
    """The photographs that came with a letter and show several people, none of whom is chosen yet.

    Who typed a request in chooses for themselves. Once it is decided nothing is looked for any more.
    """
    if of_case(session, case) is None or case.state in {"fulfilling", "closed"}:
        return []
    return [probe for probe in looking.probes_of(session, case) if probe.state == "choose-face"]


def choose_face(session: Session, case: Case, probe_id: str, index: int, account_id: str) -> None:
    """A caseworker says which face the letter means. Raises NotAllowed, Conflict (nothing to choose), BadInput."""
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker chooses a face for somebody.", "not-your-step")
    probe = next((each for each in to_choose(session, case) if each.id == probe_id), None)
    if probe is None:
        raise Conflict("There is no face to choose in this picture any more.", "nothing-to-choose")
    looking.choose_face(session, probe, index)
    lifecycle.record(session, case, "face-chosen", account_id)
    audit.append(session, "face-chosen", {"case": case.id, "actor": account_id, "probe": probe.id})


def letter_code(session: Session, case: Case) -> str:
    """Six digits that stand on the letter and nowhere else the person could know them from. New words, new code."""
    digest = keys_of(session).digest("letter-code", f"{case.id}/{case.secret_hash}".encode())
    return f"{int(digest, 16) % 1_000_000:06}"


def check(session: Session, came: Came) -> Came:
    """The same, looked at. Raises BadInput naming what is wrong."""
    today = clock.local_date(clock.now(), config_of(session).zone)
    if came.how not in ARRIVALS:
        raise BadInput("Choose how the request came.", "bad-how")
    if not today - OLDEST <= came.received_on <= today:
        raise BadInput("Enter the day on which it came: today or before, and not more than two years ago.", "bad-day")
    if len(came.address) > ADDRESS_LONGEST:
        raise BadInput(f"Use at most {ADDRESS_LONGEST} letters for the name and address.", "bad-address")
    return came


def _instant(session: Session, came: Came) -> datetime:
    """Noon of the day where the organisation is; now, when it came today."""
    zone = config_of(session).zone
    now = clock.now()
    if came.received_on == clock.local_date(now, zone):
        return now
    return datetime.combine(came.received_on, time(12), tzinfo=ZoneInfo(zone))


def of_case(session: Session, case: Case) -> Arrival | None:
    """None for a request that the person typed in."""
    return session.get(Arrival, case.id)


def address_of(session: Session, case: Case) -> str:
    """Name and postal address; empty when there is none, or not any more."""
    arrival = of_case(session, case)
    if arrival is None or arrival.address is None:
        return ""
    address: str = json.loads(keys_of(session).unseal(arrival.address, _place(case)))
    return address


def open_scan(session: Session, case: Case) -> Paper:
    """The scan of the letter. Raises NotFound when there is none, or not any more."""
    arrival = of_case(session, case)
    blob = session.get(Blob, arrival.scan_id) if arrival is not None and arrival.scan_id else None
    if blob is None:
        raise NotFound("This letter is not kept any more.")
    return Paper(blobs.open_blob(session, blob.id), blob.media_type)


def _place(case: Case) -> str:
    return f"arrival/{case.id}/address"
