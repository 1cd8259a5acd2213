"""A worker process that ends when its queue is empty."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def touch(*_arguments: Any, **_more: Any) -> None:
    Path(os.environ["TEST_FLAG"]).touch()


def run_burst(data: Path, kind: str) -> None:
    environ = {**os.environ, "EFFACE_DATA": str(data)}
    environ.pop("EFFACE_REDIS_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.jobs.burst", kind], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    from workers.__main__ import serve

    serve(sys.argv[1], burst=True)
