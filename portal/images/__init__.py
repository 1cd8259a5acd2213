"""Pillow's only door: open safely, upright and stripped; crop, cover, compare.

Whatever people or stores give us is decoded in a process apart (`opening`, `child`). What happens here afterwards
works on plain pixels: arrays (height, width, 3) of uint8 RGB. Boxes are (left, top, right, bottom) in these pixels.
"""

from portal.images.drawing import (
    Box,
    crop_face,
    grey,
    letterbox,
    mask,
    refuse_truncated_images,
    shrink,
    to_jpeg,
    to_png,
    warp,
)
from portal.images.nearness import FLAT, NEAR_LIMIT, near_digest, near_distance
from portal.images.opening import Opener, Picture, Pixels, open_picture
from portal.images.redacting import FORMATS, holds, is_covered, redacted, window_without

__all__ = [
    "FLAT",
    "FORMATS",
    "NEAR_LIMIT",
    "Box",
    "Opener",
    "Picture",
    "Pixels",
    "crop_face",
    "grey",
    "holds",
    "is_covered",
    "letterbox",
    "mask",
    "near_digest",
    "near_distance",
    "open_picture",
    "redacted",
    "refuse_truncated_images",
    "shrink",
    "to_jpeg",
    "to_png",
    "warp",
    "window_without",
]
