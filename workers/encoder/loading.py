"""Which encoder this process has."""

from __future__ import annotations

import functools
import importlib
import logging
from typing import TYPE_CHECKING

from workers.encoder import reference

if TYPE_CHECKING:
    from workers.encoder.fast import FastEncoder

log = logging.getLogger(__name__)


@functools.cache
def load_encoder() -> FastEncoder | reference.Encoder:
    """The encoder of this process, loaded at the first call (about two seconds).

    Where OpenVINO does not run, it is face_recognition itself, many times slower; what both find is kept apart by their
    names. Raises Unavailable; weights that were changed are refused (BadWeights), because face_recognition would take
    the same ones unseen.
    """
    try:
        fast = importlib.import_module("workers.encoder.fast")
        encoder: FastEncoder = fast.FastEncoder()
    except (ImportError, OSError, RuntimeError) as problem:
        log.warning("OpenVINO does not run here, so faces are found with face_recognition, far slower: %s", problem)
        return reference.load_encoder()
    return encoder
