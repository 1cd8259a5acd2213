"""What comes after the last pair of a case is a pair of the next case, and lies ready in time."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.matching import review
from tests.matching.making import make_account, make_candidates, make_case


def test_after_the_last_pair_of_a_case_comes_the_next_case(session: Session) -> None:
    reviewer = make_account(session, "rita")
    [first] = make_candidates(session, make_case(session, due_in=1), 1)
    [second] = make_candidates(session, make_case(session, due_in=2), 1)
    held = review.next_pair(session, reviewer)
    assert held == first
    assert review.next_pair(session, reviewer, but=first.id) == second
    review.answer(session, reviewer, first.id, "different", [])
    assert review.next_pair(session, reviewer) == second
    assert review.next_pair(session, reviewer, but=second.id) is None
