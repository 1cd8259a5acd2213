"""The only door of face_recognition, dlib and OpenVINO: pixels in, boxes and templates out.

Callers say `from workers import encoder` and `encoder.load_encoders(database)`, so that tests can
put a fake in its place. Importing this package loads no network; `load_encoder` does, once in a process.
"""

from portal.db import Database
from portal.images import Box
from workers.encoder.judging import SMALLEST_PROBE, judge
from workers.encoder.loading import Encoder, load_encoder
from workers.encoder.reference import SMALLEST_FACE

__all__ = ["SMALLEST_FACE", "SMALLEST_PROBE", "Box", "Encoder", "judge", "load_encoder", "load_encoders"]


def load_encoders(database: Database) -> list[Encoder]:
    """The encoders whose galleries are live, the one that new faces are found with first. Raises Unavailable."""
    return [load_encoder()]
