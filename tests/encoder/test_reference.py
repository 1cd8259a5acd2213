"""The reference encoder on real photographs, and what loading it may not do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageFilter

from portal import images
from portal.errors import BadProbe, Unavailable
from workers import encoder
from workers.encoder import reference


def pixels_of(path: Path) -> np.ndarray:
    return images.open_picture(path.read_bytes()).pixels


class FakeEngine:
    """face_recognition's two functions, with a face where the test says, in the coordinates of what it is given."""

    def __init__(self, corners: list[tuple[int, int, int, int]], needs: int = 1) -> None:
        self.corners, self.needs, self.seen = corners, needs, []

    def face_locations(self, pixels: np.ndarray, number_of_times_to_upsample: int) -> list[tuple[int, int, int, int]]:
        self.seen.append((pixels.shape, number_of_times_to_upsample))
        return self.corners if number_of_times_to_upsample >= self.needs else []


def test_large_photographs_are_looked_at_small_and_boxes_scaled_back() -> None:
    engine = FakeEngine([(100, 300, 300, 100)])
    boxes = reference.Encoder(engine, "1").find(np.zeros((1600, 3200, 3), np.uint8))
    assert engine.seen == [((800, 1600, 3), 1)]
    assert boxes == [(200, 200, 600, 600)]


def test_boxes_end_at_the_edge_and_go_from_left_to_right() -> None:
    engine = FakeEngine([(10, 120, 90, 60), (-5, 40, 80, -10)])
    assert reference.Encoder(engine, "1").find(np.zeros((90, 100, 3), np.uint8)) == [(0, 0, 40, 80), (60, 10, 100, 90)]


@pytest.mark.parametrize(("side", "found"), [(400, 1), (401, 0)])
def test_only_small_pictures_are_enlarged_twice(side: int, found: int) -> None:
    engine = FakeEngine([(0, 30, 30, 0)], needs=2)
    assert len(reference.Encoder(engine, "1").find(np.zeros((100, side, 3), np.uint8))) == found


def test_without_a_face_there_are_no_templates() -> None:
    engine = reference.load_encoder()
    templates = engine.encode(engine.cut(np.zeros((50, 50, 3), np.uint8), []))
    assert templates.shape == (0, 128)
    assert templates.dtype == np.float32


def test_importing_the_door_loads_no_network() -> None:
    code = (
        "import sys, workers.encoder, workers.probing; print('face_recognition' in sys.modules, 'dlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_missing_weights_do_not_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def quits(name: str) -> None:
        raise SystemExit

    reference.load_encoder.cache_clear()
    monkeypatch.setattr(reference.importlib, "import_module", quits)
    with pytest.raises(Unavailable):
        reference.load_encoder()


def test_loading_keeps_cut_off_files_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    reference.load_encoder.cache_clear()
    sys.modules.pop("face_recognition", None)
    sys.modules.pop("face_recognition.api", None)
    loaded = reference.load_encoder()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert reference.load_encoder() is loaded
    assert loaded.name == "face_recognition"
    assert 0 < len(loaded.version) <= 100
    assert {"dlib", "HOG", "1600", "small"} <= set(loaded.version.replace(",", "").split())


def test_nobody_is_found_where_nobody_is() -> None:
    assert reference.load_encoder().find(np.full((300, 300, 3), 128, np.uint8)) == []


@pytest.mark.photographs
def test_one_person_is_near_to_himself_and_far_from_another(photographs: Path) -> None:
    engine = reference.load_encoder()
    templates = {}
    for name in ("obama", "obama2", "biden"):
        pixels = pixels_of(photographs / f"{name}.jpg")
        boxes = engine.find(pixels)
        assert len(boxes) == 1
        encoder.judge(engine, pixels, boxes)
        (templates[name],) = engine.encode(engine.cut(pixels, boxes))
    assert templates["obama"].dtype == np.float32
    assert np.linalg.norm(templates["obama"] - templates["obama2"]) < 0.5
    assert np.linalg.norm(templates["obama"] - templates["biden"]) > 0.7


@pytest.mark.photographs
def test_templates_are_those_of_face_recognition_itself(photographs: Path) -> None:
    import face_recognition

    pixels = images.shrink(pixels_of(photographs / "obama.jpg"), reference.SIDE)
    engine = reference.load_encoder()
    ours = engine.encode(engine.cut(pixels, engine.find(pixels)))
    theirs = np.array(face_recognition.face_encodings(pixels))
    assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.photographs
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 75)), "blurred"),
        (lambda image: image.point(lambda level: level * 0.1), "too-dark"),
        (lambda image: image.resize((image.width // 6, image.height // 6)), "too-small"),
        (lambda image: image.rotate(180), "no-face"),
    ],
)
def test_spoiled_photographs_are_told_apart(photographs: Path, spoil: object, code: str) -> None:
    assert callable(spoil)
    image = Image.fromarray(pixels_of(photographs / "obama.jpg"))
    pixels = np.asarray(spoil(image))
    with pytest.raises(BadProbe) as caught:
        encoder.judge(reference.load_encoder(), pixels, reference.load_encoder().find(pixels))
    assert caught.value.code == code
