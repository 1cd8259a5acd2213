"""The near-duplicate digest: saved anew stays near, another photograph is far, flat ones are near to nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from portal import images
from portal.images import NEAR_LIMIT, near_digest, near_distance
from tests.fakes import draw_photograph


def saved_anew(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The ways in which a photograph comes back as another file."""
    image = Image.fromarray(pixels)
    width, height = image.size
    found = {f"jpeg {quality}": through(image, "JPEG", quality=quality) for quality in (30, 50, 75, 95)}
    for share in (0.5, 0.75, 1.5, 2.0):
        resized = image.resize((round(width * share), round(height * share)), Image.Resampling.LANCZOS)
        found[f"resized {share}"] = through(resized, "JPEG", quality=85)
    found["png"] = through(image, "PNG")
    found["webp"] = through(image, "WEBP", quality=60)
    found["avif"] = through(image, "AVIF", quality=60)
    found["brighter"] = through(ImageEnhance.Brightness(image).enhance(1.08), "JPEG", quality=85)
    found["darker"] = through(ImageEnhance.Brightness(image).enhance(0.9), "JPEG", quality=85)
    found["grey"] = np.asarray(image.convert("L").convert("RGB"))
    return found


def through(image: Image.Image, kind: str, **options: object) -> np.ndarray:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return np.asarray(Image.open(out).convert("RGB"))


def test_saved_anew_is_near() -> None:
    for person in range(8):
        pixels = draw_photograph(person, person + 8, size=(480, 360))
        digest = near_digest(pixels)
        assert len(digest) == 32
        assert near_digest(pixels) == digest
        for how, copy in saved_anew(pixels).items():
            assert near_distance(digest, near_digest(copy)) <= NEAR_LIMIT, how


def test_other_photographs_are_far() -> None:
    digests = [near_digest(draw_photograph(person % 3, size=(320, 240))) for person in range(60)]
    pairs = [near_distance(a, b) for place, a in enumerate(digests) for b in digests[:place]]
    assert min(pairs) > 2 * NEAR_LIMIT


def test_mirrored_and_turned_are_other_photographs() -> None:
    image = Image.fromarray(draw_photograph(1, 5))
    digest = near_digest(np.asarray(image))
    for other in (ImageOps.mirror(image), ImageOps.flip(image), image.rotate(90, expand=True)):
        assert near_distance(digest, near_digest(np.asarray(other))) > NEAR_LIMIT


def test_flat_pictures_are_near_to_nothing() -> None:
    flats = [near_digest(np.full((300, 200, 3), shade, np.uint8)) for shade in (0, 128, 255)]
    grain = np.random.default_rng(1).integers(250, 256, (300, 200, 3)).astype(np.uint8)
    flats.append(near_digest(grain))
    textured = near_digest(draw_photograph(1))
    for flat in flats:
        assert all(near_distance(flat, other) == 256 for other in [*flats, textured])
        assert near_distance(textured, flat) == 256


def test_strips_and_tiny_pictures_have_a_digest() -> None:
    for size in ((8, 8), (8, 2000), (2000, 8)):
        assert len(near_digest(draw_photograph(size=size, seed=1))) == 32


@pytest.mark.parametrize("source", ["canada", "lisa_selfies", "face_recognition"])
def test_real_photographs(shared_faces: Path | None, source: str) -> None:
    if shared_faces is None:
        pytest.skip("the photographs for development are not here")
    with (shared_faces / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source][:12]
    photographs = [np.asarray(Image.open(shared_faces / row["path"]).convert("RGB").reduce(2)) for row in rows]
    digests = [near_digest(pixels) for pixels in photographs]
    for pixels, digest in zip(photographs[:4], digests, strict=False):
        for how, copy in saved_anew(pixels).items():
            assert near_distance(digest, near_digest(copy)) <= NEAR_LIMIT, how
    groups = [row["near_dup_group"] or row["path"] for row in rows]
    for place, digest in enumerate(digests):
        for other in range(place):
            is_same = groups[place] == groups[other]
            assert (near_distance(digest, digests[other]) <= NEAR_LIMIT) == is_same


def test_opened_in_a_child_it_is_the_same() -> None:
    pixels = draw_photograph(3)
    opened = images.open_picture(images.to_jpeg(pixels, quality=90)).pixels
    assert near_distance(near_digest(pixels), near_digest(opened)) <= NEAR_LIMIT
