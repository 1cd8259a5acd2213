"""The crop of a face as people judge it: one rule and one size for all, and the eyes level, so that none stands out."""

from __future__ import annotations

import math

from portal import images
from portal.images import Box, Pixels
from workers.encoder.loading import Encoder

# With the eyes nearer to each other, in parts of the face's box, the face is turned aside and their line says little.
NEAREST_EYES = 0.15
# What is turned further was found wrongly more often than it hangs so.
MOST_DEGREES = 60.0


def crop(encoder: Encoder, pixels: Pixels, box: Box) -> bytes:
    """The face in `box` of a photograph, as JPEG."""
    return images.to_jpeg(images.crop_face(pixels, box, turned=tilt(encoder, pixels, box)))


def tilt(encoder: Encoder, pixels: Pixels, box: Box) -> float:
    """By how many degrees a face hangs clockwise; 0 where its eyes do not say."""
    places = encoder.find_places(pixels, box)
    across, down = (float(each) for each in places["right_eye"] - places["left_eye"])
    degrees = math.degrees(math.atan2(down, across))
    if math.hypot(across, down) < NEAREST_EYES * (box[2] - box[0]) or abs(degrees) > MOST_DEGREES:
        return 0.0
    return degrees
