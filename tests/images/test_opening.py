"""Pictures that are hostile, broken, turned or rare: the caller lives, and gets pixels or a plain sentence."""

from __future__ import annotations

import csv
import io
import os
import signal
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image, ImageFile

from portal import images
from portal.errors import BadPicture
from portal.images import opening
from portal.images.refusals import SENTENCES
from tests.fakes import draw_background
from tests.images import heic

WIDTH, HEIGHT = 96, 64
CORNERS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (40, 40, 220), "grey": (120, 120, 120)}


@pytest.fixture(scope="module")
def opener() -> Iterator[images.Opener]:
    with images.Opener() as opener:
        yield opener


def four_corners() -> Image.Image:
    """Red, green, blue and grey quarters: shows at once how a picture is turned."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    places = [(0, 0), (WIDTH // 2, 0), (0, HEIGHT // 2), (WIDTH // 2, HEIGHT // 2)]
    for colour, (left, top) in zip(CORNERS.values(), places, strict=True):
        image.paste(colour, (left, top, left + WIDTH // 2, top + HEIGHT // 2))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def is_upright(pixels: np.ndarray, tolerance: int = 30) -> bool:
    seen = [pixels[y, x] for y in (HEIGHT // 4, 3 * HEIGHT // 4) for x in (WIDTH // 4, 3 * WIDTH // 4)]
    far = np.abs(np.array(seen, int) - np.array(list(CORNERS.values())))
    return pixels.shape == (HEIGHT, WIDTH, 3) and bool(far.max() <= tolerance)


def refused(opener: images.Opener, data: bytes) -> str:
    with pytest.raises(BadPicture) as caught:
        opener.open(data)
    assert caught.value.sentence == SENTENCES[caught.value.code]
    return caught.value.code


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "MPO"])
def test_all_formats_open(opener: images.Opener, kind: str) -> None:
    picture = opener.open(saved(four_corners(), kind))
    assert is_upright(picture.pixels)
    assert picture.format in {kind, "JPEG"}
    assert picture.pixels.dtype == np.uint8


def test_heic_opens_and_is_turned(opener: images.Opener) -> None:
    for data in (heic.UPRIGHT, heic.TURNED):
        picture = opener.open(data)
        assert is_upright(picture.pixels)
        assert picture.format == "HEIF"
        assert refused(opener, data[:-30]) == "truncated"
        assert refused(opener, data[:200]) == "truncated"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_are_undone(opener: images.Opener, orientation: int) -> None:
    turn = Image.Transpose
    stored_as = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }
    image = four_corners()
    if orientation in stored_as:
        image = image.transpose(stored_as[orientation])
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF"):
        exif = Image.Exif()  # A new one each time: saving as AVIF empties it.
        exif[0x0112] = orientation
        assert is_upright(opener.open(saved(image, kind, exif=exif)).pixels), kind
        if kind == "TIFF":
            assert is_upright(opener.open(saved(image, kind, exif=exif, compression="tiff_lzw")).pixels)


def test_junk_in_exif_is_no_reason_to_refuse(opener: images.Opener) -> None:
    for junk in (b"Exif\0\0" + os.urandom(500), b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"):
        assert is_upright(opener.open(saved(four_corners(), "JPEG", exif=junk)).pixels)
    exif = Image.Exif()
    exif[0x0112] = 9
    assert is_upright(opener.open(saved(four_corners(), "JPEG", exif=exif)).pixels)


def test_position_and_other_metadata_do_not_survive(opener: images.Opener) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "HOME ADDRESS"
    data = saved(four_corners(), "JPEG", exif=exif, comment=b"HOME ADDRESS", icc_profile=b"HOME ADDRESS")
    again = images.to_jpeg(opener.open(data + b"HOME ADDRESS").pixels)
    assert b"HOME ADDRESS" in data
    assert b"HOME ADDRESS" not in again
    assert b"Exif" not in again
    assert not Image.open(io.BytesIO(again)).getexif()


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "LA", "RGBA", "YCbCr", "LAB", "1"])
def test_colour_modes(opener: images.Opener, mode: str) -> None:
    image = four_corners()
    if mode == "LAB":
        image = lab(image)
    converted = image if mode == "LAB" else image.convert(mode)
    pixels = opener.open(saved(converted, "TIFF" if mode in {"CMYK", "YCbCr", "LAB"} else "PNG")).pixels
    expected = np.asarray(four_corners().convert("L" if mode in {"L", "LA", "1"} else "RGB").convert("RGB"), int)
    assert abs(pixels.mean() - expected.mean()) < 12
    if mode not in {"L", "LA", "1"}:
        assert is_upright(pixels, 60 if mode == "P" else 30)


def lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert converted is not None
    return converted


def test_cmyk_jpeg_is_not_inverted(opener: images.Opener) -> None:
    assert is_upright(opener.open(saved(four_corners().convert("CMYK"), "JPEG", quality=95)).pixels, 60)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_deep_greys_are_scaled_not_clipped(opener: images.Opener, kind: str) -> None:
    ramp = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    pixels = opener.open(saved(Image.fromarray(ramp), kind)).pixels
    assert np.abs(pixels[:, :, 0].astype(int) - ramp // 257).max() <= 1


@pytest.mark.parametrize("most", [1.0, 255.0, 70000.0])
def test_float_pictures_are_scaled(opener: images.Opener, most: float) -> None:
    ramp = np.linspace(0, most, WIDTH * HEIGHT).astype(np.float32).reshape(HEIGHT, WIDTH)
    ramp[0, 0] = np.nan
    pixels = opener.open(saved(Image.fromarray(ramp), "TIFF")).pixels
    assert pixels.min() == 0
    assert pixels.max() >= 254
    assert 120 < pixels.mean() < 135


def test_alpha_lies_over_white(opener: images.Opener) -> None:
    image = four_corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, WIDTH // 2, HEIGHT))
    pixels = opener.open(saved(image, "PNG")).pixels
    assert (pixels[:, : WIDTH // 2] == 255).all()
    assert tuple(pixels[-1, -1]) == CORNERS["grey"]


def test_a_picture_hidden_by_full_transparency_is_seen(opener: images.Opener) -> None:
    # Whoever trained on it dropped the alpha channel, so we look at what they saw.
    image = four_corners().convert("RGBA")
    image.putalpha(0)
    assert is_upright(opener.open(saved(image, "PNG")).pixels)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_counts_and_a_blank_one_is_skipped(opener: images.Opener, kind: str) -> None:
    blank, black = Image.new("RGB", (WIDTH, HEIGHT), "white"), Image.new("RGB", (WIDTH, HEIGHT), "black")
    face_first = saved(four_corners(), kind, save_all=True, append_images=[blank])
    blank_first = saved(blank, kind, save_all=True, append_images=[black, four_corners()])
    assert is_upright(opener.open(face_first).pixels)
    assert is_upright(opener.open(blank_first).pixels)


def test_an_animation_of_blanks_ends(opener: images.Opener) -> None:
    frames = [Image.new("RGB", (WIDTH, HEIGHT), (shade, 0, 0)) for shade in range(40)]
    pixels = opener.open(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])).pixels
    assert (pixels == pixels[0, 0]).all()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"<html><body>404</body></html>", "not-an-image"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not-an-image"),
        (b"%PDF-1.7\n", "not-an-image"),
        (bytes(50_000), "not-an-image"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "not-an-image"),
        (b"BM" + bytes(500), "not-an-image"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (png_header(2**31 - 1, 2**31 - 1), "too-many-pixels"),
        (png_header(30_000, 30_000), "too-many-pixels"),
        (png_header(8_001, 8_001), "too-many-pixels"),
        (png_header(1, 20_000), "too-small"),
        (saved(Image.new("RGB", (7, 300)), "PNG"), "too-small"),
        (saved(Image.new("RGB", (1, 1)), "GIF"), "too-small"),
    ],
)
def test_refusals_say_why(opener: images.Opener, data: bytes, code: str) -> None:
    assert refused(opener, data) == code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_off_files_are_refused(opener: images.Opener, kind: str, share: float) -> None:
    noise = Image.fromarray(draw_background((200, 160), seed=3))
    data = saved(noise, kind)
    assert refused(opener, data[: int(len(data) * share)]) in {"truncated", "damaged"}


def test_flipped_bits_never_hurt(opener: images.Opener) -> None:
    random = np.random.default_rng(1)
    noise = Image.fromarray(draw_background((120, 100), seed=3))
    codes: Counter[str] = Counter()
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF"):
        whole = saved(noise, kind)
        for _ in range(40):
            data = bytearray(whole)
            for place in random.integers(0, len(data), 12):
                data[place] ^= 1 << int(random.integers(0, 8))
            try:
                opener.open(bytes(data))
                codes["opened"] += 1
            except BadPicture as problem:
                codes[problem.code] += 1
    assert codes.total() == 240
    assert set(codes) <= {"opened", *SENTENCES}
    assert is_upright(opener.open(saved(four_corners(), "PNG")).pixels)


def test_the_largest_allowed_pictures_fit_into_the_child() -> None:
    with images.Opener() as opener:
        for data in largest_allowed():
            picture = opener.open(data)
            assert picture.pixels.size == 3 * 64_000_000
            assert peak_memory(opener) < 1.5 * 2**30


def largest_allowed() -> Iterator[bytes]:
    """64 megapixels, in the forms that cost most."""
    alpha = Image.new("RGBA", (8000, 8000), (200, 100, 50, 128))
    alpha.paste((1, 2, 3, 255), (0, 0, 4000, 4000))
    yield saved(alpha, "PNG", compress_level=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield saved(alpha.convert("RGB"), "JPEG", exif=exif)
    yield saved(Image.fromarray(np.zeros((8000, 8000), np.uint16)), "PNG", compress_level=1)


def test_a_child_out_of_memory_is_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("this platform cannot limit memory")
    tight = tmp_path / "child.py"
    tight.write_text(opening.CHILD.read_text().replace("MEMORY = 1400 *", "MEMORY = 250 *"))
    monkeypatch.setattr(opening, "CHILD", tight)
    with images.Opener() as opener:
        assert is_upright(opener.open(saved(four_corners(), "PNG")).pixels)
        assert refused(opener, saved(Image.new("RGB", (7900, 7900)), "PNG")) == "too-costly"
        assert is_upright(opener.open(saved(four_corners(), "PNG")).pixels)


def peak_memory(opener: images.Opener) -> int:
    """Most resident memory of the child so far, in bytes."""
    if Path("/proc/self/status").exists():
        lines = Path(f"/proc/{opener.process_id}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return psutil.Process(opener.process_id).memory_info().rss


def test_a_picture_that_takes_too_long_is_given_up() -> None:
    slow = saved(Image.effect_noise((4000, 4000), 80), "PNG", compress_level=1)
    with images.Opener(seconds=0.2) as opener:
        start = time.monotonic()
        assert refused(opener, slow) == "too-costly"
        assert time.monotonic() - start < 20, "without its own limit it has thirty seconds"


def test_a_child_that_dies_between_pictures_is_replaced(opener: images.Opener) -> None:
    good = saved(four_corners(), "PNG")
    opener.open(good)
    first = opener.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert is_upright(opener.open(good).pixels)
    assert opener.process_id != first


def test_a_child_that_is_killed_at_work_costs_one_try() -> None:
    slow = saved(Image.effect_noise((3000, 3000), 80), "PNG", compress_level=1)
    with images.Opener() as opener:
        opener.open(saved(four_corners(), "PNG"))
        victim = psutil.Process(opener.process_id)
        killer = threading.Timer(0.05, victim.kill)
        killer.start()
        assert opener.open(slow).pixels.shape == (3000, 3000, 3)
        killer.join()


def test_threads_share_an_opener(opener: images.Opener) -> None:
    shades = list(range(0, 240, 10))
    seen: dict[int, int] = {}

    def look(shade: int) -> None:
        seen[shade] = int(opener.open(saved(Image.new("RGB", (20, 20), (shade,) * 3), "PNG")).pixels[0, 0, 0])

    threads = [threading.Thread(target=look, args=(shade,)) for shade in shades]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {shade: shade for shade in shades}


def test_the_child_knows_no_secrets_and_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFACE_SMTP_URL", "smtp://name:secret@mail.example")
    with images.Opener() as opener:
        opener.open(saved(four_corners(), "PNG"))
        child = psutil.Process(opener.process_id)
        assert not any(name.startswith("EFFACE") for name in child.environ())
        assert not child.net_connections()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_open_picture_leaves_no_process() -> None:
    before = {child.pid for child in psutil.Process().children()}
    assert is_upright(images.open_picture(saved(four_corners(), "WEBP", lossless=True)).pixels)
    assert {child.pid for child in psutil.Process().children()} <= before


def test_another_library_cannot_make_us_take_cut_off_files(
    opener: images.Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = saved(Image.fromarray(draw_background((200, 160), seed=3)), "JPEG")
    assert refused(opener, data[: len(data) // 2]) == "truncated"


def test_the_folder_of_awkward_files(shared_faces: Path | None) -> None:
    """123 awkward forms of one selfie: what Pillow loads opens, but for formats we do not take, and nothing dies."""
    if shared_faces is None:
        pytest.skip("the photographs for development are not here")
    with (shared_faces / "odd" / "list.csv").open() as file, images.Opener() as opener:
        rows = list(csv.DictReader(file))
        outcomes = {row["path"]: outcome(opener, shared_faces / "odd" / row["path"]) for row in rows}
        assert peak_memory(opener) < 1.5 * 2**30
    loads = {row["path"] for row in rows if row["loads_pillow13"] == "yes"}
    opened = {path for path, code in outcomes.items() if code == "opened"}
    not_taken = {f"lisa.{kind}" for kind in ("bmp", "ico", "jp2", "pcx", "ppm", "tga")}
    thin = {"lisa_1x1.png", "white_1x20000.png", "white_20000x1.jpg"}
    assert loads - opened == not_taken | thin | {"lisa_badcrc.png"}
    assert opened <= loads
    assert outcomes["bomb_12000x12000_gray.png"] == outcomes["png_claims_2e31.png"] == "too-many-pixels"
    assert {code for path, code in outcomes.items() if "truncated" in path} == {"truncated"}
    assert {outcomes[name] for name in ("html.jpg", "svg.svg", "lisa.pdf", "random.jpg")} == {"not-an-image"}
    assert outcomes["zero_bytes.jpg"] == "empty"


def outcome(opener: images.Opener, path: Path) -> str:
    try:
        opener.open(path.read_bytes())
    except BadPicture as problem:
        return problem.code
    return "opened"
