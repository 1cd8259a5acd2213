"""The gallery of an added encoder is filled while the old one is searched, and takes over when it is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from sqlalchemy import func, select

import workers
from portal import clock
from portal.cli import efface
from portal.db import Database
from portal.errors import Conflict, NotFound
from portal.images import Pixels
from portal.matching import encoders
from portal.matching.encoder_settings import BadEncoder, read_settings
from portal.stores import adding, scans
from portal.tables import Encoder, Image, Reencoding, Scan, Store, Template
from tests.encoder.networks import SETTINGS, write_network
from tests.fakes import DrawnFaceEncoder, drawn_jpeg
from workers import encoder as door
from workers import reencoding
from workers.encoder import landmarks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(drawn_jpeg(number, size=(160, 120)))
    (folder / "nobody.jpg").write_bytes(drawn_jpeg(size=(160, 120)))
    return folder


@pytest.fixture
def scanned(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Scan]:
    """Drawn faces have no landmarks that dlib would know."""
    monkeypatch.setattr("workers.encoder.load_encoder", DrawnFaceEncoder)
    monkeypatch.setattr("workers.encoder._kept", {})
    monkeypatch.setattr(landmarks, "find_places", DrawnFaceEncoder().find_places)
    with database.writing() as session:
        adding.add_store(session, "okc", "folder", {"folder": str(folder)}, may_erase=True)

    def scan() -> Scan:
        with database.writing() as session:
            scan_id = scans.start_scan(session, session.scalars(select(Store)).one(), None).id
        assert workers.carry_out(database, "scanning", scan_id) == "worked"
        with database.reading() as session:
            return session.get_one(Scan, scan_id)

    return scan


def add(database: Database, tmp_path: Path, settings: str = SETTINGS) -> str:
    data = write_network(tmp_path, settings).read_bytes()
    digest = encoders.put_file(database.config, data)
    with database.writing() as session:
        return encoders.add(session, read_settings(settings), digest, None).id


def held(database: Database) -> dict[str, tuple[str, int]]:
    """Name -> state, number of templates."""
    with database.reading() as session:
        counted = select(Encoder.name, Encoder.state, func.count(Template.id)).outerjoin(
            Template, Template.encoder_id == Encoder.id
        )
        return {name: (state, count) for name, state, count in session.execute(counted.group_by(Encoder.id))}


def names(database: Database) -> list[str]:
    return [one.name for one in door.load_encoders(database)]


def test_both_galleries_live_until_the_new_one_is_whole(
    database: Database, folder: Path, scanned: Callable[[], Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencoding, "PAGE", 2)
    scanned()
    work_id = add(database, tmp_path)
    assert held(database) == {"drawn-faces": ("live", 6), "patches": ("coming", 0)}
    assert names(database) == ["drawn-faces", "patches"]
    (folder / "new.jpg").write_bytes(drawn_jpeg(9, size=(160, 120)))
    (folder / "5.jpg").unlink()
    changed = drawn_jpeg(11, size=(160, 120))
    (folder / "4.jpg").write_bytes(changed)
    assert workers.carry_out(database, "reencoding", work_id) == "worked"
    assert held(database) == {"drawn-faces": ("retired", 0), "patches": ("live", 4)}
    assert names(database) == ["patches"]
    with database.reading() as session:
        work = session.get_one(Reencoding, work_id)
        assert (work.state, work.expected, work.seen, work.encoded, work.missed) == ("done", 7, 7, 4, 2)
    done = scanned()
    assert (done.seen, done.unchanged, done.changed, done.new, done.gone) == (7, 5, 1, 1, 1)
    assert held(database)["patches"] == ("live", 6)


def test_what_is_scanned_meanwhile_gets_templates_of_both(
    database: Database, folder: Path, scanned: Callable[[], Scan], tmp_path: Path
) -> None:
    scanned()
    work_id = add(database, tmp_path)
    (folder / "new.jpg").write_bytes(drawn_jpeg(9, size=(160, 120)))
    assert scanned().unchanged == 7
    assert held(database) == {"drawn-faces": ("live", 7), "patches": ("coming", 1)}
    assert workers.carry_out(database, "reencoding", work_id) == "worked"
    assert held(database) == {"drawn-faces": ("retired", 0), "patches": ("live", 7)}
    assert scanned().unchanged == 8


def test_a_scan_begun_before_the_encoder_goes_on_with_both(
    database: Database, scanned: Callable[[], Scan], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned()
    (folder / "new.jpg").write_bytes(drawn_jpeg(9, size=(160, 120)))
    with database.writing() as session:
        scan_id = scans.start_scan(session, session.scalars(select(Store)).one(), None).id
    real, added = DrawnFaceEncoder.encode, []

    def add_meanwhile(self: DrawnFaceEncoder, chips: Pixels) -> NDArray[np.float32]:
        if not added:
            added.append(add(database, tmp_path))
        return real(self, chips)

    monkeypatch.setattr(DrawnFaceEncoder, "encode", add_meanwhile)
    assert workers.carry_out(database, "scanning", scan_id) == "failed"
    with database.writing() as session:
        assert (
            session.get_one(Scan, scan_id).problem == "The encoders have changed. The scan goes on with the new ones."
        )
        session.get_one(Scan, scan_id).run_after = clock.now()
    assert workers.carry_out(database, "scanning", scan_id) == "worked"
    assert held(database) == {"drawn-faces": ("live", 7), "patches": ("coming", 1)}


def test_an_encoder_added_before_anything_was_scanned_is_the_one_searched_with(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path
) -> None:
    assert workers.carry_out(database, "reencoding", add(database, tmp_path)) == "worked"
    assert names(database) == ["patches"]


def test_the_same_network_with_another_version_is_another_encoder(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path
) -> None:
    scanned()
    add(database, tmp_path)
    assert [one.version for one in door.load_encoders(database)][1:] == ["1"]
    with database.writing() as session:
        encoders.cancel(session)
    add(database, tmp_path, SETTINGS.replace('version = "1"', 'version = "2"'))
    assert [one.version for one in door.load_encoders(database)][1:] == ["2"]


def test_a_worker_killed_between_pages_or_before_the_end_loses_nothing(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencoding, "PAGE", 2)
    scanned()
    work_id = add(database, tmp_path)
    for name in ("_record", "_drop_some"):
        real, calls = getattr(reencoding, name), [0]

        def killed(*arguments: object, real: Callable[..., object] = real, calls: list[int] = calls) -> object:
            calls[0] += 1
            if calls[0] == 2:
                raise KeyboardInterrupt
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(reencoding, name, killed)
            with pytest.raises(KeyboardInterrupt):
                workers.carry_out(database, "reencoding", work_id)
        with database.writing() as session:
            session.get_one(Reencoding, work_id).lease_until = clock.now()
    assert workers.carry_out(database, "reencoding", work_id) == "worked"
    assert held(database) == {"drawn-faces": ("retired", 0), "patches": ("live", 6)}
    with database.reading() as session:
        assert session.get_one(Reencoding, work_id).encoded == 6


def test_giving_up_leaves_the_old_gallery_as_it_was(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned()
    work_id = add(database, tmp_path)
    monkeypatch.setattr(reencoding, "PAGE", 2)
    real = reencoding._record

    def then_cancel(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        with database.writing() as session:
            encoders.cancel(session)

    monkeypatch.setattr(reencoding, "_record", then_cancel)
    assert workers.carry_out(database, "reencoding", work_id) == "lost"
    assert held(database) == {"drawn-faces": ("live", 6), "patches": ("retired", 0)}
    assert scanned().unchanged == 7
    with database.writing() as session, pytest.raises(NotFound):
        encoders.cancel(session)


def test_one_encoder_comes_at_a_time_and_no_version_twice(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path
) -> None:
    scanned()
    work_id = add(database, tmp_path)
    with pytest.raises(Conflict, match="already"):
        add(database, tmp_path)
    with pytest.raises(Conflict, match="still being filled"):
        add(database, tmp_path, SETTINGS.replace('version = "1"', 'version = "2"'))
    assert workers.carry_out(database, "reencoding", work_id) == "worked"


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(path.read_bytes()[:-1]), lambda path: path.unlink()])
def test_a_changed_file_is_refused_by_the_encoder_s_name(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    scanned()
    work_id = add(database, tmp_path)
    (kept,) = (database.config.data / "encoders").iterdir()
    spoil(kept)
    with pytest.raises(BadEncoder, match=r"patches 1 (has been cut short|cannot be read)"):
        door.load_encoders(database)
    assert workers.carry_out(database, "reencoding", work_id) == "failed"
    with database.reading() as session:
        assert "patches 1" in (session.get_one(Reencoding, work_id).problem or "")
        assert session.scalar(select(func.count()).select_from(Image)) == 7


def test_a_full_disk_keeps_nothing_half_written(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.matching.encoders.os.fsync", full)
    with pytest.raises(Exception, match="No space left"):
        encoders.put_file(database.config, b"network")
    assert list((database.config.data / "encoders").iterdir()) == []


LATER = SETTINGS.replace('version = "1"', 'version = "2"')


@pytest.mark.migrated
def test_the_command_tries_the_network_before_it_keeps_anything(
    database: Database, scanned: Callable[[], Scan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned()
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    network = write_network(tmp_path)
    bad = tmp_path / "bad.toml"
    bad.write_text(SETTINGS.replace("dimensions = 48", "dimensions = 12"))
    refused = CliRunner().invoke(efface, ["encoder", "add", str(network), "--settings", str(bad)])
    assert "gives 48 numbers, and its settings say 12" in str(refused.exception)
    assert not (database.config.data / "encoders").exists()
    assert CliRunner().invoke(efface, ["encoder", "add", str(network)]).exit_code == 0
    listed = CliRunner().invoke(efface, ["encoder", "list"]).output
    assert "drawn-faces 1: live, 6 templates" in listed
    assert "patches 1: coming, 0 templates, 0 of 0 photographs" in listed
    other = tmp_path / "other"
    other.mkdir()
    refused = CliRunner().invoke(efface, ["encoder", "add", str(write_network(other, LATER, batch=1))])
    assert "still being filled" in str(refused.exception)
    assert len(list((database.config.data / "encoders").iterdir())) == 1
    assert CliRunner().invoke(efface, ["encoder", "cancel"]).exit_code == 0
