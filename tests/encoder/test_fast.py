"""The fast encoder against dlib itself, on real photographs."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portal import images
from workers.encoder import weights
from workers.encoder.cnn import overlaps
from workers.encoder.fast import FastEncoder, canvas_for
from workers.encoder.network import best_precision

NAMES = ("obama.jpg", "obama2.jpg", "biden.jpg", "collins.png", "obama_partial_face.jpg")


@pytest.fixture(scope="module")
def encoder() -> FastEncoder:
    return FastEncoder("fp32")


@pytest.fixture(scope="module")
def pictures(photographs: Path) -> dict[str, np.ndarray]:
    with images.Opener() as opener:
        return {path.name: opener.open(path.read_bytes()).pixels for path in sorted(photographs.iterdir())}


def dlib_templates(chips: np.ndarray) -> np.ndarray:
    import dlib

    engine = dlib.face_recognition_model_v1(str(weights.weights_path(weights.ENCODER)))
    return np.array([engine.compute_face_descriptor(chip) for chip in chips])


def chips_of(encoder: FastEncoder, pictures: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([encoder.cut(pixels, encoder.find(pixels)) for pixels in pictures])


@pytest.mark.photographs
def test_templates_are_dlibs_own(encoder: FastEncoder, pictures: dict[str, np.ndarray]) -> None:
    chips = chips_of(encoder, list(pictures.values()))
    assert len(chips) >= 7
    theirs = dlib_templates(chips)
    assert np.abs(encoder.encode_plain(chips) - theirs).max() <= 1e-5
    if best_precision() == "bf16":
        assert np.linalg.norm(FastEncoder("bf16").encode_plain(chips) - theirs, axis=1).max() <= 0.03


@pytest.mark.photographs
def test_the_whole_way_is_face_recognitions_on_the_same_box(
    encoder: FastEncoder, pictures: dict[str, np.ndarray]
) -> None:
    import face_recognition

    pixels = pictures["obama.jpg"]
    boxes = encoder.find(pixels)
    known = [(top, right, bottom, left) for left, top, right, bottom in boxes]
    theirs = np.array(face_recognition.face_encodings(pixels, known))
    assert np.abs(encoder.encode_plain(encoder.cut(pixels, boxes)) - theirs).max() <= 1e-5


def test_many_real_faces_have_dlibs_templates(encoder: FastEncoder, shared_faces: Path | None) -> None:
    if shared_faces is None:
        pytest.skip("the photographs for development are not here")
    # Grey portraits of 92 x 112 px, which is smaller than the face of many a photograph.
    paths = sorted((shared_faces / "orl").rglob("*.pgm"))[::20]
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    chips = chips_of(encoder, pictures)
    assert len(chips) >= 0.9 * len(paths)
    assert np.abs(encoder.encode_plain(chips) - dlib_templates(chips)).max() <= 1e-5


@pytest.mark.photographs
def test_a_mirror_image_has_nearly_the_same_template(encoder: FastEncoder, pictures: dict[str, np.ndarray]) -> None:
    chips = chips_of(encoder, [pictures["obama.jpg"]])
    assert np.abs(encoder.encode(chips) - encoder.encode(chips[:, :, ::-1])).max() < 1e-5
    assert np.linalg.norm(encoder.encode(chips) - encoder.encode_plain(chips)) > 0.01


@pytest.mark.photographs
def test_the_default_s_faces_are_found(encoder: FastEncoder, pictures: dict[str, np.ndarray]) -> None:
    import face_recognition

    for name in NAMES:
        pixels = pictures[name]
        found = np.array(encoder.find(pixels), np.float32)
        theirs = [(left, top, right, bottom) for top, right, bottom, left in face_recognition.face_locations(pixels)]
        # In the astronaut's photograph HOG also sees a face in the pattern of the suit.
        theirs = [box for box in theirs if not (name == "collins.png" and box[1] > 200)]
        assert all(overlaps(np.array(box, np.float32), found).max() >= 0.5 for box in theirs), name


@pytest.mark.photographs
def test_where_nobody_is_nobody_is_found(encoder: FastEncoder, pictures: dict[str, np.ndarray]) -> None:
    assert [encoder.find(pictures[name]) for name in ("cat.png", "coffee.png", "rocket.jpg")] == [[], [], []]


@pytest.mark.photographs
def test_each_face_of_a_group_is_found_the_small_beside_the_large(
    encoder: FastEncoder, pictures: dict[str, np.ndarray]
) -> None:
    """Faces of 40 px where the longer side is 800: the smallest size that is promised."""
    face = pictures["obama.jpg"]
    left, top, right, bottom = encoder.find(face)[0]
    margin = (right - left) // 2
    head = face[max(0, top - margin) : bottom + margin, left - margin : right + margin]
    small = images.shrink(head, round(max(head.shape[:2]) * 40 / (right - left)))
    assert small.shape[0] < 95
    group = np.full((600, 800, 3), 120, np.uint8)
    places = [(x, y) for x in range(310, 700, 95) for y in range(10, 500, 100)]
    for x, y in places:
        group[y : y + small.shape[0], x : x + small.shape[1]] = small
    large = images.shrink(head, 290)
    group[100 : 100 + large.shape[0], 5 : 5 + large.shape[1]] = large
    assert len(encoder.find(group)) == len(places) + 1


def test_boxes_stay_within_the_picture_and_go_from_left_to_right(
    encoder: FastEncoder, photographs: Path, pictures: dict[str, np.ndarray]
) -> None:
    for pixels in pictures.values():
        boxes = encoder.find(pixels)
        assert boxes == sorted(boxes)
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= pixels.shape[1]
            assert 0 <= top < bottom <= pixels.shape[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (8, 11)])
def test_awkward_shapes_are_no_error(encoder: FastEncoder, shape: tuple[int, int]) -> None:
    assert encoder.find(np.full((*shape, 3), 255, np.uint8)) == []


@pytest.mark.parametrize(
    ("shape", "canvas"),
    [
        ((112, 92), (224, 224)),
        ((224, 184), (448, 448)),
        ((420, 560), (840, 1120)),
        ((300, 200), (704, 528)),
        ((3000, 4000), (1200, 1600)),
        ((4000, 3000), (1600, 1200)),
        ((900, 900), (1600, 1600)),
        ((500, 3000), (1200, 1600)),
    ],
)
def test_photographs_share_few_canvases(shape: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert canvas_for(np.zeros((*shape, 3), np.uint8)) == canvas


def test_without_a_face_there_are_no_templates(encoder: FastEncoder) -> None:
    templates = encoder.encode(encoder.cut(np.zeros((50, 50, 3), np.uint8), []))
    assert templates.shape == (0, 128)
    assert templates.dtype == np.float32


def test_more_chips_than_a_batch_come_back_in_order(encoder: FastEncoder) -> None:
    chips = np.random.default_rng(1).integers(0, 255, (35, 150, 150, 3), np.uint8)
    alone = encoder.encode(chips[34:])
    assert np.abs(encoder.encode(chips)[34] - alone[0]).max() < 1e-5


@pytest.mark.photographs
def test_a_process_forked_after_loading_finds_the_same(encoder: FastEncoder, pictures: dict[str, np.ndarray]) -> None:
    """A queue's worker loads the networks once and forks for each job."""
    pixels = pictures["obama.jpg"]
    before = encoder.encode(encoder.cut(pixels, encoder.find(pixels)))
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=lambda: answers.put(encoder.encode(encoder.cut(pixels, encoder.find(pixels)))))
    child.start()
    assert np.array_equal(answers.get(timeout=60), before)
    child.join(10)
    assert child.exitcode == 0
