"""A person shows that it is they who ask: two fresh photographs, with a code on paper and the head turned as told.

The code is drawn when the person is ready, works for ten minutes and once. A caseworker judges what was sent; what the
computer measured is only a help. A made-up video can still pass, so no certified level is claimed.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from portal import audit, blobs, clock, forgotten
from portal.cases import lifecycle, mails
from portal.cases.arrival import limits
from portal.cases.arrival.looking import Prepared
from portal.cases.clocks import pausing
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.jobs import make_due
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import Blob, Case, Challenge
from portal.tables.identity import TURNS

VALID = timedelta(minutes=10)
# Letters and figures that nobody takes for one another in handwriting.
SIGNS = "ACEFHJKMNPRTWXY3479"
CODES = 10
DAY = timedelta(days=1)
STEPS = ("paper", "turned")

OVER = mark("The 10 minutes are over. That is no problem: ask for a new code and try again.")
# How far the nose must lie to the side. On 67 good photographs of people who look straight it is at most 0.14.
TURNED = 0.2


def ask(session: Session, case: Case, account_id: str) -> Challenge:
    """A caseworker asks for the two photographs. The person is told that there is news; earlier photographs go.

    Raises Conflict (not while it is checked who asks, or asked already), NotAllowed (no caseworker).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker asks for photographs.", "not-your-step")
    if case.state != "identity-check":
        raise Conflict("Photographs are asked for only while it is checked who is asking.", "moved-meanwhile")
    if waiting(session, case) is not None:
        raise Conflict("The person was asked already and has not answered yet.", "asked-already")
    purge(session, case)
    challenge = Challenge(case_id=case.id, asked_by=account_id, asked_at=clock.now())
    session.add(challenge)
    session.flush()
    lifecycle.wait_for(session, case, "subject")
    lifecycle.record(session, case, "challenge-asked", account_id)
    audit.append(session, "challenge-asked", {"case": case.id, "actor": account_id})
    mails.queue_challenge_news(session, case, challenge.id)
    return challenge


def newest(session: Session, case: Case) -> Challenge | None:
    """The one that counts; None when nothing was asked, or all of it was purged."""
    session.flush()
    mine = select(Challenge).where(Challenge.case_id == case.id, Challenge.state != "purged")
    return session.scalar(mine.order_by(Challenge.asked_at.desc()).limit(1))


def waiting(session: Session, case: Case) -> Challenge | None:
    """The one that waits for the person; None when there is nothing for them to do."""
    found = newest(session, case) if case.state == "identity-check" else None
    return found if found is not None and found.state in {"asked", "shown"} else None


def is_running(challenge: Challenge) -> bool:
    """True while its code works."""
    return challenge.state == "shown" and challenge.expires_at is not None and challenge.expires_at > clock.now()


def next_step(challenge: Challenge) -> str | None:
    """Which photograph comes next, one of STEPS; None when the code does not work or all are there."""
    if not is_running(challenge):
        return None
    return "paper" if challenge.paper_id is None else "turned" if challenge.turned_id is None else None


def draw(session: Session, challenge: Challenge) -> None:
    """A fresh code and a fresh side to turn to. While one works, it stays. Raises Conflict (used), TooMany."""
    if is_running(challenge):
        return
    if challenge.state not in {"asked", "shown"}:
        raise Conflict(_("We have your photographs already. You do not need to send more."), "sent-already")
    if not limits.spend(session, "challenge", challenge.case_id, CODES, DAY):
        raise TooMany(_("You have asked for many codes today. Please go on tomorrow."))
    _purge_frames(session, challenge)
    challenge.code = "".join(secrets.choice(SIGNS) for _ in range(4))
    challenge.turn = secrets.choice(TURNS)
    challenge.state, challenge.expires_at = "shown", clock.now() + VALID
    session.flush()


def take(session: Session, challenge: Challenge, step: str, code: str, prepared: Prepared) -> None:
    """Keep a photograph, sealed. `step` and `code` are those of the page it was sent from.

    Sent twice, the first is kept. With the second photograph the code is used up and a worker looks at both. Raises
    Conflict (code over or used), BadInput (no such step, or the same photograph for both).
    """
    if step not in STEPS:
        raise BadInput(_("Send the photographs one after the other."), "unknown-step")
    if not is_running(challenge) or code != challenge.code:
        raise Conflict(_(OVER), "challenge-over")
    if (step == "turned") != (challenge.paper_id is not None):
        return
    if step == "turned" and blobs.open_blob(session, challenge.paper_id) == prepared.jpeg:
        raise BadInput(_("This is the same photograph again. Turn your head and take another one."), "same-photograph")
    blob = blobs.put_blob(session, "challenge", prepared.jpeg, "image/jpeg", challenge.expires_at)
    if not _keep(session, challenge, step, blob.id):
        raise Conflict(_(OVER), "challenge-over")
    if step == "turned":
        _send(session, challenge)


def _keep(session: Session, challenge: Challenge, step: str, blob_id: str) -> bool:
    """False when another request was faster, or the code has just run out."""
    column = Challenge.paper_id if step == "paper" else Challenge.turned_id
    statement = (
        update(Challenge)
        .where(
            Challenge.id == challenge.id,
            Challenge.state == "shown",
            Challenge.code == challenge.code,
            Challenge.expires_at > clock.now(),
            column.is_(None),
        )
        .values({column: blob_id})
    )
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    session.refresh(challenge)
    return result.rowcount == 1


def _send(session: Session, challenge: Challenge) -> None:
    challenge.state = "sent"
    for blob_id in (challenge.paper_id, challenge.turned_id):
        # From now on they are kept until the decision.
        session.get_one(Blob, blob_id).purge_after = None
    case = session.get_one(Case, challenge.case_id)
    lifecycle.wait_for(session, case, "caseworker")
    lifecycle.record(session, case, "challenge-sent", "subject")
    pausing.apply(session, case)
    make_due(session, challenge)


def purge(session: Session, case: Case) -> int:
    """Delete the photographs and what was measured on them. The rows stay, empty. Returns how many there were."""
    session.flush()
    mine = select(Challenge).where(Challenge.case_id == case.id, Challenge.state != "purged")
    found = list(session.scalars(mine))
    for challenge in found:
        empty(session, challenge)
    session.flush()
    return len(found)


def empty(session: Session, challenge: Challenge) -> None:
    """Delete the photographs of one, and what was measured on them."""
    forgotten.note(session, "challenge", [challenge.id])
    _purge_frames(session, challenge)
    challenge.code = challenge.turn = challenge.turn_seen = challenge.likeness = challenge.problem = None
    challenge.state, challenge.purged_at = "purged", clock.now()
    # A worker that looks at them just now must not record anything any more.
    challenge.work_state, challenge.fence = "idle", challenge.fence + 1


def _purge_frames(session: Session, challenge: Challenge) -> None:
    blobs.purge_blob(session, challenge.paper_id)
    blobs.purge_blob(session, challenge.turned_id)
    session.refresh(challenge)


def readings(challenge: Challenge) -> list[str]:
    """What the computer made of the photographs, in sentences for the caseworker. Empty until it has looked."""
    if challenge.state != "looked-at":
        return []
    if challenge.likeness == "not-compared":
        return ["There is no photo of a face to compare with, so the computer measured nothing. You look and decide."]
    return [_turn_read(challenge), f"{LIKENESS[challenge.likeness or 'no-face']} You decide."]


def _turn_read(challenge: Challenge) -> str:
    if challenge.turn_seen is None:
        return "The computer finds no face in the second photograph. A head turned far is hard to find. You decide."
    # Who turns to their left turns to the right of the picture.
    towards = challenge.turn_seen if challenge.turn == "left" else -challenge.turn_seen
    if towards >= TURNED:
        return f"The head is turned to the {challenge.turn} as asked."
    if towards <= -TURNED:
        return (
            "The head seems to be turned to the other side. "
            "Some phones mirror pictures: see whether the code on the paper is mirrored, too."
        )
    return "To the computer the head is turned only a little. You decide."


LIKENESS = {
    "same": "The photographs look like the same person to the computer.",
    "unclear": "The computer cannot tell whether the photographs show the same person.",
    "different": "The photographs look like different people to the computer. Age, glasses and light can mislead it.",
    "no-face": "The computer finds no face in the first photograph.",
}
