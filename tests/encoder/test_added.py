"""An encoder that an operator adds: its chips, its templates, and everything that can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from portal import images
from portal.matching.encoder_settings import BadEncoder, Settings, read_settings
from tests.encoder.networks import DIMENSIONS, SETTINGS, SIZE, write_network
from tests.fakes import DrawnFaceEncoder
from workers.encoder import landmarks
from workers.encoder.added import AddedEncoder, main


def made(tmp_path: Path, settings: str = SETTINGS, batch: int | str = "n") -> AddedEncoder:
    network = write_network(tmp_path, settings, batch)
    return AddedEncoder(read_settings(settings), network.read_bytes(), DrawnFaceEncoder())


@pytest.mark.parametrize("batch", ["n", 1])
def test_templates_are_the_mean_of_the_chip_and_its_mirror(tmp_path: Path, batch: int | str) -> None:
    chips = np.random.default_rng(1).integers(0, 255, (20, SIZE, SIZE, 3), np.uint8)
    found = made(tmp_path, batch=batch).encode(chips)
    both = (chips.astype(np.float64) + chips[:, :, ::-1]) / 2
    patches = both.reshape(20, 4, 8, 4, 8, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(20, DIMENSIONS)
    assert found.dtype == np.float32
    assert np.abs(found - (patches / 127.5 - 1)).max() < 0.02


def test_a_cosine_is_kept_as_a_distance_of_templates_of_length_one(tmp_path: Path) -> None:
    text = SETTINGS.replace('"euclidean"', '"cosine"').replace("threshold = 0.5", "threshold = 0.4")
    encoder = made(tmp_path, text)
    chips = np.random.default_rng(1).integers(0, 255, (3, SIZE, SIZE, 3), np.uint8)
    templates = encoder.encode(chips)
    assert np.linalg.norm(templates, axis=1) == pytest.approx(1, abs=1e-5)
    assert read_settings(text).threshold == pytest.approx(np.sqrt(2 - 0.8))


def test_colours_and_layout_are_as_the_settings_say(tmp_path: Path) -> None:
    chip = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    chip[..., 0] = 255
    plain = made(tmp_path).encode(chip)
    turned = made(tmp_path, SETTINGS.replace('"RGB"', '"BGR"')).encode(chip)
    assert plain[0, :16] == pytest.approx(turned[0, 32:], abs=0.02)


@pytest.mark.photographs
def test_chips_are_turned_so_that_the_places_lie_where_they_should(tmp_path: Path, photographs: Path) -> None:
    from workers.encoder import load_encoder

    finder = load_encoder()
    settings = read_settings(SETTINGS.replace("= 32", "= 128").replace("[8, 10]", "[32, 40]").replace("[24, 10]", "[96, 40]").replace("[16, 18]", "[64, 72]"))  # fmt: skip  # noqa: E501
    with images.Opener() as opener:
        pixels = opener.open((photographs / "obama.jpg").read_bytes()).pixels
    small = images.shrink(pixels, 500)
    for turned in (pixels, np.ascontiguousarray(small)):
        box = finder.find(turned)[0]
        there = landmarks.find_places(turned, box)
        wanted = np.array(list(settings.points.values()))
        matrix = landmarks.fit(wanted, np.array([there[name] for name in settings.points]))
        back = wanted @ matrix[:, :2].T + matrix[:, 2]
        chip = images.warp(turned, matrix, (128, 128))
        assert np.abs(back - np.array([there[name] for name in settings.points])).max() < (box[2] - box[0]) * 0.1
        again = landmarks.find_places(chip, (10, 10, 118, 118))
        assert np.linalg.norm(again["left_eye"] - [32, 40]) < 10
        assert np.linalg.norm(again["right_eye"] - [96, 40]) < 10


def test_the_fit_is_a_turn_a_size_and_a_shift_without_a_mirror() -> None:
    wanted = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 8.0]])
    angle = 0.3
    turn = 2.5 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = wanted @ turn.T + [40, 7]
    matrix = landmarks.fit(wanted, seen)
    assert matrix == pytest.approx(np.column_stack([turn, [40, 7]]), abs=1e-9)
    mirrored = landmarks.fit(wanted, seen * [-1, 1])
    assert np.linalg.det(mirrored[:, :2]) > 0


def test_a_warped_picture_shows_what_the_matrix_says() -> None:
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[40:50, 20:30] = 255
    same = images.warp(pixels, np.array([[1.0, 0, 15], [0, 1.0, 35]]), (20, 20))
    assert (same[6:14, 6:14] == 255).all()
    assert same[2, 2, 0] == 0
    smaller = images.warp(pixels, np.array([[4.0, 0, 0], [0, 4.0, 0]]), (25, 20))
    assert smaller[11, 6, 0] > 200


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ('name = "patches"', "", "do not say: name"),
        ('name = "patches"', "name = 3", "name must be a text"),
        ("size = 32", "size = 0", "size must be a whole number"),
        ("size = 32", "size = [1, 2, 3]", "one number of pixels, or height and width"),
        ("dimensions = 48", "dimensions = true", "dimensions must be a whole number"),
        ('"euclidean"', '"manhattan"', "metric must be one of euclidean, cosine"),
        ("threshold = 0.5", "threshold = -1", "above 0"),
        ("threshold = 0.5", "threshold = nan", "threshold"),
        ('"NCHW"', '"NCWH"', "layout must be one of"),
        ("mean = 127.5", "mean = [1, 2]", "mean must be one number or three"),
        ("divisor = [127.5, 127.5, 127.5]", "divisor = 0", "divisor must be one number or three, above 0"),
        ("nose = [16, 18]", "nose = [16, 40]", "nose does not lie in the chip"),
        ("nose = [16, 18]", "ear = [16, 18]", "points must name two at least"),
        ("nose = [16, 18]", 'nose = "here"', "nose must be two numbers"),
        ("version", "colour = 1\nversion", "nobody knows: colour"),
        ("[points]", "[points", "not TOML"),
    ],
)
def test_settings_that_are_wrong_are_named(line: str, instead: str, said: str) -> None:
    with pytest.raises(BadEncoder, match=said.replace("[", r"\[")):
        read_settings(SETTINGS.replace(line, instead, 1))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SETTINGS.replace("dimensions = 48", "dimensions = 512"), "gives 48 numbers, and its settings say 512"),
        (SETTINGS.replace("size = 32", "size = 48"), "gives 108 numbers|does not take chips"),
        (SETTINGS.replace('"NCHW"', '"NHWC"'), "does not take chips|fails on a chip|numbers"),
    ],
)
def test_a_network_that_does_not_do_what_its_settings_say_is_refused(tmp_path: Path, settings: str, said: str) -> None:
    with pytest.raises(BadEncoder, match=said):
        made(tmp_path, settings)


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"GIF89a" * 50])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    data = write_network(tmp_path).read_bytes()
    with pytest.raises(BadEncoder, match="network of patches"):
        AddedEncoder(read_settings(SETTINGS), spoil(data), None)


def test_the_trial_ends_with_a_sentence_or_with_nothing(tmp_path: Path) -> None:
    network = write_network(tmp_path)
    main([str(network), str(tmp_path / "patches.toml")])
    network.write_bytes(b"none")
    with pytest.raises(SystemExit, match="cannot be read"):
        main([str(network), str(tmp_path / "patches.toml")])


def test_settings_survive_being_kept() -> None:
    from dataclasses import asdict

    settings = read_settings(SETTINGS)
    assert Settings(**asdict(settings)) == settings
