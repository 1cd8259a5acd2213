"""Who lets us keep their face has it kept while the templates go, and may take it back, also from what lies beside."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from portal import clock
from portal.audit import ledger
from portal.cases.answer import keeping
from portal.db import Database
from portal.erasure import effects, forgetting, wording
from portal.errors import Conflict
from portal.keys import keys_of
from portal.suppression import Faces, faces
from portal.tables import Candidate, Case, CaseRight, Certificate, Encoder, Entry, KeptFace, Suppression, Template
from tests.erasure.test_carrying import Scene
from tests.fakes import template_of

NEAR = 0.4


def template(person: float) -> bytes:
    return template_of(person).astype("<f4").tobytes()


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    """The person's face is in all three photographs, each time a little different, with a template."""
    scene = Scene(database, tmp_path / "photographs")
    with database.writing() as session:
        encoder = Encoder(name="drawn", version="1", dimensions=128)
        session.add(encoder)
        session.flush()
        for candidate, person in zip(session.scalars(select(Candidate)), (3.0, 3.1, 3.2), strict=True):
            assert candidate.face_id is not None
            sealed = keys_of(session).seal_small(template(person), "template", candidate.face_id)
            session.add(Template(face_id=candidate.face_id, encoder_id=encoder.id, sealed=sealed))
        session.get_one(Case, scene.case_id).rights[0].keeps = "face"
    return scene


def carry_out(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"


def test_one_template_is_kept_and_the_plan_and_the_certificate_say_so(scene: Scene) -> None:
    planned = [item.target for item in scene.plan().items if item.kind == "suppression"]
    assert planned == [f"face/{image}" for image in scene.images]
    scene.approve()
    assert scene.run() == "worked"
    scene.answer_people()
    with scene.database.reading() as session:
        assert scene.count(Template) == 0
        assert Faces(session, "drawn 1").are_near([template(3.1)], NEAR)
        [row] = faces.kept_for(session, scene.case_id)
        assert row.purpose == faces.PURPOSE
        assert timedelta(days=700) < row.expires_at - row.created_at < timedelta(days=732)
        certificate = session.scalars(select(Certificate)).one()
        statement = json.loads(certificate.statement)
        kept = {one["what"]: one for one in statement["kept"]}
        assert statement["counts"]["suppression"] == {"face-kept": 3}
        assert (kept["faces"]["mode"], kept["faces"]["count"]) == ("face", 1)
        assert (kept["faces"]["purpose"], kept["suppressions"]["mode"]) == (faces.PURPOSE, "photographs")
        said = "\n".join(wording.in_words(statement, []))
        assert "1 protected template of the face" in said
        assert "Nobody can look at it" in said
        for said_once in (repr(float(one)) for one in np.frombuffer(template(3.1), "<f4")[:8]):
            assert said_once.encode() not in certificate.statement


def test_what_is_taken_back_is_gone_everywhere_at_once(scene: Scene) -> None:
    carry_out(scene)
    scene.answer_people()
    with scene.database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        assert keeping.forgettable(session, case, told=True) == ["face", "photographs"]
        forgetting.forget(session, case, "face")
    with scene.database.writing() as session:
        case, erasure = session.get_one(Case, scene.case_id), scene.erasure()
        assert not faces.any_kept(session)
        for stage in ledger.STAGES:
            record = ledger.read(session, erasure.id, stage)
            assert record is not None
            assert not record.of(KeptFace)
            assert [one["keeps"] for one in record.of(CaseRight)] == ["photographs"]
        assert keeping.forgettable(session, case, told=True) == ["photographs"]
        forgetting.forget(session, case, "photographs")
        assert (keeping.mode(case), keeping.forgettable(session, case, told=True)) == ("none", [])
        record = ledger.read(session, erasure.id, "done")
        assert record is not None
        assert not record.of(Suppression)
        with pytest.raises(Conflict):
            forgetting.forget(session, case, "face")
        kinds = [entry.kind for entry in session.scalars(select(Entry).order_by(Entry.position))]
        assert kinds[-2:] == ["face-forgotten", "photographs-forgotten"]
    assert scene.count(Suppression) == 0
    with scene.database.reading() as session:
        # Looked at again after some days, that nothing stops them is as it should be.
        items = [item for item in scene.erasure().items if item.kind == "suppression"]
        assert all(effects.look_again(session, scene.erasure(), item)["gone"] for item in items)


def test_taken_back_before_the_deletion_begins_the_face_is_never_kept_and_the_plan_holds(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    with scene.database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        assert keeping.forgettable(session, case, told=True) == ["face"]
        forgetting.forget(session, case, "face")
    assert scene.run() == "worked"
    assert scene.count(KeptFace) == 0
    assert {item.result for item in scene.erasure().items if item.kind == "suppression"} == {"suppressed"}


def test_numbers_forgotten_on_the_day_of_the_answer_stop_an_approved_plan_and_a_new_one_keeps_nothing(
    scene: Scene,
) -> None:
    """Where nobody was checked the answer comes on its day, though the erasure may not have begun by then."""
    with scene.database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        case.identity, case.rights[0].keeps = "not-needed", "photographs"
        case.due_on = case.rights[0].due_on = clock.now().date()
    scene.plan()
    scene.approve()
    with scene.database.writing() as session:
        forgetting.forget(session, session.get_one(Case, scene.case_id), "photographs")
    scene.run()
    erasure = scene.erasure()
    assert (erasure.state, len(scene.files())) == ("stopped", 4), "what was approved would have kept numbers"
    planned = [item.target for item in scene.plan().items if item.kind == "suppression"]
    assert planned == [f"none/{image}" for image in scene.images]
    assert scene.erasure().state == "planned"
    carry_out(scene)
    scene.answer_people()
    assert (scene.count(Suppression), scene.count(KeptFace), scene.files()) == (0, 0, {"other.jpg"})
    assert scene.count(Certificate) == 1


def test_without_a_confirmed_face_none_is_kept(scene: Scene) -> None:
    with scene.database.writing() as session:
        for candidate in session.scalars(select(Candidate)):
            candidate.face_id = None
    carry_out(scene)
    assert scene.count(KeptFace) == 0
    assert scene.count(Suppression) == 3


@pytest.mark.parametrize(
    ("residence", "days"), [("US-TX", 366), ("US-CO", 731), ("US-IL", 731), ("EU", 731), ("", 366)]
)
def test_the_law_may_end_it_sooner_than_the_setting(scene: Scene, residence: str, days: int) -> None:
    with scene.database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        case.residence = residence
        left = keeping.face_ends(session, case) - clock.now()
        assert timedelta(days=days - 3) < left <= timedelta(days=days)


def test_a_face_is_offered_only_to_who_may_agree_to_it(scene: Scene) -> None:
    with scene.database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        case.consented_at = None
        assert keeping.choices(session, case) == ["photographs", "none"], "the comparison was not agreed to"
        case.consented_at = clock.now()
        assert keeping.choices(session, case) == ["photographs", "face", "none"]
        case.residence = "CA-QC"
        assert "face" not in keeping.choices(session, case)
        case.residence = "EU"
        case.rights.append(
            CaseRight(right="opt-out", rule="x", rule_version=1, due_on=case.due_on, latest_on=case.due_on)
        )
        session.flush()
        assert "face" not in keeping.choices(session, case)
        session.rollback()
