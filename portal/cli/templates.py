"""Templates of a labelled folder, computed in a process of their own: this one must not load the networks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from portal.errors import BadInput
from portal.matching.labels import read_labels

Arrays = dict[str, NDArray[Any]]


def templates_of(folder: Path, labels: Path, *, peer: bool = False) -> tuple[dict[str, Any], Arrays]:
    """What is said about the run, and arrays `ours`, `fallback` and with `peer` also `peer`, one row for each label.

    They lie in a file that only this account can read, for as long as this call runs. Raises BadInput.
    """
    read_labels(folder, labels)
    with tempfile.TemporaryDirectory(prefix="efface-") as place:
        file = Path(place) / "templates.npz"
        asked = [sys.executable, "-m", "workers.measuring", "templates", str(folder), str(file), str(labels)]
        with Console(stderr=True).status("Finding and encoding the faces of the folder"):
            done = subprocess.run(asked + ["peer"] * peer, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise BadInput(said[-1] if said else "The process that encodes ended without a word.", "not-encoded")
        with np.load(file) as kept:
            return json.loads(done.stdout.splitlines()[-1]), {name: kept[name] for name in kept.files}
