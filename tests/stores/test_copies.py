"""Which files a folder takes for copies of a photograph, and that no photograph of somebody else is among them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from portal.errors import BadInput, Conflict
from portal.stores import Deriving
from portal.stores.rewriting import RewritableFolder
from portal.stores.tar import Tar

PATTERNS = ["thumbs/{folder}/{stem}_*.jpg", "{folder}/.cache/{name}*", "sizes/*/{folder}/{name}", "{folder}/{stem}.xmp"]


def made(root: Path, patterns: Sequence[str] = PATTERNS) -> RewritableFolder:
    return RewritableFolder("okc", RewritableFolder.clean({"folder": str(root), "copies": list(patterns)}), True)


def put(root: Path, *keys: str) -> None:
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(key.encode())


def test_copies_come_with_their_photograph_and_go_under_their_own_digest(tmp_path: Path) -> None:
    copies = [".cache/a.jpg.webp", "a.xmp", "sizes/200/a.jpg", "thumbs/a_1.jpg"]
    put(tmp_path, "a.jpg", *copies, "thumbs/b_1.jpg", "sizes/200/b.jpg")
    put(tmp_path, "2014/a.jpg", "2014/.cache/a.jpg", "thumbs/2014/a_1.jpg")
    folder = made(tmp_path)
    assert isinstance(folder, Deriving)
    assert folder.enumerate_copies("a.jpg") == ["a.jpg", *copies]
    assert folder.enumerate_copies("2014/a.jpg")[1:] == ["2014/.cache/a.jpg", "thumbs/2014/a_1.jpg"]
    digests = folder.derived_copies("a.jpg")
    assert digests == {key: hashlib.sha256(key.encode()).digest() for key in copies}
    for ref, digest in digests.items():
        with pytest.raises(Conflict):
            folder.erase_copy(ref, bytes(32))
        assert folder.erase_copy(ref, digest) == "deleted"
        assert folder.probe_copy(ref) == "absent"
    assert folder.enumerate_copies("a.jpg") == ["a.jpg"]
    assert (tmp_path / "thumbs/b_1.jpg").exists()


def test_a_copy_belongs_to_the_longest_name_that_it_begins_with(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "1_2.jpg", "thumbs/1_9.jpg", "thumbs/1_2_9.jpg", ".cache/1.jpg.webp", ".cache/1_2.jpg.webp")
    folder = made(tmp_path)
    assert folder.enumerate_copies("1.jpg")[1:] == [".cache/1.jpg.webp", "thumbs/1_9.jpg"]
    assert folder.enumerate_copies("1_2.jpg")[1:] == [".cache/1_2.jpg.webp", "thumbs/1_2_9.jpg"]


def test_signs_in_names_are_only_signs(tmp_path: Path) -> None:
    put(tmp_path, "*.jpg", "[ab].jpg", "a.jpg", "thumbs/a_1.jpg", "thumbs/*_1.jpg", "thumbs/[ab]_1.jpg")
    folder = made(tmp_path)
    assert folder.enumerate_copies("*.jpg")[1:] == ["thumbs/*_1.jpg"]
    assert folder.enumerate_copies("[ab].jpg")[1:] == ["thumbs/[ab]_1.jpg"]


def test_no_link_is_followed_and_no_folder_is_a_copy(tmp_path: Path) -> None:
    root, outside = tmp_path / "store", tmp_path / "outside"
    put(root, "a.jpg")
    put(outside, "a_1.jpg")
    (root / "thumbs").symlink_to(outside)
    (root / ".cache" / "a.jpg").mkdir(parents=True)
    os.symlink(outside / "a_1.jpg", root / "a.xmp")
    assert made(root).enumerate_copies("a.jpg") == ["a.jpg"]


@pytest.mark.parametrize(
    "pattern",
    ["thumbs/*", "../{name}", "/x/{name}", "a//{name}", "{folder}/x.jpg", "{Name}", "{name", "{stem}/", "\0{name}"],
)
def test_patterns_that_cannot_be_are_refused_by_name(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(BadInput, match="pattern"):
        made(tmp_path, [pattern])


def test_patterns_are_kept_once_each_and_only_folders_have_them(tmp_path: Path) -> None:
    text = "thumbs/{name}\n\n  thumbs/{name}\n{stem}.xmp"
    kept = RewritableFolder.clean({"folder": str(tmp_path), "copies": text})
    assert kept["copies"] == ["thumbs/{name}", "{stem}.xmp"]
    with pytest.raises(BadInput, match="'copies'"):
        Tar.clean({"folder": str(tmp_path), "copies": text})
    with pytest.raises(BadInput):
        RewritableFolder.clean({"folder": str(tmp_path), "copies": [1]})
