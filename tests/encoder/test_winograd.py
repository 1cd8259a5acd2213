"""Convolutions with fewer multiplications against plain ones, and the whole network against the one on OpenVINO."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from workers.encoder import lanes, tiles, winograd
from workers.encoder.fast import MANY, FastEncoder
from workers.encoder.weights import Layer

suited = pytest.mark.skipif(not lanes.suits(), reason="this processor has no registers of 512 bits")
suited_to_bf16 = pytest.mark.skipif(not lanes.multiplies_bf16(), reason="this processor multiplies no bf16")


@pytest.fixture(scope="module")
def encoder() -> FastEncoder:
    return FastEncoder("fp32")


def direct(encoder: FastEncoder, chips: np.ndarray) -> np.ndarray:
    """Templates from the network on OpenVINO, which takes few faces at a time."""
    return np.concatenate([encoder.encode_plain(chip[None]) for chip in chips])


def drawn(count: int) -> np.ndarray:
    """Chips with something like a face, in other colours and places each, on noise."""
    random = np.random.default_rng(7)
    chips = []
    for number in range(count):
        chip = Image.fromarray(random.integers(0, 255, (150, 150, 3), np.uint8))
        pen = ImageDraw.Draw(chip)
        colours = [tuple(random.integers(0, 255, 3).tolist()) for _ in range(3)]
        pen.ellipse((20 + number % 20, 10, 120 + number % 25, 140), fill=colours[0])
        for x in (50, 90):
            pen.ellipse((x, 50 + number % 9, x + 15, 62), fill=colours[1])
        pen.arc((50, 80, 100, 115), 20, 160, fill=colours[2], width=5)
        chips.append(np.asarray(chip))
    return np.stack(chips)


def plain(seen: np.ndarray, filters: np.ndarray, biases: np.ndarray, step: int, pad: int) -> np.ndarray:
    """(n, in, side, side) and (out, in, k, k) -> (n, out, new side, new side), in double precision."""
    seen = np.pad(seen.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    size = filters.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(seen, (size, size), axis=(2, 3))[:, :, ::step, ::step]
    return np.einsum("nchwij,ocij->nohw", windows, filters, optimize=True) + biases[:, None, None]


def inside(picture: tiles.Picture, side: int) -> np.ndarray:
    """All faces of a picture, (n, planes, side, side), to look at and to fill."""
    framed = tiles.framed(picture.side)
    whole = picture.numbers.reshape(winograd.BATCH, -1, framed, framed, lanes.LANES)
    return whole[:, :, 1 : side + 1, 1 : side + 1].transpose(0, 1, 4, 2, 3)


def fill(picture: tiles.Picture, numbers: np.ndarray) -> None:
    n, planes, side, _ = numbers.shape
    inside(picture, side)[:n] = numbers.reshape(n, planes // lanes.LANES, lanes.LANES, side, side)


def layer(filters: np.ndarray, biases: np.ndarray, step: int, pad: int) -> tuple[Layer, Layer]:
    """A convolution, and an affine layer that changes nothing."""
    out, _, size, _ = filters.shape
    ones = np.concatenate([np.ones(out, np.float32), np.zeros(out, np.float32)])
    params = np.concatenate([filters.ravel(), biases]).astype(np.float32)
    return Layer("con", (out, size, size, step, step, pad, pad), params), Layer("affine", (), ones)


def test_the_sums_before_and_after_give_four_results_of_a_filter() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        seen, taken = random.normal(size=6), random.normal(size=3)
        products = np.array(tiles.sums_before(*seen)) * (winograd.FILTER_SUMS @ taken)
        assert np.allclose(tiles.sums_after(*products), np.correlate(seen, taken))


@suited
@pytest.mark.parametrize(("step", "pad"), [(1, 1), (2, 0)])
@pytest.mark.parametrize("side", [3, 8, 17])
@pytest.mark.parametrize("add", [False, True])
def test_a_convolution_is_the_plain_one(side: int, step: int, pad: int, add: bool) -> None:
    random = np.random.default_rng(side)
    faces, planes, out = 5, 32, 64
    seen, made = winograd._picture(side, planes), winograd._picture(side if step == 1 else (side - 3) // 2 + 1, out)
    numbers = random.normal(size=(faces, planes, side, side)).astype(np.float32)
    before = random.normal(size=(faces, out, made.side, made.side)).astype(np.float32)
    filters, biases = random.normal(size=(out, planes, 3, 3)).astype(np.float32), random.normal(size=out)
    fill(seen, numbers)
    fill(made, before)

    rooms = winograd.new_rooms()
    winograd._convolution(*layer(filters, biases, step, pad), side)(faces, seen, made, add, rooms)

    wanted = np.maximum(plain(numbers, filters, biases, step, pad) + before * add, 0)
    found = inside(made, made.side)[:faces].reshape(wanted.shape)
    assert np.abs(found - wanted).max() <= 1e-4 * wanted.max()
    # The frame is what the next convolution is padded with.
    inside(made, made.side)[:] = 0
    assert not made.numbers.any()


def rounded(numbers: np.ndarray) -> np.ndarray:
    """The nearest numbers that bf16 has, as float32."""
    shape = numbers.shape
    pairs = np.repeat(np.asarray(numbers, np.float32).reshape(1, -1, 1), 2, axis=1)
    return (winograd._as_bf16(pairs).view(np.uint32) << 16).view(np.float32).reshape(shape)


@suited_to_bf16
@pytest.mark.parametrize("add", [False, True])
def test_a_convolution_in_bf16_rounds_what_is_multiplied_and_nothing_else(add: bool) -> None:
    """One tile, by the same sums in plain steps."""
    random = np.random.default_rng(5)
    faces, planes, out, side = 3, 64, 64, tiles.TILE
    seen, made = winograd._picture(side, planes), winograd._picture(side, out)
    numbers = random.normal(size=(faces, planes, side, side)).astype(np.float32)
    before = random.normal(size=(faces, out, side, side)).astype(np.float32)
    filters, biases = random.normal(size=(out, planes, 3, 3)).astype(np.float32), random.normal(size=out)
    fill(seen, numbers)
    fill(made, before)

    short = winograd._convolution(*layer(filters, biases, 1, 1), side, bf16=True)
    short(faces, seen, made, add, winograd.new_rooms())

    patch = np.pad(numbers, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for axis in (2, 3):
        patch = np.stack(tiles.sums_before(*np.moveaxis(patch, axis, 0)), axis=axis)
    sums = np.einsum("ai,kcij,bj->kcab", winograd.FILTER_SUMS, filters, winograd.FILTER_SUMS)
    wanted = np.einsum("ncab,kcab->nkab", rounded(patch), rounded(sums).astype(np.float64))
    for axis in (2, 3):
        wanted = np.stack(tiles.sums_after(*np.moveaxis(wanted, axis, 0)), axis=axis)
    wanted = np.maximum(wanted + biases[:, None, None] + before * add, 0)
    assert np.abs(inside(made, side)[:faces].reshape(wanted.shape) - wanted).max() <= 2e-3 * wanted.max()


@pytest.mark.parametrize("number", [1.0, -2.5, 1 + 2**-8, 1 + 3 * 2**-8, 3e-30, 65504.0])
def test_short_numbers_are_the_nearest_ones_and_of_two_the_even_one(number: float) -> None:
    bits = int(winograd._as_bf16(np.array([[[number], [1.0]]], np.float32)).view(np.uint32)[0, 0, 0])
    low, high = bits & 0xFFFF, bits >> 16
    assert high == 0x3F80, "the second of a pair stands above the first"
    found, below, above = (np.uint32(short << 16).view(np.float32) for short in (low, low - 1, low + 1))
    nearest = min(abs(other - np.float32(number)) for other in (below, above))
    assert abs(found - np.float32(number)) < nearest or (abs(found - np.float32(number)) == nearest and low % 2 == 0)


@suited
def test_a_single_pixel_has_only_zeros_around() -> None:
    random = np.random.default_rng(3)
    seen, made = winograd._picture(1, 64), winograd._picture(1, 64)
    numbers, filters = random.normal(size=(3, 64, 1, 1)), random.normal(size=(64, 64, 3, 3)).astype(np.float32)
    fill(seen, numbers)
    biases = np.zeros(64, np.float32)
    winograd._convolution(*layer(filters, biases, 1, 1), 1)(3, seen, made, False, winograd.new_rooms())
    wanted = np.maximum(plain(numbers, filters, biases, 1, 1), 0)
    assert np.allclose(inside(made, 1)[:3].reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-4)


def test_a_convolution_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="another size"):
        winograd._convolution(*layer(np.zeros((32, 32, 5, 5), np.float32), np.zeros(32), 1, 2), 8)


@suited
def test_drawn_faces_have_the_same_templates_whatever_was_there_before(encoder: FastEncoder) -> None:
    chips, network = drawn(winograd.BATCH + 3), encoder._many
    assert isinstance(network, winograd.WinogradNetwork)
    wanted = direct(encoder, chips[-12:])
    assert np.abs(encoder.encode_plain(chips)[-12:] - wanted).max() <= 1e-5
    for few in (1, MANY):
        assert np.abs(network(chips[-few:]) - wanted[-few:]).max() <= 1e-5
    mirrored = chips[:, :, ::-1]
    assert np.array_equal(network(mirrored), network(np.ascontiguousarray(mirrored)))


@suited_to_bf16
def test_many_faces_in_bf16_have_templates_near_those_in_fp32(encoder: FastEncoder) -> None:
    chips = drawn(12)
    short = FastEncoder("bf16")
    wanted, found = encoder.encode_plain(chips), short.encode_plain(chips)
    assert isinstance(short._many, winograd.WinogradNetwork)
    assert not np.array_equal(found, direct(short, chips))
    assert 0 < np.linalg.norm(found - wanted, axis=1).max() <= 0.03


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_other_processors_stay_on_openvino(
    encoder: FastEncoder, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    chips = drawn(MANY)
    wanted = direct(encoder, chips)
    monkeypatch.setattr(lanes, "multiplies_bf16", lambda: False)
    monkeypatch.setattr(lanes, "suits", lambda: False)
    monkeypatch.setattr(encoder, "_precision", precision)
    encoder.__dict__.pop("_many", None)
    assert encoder._many is None
    assert np.abs(encoder.encode_plain(chips) - wanted).max() <= 1e-5
    encoder.__dict__.pop("_many")
