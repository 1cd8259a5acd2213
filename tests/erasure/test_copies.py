"""Thumbnails and the like are planned, approved, erased and looked for like the photograph they were made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from portal.db import Database
from portal.erasure import plans
from portal.errors import Conflict
from portal.stores.folder import Folder
from portal.tables import Candidate, Erasure, ErasureItem, Image, Store
from tests.erasure.test_carrying import Scene
from tests.matching.making import make_face, make_image

COPIES = [".cache/a.jpg.webp", "thumbs/a_200.jpg"]


def put(folder: Path, *keys: str) -> None:
    for key in keys:
        (folder / key).parent.mkdir(exist_ok=True)
        (folder / key).write_bytes(f"picture {key}".encode())


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    scene = Scene(database, tmp_path / "photographs")
    put(scene.folder, *COPIES)
    with database.writing() as session:
        store = session.get_one(Store, scene.store_id)
        patterns = ["thumbs/{stem}_*.jpg", ".cache/{name}*"]
        store.settings = {**store.settings, "copies": patterns}
    return scene


def of_kind(scene: Scene, kind: str) -> list[ErasureItem]:
    return [item for item in scene.erasure().items if item.kind == kind]


def test_copies_are_items_of_their_own_and_go(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}
    copies = of_kind(scene, "copy")
    assert [(item.state, item.result, (item.evidence or {})["store"]) for item in copies] == [
        ("verified", "deleted", ["absent"])
    ] * 2
    assert all(Path(copy).name not in item.target for item in copies for copy in COPIES), "names stay sealed"


def test_a_copy_that_was_scanned_as_a_photograph_goes_as_one(scene: Scene) -> None:
    with scene.database.writing() as session:
        thumb = make_image(session, session.get_one(Store, scene.store_id), COPIES[1], f"picture {COPIES[1]}".encode())
        make_face(session, thumb)
        thumb_id = thumb.id
    kinds = [item.kind for item in scene.plan().items if item.image_id == thumb_id]
    assert kinds == ["suppression", "templates", "image"]
    scene.approve()
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}
    with scene.database.reading() as session:
        assert session.get_one(Image, thumb_id).state == "erased"
        assert not session.get_one(Image, thumb_id).faces


def test_a_copy_made_before_the_approval_makes_the_plan_another(scene: Scene) -> None:
    scene.plan()
    put(scene.folder, "thumbs/a_400.jpg")
    with pytest.raises(Conflict) as caught:
        scene.approve()
    assert caught.value.code == "plan-changed"


def test_a_copy_made_between_approval_and_run_stops_the_run(scene: Scene) -> None:
    scene.plan()
    scene.approve()
    put(scene.folder, "thumbs/a_400.jpg")
    before = scene.files()
    scene.run()
    erasure = scene.erasure()
    assert (erasure.state, erasure.problem) == ("stopped", "The plan changed after it was approved. Make it again.")
    assert scene.files() == before
    scene.plan()
    scene.approve()
    scene.run()
    assert scene.files() == {"other.jpg"}


def test_a_copy_made_while_it_runs_is_kept_and_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.plan()
    scene.approve()
    real = Folder.erase_copy

    def erase(self: Folder, ref: str, digest: bytes) -> str:
        if ref == COPIES[0]:
            put(scene.folder, "thumbs/a_400.jpg")
        return real(self, ref, digest)

    monkeypatch.setattr(Folder, "erase_copy", erase)
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg", "thumbs/a_400.jpg"}
    images = {item.image_id: (item.state, item.result) for item in of_kind(scene, "image")}
    assert images[scene.images[0]] == ("refused", "copy-appeared")
    assert set(images.values()) == {("refused", "copy-appeared"), ("verified", "deleted")}


def test_a_copy_that_is_changed_while_it_runs_is_refused_by_itself(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.plan()
    scene.approve()
    real = Folder.erase_copy

    def erase(self: Folder, ref: str, digest: bytes) -> str:
        if ref == COPIES[0]:
            (scene.folder / COPIES[1]).write_bytes(b"another")
        return real(self, ref, digest)

    monkeypatch.setattr(Folder, "erase_copy", erase)
    scene.run()
    assert [(item.state, item.result) for item in of_kind(scene, "copy")] == [
        ("verified", "deleted"),
        ("refused", "content-changed"),
    ]
    assert {item.state for item in of_kind(scene, "image")} == {"verified"}


def test_who_keeps_the_photograph_keeps_its_copies(database: Database, scene: Scene) -> None:
    with database.writing() as session:
        image = session.get_one(Image, scene.images[0])
        make_face(session, image)
        candidate = session.scalars(select(Candidate).filter_by(image_id=image.id)).one()
        candidate.remedy = "template"
    assert not [item for item in scene.plan().items if item.kind == "copy"]
    with database.reading() as session:
        assert plans.still_true(session, session.scalars(select(Erasure)).one())
