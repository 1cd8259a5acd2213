"""How well reviewers agree, and how fast they look: counts by which an admin judges the queue.

Nobody knows the truth about a pair. What stands in for it is the outcome that the other people reached, without the
answer that is measured. Where the others did not agree, an answer is neither right nor wrong.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.errors import BadInput
from portal.matching.looks import SIDE, verdict
from portal.matching.rates import Measured
from portal.stores.scans import FORMULA
from portal.tables import Candidate, Case, Judgement

A_DAY = timedelta(days=1)
# In these states nobody takes an answer back any more.
DECIDED = ("fulfilling", "closed")
# Columns about pairs with a known answer, each share with its interval.
KNOWN = [f"known_{what}{part}" for what in ("hits", "false_alarms") for part in ("", "_of", "_from", "_to")]
KNOWN += ["known_seconds"]
SIDES, DIFFERED = {-1: "both-different", 0: "both-cannot-tell", 1: "both-same"}, "differed"
STATE = {-1: "rejected", 0: "unsure", 1: "confirmed"}


@dataclass(frozen=True)
class Reviewer:
    """One person's answers about settled pairs.

    `agreed` of `compared` are those on the side of the outcome, where somebody else answered too. `false_alarms` are
    "same" of all answers where the others found different people (`others_different`); `misses` are "different" where
    the others found one person (`others_same`). `poor` counts answers beside a picture that they called too poor to
    tell, of `quality` in which they said anything about it; `at_once` those given to many pairs in one look.
    `seconds` is the median of one look; None when none was timed.
    """

    account_id: str
    answers: int
    compared: int
    agreed: int
    false_alarms: int
    others_different: int
    misses: int
    others_same: int
    poor: int
    quality: int
    at_once: int
    seconds: float | None


@dataclass(frozen=True)
class Agreement:
    """The pairs that were settled in a period. `kappa` compares first and second answers about `pairs` of them.

    Cohen's kappa (1960) over the three sides: different, cannot tell, same. 1: always agreed; 0: no more than by
    chance; None: no pairs, or all answers on one side, so that nothing can be said. `kappa_of` is
    the same for each reviewer and whoever else was among the first two. `met` says of these pairs on how many both
    were on one of the SIDES, and on how many on two.
    """

    pairs: int
    met: dict[str, int]
    kappa: float | None
    reviewers: list[Reviewer]
    kappa_of: dict[str, float | None]


def agreement(session: Session, since: date, until: date, *, decided: bool = False) -> Agreement:
    """How reviewers agreed on pairs whose last answer fell from `since` to `until`. Raises BadInput.

    `decided`: only of requests that are decided. Sooner a reviewer who reads it could tell from a count that moves what
    somebody else said of a pair, and take their own answer back.
    """
    settled = _settled(session, since, until, decided)
    both = [(SIDE[one.answer], SIDE[other.answer]) for one, other, *_ in (some for some in settled if len(some) > 1)]
    accounts = sorted({judgement.account_id for judgements in settled for judgement in judgements})
    each = [_reviewer(account_id, settled) for account_id in accounts]
    kappas = {account_id: _kappa_of(account_id, settled) for account_id in accounts}
    return Agreement(len(both), _met(both), kappa(both), each, kappas)


def _met(both: Sequence[tuple[int, int]]) -> dict[str, int]:
    met = Counter(SIDES[one] if one == other else DIFFERED for one, other in both)
    return {name: met[name] for name in (*SIDES.values(), DIFFERED)}


def as_csv(found: Agreement, measured: Mapping[str, Measured], names: Mapping[str, str]) -> str:
    """One line for each reviewer, with a header: `measured` is on known pairs, `names` gives the name of an account."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["name", *(item.name for item in fields(Reviewer)), "kappa", *KNOWN])
    writer.writeheader()
    of_cases = {one.account_id: asdict(one) for one in found.reviewers}
    for account_id in sorted({*of_cases, *measured}):
        name = names.get(account_id, "")
        row = {"account_id": account_id, **of_cases.get(account_id, {}), "kappa": found.kappa_of.get(account_id)}
        known = _known_columns(measured[account_id]) if account_id in measured else {}
        # People choose their names themselves; a spreadsheet must not run one as a formula.
        writer.writerow({**row, **known, "name": f"'{name}" if name.startswith(FORMULA) else name})
    return out.getvalue()


def _known_columns(measured: Measured) -> dict[str, object]:
    columns: dict[str, object] = {"known_seconds": measured.seconds}
    for name, rate in (("known_hits", measured.hits), ("known_false_alarms", measured.false_alarms)):
        low, high = rate.interval or (None, None)
        columns |= {name: rate.count, f"{name}_of": rate.of, f"{name}_from": low, f"{name}_to": high}
    return columns


def kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Cohen's kappa of (first, second): the agreement beyond what chance gives. None where chance alone gives all."""
    if not pairs:
        return None
    firsts, seconds = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(firsts[side] * seconds[side] for side in firsts) / len(pairs) ** 2
    if by_chance == 1:
        return None
    observed = sum(one == other for one, other in pairs) / len(pairs)
    return (observed - by_chance) / (1 - by_chance)


def _settled(session: Session, since: date, until: date, decided: bool) -> list[list[Judgement]]:
    """The standing answers about each pair that they settle, in the order in which they were given.

    The candidate's own state does not say it: an erasure closes candidates that people have not judged.
    """
    if until < since:
        raise BadInput("The last day is before the first. Turn them round.", "wrong-order")
    config = config_of(session)
    standing = select(Judgement).where(Judgement.undone_at.is_(None))
    if decided:
        cases = select(Candidate.id).join(Case, Case.id == Candidate.case_id).where(Case.state.in_(DECIDED))
        standing = standing.where(Judgement.candidate_id.in_(cases))
    # A day more on either side, for any zone; which day it was there is asked below.
    begin, end = (datetime.combine(day, time(), UTC) for day in (since - A_DAY, until + 2 * A_DAY))
    touched = select(Judgement.candidate_id).where(Judgement.at.between(begin, end))
    by_candidate: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in session.scalars(standing.where(Judgement.candidate_id.in_(touched)).order_by(Judgement.id)):
        by_candidate[judgement.candidate_id].append(judgement)
    needed = 2 if config.two_people else 1
    return [
        given
        for given in by_candidate.values()
        if since <= clock.local_date(given[-1].at, config.zone) <= until
        and verdict([one.answer for one in given], needed) is not None
    ]


def _reviewer(account_id: str, settled: Iterable[Sequence[Judgement]]) -> Reviewer:
    count: Counter[str] = Counter()
    looks = {}
    for judgements in settled:
        for own in judgements:
            if own.account_id == account_id:
                # One look at several pairs gives answers of one instant.
                looks[own.at] = own.seconds
                count.update(_told([one.answer for one in judgements], own.answer, _without(own, judgements)))
                count.update(_seen(own))
    timed = [seconds for seconds in looks.values() if seconds is not None]
    return Reviewer(
        account_id=account_id,
        answers=count["answers"],
        compared=count["compared"],
        agreed=count["agreed"],
        false_alarms=count["false_alarms"],
        others_different=count["others_different"],
        misses=count["misses"],
        others_same=count["others_same"],
        poor=count["poor"],
        quality=count["quality"],
        at_once=count["at_once"],
        seconds=median(timed) if timed else None,
    )


def _kappa_of(account_id: str, settled: Iterable[Sequence[Judgement]]) -> float | None:
    """Kappa of one reviewer's answers with those of the other of the first two."""
    pairs = []
    for one, other, *_ in (some for some in settled if len(some) > 1):
        if account_id in (one.account_id, other.account_id):
            own, theirs = (one, other) if one.account_id == account_id else (other, one)
            pairs.append((SIDE[own.answer], SIDE[theirs.answer]))
    return kappa(pairs)


def _without(own: Judgement, judgements: Iterable[Judgement]) -> list[str]:
    return [one.answer for one in judgements if one is not own]


def _seen(own: Judgement) -> Iterable[str]:
    """Which counts an answer adds to by what was said of the pictures, and by how it was given."""
    if own.found_good is not None:
        yield "quality"
        if False in (own.sent_good, own.found_good):
            yield "poor"
    if own.in_batch:
        yield "at_once"


def _told(answers: list[str], own: str, others: list[str]) -> Iterable[str]:
    """Which counts one answer adds to."""
    yield "answers"
    if not others:
        return
    yield "compared"
    if STATE[SIDE[own]] == verdict(answers, needed=1):
        yield "agreed"
    reached = verdict(others, needed=1)
    if reached == "rejected":
        yield "others_different"
        if SIDE[own] > 0:
            yield "false_alarms"
    if reached == "confirmed":
        yield "others_same"
        if SIDE[own] < 0:
            yield "misses"
