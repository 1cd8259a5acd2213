"""One page for pictures that belong together: one answer for all, and one that does not fit."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.tables import Candidate, Judgement
from tests.web.desk import case_in_review, colleague, fill_store


def test_a_group_is_one_page_and_the_odd_one_comes_by_itself(app: Flask, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        case = case_in_review(session, fill_store(session, tmp_path / "photographs", count=4))
        for candidate in session.scalars(select(Candidate).where(Candidate.case_id == case.id)):
            candidate.group_id = "together"
    reviewer = colleague(app, database, "reviewer", name="Rea Viewer")
    assert "1 pair waits" in reviewer.get("/staff/review/")
    path = reviewer.post("/staff/review/next")
    page = reviewer.get(path)
    assert "Is this person in all of these?" in page
    assert "together" not in re.sub(r'class="[^"]*"', "", page)
    shown = re.findall(r'name="apart" value="([^"]+)"', page)
    assert len(shown) == 4
    for candidate_id in shown:
        assert reviewer.client.get(f"/staff/review/{candidate_id}/found.jpg").status_code == 200
    single = reviewer.post(path, answer="same", apart=shown[2], shown=shown)
    assert single.endswith(shown[2])
    assert "Are these the same person?" in reviewer.get(single)
    with database.reading() as session:
        assert len(session.scalars(select(Judgement)).all()) == 3
    reviewer.post(single, answer="different")
    assert "No pairs wait" in reviewer.get("/staff/review/")
    assert reviewer.post("/staff/review/undo") == single
