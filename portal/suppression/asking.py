"""Asking whether a file shows a face that is kept out. A process apart looks: whoever asks never loads a network."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from portal.config import Config
from portal.errors import Unavailable

# A file is sent as its length in so many bytes, then its bytes.
LENGTH = 8
ANSWERS = ("clear", "held", "no-picture")
# The first question waits for the networks to be loaded. Who stands still longer is ended, or all would wait behind it.
SECONDS = 120.0


class FaceAsker:
    """Starts that process at the first question, and again where it ended. Threads that ask wait their turn."""

    def __init__(self, config: Config) -> None:
        self._environ = {**os.environ, "EFFACE_DATA": str(config.data.absolute())}
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, data: bytes) -> str:
        """One of ANSWERS. `held`: a person has to look before it comes in. Raises Unavailable when nobody can look."""
        with self._turn:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            limit = threading.Timer(SECONDS, process.kill)
            limit.start()
            try:
                process.stdin.write(len(data).to_bytes(LENGTH) + data)
                process.stdin.flush()
                answer = process.stdout.readline().decode().strip()
            except OSError:
                answer = ""
            finally:
                limit.cancel()
            if answer not in ANSWERS:
                self.close()
                raise Unavailable("Faces cannot be looked at now. Ask again later.", "faces-not-looked-at")
        return answer

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            asked = [sys.executable, "-m", "workers.gatekeeping"]
            self._process = subprocess.Popen(asked, env=self._environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process
