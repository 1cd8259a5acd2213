"""A processor without the newest instructions: slower, and the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LOOK = """
import json, sys
from portal import images
from workers.encoder.fast import FastEncoder
encoder = FastEncoder("fp32")
pixels = images.open_picture(open(sys.argv[1], "rb").read()).pixels
boxes = encoder.find(pixels)
print(json.dumps([boxes, encoder.encode(encoder.cut(pixels, boxes)).tolist()]))
"""


def look(photograph: Path, **limits: str) -> tuple[list[list[int]], np.ndarray]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(photograph)],
        env={**os.environ, **limits},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    boxes, templates = json.loads(done.stdout.splitlines()[-1])
    return boxes, np.array(templates)


@pytest.fixture(scope="module")
def unlimited(photographs: Path) -> tuple[list[list[int]], np.ndarray]:
    return look(photographs / "obama2.jpg")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Numba keeps what it compiles for any processor of this kind: the same for all limits of oneDNN."""
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.photographs
@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Intel's library")
@pytest.mark.parametrize("most", ["AVX2", "AVX"])
def test_without_avx512_or_avx2_the_answers_are_the_same(
    photographs: Path, unlimited: tuple[list[list[int]], np.ndarray], compiled: Path, most: str
) -> None:
    """oneDNN keeps to the older instructions, and Numba compiles for any processor of this kind."""
    boxes, templates = unlimited
    limits = {"ONEDNN_MAX_CPU_ISA": most, "NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(compiled)}
    old_boxes, old_templates = look(photographs / "obama2.jpg", **limits)
    assert any(compiled.rglob("*.nbi")), "nothing was compiled for this kind"
    assert len(boxes) == 1
    assert old_boxes == boxes
    assert np.abs(old_templates - templates).max() < 1e-5
