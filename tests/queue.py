"""A real queue server for tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from portal import queue_server
from portal.config import Config
from portal.processes import start


@contextmanager
def running_queue(config: Config) -> Iterator[Config]:
    """The config with a Valkey of its own behind it."""
    config = replace(config, redis_url="")
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    environ = {**os.environ, "EFFACE_DATA": str(config.data)}
    process = start(["-m", "portal.queue_server"], environ, config.data / "queue.log")
    try:
        limit = time.monotonic() + 20
        while not queue_server.is_ready(config):
            assert process.poll() is None, (config.data / "queue.log").read_text()
            assert time.monotonic() < limit, "the queue server does not answer"
            time.sleep(0.02)
        yield config
    finally:
        process.terminate()
        process.wait(10)
