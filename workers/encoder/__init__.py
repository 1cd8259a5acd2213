"""The only door of face_recognition, dlib and OpenVINO: pixels in, boxes and templates out.

Callers say `from workers import encoder` and `encoder.load_encoders(database)`, so that tests can
put a fake in its place. Importing this package loads no network; `load_encoder` does, once in a process.
"""

import importlib

from portal.config import Config
from portal.db import Database
from portal.images import Box
from portal.matching import encoders
from portal.matching.encoder_settings import Settings
from portal.tables import Encoder as Row
from workers.encoder.judging import SMALLEST_PROBE, judge
from workers.encoder.loading import Encoder, load_encoder
from workers.encoder.reference import SIDE, SMALLEST_FACE

# Detectors look at a photograph in this size; with more pixels no other face is found.
LONGEST_LOOKED_AT = SIDE

__all__ = [
    "LONGEST_LOOKED_AT",
    "SMALLEST_FACE",
    "SMALLEST_PROBE",
    "Box",
    "Encoder",
    "judge",
    "load_encoder",
    "load_encoders",
]


def load_encoders(database: Database) -> list[Encoder]:
    """The encoders whose galleries are live or being filled, the one that is searched and finds faces first.

    Raises Unavailable, or BadEncoder by the name of an added one whose file was changed.
    """
    built_in = load_encoder()
    with database.reading() as session:
        added = encoders.in_use(session)
    # An added one that is live has taken over, whether or not this version of the built-in one was ever written down.
    found = [] if any(one.state == "live" for one in added) else [built_in]
    return found + [_added(database.config, one, built_in) for one in added]


_kept: dict[tuple[bytes, str, str], Encoder] = {}


def _added(config: Config, row: Row, finder: Encoder) -> Encoder:
    """Loaded once in a process, as the built-in one is."""
    assert row.digest is not None
    # The same network may come again with other settings, under another version.
    known = (row.digest, row.name, row.version)
    if known not in _kept:
        module = importlib.import_module("workers.encoder.added")
        settings = Settings(**(row.settings or {}))
        _kept[known] = module.AddedEncoder(settings, encoders.read_file(config, row), finder)
    return _kept[known]
