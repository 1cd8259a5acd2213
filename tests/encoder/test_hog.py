"""The HOG detector against dlib's own, whose filters it has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dlib
import numpy as np
import pytest

from portal import images
from workers.encoder import loading, reference, weights
from workers.encoder.cnn import overlaps
from workers.encoder.filters import read_filters
from workers.encoder.histograms import PLANES, features
from workers.encoder.hog import HogDetector
from workers.encoder.network import best_precision
from workers.encoder.resizing import fitted, picture_of, resized
from workers.encoder.weights import BadWeights

SHAPE = (600, 800)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("filters") / "saved"
    dlib.get_frontal_face_detector().save(str(path))
    return path.read_bytes()


@pytest.mark.photographs
def test_what_dlib_finds_is_found_in_the_same_place_with_nearly_its_score(photographs: Path) -> None:
    """To 0.1: dlib's pyramid starts at another size, and its filters are not taken as bytes."""
    ours = HogDetector(read_filters(), SHAPE, best_precision())
    theirs = dlib.get_frontal_face_detector()
    compared = 0
    with images.Opener() as opener:
        for name in ("obama.jpg", "biden.jpg", "obama2.jpg", "lincoln.jpg"):
            if not (photographs / name).is_file():
                continue
            picture, _ = fitted(opener.open((photographs / name).read_bytes()).pixels, SHAPE)
            squares, scores = ours.find(picture)
            for box, score in zip(*theirs.run(picture.grey, 0, 0.2)[:2], strict=True):
                found = overlaps(np.array([box.left(), box.top(), box.right(), box.bottom()], np.float32), squares)
                assert found.max() > 0.6, name
                assert abs(scores[found.argmax()] - score) < 0.15, name
                compared += 1
    assert compared >= 3


def test_the_best_comes_first_and_noise_has_no_face() -> None:
    ours = HogDetector(read_filters(), SHAPE, "fp32")
    noise = picture_of(np.random.default_rng(3).integers(0, 255, SHAPE, np.uint8))
    assert len(ours.find(noise)[0]) == 0
    _, scores = ours.find(noise, -0.9)
    assert list(scores) == sorted(scores, reverse=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 800), (600, 1), (7, 9), (600, 800)])
def test_pictures_smaller_than_the_canvas_have_features_of_the_canvas_s_size(size: tuple[int, int]) -> None:
    found = features(np.full(size, 200, np.uint8), 75, 100)
    assert found.shape == (73, 98, PLANES)
    # One colour has no gradients, and the picture's edge is none.
    assert not found.any()


def test_the_five_filters_are_read_to_the_last_byte(saved: bytes) -> None:
    filters = weights.parse_filters(saved, "dlib")
    assert filters.weights.shape == (5, 31, 10, 10)
    assert filters.thresholds.shape == (5,)
    assert 0 < filters.overlap < filters.covered <= 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"0",
        lambda data: b"\x01\x09" + data[2:],
        lambda data: bytes(len(data)),
    ],
)
def test_other_filters_are_refused_by_name(saved: bytes, spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(BadWeights, match="some detector"):
        weights.parse_filters(spoil(saved), "some detector")


LOOK = """
import numpy
from workers.encoder.resizing import picture_of, resized
grey = numpy.arange(6400, dtype=numpy.uint8).reshape(80, 80)
print(int(resized(picture_of(grey), 70, 70).grey.astype(int).sum()))
"""


def test_two_processes_that_compile_at_once_and_one_without_a_folder_agree(tmp_path: Path) -> None:
    """The first start of two workers, and a system account whose folders are not its own."""
    grey = np.arange(6400, dtype=np.uint8).reshape(80, 80)
    expected = int(resized(picture_of(grey), 70, 70).grey.astype(int).sum())
    started = [
        subprocess.Popen(
            [sys.executable, "-c", LOOK],
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
            stdout=subprocess.PIPE,
        )
        for folder in (tmp_path / "new", tmp_path / "new", Path("/dev/null/none"))
    ]
    assert [int(process.communicate(timeout=120)[0]) for process in started] == [expected] * 3


def test_without_numba_the_reference_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("workers.encoder.fast", "workers.encoder.h"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    loading.load_encoder.cache_clear()
    try:
        assert isinstance(loading.load_encoder(), reference.Encoder)
    finally:
        loading.load_encoder.cache_clear()
