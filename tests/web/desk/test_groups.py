"""The page on which a caseworker decides about each photograph that shows other people, too."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import images
from portal.db import Database
from portal.tables import Candidate, Case, Entry, Erasure, Face, Image
from tests.fakes import draw_photograph
from tests.web.desk import Colleague, case_to_decide, colleague, fill_store

ANNA, BEN = (54, 134, 266, 346), (374, 134, 586, 346)


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Case:
    """Two confirmed photographs; in the first stand two people."""
    data = images.to_jpeg(draw_photograph(3, 7, seed=5))
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs", count=2)
        (tmp_path / "photographs" / "0.jpg").write_bytes(data)
        case = case_to_decide(session, store, "deletion")
        image = session.scalars(select(Image).filter_by(key="0.jpg")).one()
        image.digest, image.width, image.height = hashlib.sha256(data).digest(), 640, 480
        faces = [Face(image_id=image.id, left=box[0], top=box[1], right=box[2], bottom=box[3]) for box in (ANNA, BEN)]
        session.add_all(faces)
        session.flush()
        session.scalars(select(Candidate).filter_by(image_id=image.id)).one().face_id = faces[0].id
        return case


@pytest.fixture
def carl(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "caseworker")


def planned(carl: Colleague, case: Case) -> str:
    path = f"/staff/cases/{case.id}/decide/deletion"
    carl.post(path, status=200, decision="grant", reason="", note="")
    carl.post(path, decision="grant", reason="", note="", confirm="y")
    return path


def test_each_is_decided_and_the_plan_is_made_anew(database: Database, case: Case, carl: Colleague) -> None:
    planned(carl, case)
    with database.reading() as session:
        erasure = session.scalars(select(Erasure)).one()
    assert "1 photograph shows other people, too" in carl.get(f"/staff/erasures/{erasure.id}")
    page = carl.get(f"/staff/cases/{case.id}/group-photographs")
    ways = re.findall(r'name="(\w+)" id="[^"]*" value="(\w+)"( checked)?', page)
    assert [(way, chosen) for _, way, chosen in ways] == [("delete", ""), ("crop", ""), ("mask", ""), ("template", "")]
    assert carl.post(f"/staff/cases/{case.id}/group-photographs", **{ways[0][0]: "mask"}).endswith(erasure.id)
    with database.reading() as session:
        again = session.scalars(select(Erasure)).one()
        assert again.plan_digest != erasure.plan_digest
        assert "redaction" in {item.kind for item in again.items}
        assert session.scalars(select(Entry).filter_by(kind="face-decided")).one()
    assert "Photograph that stays without one face" in carl.get(f"/staff/erasures/{erasure.id}")
    assert re.search(r'value="mask" checked', carl.get(f"/staff/cases/{case.id}/group-photographs"))


def test_other_people_are_covered_in_what_is_looked_at_and_each_look_is_logged(
    database: Database, case: Case, carl: Colleague
) -> None:
    with database.reading() as session:
        candidate = session.scalars(select(Candidate).where(Candidate.face_id.is_not(None))).one()
    path = f"/staff/cases/{case.id}/group-photographs/{candidate.id}"
    masked = images.open_picture(carl.client.get(f"{path}/mask.jpg").data).pixels
    assert images.is_covered(masked, ANNA)
    assert images.is_covered(masked, BEN)
    kept = images.open_picture(carl.client.get(f"{path}/template.jpg").data).pixels
    assert images.is_covered(kept, BEN)
    assert not images.is_covered(kept, ANNA)
    cropped = images.open_picture(carl.client.get(f"{path}/crop.jpg").data).pixels
    assert cropped.shape[:2] == (480, 342)
    with database.reading() as session:
        entries = [json.loads(entry.body) for entry in session.scalars(select(Entry).filter_by(kind="image-revealed"))]
    assert [entry["facts"]["candidate"] for entry in entries] == [candidate.id] * 3
    carl.get(path.replace(candidate.id, "0" * 32) + "/mask.jpg", status=404)


def test_what_is_not_offered_is_refused_and_an_approved_plan_stays(
    app: Flask, database: Database, case: Case, carl: Colleague
) -> None:
    planned(carl, case)
    with database.reading() as session:
        one = session.scalars(select(Candidate.id).where(Candidate.face_id.is_not(None))).one()
        erasure = session.scalars(select(Erasure)).one()
    carl.post(f"/staff/cases/{case.id}/group-photographs", status=422, **{one: "burn"})
    cleo = colleague(app, database, "caseworker")
    approve = f"/staff/erasures/{erasure.id}/approve"
    assert "Approve exactly this plan" not in cleo.get(f"/staff/erasures/{erasure.id}")
    cleo.post(approve, status=409, digest=erasure.plan_digest)
    assert "1 photograph is not decided yet" in carl.get(f"/staff/cases/{case.id}/group-photographs")
    carl.post(f"/staff/cases/{case.id}/group-photographs/rest")
    assert "not decided yet" not in carl.get(f"/staff/cases/{case.id}/group-photographs")
    assert re.search(r'value="delete" checked', carl.get(f"/staff/cases/{case.id}/group-photographs"))
    cleo.post(approve, status=409, digest=erasure.plan_digest)
    with database.reading() as session:
        cleo.post(approve, digest=session.scalars(select(Erasure)).one().plan_digest)
    carl.post(f"/staff/cases/{case.id}/group-photographs", status=409, **{one: "mask"})
    assert "approved" in carl.get(f"/staff/cases/{case.id}/group-photographs")
