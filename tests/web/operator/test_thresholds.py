"""The admin sees what a threshold costs: missed photographs against strangers for reviewers."""

from __future__ import annotations

from flask import Flask

from portal import clock
from portal.db import Database
from portal.matching import thresholds
from portal.tables import Encoder, Reencoding
from tests.matching.test_thresholds import hold
from tests.web.desk import Colleague


def test_before_a_calibration_the_page_says_what_to_do(boss: Colleague) -> None:
    page = boss.get("/staff/thresholds/")
    assert "Nothing was measured yet" in page
    assert "efface calibrate" in page


def test_the_curve_is_drawn_and_stands_in_a_table(boss: Colleague, database: Database) -> None:
    with database.writing() as session:
        kept = thresholds.keep(session, thresholds.measure(session, hold(session)), 3)
    page = boss.get("/staff/thresholds/")
    assert page.count("<polyline") == 2
    assert f"Searches use {kept.threshold}" in page
    assert "120 faces of 40 accounts" in page
    assert "sex=f" in page
    assert "Strangers in 1,000 cases" in page


def test_the_encoders_and_how_far_a_new_gallery_is(boss: Colleague, database: Database) -> None:
    with database.writing() as session:
        hold(session)
        encoder = Encoder(name="stronger", version="1", dimensions=4, state="coming")
        session.add(encoder)
        session.flush()
        work = Reencoding(encoder_id=encoder.id, started_at=clock.now(), expected=1200, seen=300)
        session.add(work)
    page = boss.get("/staff/thresholds/")
    assert "Its gallery is being filled: 300 of 1,200 photographs" in page
    assert page.count("Searched") == 1


def test_people_read_how_often_it_errs_once_that_was_measured(app: Flask, database: Database) -> None:
    person = app.test_client()
    assert "have not measured yet" in person.get("/comparison").text
    with database.writing() as session:
        thresholds.keep(session, thresholds.measure(session, hold(session)), 3)
        errors = thresholds.errors_now(session)
    assert errors is not None
    assert 0 <= errors.missed <= 1000
    page = person.get("/comparison").text
    assert f"Of 1,000 photos of a person it missed about {errors.missed:,}." in page
    assert f"at most about {errors.strangers:,} photos of other people" in page
