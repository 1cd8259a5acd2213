"""Pairs with a known answer, shown to reviewers: first as practice, then now and then among the others.

The three numbers. One pair in 13 is a known one (7.7 %, of the 5 to 10 % that were asked for), at a place drawn by lot
in each run of 13, so that nobody can tell which is next. Before any answer of theirs counts, a new reviewer gives 20:
of somebody who only guesses 0.6 % come through 16 of 20 (binomial, p = 1/2). Four in five must be right because that is
what people do who were never trained: 81 % on the 40 pairs of the short Glasgow Face Matching Test (Burton, White and
McNeill 2010, doi 10.3758/BRM.42.1.286; the figure second-hand). Same and different pairs weigh alike, so that who
always says one thing has one half right, whatever the stock holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import BadInput, Conflict, NotFound
from portal.matching import known
from portal.matching.looks import LEASE, SIDE, Pair, lot
from portal.tables import Judgement, KnownLook, KnownPair
from portal.tables.matching import ANSWERS

ONE_IN = 13
GATE = 20
LEAST_RIGHT = 0.8
# Of each kind at least so many: else one of the two errors could not be seen.
LEAST_OF_A_KIND = 5
# Whoever answers sooner, in seconds, is told so: nobody compares two faces part by part in that time.
HASTY = 2.0


@dataclass(frozen=True)
class Standing:
    """Where a reviewer stands before the gate: `answered` known pairs, `right` of the last GATE of them.

    `right` is a share from 0 to 1, None before there is an answer of each kind. `left`: pairs they have not seen.
    """

    applies: bool
    passed: bool
    answered: int
    right: float | None
    left: int

    @property
    def may_judge(self) -> bool:
        """Whether their answers count."""
        return self.passed or not self.applies


def gate_applies(session: Session) -> bool:
    """Whether there are enough known pairs to ask anybody for them."""
    same, different = known.counts(session)
    return same + different >= GATE and min(same, different) >= LEAST_OF_A_KIND


def may_judge(session: Session, account_id: str) -> bool:
    """Whether this reviewer's answers count."""
    return _has_passed(_given(session, account_id)) or not gate_applies(session)


def standing(session: Session, account_id: str) -> Standing:
    """Where this reviewer stands. Who came through once stays through; their rates say how they go on."""
    given = _given(session, account_id)
    return Standing(
        applies=gate_applies(session),
        passed=_has_passed(given),
        answered=len(given),
        right=_right(given[-GATE:]),
        left=session.scalar(select(func.count()).select_from(_unseen(session, account_id).subquery())) or 0,
    )


def _given(session: Session, account_id: str) -> list[tuple[bool, bool]]:
    """Of each answer, the first first: whether the pair was of one person, and whether the answer was right."""
    rows = session.execute(
        select(KnownPair.same, KnownLook.answer)
        .join(KnownPair, KnownPair.id == KnownLook.pair_id)
        .where(KnownLook.account_id == account_id, KnownLook.answer.is_not(None))
        .order_by(KnownLook.at, KnownLook.id)
    )
    return [(same, is_right(same, answer or "")) for same, answer in rows]


def _has_passed(given: Sequence[tuple[bool, bool]]) -> bool:
    windows = (given[end - GATE : end] for end in range(GATE, len(given) + 1))
    return any((_right(window) or 0) >= LEAST_RIGHT for window in windows)


def is_right(same: bool, answer: str) -> bool:
    """Whether an answer is on the true side. “Cannot tell” is on neither."""
    return SIDE[answer] == (1 if same else -1)


def next_look(
    session: Session, account_id: str, pairs_wait: Callable[[], bool], ahead: bool = False
) -> KnownLook | None:
    """The known pair to show now, or None when it is a case's turn. `pairs_wait()`: a case's pair could be shown.

    `ahead`: what comes after the pair they look at now, to get it ready.
    """
    # A pair whose photographs were taken out meanwhile cannot be answered any more.
    own = (KnownLook.account_id == account_id, KnownLook.answer.is_(None), *known.whole())
    begun = session.scalar(select(KnownLook).join(KnownPair, KnownPair.id == KnownLook.pair_id).where(*own))
    if begun is not None:
        # A pair of a case is handed out anew each time, too.
        begun.handed_at = clock.now()
        return begun
    if may_judge(session, account_id) and not (_is_due(session, account_id, ahead) and pairs_wait()):
        return None
    pair = _draw(session, account_id)
    if pair is None:
        return None
    look = KnownLook(account_id=account_id, pair_id=pair.id, handed_at=clock.now())
    session.add(look)
    session.flush()
    return look


def find_look(session: Session, account_id: str, look_id: str) -> KnownLook | None:
    """The look with this id, when it is this reviewer's own."""
    look = session.get(KnownLook, look_id)
    return look if look is not None and look.account_id == account_id else None


def pair(session: Session, look: KnownLook) -> Pair:
    """The pair, in the same form as a case's. Raises Conflict, and NotFound when its photographs were taken out."""
    _hold(look)
    if look.pair.sent_id is None or look.pair.found_id is None:
        raise NotFound("This picture is not kept any more.")
    return Pair(
        id=look.id,
        photos=1,
        note=None,
        found_left=lot(session, "side", look.account_id, look.id)[0] % 2 == 1,
        together=[look.id],
    )


def sent_picture(session: Session, look: KnownLook, number: int = 1) -> bytes | None:
    """The first face alone, as JPEG; None for another `number` than 1. Raises Conflict, NotFound when taken out."""
    _hold(look)
    if number != 1:
        return None
    return known.picture(session, look.pair.sent_id, "crop")


def found_picture(session: Session, look: KnownLook) -> bytes:
    """The second face alone, as JPEG. Raises Conflict, and NotFound when it was taken out."""
    _hold(look)
    return known.picture(session, look.pair.found_id, "crop")


def whole(session: Session, look: KnownLook) -> bytes:
    """The whole found picture as JPEG. Raises as `found_picture` does."""
    _hold(look)
    return known.picture(session, look.pair.found_id, "whole")


def answer(session: Session, look: KnownLook, given: str) -> None:
    """Record the answer. It is read by the reviewer at once, so there is no taking back. Raises Conflict, BadInput."""
    if given not in ANSWERS:
        raise BadInput("Choose one of the five answers.", "unknown-answer")
    if look.answer is not None:
        raise Conflict("You have answered this already.", "answered")
    if look.pair.sent_id is None or look.pair.found_id is None:
        raise NotFound("This picture is not kept any more.")
    _hold(look)
    look.answer, look.at = given, clock.now()
    look.seconds = (look.at - look.handed_at).total_seconds()
    session.flush()


def _hold(look: KnownLook) -> None:
    """Until it is answered it is held no longer than a pair of a case is: else a late reload would tell which it is."""
    if look.answer is None and look.handed_at + LEASE < clock.now():
        raise Conflict("You do not hold this pair any more. Take the next one.", "not-held")


def _right(given: Sequence[tuple[bool, bool]]) -> float | None:
    """The mean of the shares of same and of different pairs that were answered rightly."""
    kinds = [[right for same, right in given if same is kind] for kind in (True, False)]
    return sum(sum(kind) / len(kind) for kind in kinds) / 2 if all(kinds) else None


def _is_due(session: Session, account_id: str, ahead: bool) -> bool:
    """Whether chance wants a known pair at this place of the run of ONE_IN, or at the one after it."""
    looks = select(func.count(func.distinct(Judgement.at))).where(Judgement.account_id == account_id)
    answered = select(func.count()).where(KnownLook.account_id == account_id, KnownLook.answer.is_not(None))
    run, place = divmod((session.scalar(looks) or 0) + (session.scalar(answered) or 0) + ahead, ONE_IN)
    return int.from_bytes(lot(session, "known", account_id, str(run))[:4]) % ONE_IN == place


def _draw(session: Session, account_id: str) -> KnownPair | None:
    """A pair this reviewer has not seen: a coin says which kind, so that the stock does not."""
    unseen = list(session.scalars(_unseen(session, account_id)))
    drawn = sorted(unseen, key=lambda one: lot(session, "draw", account_id, one.id))
    count = session.scalar(select(func.count()).where(KnownLook.account_id == account_id)) or 0
    wanted = lot(session, "kind", account_id, str(count))[0] % 2 == 1
    return next((one for one in drawn if one.same is wanted), drawn[0] if drawn else None)


def _unseen(session: Session, account_id: str) -> Select[KnownPair]:
    seen = select(KnownLook.pair_id).where(KnownLook.account_id == account_id)
    return select(KnownPair).where(*known.whole(), KnownPair.id.not_in(seen))
