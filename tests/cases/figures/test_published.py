"""Figures for the public: California's alone, a request once, and no number of few people to be read or reckoned."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy.orm import Session

from portal.cases.arrival import intake
from portal.cases.figures import published
from tests.cases.figures.test_reports import RECEIVED, asked
from tests.cases.making import fill_draft


def test_the_published_figures_are_californias_alone(session: Session) -> None:
    for _ in range(6):
        asked(session, "deletion", "US-CA", "fulfilled", 10)
    asked(session, "deletion", "EU", "fulfilled", 10)
    delete, know, opt_out = published.california(session, 2026)
    assert (delete.received, delete.in_whole, delete.in_part, delete.denied) == (6, 6, 0, 0)
    assert delete.median_days == 10
    assert (know.received, opt_out.received) == (0, 0)


def test_to_find_out_and_to_get_a_copy_are_one_request_to_know(session: Session) -> None:
    for _ in range(5):
        draft = fill_draft(session, "access", "copy", contact=False)
        intake.save_answers(session, draft, residence="US-CA")
        case = intake.submit(session, draft).case
        case.received_at = RECEIVED
        for right, days, outcome in zip(case.rights, (4, 9), ("fulfilled", "refused"), strict=True):
            right.outcome, right.fulfilled_at = outcome, RECEIVED + timedelta(days=days)
    session.flush()
    know = published.california(session, 2026)[1]
    assert (know.received, know.in_whole, know.in_part, know.denied) == (5, 0, 5, 0)
    assert know.median_days == 9
    case.rights[0].outcome = case.rights[0].fulfilled_at = None
    session.flush()
    know = published.california(session, 2026)[1]
    assert (know.received, know.in_part, know.median_days) == (5, None, None), "one is open: that may not show"


@pytest.mark.parametrize(
    ("total", "counts", "shown"),
    [
        (30, (20, 0, 10), (30, [20, 0, 10])),
        (27, (20, 1, 6), (27, [None] * 3)),
        (22, (20, 1, 1), (22, [None] * 3)),
        (30, (20, 0, 8), (30, [None] * 3)),
        (4, (4, 0, 0), (None, [None] * 3)),
        (3, (0, 0, 0), (None, [None] * 3)),
        (0, (0, 0, 0), (0, [0, 0, 0])),
    ],
)
def test_a_small_number_takes_its_line_with_it(
    total: int, counts: tuple[int, ...], shown: tuple[int | None, list[int | None]]
) -> None:
    assert published.without_small(total, counts) == shown


def test_nobody_who_knows_the_rule_can_reckon_a_number_that_was_left_out() -> None:
    """Every line of up to 14 requests: all that could have led to the same publication is held beside it."""
    could_be: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for line in product(range(15), repeat=4):
        total, (*counts, rest) = sum(line), line
        if total < 15:
            seen, numbers = published.without_small(total, counts)
            could_be[seen, *numbers].append((total, *counts, rest))
    assert len(could_be) > 20
    for shown, lines in could_be.items():
        for at, number in enumerate(shown):  # type: ignore[arg-type, var-annotated]
            values = {line[at] for line in lines}
            if number is None:
                assert len(values) >= published.FEWEST - 1, (shown, at, values)
        if None not in shown:  # type: ignore[operator]
            assert len(lines) == 1
            assert not any(0 < number < published.FEWEST for number in lines[0])


def test_the_figures_can_be_saved_and_say_what_was_left_out(session: Session) -> None:
    asked(session, "deletion", "US-CA", "fulfilled", 10)
    rows = list(csv.DictReader(io.StringIO(published.as_csv(2026, published.california(session, 2026)))))
    assert [row["requests_to"] for row in rows] == ["delete", "know", "opt out"]
    assert (rows[0]["received"], rows[0]["in_whole"], rows[0]["median_days"]) == ("left out",) * 3
    assert (rows[1]["received"], rows[1]["denied"]) == ("0", "0")
