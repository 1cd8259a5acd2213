"""A copy that is put back serves nothing until what was erased since is erased again; the log goes on as it was."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

import workers
from portal import audit, clock, forgotten
from portal.audit import heads, ledger
from portal.backups import copies, finishing, waiting
from portal.cases.housekeeping.purging import purge
from portal.db import Database
from portal.erasure import certificate, remembering, verifying
from portal.errors import BadInput, Conflict, StoreUnavailable, Unavailable
from portal.stores.folder import Folder
from portal.tables import Case, Certificate, Erasure, Face, Image, Suppression
from portal.web import create_app
from tests.experiments import erasing
from tests.experiments.erasing import Scene
from workers import __main__ as program

CASES = 3


class Restored:
    """An installation with deletions that were carried out after a copy of it was made."""

    def __init__(self, folder: Path) -> None:
        self.scene: Scene = erasing.build(folder, erasing.Size(CASES, cases=CASES, thick=True))
        self.config, self.database = self.scene.config, Database(self.scene.config)
        self.pictures = {path: path.read_bytes() for path in self.scene.folders[0].rglob("*.jpg")}
        self.publish()
        self.copy = copies.save(self.database, folder / "copies")
        self.ids = erasing.approve_all(self.database)
        for erasure_id in self.ids:
            assert workers.carry_out(self.database, "erasing", erasure_id) == "worked"
        self.publish()
        self.files = self.certificates()

    def publish(self) -> None:
        with self.database.writing() as session:
            audit.publish(session)

    def certificates(self) -> list[bytes]:
        with self.database.writing() as session:
            found = session.scalars(select(Certificate).order_by(Certificate.entry))
            return [certificate.file_of(session, one) for one in found]

    def put_back(self) -> None:
        self.database.close()
        copies.put_back(self.config, copies.read_copy(self.config, self.copy.folder))

    def count(self, table: type, *where: object) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0  # type: ignore[arg-type]

    def problems(self) -> list[str]:
        with self.database.reading() as session:
            return audit.fsck(session)


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("erased") / "house")


@pytest.fixture
def restored(erased: Restored, tmp_path: Path) -> Iterator[Restored]:
    """The same, copied for one test: what was erased stands at the same place for all of them."""
    aside = tmp_path / "aside"
    shutil.copytree(erased.config.data, aside)
    yield erased
    erased.database.close()
    shutil.rmtree(erased.config.data)
    shutil.move(aside, erased.config.data)
    for path in erased.pictures:
        path.unlink(missing_ok=True)


def test_everything_is_erased_again_before_anything_is_served(restored: Restored) -> None:
    for path, data in list(restored.pictures.items())[:2]:
        path.write_bytes(data)
    restored.put_back()
    assert restored.count(Face) == CASES
    assert restored.count(Certificate) == 0
    client = create_app(restored.config).test_client()
    assert [client.get(path).status_code for path in ("/", "/staff/", "/readyz", "/healthz")] == [503, 503, 503, 200]
    with pytest.raises(SystemExit, match="put back"):
        program._see_that_it_may_work(restored.config)

    report = finishing.finish(restored.database)

    assert (report.erasures, report.back, report.left, report.refused) == (CASES, CASES, 0, 0)
    assert report.entries > CASES
    assert not any(path.exists() for path in restored.pictures)
    assert erasing.is_well(erasing.reckon(restored.scene))
    assert restored.count(Suppression) == CASES
    assert restored.count(Case, Case.state == "closed") == CASES
    assert restored.problems() == []
    assert client.get("/").status_code == 200
    assert not waiting.is_waiting(restored.database)
    assert finishing.finish(restored.database).erasures == 0


def test_the_certificates_are_those_that_people_hold(restored: Restored) -> None:
    restored.put_back()
    finishing.finish(restored.database)
    with restored.database.reading() as session:
        key = audit.verifier_key(session)
    held = [verifying.verify(file, key)["id"] for file in restored.files]
    assert [verifying.verify(file, key)["id"] for file in restored.certificates()] == held


def test_a_shorter_or_other_head_is_never_signed(restored: Restored) -> None:
    last = heads.read(heads.folder_of(restored.config))
    restored.put_back()
    with pytest.raises(Conflict, match="The database is older"):
        restored.publish()
    with restored.database.writing() as session:
        for number in range(100):
            audit.append(session, "test", {"number": number})
    with pytest.raises(Conflict, match="not the ones that were signed"):
        restored.publish()
    with pytest.raises(Conflict, match="is not the one that was signed"):
        finishing.finish(restored.database)
    assert heads.read(heads.folder_of(restored.config)) == last
    assert waiting.is_waiting(restored.database)


def test_a_store_that_is_away_keeps_all_shut_until_it_is_back(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = next(iter(restored.pictures.items()))
    path.write_bytes(data)
    restored.put_back()

    def away(*arguments: object) -> str:
        raise StoreUnavailable("The store is away.")

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "erase_copy", away)
        with pytest.raises(StoreUnavailable):
            finishing.finish(restored.database)
    assert waiting.is_waiting(restored.database)
    assert create_app(restored.config).test_client().get("/").status_code == 503
    report = finishing.finish(restored.database)
    assert report.left == 0
    assert not path.exists()
    assert erasing.is_well(erasing.reckon(restored.scene))


@pytest.mark.parametrize("step", ["copyfile", "link", "replace"])
def test_killed_while_a_copy_is_put_back_it_is_put_back_again(
    restored: Restored, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    where = {"copyfile": copies.shutil, "link": copies.os, "replace": Path}[step]
    with monkeypatch.context() as patched:
        patched.setattr(where, step, killed)
        with pytest.raises(KeyboardInterrupt):
            restored.put_back()
    assert waiting.is_waiting(restored.database)
    restored.put_back()
    assert finishing.finish(restored.database).erasures == CASES
    assert not (restored.config.data / copies.BEFORE).exists()
    assert erasing.is_well(erasing.reckon(restored.scene))


def test_an_erasure_without_a_certificate_yet_goes_on_after_it(restored: Restored) -> None:
    """It had begun, and its end was not written down any more."""
    (ledger.folder_of(restored.config) / f"{restored.ids[0]}.done").unlink()
    restored.put_back()
    assert finishing.finish(restored.database).erasures == CASES
    with restored.database.reading() as session:
        assert session.get_one(Erasure, restored.ids[0]).state == "running"
        assert session.scalar(select(func.count()).select_from(Image).where(Image.state == "live")) == 0
    assert workers.carry_out(restored.database, "erasing", restored.ids[0]) == "worked"
    assert restored.count(Certificate) == CASES


def test_an_order_of_which_nothing_is_kept_keeps_all_shut(restored: Restored) -> None:
    with restored.database.writing() as session:
        audit.append(session, "order-started", {"order": "f" * 32, "digest": "00"})
        audit.publish(session)
    restored.put_back()
    with pytest.raises(Conflict, match="1 orders were begun"):
        finishing.finish(restored.database)
    assert waiting.is_waiting(restored.database)


def test_another_photograph_at_the_same_place_is_not_touched(restored: Restored) -> None:
    path = next(iter(restored.pictures))
    path.write_bytes(b"another photograph")
    restored.put_back()
    report = finishing.finish(restored.database)
    assert (report.refused, path.read_bytes()) == (1, b"another photograph")


def test_what_was_erased_is_forgotten_once_no_copy_can_bring_it_back(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = clock.now() + timedelta(days=restored.config.backup_days + 1)
    with restored.database.writing() as session:
        purge(session)
        assert len(ledger.stages(restored.config)) == len(ledger.stages(restored.config, ledger.CASES)) == CASES
        days = len(list(forgotten.folder_of(restored.config).iterdir()))
        monkeypatch.setattr(clock, "now", lambda: later)
        assert purge(session)["ledger"] == 2 * CASES + days
    assert not [path for path in ledger.folder_of(restored.config).rglob("*") if path.is_file()]
    with pytest.raises(BadInput, match="more than 30 days old"):
        restored.put_back()


def test_a_copy_that_is_not_whole_is_refused_by_name(restored: Restored, tmp_path: Path) -> None:
    good = restored.copy.folder
    assert {path.name for path in good.iterdir()} == {"efface.sqlite", "copy.json"}

    def refused(what: str) -> Path:
        folder = tmp_path / what
        shutil.copytree(good, folder)
        return folder

    changed = refused("changed")
    with (changed / "efface.sqlite").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    without = refused("without")
    (without / "efface.sqlite").unlink()
    other = refused("other-key")
    said = json.loads((other / "copy.json").read_text())
    (other / "copy.json").write_text(json.dumps(said | {"key": "00"}))
    odd = refused("odd")
    (odd / "copy.json").write_text("{")
    outside = refused("outside")
    (outside / "copy.json").write_text(json.dumps(said | {"files": said["files"] | {"../x": "00"}}))
    newer = refused("newer")
    (newer / "copy.json").write_text(json.dumps(said | {"at": (clock.now() + timedelta(days=9)).isoformat()}))
    for folder, sentence in (
        (changed, "efface.sqlite in this copy was changed"),
        (without, "efface.sqlite is missing"),
        (other, "another key"),
        (odd, "cannot be read"),
        (outside, "copy.json in this copy was changed"),
        (newer, "copy.json in this copy was changed"),
        (tmp_path, "no copy of an installation"),
    ):
        with pytest.raises(BadInput, match=sentence):
            copies.read_copy(restored.config, folder)
    assert not waiting.is_waiting(restored.database)


def test_a_copy_is_there_as_a_whole_or_not_at_all(
    restored: Restored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)  # A copy is called after its second.
    place = tmp_path / "file"
    place.write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        copies.save(restored.database, place)
    copy = copies.save(restored.database, tmp_path / "two")
    assert copies.read_copy(restored.config, copy.folder).files == copy.files
    with pytest.raises(BadInput, match="there already"):
        copies.save(restored.database, tmp_path / "two")


def test_what_is_kept_beside_the_database_does_not_open_without_the_key(restored: Restored) -> None:
    beside = [path for path in ledger.folder_of(restored.config).rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in beside)
    with restored.database.reading() as session:
        record = ledger.read(session, restored.ids[0], "done")
        assert record is not None
        (image,) = record.of(Image)
        assert remembering.missing(session, deep=True) == {}
    assert image["key"].endswith(".jpg")
    assert image["key"].encode() not in kept
    assert image["digest"] not in kept


def test_a_copy_is_of_no_day_to_come_and_may_not_change_while_it_is_put_back(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        early = clock.now() - timedelta(days=3)
        patched.setattr(clock, "now", lambda: early)
        with pytest.raises(BadInput, match="which is to come"):
            copies.read_copy(restored.config, restored.copy.folder)
    found = copies.read_copy(restored.config, restored.copy.folder)
    with pytest.raises(BadInput, match="has changed just now"):
        copies.put_back(restored.config, replace(found, files=found.files | {copies.DATABASE: "0" * 64}))
    with pytest.raises(Unavailable, match="could not be put back"):
        copies.put_back(restored.config, replace(found, folder=found.folder / "nowhere"))
    assert waiting.is_waiting(restored.database)
    assert restored.count(Certificate) == CASES, "the database is still the one that was there"
    finishing.finish(restored.database)
    assert not list(restored.config.data.glob("*.new"))


def test_without_the_folder_log_nothing_is_put_back_unless_somebody_says_so(restored: Restored) -> None:
    restored.put_back()
    shutil.rmtree(heads.folder_of(restored.config))
    with pytest.raises(Conflict, match="is not known"):
        finishing.finish(restored.database)
    report = finishing.finish(restored.database, without_log=True)
    assert report.erasures == 0
    assert restored.problems() == []


def test_drafts_of_killed_copies_go(restored: Restored, tmp_path: Path) -> None:
    old, young = (tmp_path / f".efface-2026-01-0{day}T000000Z.new" for day in (1, 2))
    for draft in (old, young):
        draft.mkdir()
        (draft / "efface.sqlite").write_bytes(b"people")
    os.utime(old, (0, 0))
    copies.mark(restored.config)
    with pytest.raises(Conflict, match="being put back"):
        copies.save(restored.database, tmp_path)
    copies.unmark(restored.config)
    copies.save(restored.database, tmp_path)
    assert (old.exists(), young.exists()) == (False, True)
