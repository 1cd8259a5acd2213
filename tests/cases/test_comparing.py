"""Faces that people sent are compared with each other, and only a yes or no leaves the worker."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from sqlalchemy import select

from portal import blobs, clock, images
from portal.cases.requester import alarms
from portal.db import Database
from portal.tables import Case, CaseEvent, Entry, Probe, Search
from tests.cases.making import send
from tests.fakes import DrawnFaceEncoder, drawn_jpeg
from workers import comparing, searching

LIMIT = 0.6


def case_with(database: Database, *persons: float, contact: bool = True, right: str = "deletion") -> str:
    """A case with a selfie of each of `persons`."""
    encoder = DrawnFaceEncoder()
    with database.writing() as session:
        case = send(session, right, contact=contact).case
        for person in persons:
            data = drawn_jpeg(person)
            boxes = encoder.find(images.open_picture(data).pixels)
            probe = Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now(), chosen=0)
            probe.boxes = [list(box) for box in boxes]
            probe.blob_id = blobs.put_blob(session, "probe", data, "image/jpeg").id
            session.add(probe)
        return case.id


def compared(database: Database, case_id: str) -> dict[str, bool]:
    encoder = DrawnFaceEncoder()
    with database.reading() as session:
        faces = comparing.faces_of(session, session.get_one(Case, case_id), encoder)
    return comparing.compare(database, case_id, encoder, [template for _, template in faces], LIMIT)


def test_the_same_face_is_seen_in_other_cases_and_another_is_not(database: Database) -> None:
    same, other, mine = case_with(database, 3), case_with(database, 9), case_with(database, 3)
    assert compared(database, mine) == {mine: True, same: True, other: False}


def test_photos_of_two_people_in_one_case(database: Database) -> None:
    assert compared(database, case := case_with(database, 3, 9)) == {case: False}


def test_who_did_not_agree_to_it_is_not_compared(database: Database) -> None:
    refused, mine = case_with(database, 3), case_with(database, 3)
    with database.writing() as session:
        session.get_one(Case, refused).consented_at = None
    assert compared(database, mine) == {mine: True}
    assert compared(database, refused) == {}


def test_photos_that_are_not_kept_any_more_are_passed_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, mine = case_with(database, 3), case_with(database, 3)
    with database.writing() as session:
        picture = select(Probe.blob_id).where(Probe.case_id == gone, Probe.kind == "selfie")
        blobs.purge_blob(session, session.scalars(picture).one())
    assert compared(database, mine) == {mine: True}
    # The list was made just before the purge.
    monkeypatch.setattr(alarms, "to_compare", lambda session, case: [gone])
    assert compared(database, mine) == {mine: True}


def test_a_search_raises_the_alarm_before_the_case_moves_on_and_leaves_no_template(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("workers.encoder.load_encoders", lambda _database: [DrawnFaceEncoder()])
    case_with(database, 3, contact=False, right="opt-out")
    mine = case_with(database, 3)
    result = searching.find_people(database, mine)
    with database.writing() as session:
        search = session.scalars(select(Search).where(Search.case_id == mine)).one()
        searching._record(session, search, result, {}, {})
    with database.reading() as session:
        case = session.get_one(Case, mine)
        assert [alarm.kind for alarm in alarms.open_alarms(session, case)] == ["many-contacts"]
        kinds = session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == mine).order_by(CaseEvent.id)).all()
        assert kinds.index("linked") < kinds.index("search-finished")
        facts = [
            json.loads(body)["facts"] for body in session.scalars(select(Entry.body).filter_by(kind="cases-linked"))
        ]
    assert len(facts) == 2
    assert all(set(each) == {"case", "other", "kind"} for each in facts)
    template = DrawnFaceEncoder().encode(_chips())[0]
    assert not [value for value in template if f"{value:.4f}" in caplog.text and abs(value) > 0.01]


def _chips() -> np.ndarray:
    encoder = DrawnFaceEncoder()
    pixels = images.open_picture(drawn_jpeg(3)).pixels
    return encoder.cut(pixels, encoder.find(pixels))
