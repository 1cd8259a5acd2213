"""`efface up`: the web server, the queue, one worker per queue, the clockwork and the keeping, under one roof."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from urllib.request import urlopen

import click
import psutil

from portal import accounts, look, queue_server, schema
from portal.backups import waiting
from portal.cases.clocks import deadlines
from portal.cli.opening import answering, make_data_folder
from portal.cli.showing import show_report
from portal.config import Config, read_config
from portal.db import Database
from portal.errors import Conflict, Unavailable
from portal.jobs import KINDS
from portal.matching import shared
from portal.processes import GRACE_SECONDS, PidFile, die_with_parent, end, start

# On two busy cores a house takes a quarter of a minute, and elsewhere than on Linux twice that.
READY_SECONDS = 180
RESTART_SECONDS = 1.0


@click.command()
@click.option("--with-parent", is_flag=True, help="end when the program that started this one ends")
def command(with_parent: bool) -> None:
    """Start the portal and keep it running until SIGTERM or Ctrl-C. Prints the address and the first-run link."""
    if with_parent:
        die_with_parent()
    config = _with_port(read_config())
    deadlines.check_place(config.holidays)
    look.logo_of(config)
    make_data_folder(config)
    with alone(config.data), answering():
        House(config).run()


class House:
    """The processes of one installation. A process that dies is started again; on SIGTERM all end in order."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.environ = {**os.environ, "EFFACE_PORT": str(config.port), "EFFACE_DATA": str(config.data.absolute())}
        self.programs = {"web": ["-m", "app"], **_workers()}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.pids = PidFile(config.data / "efface.pid")
        self.over = threading.Event()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        left = self.pids.end_leftovers()
        if left:
            click.echo(f"Ended {left} processes that an earlier, killed run left behind.")
        shared.forget(self.config)
        try:
            self._start_all()
            self._greet()
            while not self.over.wait(RESTART_SECONDS):
                self._restart_the_dead()
        finally:
            self._end_all()

    def _start_all(self) -> None:
        if not self.config.redis_url:
            # It needs no database, and loads while the tables are looked at.
            self._start("queue", ["-m", "portal.queue_server"])
        database = Database(self.config)
        schema.upgrade(database)
        if waiting.is_waiting(database):
            click.echo("The database is older than its log: what was erased since is erased again first.")
            # This loads half of the portal, and hardly any start needs it.
            from portal.backups import finishing

            show_report(finishing.finish(database), as_json=False)
        database.close()
        self._wait_for("the queue", lambda: queue_server.is_ready(self.config))
        for name, arguments in self.programs.items():
            self._start(name, arguments)
        self._wait_for("the web server", self._answers)

    def _start(self, name: str, arguments: list[str]) -> None:
        logs = self.config.data / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        self.running[name] = start(arguments, self.environ, logs / f"{name}.log")
        self.pids.write([process.pid for process in self.running.values()])

    def _restart_the_dead(self) -> None:
        for name, process in list(self.running.items()):
            if process.poll() is not None and not self.over.is_set():
                click.echo(f"{name} ended ({process.returncode}); starting it again.", err=True)
                self._start(name, self.programs.get(name, ["-m", "portal.queue_server"]))

    def _end_all(self) -> None:
        queue = self.running.pop("queue", None)
        # The workers' parent gives each of them as long as it has itself elsewhere, and then still has to end.
        living = [psutil.Process(process.pid) for process in self.running.values() if process.poll() is None]
        end(living, GRACE_SECONDS + 5)
        if queue is not None and queue.poll() is None:
            # The queue goes last: a worker that is told to stop still writes to it.
            end([psutil.Process(queue.pid)])
        self.pids.path.unlink(missing_ok=True)
        shared.forget(self.config)
        click.echo("Stopped.")

    def _wait_for(self, what: str, ready: Callable[[], bool]) -> None:
        limit = time.monotonic() + READY_SECONDS
        while not ready():
            if self.over.wait(0.05):
                raise Unavailable("Stopped while starting.")
            dead = [name for name, process in self.running.items() if process.poll() is not None]
            if dead or time.monotonic() > limit:
                logs = self.config.data / "logs"
                raise Unavailable(f"{what.capitalize()} did not start ({', '.join(dead) or 'no answer'}). See {logs}.")

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://{self.config.host}:{self.config.port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _greet(self) -> None:
        database = Database(self.config)
        with database.writing() as session:
            token = accounts.first_run_token(session)
        database.close()
        click.echo(f"Efface is running at {self.config.address}")
        if token:
            click.echo(f"Make the first admin account: {self.config.address}/join/{token}")
        if not self.config.smtp_url:
            click.echo(f"No EFFACE_SMTP_URL is set: mails are written to {self.config.data / 'outbox'}")
        sys.stdout.flush()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.over.set()


def _workers() -> dict[str, list[str]]:
    """The programs that do the work: one that forks them all where that is safe, else each for itself."""
    names = ["clockwork", "keeping", *KINDS]
    if sys.platform == "linux":
        return {"workers": ["-m", "workers", *names]}
    return {name: ["-m", "workers", name] for name in names}


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the installation's lock. Raises Conflict when another `efface up` or `efface restore` holds it."""
    with (data / "efface.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            said = f"The portal or a restore is running already with the data in {data}."
            raise Conflict(said, "running") from problem
        yield


def _with_port(config: Config) -> Config:
    """The config with a real port: 0 picks a free one. Raises Unavailable when the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as problem:
            raise Unavailable(f"Port {config.port} on {config.host} is taken. Set EFFACE_PORT.") from problem
        return replace(config, port=probe.getsockname()[1])
