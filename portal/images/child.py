"""Where pictures are decoded: a process of its own that can be killed, with little memory, time and rights.

It is started as a file, so that it loads Pillow and nothing of the portal. On stdin: the length of a picture as 8
bytes, big-endian, how many pixels its longer side must keep as 4 (0: all), then its bytes. On stdout: the length of a
JSON head as 4 bytes, the head, and then, when the head has no `code`, `width` x `height` x 3 bytes of upright RGB. It
ends when stdin does.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = 64_000_000
MIN_SIDE = 8
CPU_SECONDS = 20
MEMORY = 1400 * 1024 * 1024
FRAMES = 10
STRIP = 256

# Imported here once, so that Pillow never goes looking for its other plugins.
PLUGINS = (
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112
TRUNCATED = re.compile(r"truncat|end of file|end of data|outside|too short|not enough|incomplete|premature", re.I)


class Refused(Exception):
    """The picture is refused; the message is the code."""


def format_of(data: bytes) -> str:
    """Pillow's name of the format, from the first bytes alone. Raises Refused."""
    if not data:
        raise Refused("empty")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        # libwebp does not say why it fails; the file's own length does.
        if struct.unpack("<I", data[4:8])[0] + 8 > len(data):
            raise Refused("truncated")
        return "WEBP"
    if data[4:8] == b"ftyp":
        name = _brand(data)
        _check_boxes(data)
        return name
    magic = {
        b"\xff\xd8\xff": "JPEG",
        b"\x89PNG\r\n\x1a\n": "PNG",
        b"GIF87a": "GIF",
        b"GIF89a": "GIF",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"II+\0": "TIFF",
        b"MM\0+": "TIFF",
    }
    for start, name in magic.items():
        if data.startswith(start):
            return name
    raise Refused("not-an-image")


def _brand(data: bytes) -> str:
    length = min(struct.unpack(">I", data[:4])[0], 256)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, length, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & HEIF_BRANDS:
        return "HEIF"
    raise Refused("not-an-image")


def _check_boxes(data: bytes) -> None:
    """Raises Refused when the outermost boxes of an ISO base media file (HEIC, AVIF) reach beyond its end."""
    at = 0
    while at + 8 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        if length < 8:
            return  # 0: up to the end of the file; 1: a long box, whose length the decoder checks.
        at += length
    if at > len(data):
        raise Refused("truncated")


def decode(data: bytes, least: int = 0) -> tuple[str, Image.Image, int]:
    """Format, upright RGB picture without any metadata, and how many times smaller it is than the whole (1, 2, 4, 8).

    Only a JPEG is made smaller, where its longer side keeps `least` pixels. Raises Refused, or whatever the decoders
    raise.
    """
    name = format_of(data)
    if name == "HEIF":
        _learn_heif()
    with Image.open(BytesIO(data), formats=[name]) as image:
        _check_size(*image.size)
        whole = max(image.size)
        if least and whole > least:
            image.draft(None, (image.width * least // whole, image.height * least // whole))
        times = round(whole / max(image.size))
        image.load()
        _find_frame(image)
        turn = UPRIGHT.get(_orientation(image))
        upright = rgb(image)
    if turn is not None:
        upright = upright.transpose(turn)
    _check_size(*upright.size)
    return image.format or name, upright, times


def _learn_heif() -> None:
    """Pillow does not know it by itself. Most processes never meet one."""
    import pi_heif

    pi_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Refused("too-many-pixels")
    if min(width, height) < MIN_SIDE:
        raise Refused("too-small")


def _find_frame(image: Image.Image) -> None:
    """Stay at the first frame; where that is one flat colour, go to the first that is not, among the next few."""
    if getattr(image, "n_frames", 1) == 1:
        return
    for frame in range(1, FRAMES):
        if not _is_flat(image):
            return
        try:
            image.seek(frame)
        except EOFError:
            return
        _check_size(*image.size)
        image.load()


def _is_flat(image: Image.Image) -> bool:
    ranges: Any = image.getextrema()
    bands = ranges if isinstance(ranges[0], tuple) else (ranges,)
    return all(low == high for low, high in bands)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8. Junk where EXIF should be is no reason to refuse a picture."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        return 1


def rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB. What is see-through is laid over white, deep pictures are scaled down rather than clipped."""
    if image.mode == "LAB":
        flat = ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        assert flat is not None
        return flat
    if image.mode.startswith(("I", "F")):
        return _shallow(image).convert("RGB")
    if image.has_transparency_data:
        return _over_white(image.convert("RGBA"))
    return image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (0, 0):
        # Nothing would be left to see, yet programs that drop alpha see the picture.
        return image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=alpha)
    return white


def _shallow(image: Image.Image) -> Image.Image:
    """A grey picture of 16 or 32 bits per pixel as one of 8."""
    import numpy as np  # Few pictures are deep, and this takes longer to load than most take to open.

    low, high = _range(image)
    shallow = Image.new("L", image.size)
    for top in range(0, image.height, STRIP):
        strip = _numbers(image, top)
        shallow.paste(Image.fromarray(((strip - low) * (255.0 / (high - low))).clip(0, 255).astype(np.uint8)), (0, top))
    return shallow


def _range(image: Image.Image) -> tuple[float, float]:
    """Which values are black and white: the depth's own where it is known, else what the picture holds."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    strips = [_numbers(image, top) for top in range(0, image.height, STRIP)]
    low, high = min(float(strip.min()) for strip in strips), max(float(strip.max()) for strip in strips)
    for usual in (1.0, 255.0, 65535.0):
        if low >= 0 and high <= usual:
            return 0.0, usual
    return low, high


def _numbers(image: Image.Image, top: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    import numpy as np

    strip = image.crop((0, top, image.width, min(top + STRIP, image.height)))
    return np.nan_to_num(np.asarray(strip).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def code_of(problem: BaseException) -> str:
    """The code under which a failure is reported."""
    if isinstance(problem, Refused):
        return str(problem)
    if isinstance(problem, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "too-many-pixels"
    if isinstance(problem, MemoryError):
        return "too-costly"
    if isinstance(problem, EOFError) or TRUNCATED.search(str(problem)):
        return "truncated"
    return "damaged"


def strips(image: Image.Image) -> Iterator[bytes]:
    for top in range(0, image.height, STRIP):
        yield image.crop((0, top, image.width, min(top + STRIP, image.height))).tobytes()


def answer(data: bytes, least: int, out: BinaryIO) -> None:
    """Decode one picture and write the answer. Any failure is an answer, too."""
    try:
        name, image, times = decode(data, least)
    except Exception as problem:
        _write_head(out, {"code": code_of(problem)})
        return
    head = {"code": None, "format": name, "width": image.width, "height": image.height, "times": times}
    _write_head(out, head)
    for strip in strips(image):
        out.write(strip)
    out.flush()


def _write_head(out: BinaryIO, head: dict[str, Any]) -> None:
    body = json.dumps(head).encode()
    out.write(struct.pack(">I", len(body)) + body)
    out.flush()


def limit_process() -> None:
    """Little memory, no files to write, no core with somebody's face in it. Skips what the platform lacks."""
    try:
        import resource
    except ImportError:
        return
    wanted = [("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0), ("RLIMIT_NOFILE", 32)]
    if sys.platform.startswith("linux"):
        wanted.append(("RLIMIT_AS", MEMORY))  # macOS has the name but refuses the limit.
    for name, value in wanted:
        kind = getattr(resource, name)
        most = _allowed(value, resource.getrlimit(kind)[1])
        resource.setrlimit(kind, (most, most))


def _allowed(wanted: int, most: int) -> int:
    """A limit that the surroundings set lower cannot be raised; -1 means that they set none."""
    return wanted if most < 0 else min(wanted, most)


def limit_seconds() -> None:
    """CPU time for the next picture: the kernel ends the process when it is used up."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    until = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (_allowed(until, most), most))


def main() -> None:
    """Answer one picture after the other until stdin ends."""
    # Libraries that print would garble the answers.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    limit_process()
    while head := sys.stdin.buffer.read(12):
        length, least = struct.unpack(">QI", head)
        data = sys.stdin.buffer.read(length)
        limit_seconds()
        answer(data, least, out)


if __name__ == "__main__":
    main()
