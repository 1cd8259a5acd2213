"""How often each reviewer errs on pairs with a known answer, with how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import sqrt
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.matching.looks import SIDE
from portal.tables import KnownLook, KnownPair

Z95 = 1.959964
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rate:
    """`count` of `of`, and between what shares the true one lies in 95 of 100 cases; None without any."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.count, self.of) if self.of else None


@dataclass(frozen=True)
class Measured:
    """Answers about known pairs. `hits`: "same" of pairs of one person; `false_alarms`: "same" of pairs of two.

    `seconds` is the median of one look, None without any.
    """

    hits: Rate
    false_alarms: Rate
    seconds: float | None

    @property
    def answers(self) -> int:
        return self.hits.of + self.false_alarms.of


def wilson(count: int, of: int) -> tuple[float, float]:
    """Wilson's interval (1927) for a share, 95 %: sound for few answers, and for none or all right. `of` > 0."""
    share, square = count / of, Z95**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z95 / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def measured(session: Session, since: date, until: date, account_id: str | None = None) -> dict[str, Measured]:
    """Account id -> what was measured from `since` to `until`; only of `account_id` when it is given."""
    zone = config_of(session).zone
    begin, end = (datetime.combine(day, time(), UTC) for day in (since - A_DAY, until + 2 * A_DAY))
    given = select(KnownLook, KnownPair.same).join(KnownPair, KnownPair.id == KnownLook.pair_id)
    given = given.where(KnownLook.answer.is_not(None), KnownLook.at.between(begin, end))
    if account_id is not None:
        given = given.where(KnownLook.account_id == account_id)
    found: dict[str, list[tuple[KnownLook, bool]]] = {}
    for look, same in session.execute(given):
        if look.at is not None and since <= clock.local_date(look.at, zone) <= until:
            found.setdefault(look.account_id, []).append((look, same))
    return {account: _measured(looks) for account, looks in found.items()}


def together(each: Iterable[Measured]) -> Measured:
    """All reviewers as one. `seconds` is left out: a median of medians says nothing."""
    every = list(each)
    hits, alarms = ([getattr(one, name) for one in every] for name in ("hits", "false_alarms"))
    summed = [Rate(sum(rate.count for rate in rates), sum(rate.of for rate in rates)) for rates in (hits, alarms)]
    return Measured(summed[0], summed[1], None)


def _measured(looks: list[tuple[KnownLook, bool]]) -> Measured:
    said = {kind: [SIDE[look.answer or ""] > 0 for look, same in looks if same is kind] for kind in (True, False)}
    timed = [look.seconds for look, _ in looks if look.seconds is not None]
    return Measured(
        hits=Rate(sum(said[True]), len(said[True])),
        false_alarms=Rate(sum(said[False]), len(said[False])),
        seconds=median(timed) if timed else None,
    )
