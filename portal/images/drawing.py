"""Making pictures from pixels: JPEG, smaller copies, the crop of a face, covered faces."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from portal.images.opening import Pixels

Box = tuple[int, int, int, int]

# The crop is this much wider than the face's box: hair, ears and chin help people to judge.
CROP = 1.7
DIAGONAL = 2**0.5
# The cover is this much wider than the face's box: hairline and jaw alone can give a person away.
COVER = 1.3
COVER_COLOUR = 128


def to_jpeg(pixels: Pixels, quality: int = 88, longest: int | None = None) -> bytes:
    """JPEG bytes without any metadata; `longest` caps the longer side, in pixels."""
    if longest is not None:
        pixels = shrink(pixels, longest)
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def to_png(pixels: Pixels, longest: int) -> bytes:
    """PNG bytes without any metadata; `longest` caps the longer side, in pixels."""
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(shrink(pixels, longest))).save(out, "PNG", optimize=True)
    return out.getvalue()


def shrink(pixels: Pixels, longest: int) -> Pixels:
    """A copy whose longer side is at most `longest` pixels; the same array when it is already."""
    height, width = pixels.shape[:2]
    if max(height, width) <= longest:
        return pixels
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BOX))


def letterbox(pixels: Pixels, shape: tuple[int, int]) -> tuple[Pixels, float]:
    """The picture as large as it fits into (height, width), at the top left of a black canvas, and its scale."""
    height, width = pixels.shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    size = (min(shape[1], max(1, round(width * scale))), min(shape[0], max(1, round(height * scale))))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    canvas = np.zeros((*shape, 3), np.uint8)
    canvas[: size[1], : size[0]] = np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    return canvas, scale


def grey(pixels: Pixels, size: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """Luma, 0 to 255, as (height, width); resized to `size` (width, height) when given."""
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
    if size is not None:
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(image, dtype=np.float64)


def crop_face(pixels: Pixels, box: Box, side: int = 480, turned: float = 0.0) -> Pixels:
    """A square crop around `box`, `side` pixels wide: the same margin and size for all, so that none stands out.

    A face that hangs `turned` degrees clockwise is turned back. Where the square reaches beyond the picture, the
    picture's edge is drawn on.
    """
    square = _square(box, CROP)
    if not turned:
        return np.asarray(_cut(pixels, square).resize((side, side), Image.Resampling.LANCZOS))
    # Whatever the angle, the corners of the square come from within one that is as wide as its diagonal.
    around = _cut(pixels, _square(box, CROP * DIAGONAL))
    edge = (around.width - square[2]) // 2
    upright = around.rotate(turned, Image.Resampling.BICUBIC)
    inner = upright.crop((edge, edge, edge + square[2], edge + square[2]))
    return np.asarray(inner.resize((side, side), Image.Resampling.LANCZOS))


def _cut(pixels: Pixels, square: tuple[int, int, int]) -> Image.Image:
    left, top, width = square
    rows = np.clip(np.arange(top, top + width), 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, pixels.shape[1] - 1)
    return Image.fromarray(pixels[rows[:, None], columns[None, :]])


def warp(pixels: Pixels, matrix: NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    """A picture of `size` (width, height) whose point p shows the point `matrix` (2, 3) @ (x, y, 1) of `pixels`.

    Where the matrix shrinks, the picture is first shrunk by averaging. What lies outside is black.
    """
    times = max(1, int(np.sqrt(abs(np.linalg.det(matrix[:, :2])))))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if times > 1:
        image = image.reduce(times)
    turned = image.transform(size, Image.Transform.AFFINE, (matrix / times).ravel().tolist(), Image.Resampling.BILINEAR)
    return np.asarray(turned)


def mask(pixels: Pixels, boxes: list[Box]) -> Pixels:
    """A copy in which the faces are covered with flat grey. A blur can be undone, a flat colour holds nothing."""
    copy = pixels.copy()
    for box in boxes:
        left, top, right, bottom = covered(box)
        copy[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = COVER_COLOUR
    return copy


def covered(box: Box) -> Box:
    """What `mask` covers of a face's box; it may reach beyond the picture."""
    left, top, width = _square(box, COVER)
    return left, top, left + width, top + width


def _square(box: Box, factor: float) -> tuple[int, int, int]:
    """Left, top and width of the square around the middle of `box`, `factor` times its longer side."""
    left, top, right, bottom = box
    width = max(1, round(max(right - left, bottom - top) * factor))
    return round((left + right - width) / 2), round((top + bottom - width) / 2), width


def refuse_truncated_images() -> None:
    """Undo what importing face_recognition does to Pillow: it makes it take cut-off files for whole ones."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
