"""`efface bench encode` and `bench encoder`: real photographs, the peer in the same run, keys that stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal import images


def bench(name: str, photos: Path, report: Path) -> dict[str, object]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("EFFACE_")}
    command = [sys.executable, "-m", "portal.cli", "bench", name, "--photos", str(photos), "--json", str(report)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(report.read_text())
    return found


@pytest.fixture
def two_photographs(photographs: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("obama2.jpg", "rocket.jpg"):
        pixels = images.open_picture((photographs / name).read_bytes()).pixels
        (folder / name).write_bytes(images.to_jpeg(pixels, 95, longest=480))
    return folder


@pytest.mark.photographs
def test_the_pipeline_is_measured_beside_the_peer(two_photographs: Path, tmp_path: Path) -> None:
    seen = bench("encode", two_photographs, tmp_path / "encode.json")
    assert (seen["peer_faces"], seen["our_faces"], seen["peer_faces_recovered"]) == (1, 1, 1)
    assert (seen["photos_with_face_peer"], seen["photos_with_face_ours"]) == (1, 1)
    assert {"peer_photos_per_s", "ours_photos_per_s", "ratio"} <= set(seen)


@pytest.mark.photographs
def test_templates_alone_are_those_of_the_peer(two_photographs: Path, tmp_path: Path) -> None:
    seen = bench("encoder", two_photographs, tmp_path / "encoder.json")
    difference = seen["max_abs_diff"]
    assert isinstance(difference, float)
    assert 0 < difference <= 1e-5
