"""A deletion erases what was approved, looks again, and says only what it saw. Killed anywhere, the end is the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

import workers
from portal import blobs, clock, lineage
from portal.db import Database
from portal.erasure import carrying, effects, plans, remedies
from portal.errors import Conflict, NotAllowed
from portal.stores.folder import Folder
from portal.suppression import Gate
from portal.tables import (
    Candidate,
    Case,
    Certificate,
    Dataset,
    Disclosure,
    Erasure,
    ErasureItem,
    Face,
    Image,
    ManifestEntry,
    Product,
    Recipient,
    Search,
    Suppression,
    TrainedModel,
    TrainingUse,
)
from tests.matching.making import make_account, make_candidates, make_case, make_face, make_image, make_store

KEYS = ("a.jpg", "b.jpg", "c/d.jpg")


class Scene:
    """A case with three confirmed photographs in a real folder, one in a dataset that a model was trained on."""

    def __init__(self, database: Database, folder: Path, right: str = "deletion") -> None:
        self.database, self.folder, self.right = database, folder, right
        for key in (*KEYS, "other.jpg"):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(f"picture {key}".encode())
        with database.writing() as session:
            self.asker, self.approver = make_account(session, "asker"), make_account(session, "approver")
            case = make_case(session, state="fulfilling", rights=(right,))
            case.rights[0].decision = "grant"
            self.case_id = case.id
            store = make_store(session, str(folder))
            self.store_id = store.id
            search = Search(
                case_id=case.id, created_at=clock.now(), finished_at=clock.now(), encoder="drawn 1", threshold=0.6,
                gallery_size=4, coverage={}, candidates=3,
            )  # fmt: skip
            session.add(search)
            session.flush()
            self.images = []
            for key in KEYS:
                image = make_image(session, store, key, f"picture {key}".encode())
                face = make_face(session, image)
                crop = blobs.put_blob(session, "candidate-crop", b"crop", "image/jpeg")
                session.add(
                    Candidate(
                        case_id=case.id,
                        search_id=search.id,
                        image_id=image.id,
                        face_id=face.id,
                        evidence=["face"],
                        crop_id=crop.id,
                        state="confirmed",
                    )
                )
                self.images.append(image.id)
            make_face(session, make_image(session, store, "other.jpg", b"picture other.jpg"))
            session.add(ManifestEntry(store_id=store.id, key="a.jpg", account="ann", attributes={"age": 30}))
            dataset = Dataset(name="faces", version="1", created_on=date(2014, 1, 1))
            model = TrainedModel(name="net", version="1")
            recipient = Recipient(name="Buyer", contact="dpo@buyer.example")
            session.add_all([dataset, model, recipient])
            session.flush()
            self.dataset_id = dataset.id
            lineage.write_places(session, dataset, self.images[:1])
            session.add_all(
                [
                    TrainingUse(model_id=model.id, dataset_id=dataset.id, trained_on=clock.now().date()),
                    Product(name="Search", model_id=model.id),
                    Disclosure(
                        recipient_id=recipient.id, dataset_id=dataset.id, disclosed_on=clock.now().date(), basis="sale"
                    ),
                ]
            )

    def plan(self) -> Erasure:
        with self.database.writing() as session:
            erasure = plans.plan_erasure(session, session.get_one(Case, self.case_id), self.right, self.asker)
            erasure.items  # noqa: B018  # loaded while the session is open
            return erasure

    def approve(self, by: str | None = None, digest: str | None = None) -> None:
        with self.database.writing() as session:
            erasure = session.scalars(select(Erasure)).one()
            plans.approve(session, erasure, by or self.approver, digest or erasure.plan_digest)

    def run(self) -> str:
        with self.database.writing() as session:
            erasure = session.scalars(select(Erasure)).one()
            erasure.run_after = clock.now()
        return workers.carry_out(self.database, "erasing", self.erasure().id)

    def answer_people(self) -> None:
        with self.database.writing() as session:
            erasure = session.scalars(select(Erasure)).one()
            for item in erasure.items:
                if item.kind == "model":
                    basis = remedies.Evidence(date(2026, 11, 1), basis="The board kept it under Article 17(3)(e).")
                    remedies.answer(session, item, self.asker, "kept", "Asked on Monday.", basis)
                    remedies.confirm(session, item, self.approver)
                elif item.kind in plans.REMEDIES_FOR:
                    result = "told" if item.kind == "recipient" else "kept"
                    plans.answer_item(session, item, self.asker, result, "Asked on Monday.")
            carrying.settle_if_complete(session, erasure)

    def erasure(self) -> Erasure:
        with self.database.reading() as session:
            erasure = session.scalars(select(Erasure)).one()
            erasure.items  # noqa: B018  # loaded while the session is open
            return erasure

    def files(self) -> set[str]:
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}

    def count(self, table: type) -> int:
        with self.database.reading() as session:
            return len(session.scalars(select(table)).all())


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    return Scene(database, tmp_path / "photographs")


def test_the_plan_lists_every_copy_and_everybody_reached(scene: Scene) -> None:
    kinds = [item.kind for item in scene.plan().items]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "suppression": 3, "crop": 3, "templates": 3, "image": 3, "record": 1, "dataset-place": 1,
        "model": 1, "product": 1, "recipient": 1,
    }  # fmt: skip
    assert scene.files() == {*KEYS, "other.jpg"}, "planning touches nothing"


def test_a_deletion_erases_what_was_confirmed_and_nothing_else(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}
    assert scene.count(Face) == 1
    assert scene.count(ManifestEntry) == 0
    assert scene.count(Suppression) == 3
    erasure = scene.erasure()
    assert erasure.state == "notifying", "the model, the product and the recipient wait for people"
    assert {item.state for item in erasure.items if item.kind not in plans.REMEDIES_FOR} == {"verified"}
    assert all(item.evidence for item in erasure.items if item.kind not in plans.REMEDIES_FOR)
    assert scene.count(Certificate) == 0
    scene.answer_people()
    assert scene.erasure().state == "settled"
    assert scene.count(Certificate) == 1
    with scene.database.reading() as session:
        case = session.get_one(Case, scene.case_id)
        assert (case.state, case.rights[0].outcome is not None) == ("closed", True)
        tombstone = session.get_one(Image, scene.images[0])
        assert (tombstone.state, tombstone.digest, tombstone.near_digest) == ("erased", None, None)
        [version] = lineage.versions_of(session, scene.dataset_id)
        assert (version.label, version.taken, version.because) == ("1-e1", 1, f"erasure/{erasure.id}")
        assert "a.jpg" not in tombstone.key
        kept = {item.kind for item in session.scalars(select(ErasureItem)) if item.sealed}
        assert kept == {"image", "record", "suppression"}, "what is looked at again"


def test_who_wants_nothing_kept_has_a_plan_and_a_certificate_that_say_so(scene: Scene) -> None:
    scene.plan()
    with scene.database.writing() as session:
        session.get_one(Case, scene.case_id).rights[0].keeps = "none"
    with pytest.raises(Conflict) as caught:
        scene.approve()
    assert caught.value.code == "plan-changed", "what was read before says otherwise"
    planned = [item.target for item in scene.plan().items if item.kind == "suppression"]
    assert planned == [f"none/{image}" for image in scene.images]
    scene.approve()
    assert scene.run() == "worked"
    scene.answer_people()
    assert (scene.count(Suppression), scene.count(Certificate), scene.files()) == (0, 1, {"other.jpg"})
    with scene.database.reading() as session:
        gate = Gate(session)
        assert not gate.stops(hashlib.sha256(b"picture a.jpg").digest(), None)
        statement = json.loads(session.scalars(select(Certificate.statement)).one())
    assert statement["counts"]["suppression"] == {"not-suppressed": 3}
    [kept] = [one for one in statement["kept"] if one["what"] == "suppressions"]
    assert (kept["mode"], kept["count"], "until" in kept) == ("none", 0, False)
    assert len(statement["recipients"]) == 1, "who has copies is told all the same"


def test_another_case_that_only_waited_for_an_erased_photograph_goes_on(scene: Scene) -> None:
    with scene.database.writing() as session:
        other = make_case(session)
        [candidate] = make_candidates(session, other, 1)
        candidate.image_id = scene.images[0]
        other_id = other.id
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    with scene.database.reading() as session:
        assert session.scalars(select(Candidate.state).where(Candidate.case_id == other_id)).all() == ["gone"]
        assert session.get_one(Case, other_id).state == "deciding"


def test_an_opt_out_keeps_the_photographs_and_takes_them_out_of_datasets(database: Database, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path / "photographs", right="opt-out")
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    assert scene.files() == {*KEYS, "other.jpg"}
    with database.reading() as session:
        assert lineage.places_of(session, scene.images[:1]) == {scene.images[0]: []}
        assert {one.blocks for one in session.scalars(select(Suppression))} == {"datasets"}


def test_the_person_who_asked_cannot_approve(scene: Scene) -> None:
    scene.plan()
    with pytest.raises(NotAllowed):
        scene.approve(by=scene.asker)
    assert scene.erasure().state == "planned"


def test_a_plan_is_approved_by_its_digest(scene: Scene) -> None:
    scene.plan()
    with pytest.raises(Conflict):
        scene.approve(digest="0" * 64)


def test_a_plan_that_no_longer_fits_cannot_be_approved(scene: Scene) -> None:
    scene.plan()
    with scene.database.writing() as session:
        lineage.write_places(session, session.get_one(Dataset, scene.dataset_id), scene.images[1:2])
    with pytest.raises(Conflict, match="changed"):
        scene.approve()
    scene.plan()
    scene.approve()
    assert scene.erasure().state == "cooling"


def test_an_erasure_whose_plan_changed_after_approval_is_refused(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    with scene.database.writing() as session:
        lineage.write_places(session, session.get_one(Dataset, scene.dataset_id), scene.images[2:3])
    scene.run()
    assert scene.erasure().state == "stopped"
    assert scene.files() == {*KEYS, "other.jpg"}
    scene.plan()
    scene.approve()
    scene.run()
    assert scene.files() == {"other.jpg"}


def test_a_file_that_changed_after_approval_is_not_deleted_and_named(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    (scene.folder / "b.jpg").write_bytes(b"somebody else's picture now")
    scene.run()
    scene.answer_people()
    assert scene.files() == {"b.jpg", "other.jpg"}
    [refused] = [item for item in scene.erasure().items if item.state == "refused"]
    assert refused.image_id == scene.images[1]
    with scene.database.reading() as session:
        assert session.scalars(select(Certificate)).one().kind == "partial"


def test_a_file_that_was_gone_already_is_said_to_be(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    (scene.folder / "a.jpg").unlink()
    scene.run()
    results = {item.image_id: item.result for item in scene.erasure().items if item.kind == "image"}
    assert results == dict(zip(scene.images, ["already-absent", "deleted", "deleted"], strict=True))


def test_a_store_that_vanishes_in_mid_erasure_loses_nothing(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    away = scene.folder.with_name("away")
    scene.folder.rename(away)
    assert scene.run() == "failed"
    erasure = scene.erasure()
    assert (erasure.work_state, erasure.state) == ("due", "running")
    assert erasure.problem
    assert scene.count(Certificate) == 0
    away.rename(scene.folder)
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}


def test_an_effect_that_did_not_work_gets_no_certificate(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.plan()
    scene.approve()
    with monkeypatch.context() as lying:
        lying.setattr(Folder, "erase_copy", lambda *_: "deleted")
        assert scene.run() == "failed"
        assert scene.count(Certificate) == 0
        assert "still there" in (scene.erasure().problem or "")
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}


@pytest.mark.parametrize("kind", ["suppression", "dataset-place", "crop", "record", "templates", "image"])
def test_drop_any_one_effect_and_no_certificate_can_be_issued(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    real = effects.apply

    def lazy(session, erasure, item, in_store):  # type: ignore[no-untyped-def]
        return "deleted" if item.kind == kind else real(session, erasure, item, in_store)

    monkeypatch.setattr(effects, "apply", lazy)
    scene.plan()
    scene.approve()
    assert scene.run() == "failed"
    scene.answer_people()
    assert scene.count(Certificate) == 0


def test_killed_at_any_step_the_end_is_the_same_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every commit of the worker is followed by a crash in turn; then it is run again as after a restart."""

    class Killed(BaseException):
        """Not an Exception: nothing in the product may catch it, as nothing catches SIGKILL."""

    scene = Scene(database, tmp_path / "photographs")
    scene.plan()
    scene.approve()
    crash_after = 0
    while scene.erasure().state != "notifying":
        crash_after += 1
        commits = 0
        real = Database.writing

        def counted(self, real=real, limit=crash_after):  # type: ignore[no-untyped-def]
            nonlocal commits
            commits += 1
            if commits > limit:
                raise Killed
            return real(self)

        with monkeypatch.context() as crashing:
            crashing.setattr(Database, "writing", counted)
            with contextlib.suppress(Killed):
                workers.carry_out(database, "erasing", scene.erasure().id)
        with database.writing() as session:
            session.scalars(select(Erasure)).one().lease_until = clock.now().replace(year=2000)
    assert crash_after > 3
    scene.answer_people()
    assert scene.files() == {"other.jpg"}
    assert scene.count(Certificate) == 1
    assert scene.count(Suppression) == 3


def test_an_access_request_is_answered_before_anything_is_deleted(database: Database, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path / "photographs")
    with database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        other = make_case(session, rights=("copy",)).rights[0]
        other.case_id = case.id
        other.decision = "grant"
    scene.plan()
    scene.approve()
    scene.run()
    assert scene.files() == {*KEYS, "other.jpg"}
    assert scene.erasure().work_state == "due"
    with database.writing() as session:
        for right in session.get_one(Case, scene.case_id).rights:
            if right.right == "copy":
                right.outcome, right.fulfilled_at = "fulfilled", clock.now()
    scene.run()
    assert scene.files() == {"other.jpg"}


def test_a_withdrawn_case_is_not_erased(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    with scene.database.writing() as session:
        session.scalars(select(Erasure)).one().state = "stopped"
    scene.run()
    assert scene.files() == {*KEYS, "other.jpg"}


def test_the_digest_covers_every_item(scene: Scene) -> None:
    erasure = scene.plan()
    before = erasure.plan_digest
    assert len(before) == len(hashlib.sha256().hexdigest())
    assert scene.plan().plan_digest != before, "the salts are new, so an old approval cannot be used again"
