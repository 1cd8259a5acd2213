"""The only door of face_recognition, dlib and OpenVINO: pixels in, boxes and templates out.

Callers say `from workers import encoder` and `encoder.load_encoders(database)`, so that tests can
put a fake in its place. Importing this package loads no network; `load_encoder` does, once in a process.
"""

import importlib

from sqlalchemy import select

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
        row = session.scalar(select(Row).filter_by(name=built_in.name, version=built_in.version))
        added = encoders.in_use(session)
    retired = row is not None and row.state == "retired" and any(one.state == "live" for one in added)
    found = [] if retired else [built_in]
    return found + [_added(database.config, one, built_in) for one in added]


_kept: dict[bytes, Encoder] = {}


def _added(config: Config, row: Row, finder: Encoder) -> Encoder:
    """Loaded once in a process, as the built-in one is."""
    assert row.digest is not None
    if row.digest not in _kept:
        module = importlib.import_module("workers.encoder.added")
        settings = Settings(**(row.settings or {}))
        _kept[row.digest] = module.AddedEncoder(settings, encoders.read_file(config, row), finder)
    return _kept[row.digest]
