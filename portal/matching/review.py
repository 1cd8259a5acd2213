"""The match queue. People judge; the machine only decides whom to show which pair.

Two independent answers settle a candidate; where they differ, a third person's does. Nobody holds a pair that somebody
else holds, nobody judges a case of their own, nobody sees an earlier answer, a distance or a name. Answers of a new
reviewer count once `practice` says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from portal import blobs, clock, images, stores
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotFound
from portal.matching import eligible, practice
from portal.matching.looks import LEASE, WHOLE, Good, Pair, lot, verdict
from portal.tables import Account, Candidate, Case, Judgement, Probe
from portal.tables.matching import ANSWERS


def waiting(session: Session, account_id: str) -> int:
    """How many looks wait for this reviewer: pairs that belong together are one. Who still practises: none."""
    if not practice.may_judge(session, account_id):
        return 0
    found = eligible.open_to(session).subquery()
    looks = func.count(func.distinct(func.coalesce(found.c.group_id, found.c.id)))
    return session.scalar(select(looks), eligible.given(session, account_id)) or 0


def kept_from(session: Session, account_id: str) -> int:
    """How many open pairs this reviewer is not shown because the cases are their own."""
    statement = select(func.count()).select_from(Candidate).join(Case, Case.id == Candidate.case_id)
    own = (Case.state == "reviewing", Candidate.state == "open", eligible.own(session))
    return session.scalar(statement.where(*own), eligible.given(session, account_id)) or 0


def stranded(session: Session) -> int:
    """How many open pairs no reviewer may judge: each has answered already, or the case is their own."""
    open_pairs = select(Candidate.id).join(Case, Case.id == Candidate.case_id)
    left = set(session.scalars(open_pairs.where(Case.state == "reviewing", *eligible.to_judge())))
    for account in session.scalars(select(Account).where(Account.disabled_at.is_(None))):
        if left and "reviewer" in account.roles:
            fit = eligible.fit_for(session).with_only_columns(Candidate.id)
            left.difference_update(session.scalars(fit, eligible.given(session, account.id)))
    return len(left)


def next_pair(session: Session, account_id: str, but: str | None = None) -> Candidate | None:
    """Lease the next pair to this reviewer: the one already held, else the most urgent. None when nothing waits.

    With it go those that belong with it, as far as nobody else holds them. `but`: the pair they look at now, to get
    ready what comes after it.
    """
    now = clock.now()
    candidate = _first(session, account_id, but) if practice.may_judge(session, account_id) else None
    if candidate is None:
        return None
    lease(session, candidate, account_id)
    candidate.lease_until = now + LEASE
    for other in _with_it(session, candidate, account_id):
        with contextlib.suppress(Conflict):
            lease(session, other, account_id)
    return candidate


def has_next(session: Session, account_id: str) -> bool:
    """Whether a pair waits that this reviewer may take now."""
    return session.scalar(eligible.urgent(session), eligible.given(session, account_id)) is not None


def together(session: Session, account_id: str, candidate: Candidate) -> list[Candidate]:
    """The pair and all that belong with it and that this reviewer holds."""
    held = [
        other
        for other in _with_it(session, candidate, account_id)
        if other.lease_account_id == account_id and not _is_over(other)
    ]
    return [candidate, *held]


def pair(session: Session, account_id: str, candidate_id: str) -> Pair:
    """A pair this reviewer holds. Raises Conflict when they do not any more, NotFound when its picture is gone."""
    candidate = held_by(session, account_id, candidate_id)
    if candidate.crop_id is None:
        raise NotFound("This picture is not kept any more.")
    probe = session.get(Probe, candidate.probe_id) if candidate.probe_id else None
    photos = _photos(session, candidate)
    return Pair(
        id=candidate.id,
        photos=len(photos),
        note=None if photos else _note(probe),
        found_left=lot(session, "side", account_id, candidate_id)[0] % 2 == 1,
        together=[one.id for one in together(session, account_id, candidate)],
    )


def found_picture(session: Session, account_id: str, candidate_id: str) -> bytes:
    """The found face alone, as JPEG. Raises Conflict when this reviewer does not hold the pair any more."""
    return blobs.open_blob(session, held_by(session, account_id, candidate_id).crop_id)


def sent_picture(session: Session, account_id: str, candidate_id: str, number: int = 1) -> bytes | None:
    """A sent face alone, as JPEG: the one that was compared, or by `number` another one of theirs; None without it.

    Raises Conflict when the pair is not held any more.
    """
    photos = _photos(session, held_by(session, account_id, candidate_id))
    if not 1 <= number <= len(photos):
        return None
    return blobs.open_blob(session, photos[number - 1].crop_id or photos[number - 1].blob_id)


def _photos(session: Session, candidate: Candidate) -> list[Probe]:
    """The photographs to compare a candidate with: the one the machine took, then the others, as they came in.

    None where the one it took is a link or an account name: what is found by that is not compared with a face.
    """
    first = session.get(Probe, candidate.probe_id) if candidate.probe_id else None
    if first is None or first.blob_id is None:
        return []
    others = (Probe.case_id == candidate.case_id, Probe.state == "ready", Probe.crop_id.is_not(None))
    found = select(Probe).where(*others, Probe.id != first.id).order_by(Probe.created_at, Probe.id)
    return [first, *session.scalars(found)]


def whole(session: Session, account_id: str, candidate_id: str) -> bytes:
    """The whole found picture as JPEG, for the reviewer who holds the pair. It is read from the store anew."""
    candidate = held_by(session, account_id, candidate_id)
    data = stores.connect(candidate.image.store).open(candidate.image.key)
    return images.to_jpeg(images.open_picture(data).pixels, longest=WHOLE)


def answer(
    session: Session,
    account_id: str,
    candidate_id: str,
    given: str,
    apart: Collection[str] = (),
    good: Good | None = None,
    shown: Collection[str] | None = None,
) -> Candidate:
    """Record one person's answer about a pair and those that belong with it, and settle what enough people agree on.

    Those in `apart` do not fit: they get no answer, and come round again each by itself. `good`: which pictures are
    good enough to tell, where that was said. `shown`: what lay on the page; nothing is said about what joined the pair
    since. None: all that they hold of it.
    """
    if given not in ANSWERS:
        raise BadInput("Choose one of the five answers.", "unknown-answer")
    candidate = held_by(session, account_id, candidate_id)
    if not practice.may_judge(session, account_id):
        raise Conflict("Your answers count once you have practised. Take the next pair.", "practice-first")
    now = clock.now()
    seconds = _seconds_held(candidate)
    for one in together(session, account_id, candidate):
        if shown is not None and one.id not in {candidate_id, *shown}:
            continue
        one.lease_account_id = one.lease_until = None
        if one.id in apart:
            one.group_id = None
            continue
        judgement = Judgement(candidate_id=one.id, account_id=account_id, answer=given, at=now, seconds=seconds)
        judgement.sent_good, judgement.found_good = (good.sent, good.found) if good else (None, None)
        record(session, one, judgement)
    session.flush()
    return candidate


def record(session: Session, candidate: Candidate, judgement: Judgement) -> None:
    """Add one person's answer to a candidate they held, and settle it once enough people agree."""
    session.add(judgement)
    session.flush()
    session.refresh(candidate, ["judgements"])
    settle(session, candidate)


def unfinished(session: Session, case: Case) -> int:
    """Candidates of a case that are not settled."""
    statement = select(func.count()).where(Candidate.case_id == case.id, Candidate.state == "open")
    return session.scalar(statement) or 0


def held_by(session: Session, account_id: str, candidate_id: str) -> Candidate:
    """The candidate, if this reviewer holds its lease. Raises NotFound or Conflict."""
    candidate = session.get(Candidate, candidate_id)
    if candidate is None:
        raise NotFound("This pair is not there any more.")
    if candidate.lease_account_id != account_id or _is_over(candidate) or candidate.state != "open":
        raise Conflict("You do not hold this pair any more. Take the next one.", "not-held")
    given = eligible.given(session, account_id)
    own = select(Case.id).where(Case.id == candidate.case_id, eligible.own(session))
    if session.scalar(own, given):
        raise Conflict("You worked on this request, so somebody else judges its pictures.", "own-case")
    if session.scalar(eligible.cases(session).where(Case.id == candidate.case_id), given) is None:
        raise Conflict("This pair is not yours to judge any more. Take the next one.", "not-held")
    return candidate


def _seconds_held(candidate: Candidate) -> float | None:
    """How long ago the pair was last handed out: a lease begins at that moment and always has the same length."""
    return (clock.now() - (candidate.lease_until - LEASE)).total_seconds() if candidate.lease_until else None


def _is_over(candidate: Candidate) -> bool:
    return candidate.lease_until is None or candidate.lease_until < clock.now()


def _with_it(session: Session, candidate: Candidate, account_id: str) -> list[Candidate]:
    """What belongs with a candidate and is still to be judged by this reviewer."""
    if candidate.group_id is None:
        return []
    others = eligible.open_to(session).where(
        Candidate.group_id == candidate.group_id,
        Candidate.case_id == candidate.case_id,
        Candidate.id != candidate.id,
        # Beside one face, all must be compared with the same.
        Candidate.probe_id.is_not_distinct_from(candidate.probe_id),
    )
    found = session.scalars(others, eligible.given(session, account_id))
    return sorted(found, key=lambda other: lot(session, "order", account_id, other.id))


def _first(session: Session, account_id: str, but: str | None) -> Candidate | None:
    """What this reviewer holds already, else a pair of the most urgent case, drawn by lot.

    Within a case the order says nothing (sorted by distance it would tell what the machine thinks), and each reviewer
    has another one: whoever looks second does not see the pairs in the light of the same pair before. Ids are random:
    so the lot is a place among them, and the next open one from there on is taken, without reading all of them.
    """
    given = eligible.given(session, account_id)
    now = _looked_at_now(session, account_id, but)
    held = eligible.open_to(session).where(Candidate.lease_account_id == account_id, Candidate.id.not_in(now))
    own = session.scalars(held, given).all()
    if own:
        return min(own, key=lambda one: lot(session, "order", account_id, one.id))
    case_id = session.scalar(eligible.urgent(session), given)
    found = _of_case(session, account_id, case_id, now) if case_id else None
    if case_id and found is None and now:
        # What they look at now is the last of its case, so what comes after it is of another one.
        case_id = session.scalar(eligible.urgent(session).where(Case.id != case_id), given)
        found = _of_case(session, account_id, case_id, now) if case_id else None
    return found


def _of_case(session: Session, account_id: str, case_id: str, now: list[str]) -> Candidate | None:
    given = eligible.given(session, account_id)
    place = lot(session, "place", account_id, f"{case_id}/{_given(session, account_id)}").hex()[:32]
    of_case = eligible.open_to(session).where(Candidate.case_id == case_id, Candidate.id.not_in(now))
    of_case = of_case.order_by(Candidate.id).limit(1)
    return session.scalar(of_case.where(Candidate.id >= place), given) or session.scalar(of_case, given)


def _looked_at_now(session: Session, account_id: str, candidate_id: str | None) -> list[str]:
    """Ids of the pair that a reviewer looks at now, and of those that belong with it; none where there is no such."""
    candidate = session.get(Candidate, candidate_id) if candidate_id else None
    return [one.id for one in together(session, account_id, candidate)] if candidate else []


def _given(session: Session, account_id: str) -> int:
    """How many answers of this reviewer stand."""
    standing = select(func.count()).select_from(eligible.answers().subquery())
    return session.scalar(standing, eligible.given(session, account_id)) or 0


def settle(session: Session, candidate: Candidate) -> None:
    """Close a candidate that enough people agree on."""
    standing = [judgement.answer for judgement in candidate.judgements if judgement.undone_at is None]
    state = verdict(standing, needed=2 if config_of(session).two_people else 1)
    if state is not None:
        candidate.state, candidate.settled_at = state, clock.now()
        session.flush()


def lease(session: Session, candidate: Candidate, account_id: str) -> None:
    """Take the lease with one conditional UPDATE: of two who ask at once, one gets it."""
    now = clock.now()
    taken = session.execute(
        update(Candidate)
        .where(
            Candidate.id == candidate.id,
            or_(
                Candidate.lease_account_id.is_(None),
                Candidate.lease_account_id == account_id,
                Candidate.lease_until < now,
            ),
        )
        .values(lease_account_id=account_id, lease_until=now + LEASE)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("Somebody else is looking at this pair.", "held-by-another")
    session.refresh(candidate)


def _note(probe: Probe | None) -> str:
    if probe is not None and probe.kind == "link":
        return "No face photo was sent. The person named the page that this picture was held under."
    return "No face photo was sent. The person named the account that this picture was held under."
