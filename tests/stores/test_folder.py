"""A folder as a store: real files, real links, real permissions."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.errors import BadInput, Conflict, NotFound, StoreUnavailable, TooLarge
from portal.stores import folder as folders
from portal.stores.rewriting import RewritableFolder
from tests.stores.contract import FolderContract, Put, Take, digest

NOBODY = 65534


@pytest.fixture
def connector(root: Path) -> RewritableFolder:
    return RewritableFolder("okc", {"folder": str(root)}, may_erase=True)


@pytest.fixture
def put(root: Path) -> Put:
    def put(key: str, data: bytes) -> None:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        # A new file takes the place of the old one, as most programs save.
        draft = path.with_name(".draft")
        draft.write_bytes(data)
        draft.rename(path)

    return put


class TestContract(FolderContract):
    KIND = "folder"

    @pytest.fixture
    def take(self, root: Path) -> Take:
        return lambda key: (root / key).unlink()


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """Without the rights of root, which no file mode holds back. `folders` are opened up on the way."""
    if os.geteuid() != 0:
        yield
        return
    modes = [(folder, folder.stat().st_mode) for folder in folders]
    for folder in folders:
        folder.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        for folder, mode in modes:
            folder.chmod(stat.S_IMODE(mode))


@pytest.fixture
def unprivileged(tmp_path: Path, root: Path) -> Iterator[None]:
    """The rest of the test runs without root's rights, and owns the store."""
    if os.geteuid() == 0:
        for path in [root, *root.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
    with as_nobody(*list(tmp_path.parents)[:-2], tmp_path):
        yield


def test_links_and_hidden_names_are_left_out_and_said(
    connector: RewritableFolder, root: Path, put: Put, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    put("a.jpg", b"a")
    put(".thumbs/a.jpg", b"t")
    (root / "link.jpg").symlink_to(outside / "secret.jpg")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.jpg")
    assert [found.key for found in connector.list()] == ["a.jpg"]
    notes = " ".join(connector.check().notes)
    assert "begin with a dot are left out (1 seen)" in notes
    assert "Links are not followed (3 seen)" in notes


@pytest.mark.parametrize("key", ["link.jpg", "folder/secret.jpg", "loop/a.jpg", "pipe.jpg", "a.jpg/x"])
def test_nothing_is_opened_through_links(
    connector: RewritableFolder, root: Path, put: Put, tmp_path: Path, key: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    put("a.jpg", b"a")
    (root / "link.jpg").symlink_to(outside / "secret.jpg")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.jpg")
    with pytest.raises(NotFound):
        connector.open(key)


def test_nothing_is_erased_through_links(connector: RewritableFolder, root: Path, put: Put, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (root / "link.jpg").symlink_to(outside / "secret.jpg")
    (root / "folder").symlink_to(outside)
    with pytest.raises(Conflict):
        connector.erase_copy("link.jpg", digest(b"secret"))
    assert connector.erase_copy("folder/secret.jpg", digest(b"secret")) == "already-absent"
    # Looking again takes another path, so a folder that was replaced by a link is not taken for erased.
    assert connector.probe_copy("folder/secret.jpg") == "present"
    assert (outside / "secret.jpg").read_bytes() == b"secret"


def test_names_that_are_not_utf8_can_be_kept_opened_and_erased(connector: RewritableFolder, root: Path) -> None:
    name = os.fsencode(root) + b"/M\xfcller.jpg"
    with open(name, "wb") as file:
        file.write(b"m")
    (found,) = connector.list()
    found.key.encode()
    assert connector.open(found.key) == b"m"
    assert connector.erase_copy(found.key, digest(b"m")) == "deleted"
    assert not os.path.exists(name)


def test_a_store_that_was_replaced_is_not_taken_for_empty(connector: RewritableFolder, root: Path, put: Put) -> None:
    put("a.jpg", b"a")
    known = RewritableFolder("okc", {"folder": str(root)}, may_erase=True, mark=connector.check().mark)
    assert known.open("a.jpg") == b"a"
    root.rename(root.with_name("disk"))
    root.mkdir()  # The empty folder that stays where a disk is not mounted.
    for call in (
        lambda: list(known.list()),
        lambda: known.erase_copy("a.jpg", digest(b"a")),
        lambda: known.probe_copy("a.jpg"),
    ):
        with pytest.raises(StoreUnavailable, match="not mounted"):
            call()


def test_a_file_that_is_swapped_while_it_is_read_is_kept(
    connector: RewritableFolder, root: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.jpg", b"approved")
    real = folders.hashlib.file_digest

    def swap(file: object, name: str) -> object:
        result = real(file, name)
        put("a.jpg", b"another")
        return result

    monkeypatch.setattr(folders.hashlib, "file_digest", swap)
    with pytest.raises(Conflict):
        connector.erase_copy("a.jpg", digest(b"approved"))
    assert (root / "a.jpg").read_bytes() == b"another"


def test_two_erasers_at_once_delete_once(connector: RewritableFolder, put: Put) -> None:
    results: list[str] = []
    put("a.jpg", b"a" * 100_000)
    gate = threading.Barrier(4)

    def erase() -> None:
        gate.wait()
        try:
            results.append(connector.erase_copy("a.jpg", digest(b"a" * 100_000)))
        except Conflict as problem:
            results.append(problem.code)

    threads = [threading.Thread(target=erase) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "deleted" in results
    assert connector.probe_copy("a.jpg") == "absent"


def test_hard_links_keep_the_other_name(connector: RewritableFolder, root: Path, put: Put) -> None:
    put("a.jpg", b"a")
    os.link(root / "a.jpg", root / "b.jpg")
    assert connector.erase_copy("a.jpg", digest(b"a")) == "deleted"
    assert [found.key for found in connector.list()] == ["b.jpg"]


def test_very_large_files_are_not_read(connector: RewritableFolder, root: Path) -> None:
    with open(root / "film.mp4", "wb") as file:
        file.truncate(folders.LARGEST_OBJECT + 1)
    with pytest.raises(TooLarge):
        connector.open("film.mp4")
    assert connector.check().readable


@pytest.mark.usefixtures("unprivileged")
def test_a_read_only_store_cannot_be_erased_in(connector: RewritableFolder, root: Path, put: Put) -> None:
    put("a.jpg", b"a")
    root.chmod(0o555)
    check = connector.check()
    assert (check.readable, check.listable, check.writable, check.erasable) == (True, True, False, False)
    assert any("Nothing can be erased here" in note for note in check.notes)
    with pytest.raises(StoreUnavailable, match="permission denied"):
        connector.erase_copy("a.jpg", digest(b"a"))
    assert connector.probe_copy("a.jpg") == "present"
    root.chmod(0o755)


@pytest.mark.usefixtures("unprivileged")
def test_a_read_only_folder_below_is_found_by_the_check(connector: RewritableFolder, root: Path, put: Put) -> None:
    put("a.jpg", b"a")
    put("2014/b.jpg", b"b")
    (root / "2014").chmod(0o555)
    assert not connector.check().erasable
    (root / "2014").chmod(0o755)
    assert connector.check().erasable


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_cannot_be_read_is_no_empty_folder(connector: RewritableFolder, root: Path, put: Put) -> None:
    put("a.jpg", b"a")
    put("b/c.jpg", b"c")
    (root / "b").chmod(0)
    with pytest.raises(StoreUnavailable):
        list(connector.list())
    with pytest.raises(StoreUnavailable):
        connector.erase_copy("b/c.jpg", digest(b"c"))
    with pytest.raises(StoreUnavailable):
        connector.probe_copy("b/c.jpg")
    (root / "b").chmod(0o755)


@pytest.mark.usefixtures("unprivileged")
def test_one_file_that_cannot_be_read_is_told_from_a_store_that_is_away(
    connector: RewritableFolder, root: Path, put: Put
) -> None:
    put("a.jpg", b"a")
    (root / "a.jpg").chmod(0)
    with pytest.raises(StoreUnavailable) as caught:
        connector.open("a.jpg")
    assert caught.value.code == "object-unreadable"
    assert not connector.check().readable


@pytest.mark.usefixtures("unprivileged")
def test_where_only_owners_may_remove_files_the_check_says_so(
    connector: RewritableFolder, root: Path, put: Put
) -> None:
    put("a.jpg", b"a")
    if os.geteuid() == NOBODY:
        os.seteuid(0)
        os.chown(root, 0, 0)
        root.chmod(0o1777)
        os.seteuid(NOBODY)
        assert not connector.check().erasable
    else:
        root.chmod(0o1777)
        assert connector.check().erasable


@pytest.mark.parametrize("text", ["", "  ", "/", "/does/not/exist", "a\0b"])
def test_settings_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        RewritableFolder.clean({"folder": text})


def test_settings_are_kept_as_the_real_path(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert RewritableFolder.clean({"folder": f"{tmp_path}/link/"}) == {"folder": str(root.resolve())}
    (root / "file").write_bytes(b"")
    with pytest.raises(BadInput, match="not a folder"):
        RewritableFolder.clean({"folder": str(root / "file")})
    with pytest.raises(BadInput, match="no setting called 'bucket'"):
        RewritableFolder.clean({"folder": str(root), "bucket": "x"})


def test_folders_within_each_other_overlap(tmp_path: Path) -> None:
    inner = {"folder": str(tmp_path / "a" / "b")}
    assert RewritableFolder.overlap(inner, {"folder": str(tmp_path / "a")})
    assert RewritableFolder.overlap({"folder": str(tmp_path / "a")}, inner)
    assert not RewritableFolder.overlap(inner, {"folder": str(tmp_path / "a" / "bc")})
