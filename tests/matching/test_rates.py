"""Error rates of reviewers with their intervals."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from portal import clock
from portal.matching import rates
from tests.matching.making import make_account, make_known, practise


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17:857), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_s_interval_is_the_published_one(count: int, of: int, low: float, high: float) -> None:
    assert rates.wilson(count, of) == pytest.approx((low, high), abs=5e-5)


def test_hits_false_alarms_and_seconds(session: Session) -> None:
    reviewer, today = make_account(session, "r"), clock.now().date()
    make_known(session, 6, 6)
    practise(session, reviewer, 9)
    practise(session, reviewer, 3, right=False)
    found = rates.measured(session, today, today)[reviewer]
    # In turn: of the last three one shows one person, two show two.
    assert (found.hits.count, found.hits.of) == (5, 6)
    assert (found.false_alarms.count, found.false_alarms.of) == (2, 6)
    assert found.seconds is not None
    assert 0 <= found.seconds < 1
    assert rates.measured(session, today, today, "somebody else") == {}
    assert rates.together([found, found]).hits == rates.Rate(10, 12)
    assert rates.Rate(0, 0).share is None
    assert rates.Rate(0, 0).interval is None
