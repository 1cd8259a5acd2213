"""A real S3 server as a process of its own on loopback, and what goes wrong between it and the portal."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REGION = "us-east-1"
SECONDS_TO_START = 60
# Moto notes down whatever it makes, for a reset that nobody asks for, and copies each version of every key whenever
# versions are listed: 1,000 keys filled a machine's memory.
SERVE = """
import sys
from collections import deque
from moto.core.base_backend import model_data
from moto.server import main
import moto.s3.models
for model in model_data["s3"].values():
    model.instances_tracked = deque(maxlen=0)
main(sys.argv[1:])
"""


@contextmanager
def server() -> Iterator[str]:
    """The address of a running server; its process is ended at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        # It holds nothing that anybody wants to keep.
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(SECONDS_TO_START * 10):
        assert process.poll() is None, "the S3 server did not start"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("the S3 server did not answer")


def client_at(endpoint: str) -> Any:
    """A client behind the connector's back."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def set_keys(patch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        patch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        patch.delenv(name, raising=False)


class Troubled(ThreadingHTTPServer):
    """A proxy before the server. `share` of the answers go wrong; `refuse` names methods that are answered with 403."""

    daemon_threads = True

    def __init__(self, endpoint: str, share: float = 0.0, seed: int = 1, slow: float = 0.5) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = endpoint.removeprefix("http://")
        self.share, self.slow = share, slow
        self.refuse: set[str] = set()
        self.moved_to = ""
        self.requests = self.faults = 0
        self.random = random.Random(seed)
        self.lock = threading.Lock()

    def trouble(self) -> str | None:
        with self.lock:
            self.requests += 1
            if self.random.random() >= self.share:
                return None
            self.faults += 1
            return self.random.choice(("500", "503", "slow", "partial", "done-but-500"))

    def handle_error(self, *_: Any) -> None:
        """Whoever asked has gone away: that is what this proxy is for."""


@contextmanager
def troubled(endpoint: str, share: float = 0.0, seed: int = 1, slow: float = 0.5) -> Iterator[tuple[Troubled, str]]:
    proxy = Troubled(endpoint, share, seed, slow)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


class _Passing(BaseHTTPRequestHandler):
    server: Troubled

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._pass
        raise AttributeError(name)

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.moved_to:
            return self._say(301, "PermanentRedirect", {"x-amz-bucket-region": self.server.moved_to})
        if self.command in self.server.refuse:
            return self._say(403, "AccessDenied")
        trouble = self.server.trouble()
        if trouble in ("500", "503"):
            return self._say(int(trouble), "InternalError" if trouble == "500" else "SlowDown")
        if trouble == "slow":
            # Whoever asked has given up meanwhile; the server behind still does what it was asked.
            time.sleep(self.server.slow)
        status, headers, answer = self._ask(body)
        if trouble == "done-but-500":
            return self._say(500, "InternalError")
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(answer)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if trouble == "partial" else answer)
        self.close_connection = True
        return None

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(self.server.behind, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), read

    def _say(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        text = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
