"""One face of several: covered, cut away or only forgotten; looked at again; and said as it is on the certificate."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy import select

import workers
from portal import blobs, clock, images
from portal.db import Database
from portal.erasure import certificate, faces, plans, redactions, wording
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.matching import review
from portal.stores.rewriting import RewritableFolder
from portal.suppression import Gate
from portal.tables import Candidate, Case, Certificate, Erasure, ErasureItem, Face, Image, ManifestEntry, Search, Store
from tests.fakes import draw_photograph
from tests.matching.making import make_account, make_case, make_store

# Two drawn faces stand in the middle of the two halves, 213 pixels wide.
ANNA, BEN = (54, 134, 266, 346), (374, 134, 586, 346)


class Scene:
    """A photograph of Anna and Ben in a real folder. Anna's deletion is granted."""

    def __init__(self, database: Database, folder: Path, key: str = "both.jpg", kind: str = "folder") -> None:
        self.database, self.folder, self.key = database, folder, key
        pixels = draw_photograph(3, 7, seed=5)
        data = images.redacted(pixels, "PNG" if key.endswith("png") else "JPEG", (0, 0, 1, 1), (0, 0, 640, 480))
        folder.mkdir()
        (folder / key).write_bytes(data)
        self.before = data
        with database.writing() as session:
            self.asker, self.approver = make_account(session, "asker"), make_account(session, "approver")
            case = make_case(session, state="fulfilling")
            case.rights[0].decision = "grant"
            store = make_store(session, str(folder))
            store.kind = kind
            search = Search(
                case_id=case.id, created_at=clock.now(), finished_at=clock.now(), encoder="drawn 1", threshold=0.6,
                gallery_size=2, coverage={}, candidates=1,
            )  # fmt: skip
            image = Image(
                store_id=store.id, key=key, coverage="searched", digest=hashlib.sha256(data).digest(),
                near_digest=images.near_digest(pixels), width=640, height=480, size=len(data),
                first_seen_at=clock.now(), last_seen_at=clock.now(),
            )  # fmt: skip
            session.add_all([search, image])
            session.flush()
            self.anna, self.ben = (self.face(session, image, box) for box in (ANNA, BEN))
            self.case_id, self.image_id = case.id, image.id
            self.candidate_id = self.candidate(session, case, search, self.anna, "confirmed")

    @staticmethod
    def face(session, image: Image, box: images.Box) -> int:  # type: ignore[no-untyped-def]
        left, top, right, bottom = box
        face = Face(image_id=image.id, left=left, top=top, right=right, bottom=bottom)
        session.add(face)
        session.flush()
        return face.id

    def candidate(self, session, case: Case, search: Search, face: int | None, state: str) -> str:  # type: ignore[no-untyped-def]
        crop = blobs.put_blob(session, "candidate-crop", b"crop", "image/jpeg")
        candidate = Candidate(
            case_id=case.id, search_id=search.id, image_id=self.image_id if hasattr(self, "image_id") else 1,
            face_id=face, evidence=["face"], crop_id=crop.id, state=state,
        )  # fmt: skip
        session.add(candidate)
        session.flush()
        return candidate.id

    def other_case(self, face: int | None) -> str:
        """Somebody else's case in which the same photograph waits for reviewers."""
        with self.database.writing() as session:
            case = make_case(session)
            search = Search(case_id=case.id, created_at=clock.now(), finished_at=clock.now())
            session.add(search)
            session.flush()
            return self.candidate(session, case, search, face, "open")

    def choose(self, remedy: str) -> None:
        with self.database.writing() as session:
            case = session.get_one(Case, self.case_id)
            faces.choose(session, case, self.candidate_id, remedy, self.asker)

    def plan(self) -> list[str]:
        with self.database.writing() as session:
            erasure = plans.plan_erasure(session, session.get_one(Case, self.case_id), "deletion", self.asker)
            return [item.kind for item in erasure.items]

    def approve(self) -> str:
        with self.database.writing() as session:
            erasure = session.scalars(select(Erasure)).one()
            plans.approve(session, erasure, self.approver, erasure.plan_digest)
            return erasure.id

    def run(self) -> str:
        with self.database.writing() as session:
            erasure = session.scalars(select(Erasure)).one()
            erasure.run_after = clock.now()
            erasure_id = erasure.id
        return workers.carry_out(self.database, "erasing", erasure_id)

    def carried_out(self, remedy: str) -> None:
        self.choose(remedy)
        self.plan()
        self.approve()
        assert self.run() == "worked"

    def words(self) -> str:
        with self.database.reading() as session:
            found = session.scalars(select(Certificate)).one()
            said = json.loads(found.statement)
            return "\n".join(wording.in_words(said, certificate.items_of(session, found)))

    @property
    def pixels(self) -> images.Pixels:
        return images.open_picture((self.folder / self.key).read_bytes()).pixels


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    return Scene(database, tmp_path / "store")


def test_a_covered_face_is_gone_and_the_other_stays(scene: Scene) -> None:
    other = scene.other_case(scene.ben)
    scene.carried_out("mask")
    assert images.is_covered(scene.pixels, ANNA)
    kept = scene.pixels[134:346, 374:586].astype(int)
    assert abs(kept - draw_photograph(3, 7, seed=5)[134:346, 374:586]).mean() < 4
    with scene.database.reading() as session:
        image = session.get_one(Image, scene.image_id)
        assert image.state == "live"
        assert image.digest == hashlib.sha256((scene.folder / scene.key).read_bytes()).digest()
        assert [face.id for face in session.scalars(select(Face))] == [scene.ben]
        assert session.get_one(Candidate, other).state == "open"
        assert session.get_one(Candidate, other).crop_id is not None
        assert session.get_one(Candidate, scene.candidate_id).crop_id is None
        gate = Gate(session)
        assert gate.stops(hashlib.sha256(scene.before).digest(), None)
        assert not gate.stops(image.digest, images.near_digest(scene.pixels)), "what stays may stay"
    assert "1 photograph with other people: stays, with the face covered" in scene.words()
    assert "everything planned was done" in scene.words()


def test_a_face_that_is_cut_away_moves_the_others(scene: Scene) -> None:
    scene.carried_out("crop")
    assert scene.pixels.shape == (480, 640 - (266 + 32), 3)
    with scene.database.reading() as session:
        [face] = session.scalars(select(Face))
        assert (face.id, face.left, face.top) == (scene.ben, 374 - 298, 134)
        image = session.get_one(Image, scene.image_id)
        assert (image.width, image.height) == (342, 480)
    assert "stays, with the face cut away" in scene.words()


def test_only_the_template_is_dropped_and_the_certificate_says_that_the_photograph_stays(scene: Scene) -> None:
    scene.carried_out("template")
    assert (scene.folder / scene.key).read_bytes() == scene.before
    with scene.database.reading() as session:
        assert [face.id for face in session.scalars(select(Face))] == [scene.ben]
        assert not Gate(session).stops(hashlib.sha256(scene.before).digest(), None)
    words = scene.words()
    assert "not everything was done" in words
    assert "other people are in it, and only the face template of this person was dropped" in words


def test_no_plan_is_approved_before_a_person_has_decided_about_others(scene: Scene) -> None:
    assert scene.plan() == ["suppression", "crop", "templates", "image"]
    with pytest.raises(Conflict, match="Other people"):
        scene.approve()
    scene.choose("delete")
    scene.approve()


def test_what_cannot_be_done_any_more_is_decided_anew(scene: Scene) -> None:
    scene.choose("mask")
    with scene.database.writing() as session:
        session.scalars(select(Store)).one().may_erase = False
    scene.plan()
    with pytest.raises(Conflict, match="Other people"):
        scene.approve()


def test_whoever_judges_by_the_whole_picture_sees_what_is_left(scene: Scene) -> None:
    other = scene.other_case(None)
    with scene.database.reading() as session:
        before = session.get_one(Candidate, other).crop_id
    scene.carried_out("mask")
    with scene.database.reading() as session:
        candidate = session.get_one(Candidate, other)
        assert candidate.state == "open"
        shown = images.open_picture(blobs.open_blob(session, candidate.crop_id)).pixels
        assert images.is_covered(shown, ANNA)
        assert not images.is_covered(shown, BEN)
        with pytest.raises(NotFound):
            blobs.open_blob(session, before)


def test_nobody_waits_for_a_whole_picture_that_is_gone(scene: Scene) -> None:
    other = scene.other_case(None)
    scene.choose("mask")
    scene.plan()
    scene.approve()
    (scene.folder / scene.key).unlink()
    scene.run()
    with scene.database.reading() as session:
        candidate = session.get_one(Candidate, other)
        assert (candidate.state, candidate.crop_id) == ("gone", None)
        assert session.get_one(Case, candidate.case_id).state == "deciding"


@pytest.mark.parametrize(("evidence", "left"), [(["account", "face"], 0), (["face"], 1)])
def test_the_manifest_s_line_goes_where_it_tells_of_the_person(scene: Scene, evidence: list[str], left: int) -> None:
    with scene.database.writing() as session:
        session.get_one(Candidate, scene.candidate_id).evidence = evidence
        store = session.scalars(select(Store)).one()
        session.add(ManifestEntry(store_id=store.id, key=scene.key, account="anna", attributes={"age": 30}))
    scene.carried_out("mask")
    with scene.database.reading() as session:
        assert len(session.scalars(select(ManifestEntry)).all()) == left


def test_a_photograph_of_one_person_alone_leaves_no_choice(scene: Scene) -> None:
    with scene.database.writing() as session:
        session.delete(session.get_one(Face, scene.ben))
    with scene.database.reading() as session:
        assert faces.choices(session, session.get_one(Candidate, scene.candidate_id)) == ["delete"]
        assert faces.with_others(session, session.get_one(Case, scene.case_id)) == []
    with pytest.raises(BadInput):
        scene.choose("mask")


@pytest.mark.parametrize(("change", "left"), [("key", "both.tiff"), ("kind", "tar"), ("may_erase", False)])
def test_where_nothing_can_be_put_in_its_place_neither_cover_nor_cut_is_offered(
    scene: Scene, change: str, left: object
) -> None:
    with scene.database.writing() as session:
        candidate = session.get_one(Candidate, scene.candidate_id)
        assert faces.choices(session, candidate) == ["delete", "crop", "mask", "template"]
        store = session.get_one(Store, candidate.image.store_id)
        setattr(candidate.image if change == "key" else store, change, left)
        assert faces.choices(session, candidate) == ["delete", "template"]


def test_a_decision_after_the_approval_is_refused(scene: Scene) -> None:
    scene.choose("delete")
    scene.plan()
    scene.approve()
    with pytest.raises(Conflict):
        scene.choose("mask")


def test_a_changed_photograph_is_refused_and_not_touched(scene: Scene) -> None:
    scene.choose("mask")
    scene.plan()
    scene.approve()
    (scene.folder / scene.key).write_bytes(b"another picture")
    assert scene.run() == "worked"
    assert (scene.folder / scene.key).read_bytes() == b"another picture"
    assert "What was not done:" in scene.words()


@pytest.mark.parametrize("step", ["put", "record", "look"])
def test_killed_at_any_step_it_comes_to_the_same_end(scene: Scene, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    scene.choose("mask")
    scene.plan()
    scene.approve()
    with monkeypatch.context() as patched:
        if step == "put":
            # The new picture lies in the store, and nobody wrote that down.
            real = redactions.put

            def put(*given: object) -> None:
                real(*given)  # type: ignore[arg-type]
                raise KeyboardInterrupt

            patched.setattr(redactions, "put", put)
        else:
            name = {"record": "record", "look": "look_at_picture"}[step]
            patched.setattr(redactions, name, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            scene.run()
    with scene.database.writing() as session:
        erasure = session.scalars(select(Erasure)).one()
        erasure.work_state, erasure.lease_until = "due", None
    assert scene.run() == "worked"
    assert images.is_covered(scene.pixels, ANNA)
    assert "1 photograph with other people: stays, with the face covered" in scene.words()


def test_what_was_not_covered_is_not_said_to_be(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that says yes and does nothing: looking again finds it out, and there is no certificate."""
    scene.choose("mask")
    scene.plan()
    scene.approve()
    monkeypatch.setattr(RewritableFolder, "replace_copy", lambda *_: "replaced")
    assert scene.run() == "failed"
    with scene.database.reading() as session:
        assert session.scalars(select(Certificate)).all() == []
        item = session.scalars(select(ErasureItem).filter_by(kind="redaction")).one()
        assert item.state == "planned"
        assert item.evidence is not None
        assert item.evidence["gone"] is False


def test_who_else_was_suspected_to_be_that_face_is_not_waited_for(scene: Scene) -> None:
    other = scene.other_case(scene.anna)
    scene.carried_out("mask")
    with scene.database.reading() as session:
        candidate = session.get_one(Candidate, other)
        assert candidate.state == "gone"
        assert session.get_one(Case, candidate.case_id).state == "deciding"
        assert review.unfinished(session, session.get_one(Case, candidate.case_id)) == 0


def test_no_later_plan_takes_the_photograph_up_again(scene: Scene) -> None:
    scene.carried_out("mask")
    with scene.database.reading() as session:
        assert plans.enumerate_items(session, session.get_one(Case, scene.case_id), "deletion") == []


def test_a_folder_replaces_only_what_was_approved_and_keeps_the_file_s_rights(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"old")
    file.chmod(0o640)
    folder = RewritableFolder("Store", {"folder": str(tmp_path)}, may_erase=True)
    with pytest.raises(Conflict):
        folder.replace_copy("a.jpg", hashlib.sha256(b"other").digest(), b"new")
    assert file.read_bytes() == b"old"
    with pytest.raises(NotAllowed):
        RewritableFolder("Store", {"folder": str(tmp_path)}, may_erase=False).replace_copy("a.jpg", b"", b"new")
    assert folder.replace_copy("a.jpg", hashlib.sha256(b"old").digest(), b"new") == "replaced"
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_the_plan_holds_no_more_than_what_was_decided(scene: Scene) -> None:
    scene.choose("mask")
    assert scene.plan() == ["suppression", "redaction", "crop", "face"]
    scene.choose("template")
    assert scene.plan() == ["crop", "face"]
