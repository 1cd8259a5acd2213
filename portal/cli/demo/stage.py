"""Sets the stage: a store with known pictures in it, a manifest, and what somebody will try to bring back later."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from portal import images
from portal.errors import BadInput, BadPicture
from portal.images import Pixels

SUBJECT_ACCOUNT = "mr_44"


@dataclass(frozen=True)
class Planted:
    """One file of the store. `shows_subject` is None where nobody told us the truth."""

    key: str
    shows_subject: bool | None
    account: str = ""
    near_digest: bytes = b""


@dataclass
class Stage:
    """The store's folder, what is in it, and how the person asks."""

    store: Path
    selfie: Path
    manifest: Path | None = None
    account: str = ""
    planted: list[Planted] = field(default_factory=list)
    comes_back: list[tuple[str, bytes]] = field(default_factory=list)
    originals: Path | None = None

    @property
    def true_keys(self) -> set[str]:
        return {one.key for one in self.planted if one.shows_subject}

    @property
    def knows_the_truth(self) -> bool:
        return all(one.shows_subject is not None for one in self.planted)


def set_stage(photographs: Path, folder: Path) -> Stage:
    """The demo's own store: originals, and copies as they travel: re-encoded, cropped, mirrored, darker, smaller."""
    stage = Stage(folder / "store", photographs / "obama.jpg", account=SUBJECT_ACCOUNT)
    fresh_folder(stage.store)
    with images.Opener() as opener:
        plant_all(stage, photographs, opener)
    stage.manifest = write_manifest(folder / "manifest.csv", stage.planted)
    return stage


def plant_all(stage: Stage, photographs: Path, opener: images.Opener) -> None:
    """Fill the store, and keep aside what will be brought back."""
    pixels = {path.stem: opener.open(path.read_bytes()).pixels for path in photographs.glob("*.*")}
    two, three, biden, collins = (pixels[name] for name in ("obama2", "obama3", "biden", "collins"))

    def plant(key: str, data: bytes, shows: bool, account: str) -> None:
        path = stage.store / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        stage.planted.append(Planted(key, shows, account, near_digest(opener, data)))

    for name, account in (
        ("obama2", SUBJECT_ACCOUNT),
        ("obama3", SUBJECT_ACCOUNT),
        ("obama_partial_face", "cropper"),
        ("obama_partial_face2", "cropper"),
    ):
        plant(f"originals/{name}.jpg", (photographs / f"{name}.jpg").read_bytes(), True, account)
    plant("copies/re-encoded.jpg", images.to_jpeg(two, quality=60), True, SUBJECT_ACCOUNT)
    plant("copies/cropped.jpg", images.to_jpeg(three[60:900, 400:1200]), True, "fan_page")
    plant("copies/mirrored.jpg", images.to_jpeg(three[:, ::-1]), True, "fan_page")
    plant("copies/darker.jpg", images.to_jpeg(darker(two)), True, "fan_page")
    plant("copies/smaller.jpg", images.to_jpeg(images.shrink(three, 700), quality=70), True, "fan_page")
    plant("copies/posted-by-another.jpg", (photographs / "obama2.jpg").read_bytes(), True, "somebody_else")
    plant("group/three-people.jpg", images.to_jpeg(side_by_side(biden, three, collins)), True, "event_photos")
    plant("originals/biden.jpg", (photographs / "biden.jpg").read_bytes(), False, "mr_46")
    plant("copies/biden-smaller.jpg", images.to_jpeg(images.shrink(biden, 900)), False, "mr_46")
    plant("copies/biden-mirrored.jpg", images.to_jpeg(biden[:, ::-1]), False, SUBJECT_ACCOUNT)
    plant("originals/collins.png", (photographs / "collins.png").read_bytes(), False, "ms_collins")
    plant("copies/collins-darker.jpg", images.to_jpeg(darker(collins)), False, "ms_collins")
    for name in ("cat.png", "coffee.png", "rocket.jpg"):
        plant(f"things/{name}", (photographs / name).read_bytes(), False, "things")
    plant("broken/cut-off.jpg", (photographs / "biden.jpg").read_bytes()[:40_000], False, "mr_46")
    stage.comes_back = [
        ("back/same-bytes.jpg", (photographs / "obama3.jpg").read_bytes()),
        ("back/re-encoded.jpg", images.to_jpeg(three, quality=70)),
        ("back/re-encoded-smaller.jpg", images.to_jpeg(images.shrink(two, 800), quality=75)),
    ]


def copy_stage(photographs: Path, selfie: Path, folder: Path) -> Stage:
    """A store made of copies of somebody's own folder; the originals are never touched. Nobody told us the truth."""
    if not photographs.is_dir():
        raise BadInput(f"{photographs} is not a folder.")
    if not selfie.is_file():
        raise BadInput(f"{selfie} is not a file.")
    stage = Stage(folder / "store", selfie, originals=photographs)
    fresh_folder(stage.store)
    for path in sorted(path for path in photographs.rglob("*") if path.is_file() and not path.is_symlink()):
        key = path.relative_to(photographs).as_posix()
        target = stage.store / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        stage.planted.append(Planted(key, None))
    if not stage.planted:
        raise BadInput(f"There is no file in {photographs}.")
    return stage


def near_digest(opener: images.Opener, data: bytes) -> bytes:
    try:
        return images.near_digest(opener.open(data).pixels)
    except BadPicture:
        return b""


def write_manifest(path: Path, planted: list[Planted]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["key", "account", "source_url", "taken_at", "age", "place"])
        for number, one in enumerate(planted):
            link = f"https://photos.example/{one.account}/{number}"
            rows.writerow([one.key, one.account, link, f"20{10 + number % 6}-05-01", 30 + number, "Springfield"])
    return path


def darker(pixels: Pixels) -> Pixels:
    return (pixels * 0.45).astype(np.uint8)


def side_by_side(*pictures: Pixels) -> Pixels:
    """A group picture: the same height for all."""
    height = 900
    scaled = [_to_height(picture, height) for picture in pictures]
    return np.concatenate(scaled, axis=1)


def _to_height(pixels: Pixels, height: int) -> Pixels:
    if pixels.shape[0] < height:
        factor = -(-height // pixels.shape[0])
        pixels = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    longest = max(height, round(height * pixels.shape[1] / pixels.shape[0]))
    small = images.shrink(pixels, longest)
    return small[:height] if small.shape[0] >= height else np.pad(small, ((0, height - small.shape[0]), (0, 0), (0, 0)))


def fresh_folder(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
