"""The demo's photographs. They are not in the repository: they come inside published Python packages.

Two presidents of the United States (official and press portraits, public domain) in the source archive of
face-recognition; Eileen Collins (NASA, public domain) and pictures without people in scikit-image. Each file is checked
by its SHA-256, so it does not matter from where the package index takes the archive.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.errors import BadInput, Unavailable

CACHE = Path("build/photographs")


@dataclass(frozen=True)
class Archive:
    """A package to download, and the files to take out of it: name -> (path inside, SHA-256)."""

    requirement: str
    form: str
    files: dict[str, tuple[str, str]]


_IN_TESTS = "face_recognition-1.3.0/tests/test_images"
ARCHIVES = (
    Archive(
        "face-recognition==1.3.0",
        "--no-binary",
        {
            "obama.jpg": (f"{_IN_TESTS}/obama.jpg", "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"),
            "obama2.jpg": (
                f"{_IN_TESTS}/obama2.jpg",
                "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
            ),
            "obama3.jpg": (
                f"{_IN_TESTS}/obama3.jpg",
                "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
            ),
            "obama_partial_face.jpg": (
                f"{_IN_TESTS}/obama_partial_face.jpg",
                "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117",
            ),
            "obama_partial_face2.jpg": (
                f"{_IN_TESTS}/obama_partial_face2.jpg",
                "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028",
            ),
            "biden.jpg": (f"{_IN_TESTS}/biden.jpg", "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c"),
        },
    ),
    Archive(
        "scikit-image==0.26.0",
        "--only-binary",
        {
            "collins.png": (
                "skimage/data/astronaut.png",
                "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            ),
            "cat.png": (
                "skimage/data/chelsea.png",
                "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
            ),
            "coffee.png": (
                "skimage/data/coffee.png",
                "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
            ),
            "rocket.jpg": (
                "skimage/data/rocket.jpg",
                "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
            ),
        },
    ),
)


def fetch(folder: Path) -> Path:
    """`folder` with all photographs in it, downloaded where one is missing. Raises Unavailable or BadInput."""
    folder.mkdir(parents=True, exist_ok=True)
    for archive in ARCHIVES:
        missing = {name: of for name, of in archive.files.items() if not _is_there(folder / name, of[1])}
        if missing:
            with tempfile.TemporaryDirectory() as scratch:
                _take_out(_download(archive, Path(scratch)), missing, folder)
    return folder


def _download(archive: Archive, scratch: Path) -> Path:
    package = archive.requirement.partition("==")[0]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*pip, archive.form, package, "-d", str(scratch), archive.requirement], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Unavailable(f"{archive.requirement} could not be downloaded: {done.stderr.strip()[-300:]}")
    return next(scratch.iterdir())


def _take_out(archive: Path, wanted: dict[str, tuple[str, str]], folder: Path) -> None:
    inside = {path: name for name, (path, _) in wanted.items()}
    for path, data in _members(archive):
        name = inside.get(path)
        if name is None:
            continue
        if hashlib.sha256(data).hexdigest() != wanted[name][1]:
            raise BadInput(f"{path} in {archive.name} is not the photograph we know: its digest differs.")
        draft = folder / f".{name}"
        draft.write_bytes(data)
        draft.replace(folder / name)
    lost = [name for name in wanted if not (folder / name).exists()]
    if lost:
        raise Unavailable(f"{archive.name} does not hold {', '.join(lost)}.")


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if "/data/" in name)
        return
    with tarfile.open(archive) as source:
        for member in source:
            file = source.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file.read()


def _is_there(path: Path, digest: str) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
