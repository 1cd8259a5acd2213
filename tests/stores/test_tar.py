"""Tar files as a store: what is untouched keeps its bytes, and an archive that lies costs nothing."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import workers
from portal.db import Database
from portal.errors import BadInput, Conflict, NotFound, ObjectUnreadable, StoreUnavailable
from portal.stores import adding, shards
from portal.stores.tar import Tar
from portal.tables import ErasureItem, Scan, Store
from tests.fakes import DrawnFaceEncoder, drawn_jpeg
from tests.stores.contract import FolderContract, Put, Take, approved, digest

Entry = tuple[str, bytes]


def packed(*entries: Entry | tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar file with these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            archive.addfile(info, io.BytesIO(entry[1]))
    return buffer.getvalue()


def unpacked(path: Path) -> list[Entry]:
    with tarfile.open(path) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive if info.isreg()]  # type: ignore[union-attr]


def replace_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(".new")
    draft.write_bytes(data)
    draft.rename(path)


@pytest.fixture
def connector(root: Path) -> Tar:
    return Tar("web", {"folder": str(root)}, may_erase=True)


class TestContract(FolderContract):
    KIND = "tar"
    PREFIX = "x/one.tar/"

    @pytest.fixture
    def put(self, root: Path) -> Put:
        def put(key: str, data: bytes) -> None:
            path, name = root / "x/one.tar", key.removeprefix(self.PREFIX)
            kept = [entry for entry in unpacked(path) if entry[0] != name] if path.exists() else []
            replace_file(path, packed(*kept, (name, data)))

        return put

    @pytest.fixture
    def take(self, root: Path) -> Take:
        def take(key: str) -> None:
            path = root / "x/one.tar"
            kept = [entry for entry in unpacked(path) if entry[0] != key.removeprefix(self.PREFIX)]
            replace_file(path, packed(*kept))

        return take


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_stays_keeps_its_bytes_and_its_order(connector: Tar, root: Path, form: int) -> None:
    long = "d/" * 60 + "long.jpg"
    entries = [("z.jpg", b"z" * 700), (long, b"long"), ("a.jpg", b""), ("m.jpg", b"m" * 512), ("b.jpg", b"b" * 1025)]
    (root / "s.tar").write_bytes(packed(*entries, form=form))
    (root / "s.tar").chmod(0o640)
    assert connector.erase_copy(f"s.tar/{long}", digest(b"long")) == "deleted"
    assert connector.erase_copy("s.tar/m.jpg", digest(b"m" * 512)) == "deleted"
    expected = packed(*(one for one in entries if one[0] not in {long, "m.jpg"}), form=form)
    # The padding behind the end mark is the old shard's.
    assert (root / "s.tar").read_bytes().rstrip(b"\0") == expected.rstrip(b"\0")
    assert unpacked(root / "s.tar") == [("z.jpg", b"z" * 700), ("a.jpg", b""), ("b.jpg", b"b" * 1025)]
    assert (root / "s.tar").stat().st_mode & 0o777 == 0o640
    assert os.listdir(root) == ["s.tar"]


def test_many_go_with_one_writing_of_each_shard(connector: Tar, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for shard in ("1.tar", "2.tar"):
        (root / shard).write_bytes(packed(*((f"{n}.jpg", f"{shard}{n}".encode()) for n in range(20))))
    written: list[str] = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new, **more: (written.append(new), real(old, new, **more)))
    wanted = {f"{shard}/{n}.jpg": digest(f"{shard}{n}".encode()) for shard in ("1.tar", "2.tar") for n in range(19)}
    wanted |= {"1.tar/none.jpg": digest(b""), "2.tar/19.jpg": digest(b"other bytes")}
    results = connector.erase_together(wanted)
    assert written == ["1.tar", "2.tar"]
    assert results.pop("1.tar/none.jpg") == "already-absent"
    assert "2.tar/19.jpg" not in results, "it has other bytes than the approved ones"
    assert set(results.values()) == {"deleted"}
    assert [found.key for found in connector.list()] == ["1.tar/19.jpg", "2.tar/19.jpg"]


def test_a_reader_of_the_old_shard_reads_it_to_its_end(connector: Tar, root: Path) -> None:
    whole = packed(("a.jpg", b"a"), ("b.jpg", b"b"))
    (root / "s.tar").write_bytes(whole)
    with open(root / "s.tar", "rb") as reader:
        connector.erase_copy("s.tar/a.jpg", digest(b"a"))
        assert reader.read() == whole


def test_a_sample_goes_with_its_last_picture(connector: Tar, root: Path) -> None:
    sample = [("1.jpg", b"1"), ("1.left.png", b"l"), ("1.json", b"{}"), ("1.txt", b"Ann at the sea")]
    (root / "s.tar").write_bytes(packed(*sample, ("2.jpg", b"2"), ("2.json", b"{}"), ("notes.txt", b"n")))
    listed = [found.key for found in connector.list()]
    assert listed == ["s.tar/1.jpg", "s.tar/1.left.png", "s.tar/2.jpg", "s.tar/notes.txt"]
    connector.erase_copy("s.tar/1.jpg", digest(b"1"))
    assert [name for name, _ in unpacked(root / "s.tar")][:3] == ["1.left.png", "1.json", "1.txt"]
    connector.erase_copy("s.tar/1.left.png", digest(b"l"))
    assert [name for name, _ in unpacked(root / "s.tar")] == ["2.jpg", "2.json", "notes.txt"]


def test_all_that_were_stored_under_one_name_go(connector: Tar, root: Path) -> None:
    (root / "s.tar").write_bytes(packed(("a.jpg", b"old"), ("b.jpg", b"b"), ("./a.jpg", b"new")))
    assert connector.open("s.tar/a.jpg") == b"new"
    assert connector.count() == 2
    with pytest.raises(Conflict):
        connector.erase_copy("s.tar/a.jpg", digest(b"old"))
    assert connector.erase_copy("s.tar/a.jpg", digest(b"new")) == "deleted"
    assert unpacked(root / "s.tar") == [("b.jpg", b"b")]


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def test_names_that_lead_out_links_and_devices_are_never_opened(connector: Tar, root: Path) -> None:
    hostile = [("/etc/passwd", b"x"), ("../up.jpg", b"x"), ("a/../../b.jpg", b"x")]
    links = [link("l.jpg", "/etc/passwd"), link("h.jpg", "ok.jpg", tarfile.LNKTYPE), link("d", "", tarfile.CHRTYPE)]
    (root / "s.tar").write_bytes(packed(*hostile, *links, ("ok.jpg", b"ok")))
    assert [found.key for found in connector.list()] == ["s.tar", "s.tar/ok.jpg"]
    with pytest.raises(StoreUnavailable, match="3 files in it") as caught:
        connector.open("s.tar")
    assert caught.value.code == "object-unreadable"
    for key in ("s.tar/l.jpg", "s.tar/h.jpg", "s.tar/d"):
        with pytest.raises(NotFound):
            connector.open(key)
    with pytest.raises(BadInput):
        connector.open("s.tar/../up.jpg")
    assert connector.erase_copy("s.tar/ok.jpg", digest(b"ok")) == "deleted"


def patched(data: bytes, at: int, field: bytes) -> bytes:
    """The archive with one header field replaced and its checksum made right again."""
    block = bytearray(data[:512])
    block[at : at + len(field)] = field
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[512:]


GOOD = packed(("a.jpg", b"a" * 2000), ("b.jpg", b"b" * 2000), form=tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1f\x8b not a tar file",
        GOOD[:100],
        GOOD[:1500],
        GOOD[:3000],
        GOOD[:3500],
        GOOD[: 2 * (512 + 2048)],
        GOOD + GOOD,
        GOOD[:2560] + b"rubbish!" * 64 + GOOD[3072:],
        patched(GOOD, 124, b"77777777777\0"),
        patched(GOOD, 124, b"\xff" * 12),
        patched(GOOD, 124, b"\x80" + b"\x7f" * 11),
        patched(patched(GOOD, 156, b"x"), 124, b"77777777777\0"),
        patched(patched(GOOD, 156, b"L"), 124, b"\xff" * 12),
        patched(GOOD, 0, b"././@LongLink\0").replace(b"ustar\x0000", b"ustar  \0") * 3,
    ],
)
def test_a_damaged_shard_is_an_object_that_cannot_be_read_and_nothing_goes_from_it(
    connector: Tar, root: Path, data: bytes
) -> None:
    (root / "s.tar").write_bytes(data)
    (root / "t.tar").write_bytes(GOOD)
    keys = [found.key for found in connector.list()]
    assert keys[0] == "s.tar"
    assert keys[-2:] == ["t.tar/a.jpg", "t.tar/b.jpg"]
    with pytest.raises(StoreUnavailable) as caught:
        connector.open("s.tar")
    assert caught.value.code == "object-unreadable"
    with pytest.raises(StoreUnavailable, match="damaged"):
        connector.erase_copy("s.tar/a.jpg", digest(b"a" * 2000))
    assert (root / "s.tar").read_bytes() == data


def test_a_shard_that_the_disk_does_not_give_is_named_and_the_others_are_read(
    connector: Tar, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("s.tar", "t.tar"):
        (root / name).write_bytes(GOOD)
    real = os.open

    def failing(path: Any, *given: Any, **named: Any) -> int:
        if path == "s.tar":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *given, **named)

    monkeypatch.setattr(os, "open", failing)
    assert [found.key for found in connector.list()] == ["s.tar", "t.tar/a.jpg", "t.tar/b.jpg"]
    with pytest.raises(ObjectUnreadable, match="input/output error"):
        connector.open("s.tar")
    with pytest.raises(StoreUnavailable, match="input/output error"):
        connector.erase_copy("s.tar/a.jpg", digest(b"a" * 2000))


def test_what_lies_in_a_shard_that_cannot_be_read_is_not_taken_for_gone(
    database: Database, root: Path, scan: Callable[[Store], Scan]
) -> None:
    good = {name: packed(("1.jpg", drawn_jpeg(1)), ("2.jpg", drawn_jpeg(2))) for name in ("s.tar", "s.tar.tar")}
    for name, data in good.items():
        (root / name).write_bytes(data)
    with database.writing() as session:
        store = adding.add_store(session, "web", "tar", {"folder": str(root)}, may_erase=True)
    assert scan(store).seen == 4
    (root / "s.tar").write_bytes(b"rubbish")
    spoiled = scan(store)
    assert (spoiled.gone, spoiled.unreadable) == (0, 1)
    (root / "s.tar").unlink()
    assert scan(store).gone == 3, "two photographs, and the file that could not be read"


def test_a_very_deep_chain_of_long_names_is_damage_and_no_crash(connector: Tar, root: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 512
    chain = (header.tobuf(tarfile.GNU_FORMAT) + b"n" * 512) * 5000
    (root / "s.tar").write_bytes(chain + bytes(1024))
    assert [found.key for found in connector.list()] == ["s.tar"]


def test_compressed_archives_are_refused_by_name(connector: Tar, root: Path) -> None:
    (root / "old.tar.gz").write_bytes(b"x")
    (root / "a.jpg").write_bytes(b"x")
    notes = " ".join(connector.check().notes)
    assert "old.tar.gz" in notes
    assert "no .tar files are left out (1 seen)" in notes
    assert list(connector.list()) == []


def test_keys_of_several_shards_are_in_order(connector: Tar, root: Path) -> None:
    for name in ("a.tar", "a.tar.tar", "a/b.tar", "b-1.tar", "b.tar"):
        replace_file(root / name, packed(("z.jpg", b"z"), ("a.jpg", b"a")))
    (root / "a.tar.tar").write_bytes(GOOD[:1500])
    keys = [found.key for found in connector.list()]
    assert keys == sorted(keys)
    assert len(keys) == 9
    for place, key in enumerate(keys):
        assert [found.key for found in connector.list(after=key)] == keys[place + 1 :]


def test_a_killed_writing_leaves_the_shard_and_its_rest_goes_with_the_next(
    connector: Tar, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "s.tar").write_bytes(GOOD)
    with monkeypatch.context() as killed:
        killed.setattr(os, "replace", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        killed.setattr(os, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            connector.erase_copy("s.tar/a.jpg", digest(b"a" * 2000))
    assert (root / "s.tar").read_bytes() == GOOD
    assert len(os.listdir(root)) == 2
    assert connector.erase_copy("s.tar/a.jpg", digest(b"a" * 2000)) == "deleted"
    assert os.listdir(root) == ["s.tar"]


def test_a_full_disk_leaves_the_shard_as_it_was(connector: Tar, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "s.tar").write_bytes(GOOD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.stores.tar.copy_without", full)
    with pytest.raises(StoreUnavailable, match="no space left"):
        connector.erase_copy("s.tar/a.jpg", digest(b"a" * 2000))
    assert (root / "s.tar").read_bytes() == GOOD
    assert os.listdir(root) == ["s.tar"]


def test_what_is_added_while_a_shard_is_written_anew_is_not_lost(
    connector: Tar, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "s.tar").write_bytes(GOOD)
    grown = packed(("a.jpg", b"a" * 2000), ("b.jpg", b"b" * 2000), ("c.jpg", b"c"))

    def copy(*arguments: Any) -> None:
        shards.copy_without(*arguments)
        replace_file(root / "s.tar", grown)

    monkeypatch.setattr("portal.stores.tar.copy_without", copy)
    with pytest.raises(StoreUnavailable, match="being written just now"):
        connector.erase_copy("s.tar/a.jpg", digest(b"a" * 2000))
    assert (root / "s.tar").read_bytes() == grown


def test_an_erasure_writes_each_shard_once(
    root: Path,
    database: Database,
    encoder: DrawnFaceEncoder,
    scan: Callable[[Store], Scan],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root / "s.tar").write_bytes(packed(*((f"{number}.jpg", drawn_jpeg(number)) for number in range(4))))
    written: list[str] = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new, **more: (written.append(new), real(old, new, **more)))
    with database.writing() as session:
        store = adding.add_store(session, "web", "tar", {"folder": str(root)}, may_erase=True)
    scan(store)
    workers.carry_out(database, "erasing", approved(database, store))
    assert [one for one in written if str(one).endswith(".tar")] == ["s.tar"]
    with database.reading() as session:
        items = session.scalars(select(ErasureItem).filter_by(kind="image")).all()
        assert [(item.state, item.result) for item in items] == [("verified", "deleted")] * 4
    assert unpacked(root / "s.tar") == []
