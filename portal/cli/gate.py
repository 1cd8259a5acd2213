"""`efface gate`: may these files come in?"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from portal import images, suppression
from portal.cli.opening import opened
from portal.db import Database
from portal.errors import BadPicture, EffaceError, Unavailable
from portal.suppression import Gate
from portal.suppression.asking import FaceAsker
from portal.suppression.faces import any_kept

STDIN = "-"
# Large enough for the near digest, whose copy has 64 px: a JPEG is opened at a fraction of its size.
LEAST = 256
# After so many files it is seen whether more was erased meanwhile.
RENEW_AFTER = 500


@dataclass(frozen=True)
class Answer:
    """What is known of one file. `stopped`: it may not come in; None when it could not be read, and `problem` why.

    `held`: a person has to look first, because of a face in it; None where faces were not looked at.
    """

    path: str
    stopped: bool | None
    picture: bool = True
    problem: str | None = None
    held: bool | None = None


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all that was found.")
@click.option("--lines", is_flag=True, help="Print one line of JSON for each file, as soon as it is known.")
@click.option("--for-datasets", is_flag=True, help="May they be put into datasets? People who opted out count, too.")
@click.option("--faces", is_flag=True, help="Look at faces, too: hold back whom people asked to keep out. Slower.")
def command(paths: tuple[Path, ...], as_json: bool, lines: bool, for_datasets: bool, faces: bool) -> None:
    """Say which files may not come in, because people had them erased.

    PATHS are files and folders; - reads their names from standard input, one on each line. Files are looked at one
    after another, however many there are. Exit 0: all may come in. 1: at least one is stopped, or held back until a
    person has looked. 2: it is not known, because a file or the installation could not be read.
    """
    counts: Counter[str] = Counter()
    found: dict[str, list[str]] = {"stopped": [], "held": [], "no_picture": [], "unreadable": []}
    for answer in _answers(_files(paths), "datasets" if for_datasets else "intake", faces):
        counts["held"] += answer.held is True
        counts["checked"] += answer.stopped is not None
        counts["stopped"] += answer.stopped is True
        counts["unreadable"] += answer.stopped is None
        if lines:
            click.echo(json.dumps(vars(answer), ensure_ascii=False))
        elif as_json:
            _keep(found, answer)
        else:
            _say(answer)
    if as_json:
        click.echo(json.dumps({"checked": counts["checked"], **found}, ensure_ascii=False))
    elif not lines:
        held = f" Held back: {counts['held']}." if faces else ""
        click.echo(f"Files checked: {counts['checked']}. Stopped: {counts['stopped']}.{held}", err=True)
    sys.exit(2 if counts["unreadable"] else 1 if counts["stopped"] or counts["held"] else 0)


def _answers(files: Iterable[Path | Answer], blocks: str, faces: bool) -> Iterator[Answer]:
    """What is known of each, in their order. As many are opened at once as there are cores, and few are read ahead."""
    cores = os.cpu_count() or 1
    with ExitStack() as stack:
        database = _installation(stack)
        openers = _Openers(stack)
        pool = stack.enter_context(ThreadPoolExecutor(cores, "gate"))
        ahead: deque[Answer | tuple[Path, Future[_Read]]] = deque()
        asker = stack.enter_context(FaceAsker(database.config)) if faces else None
        doorkeeper = _Doorkeeper(database, blocks, asker)
        if doorkeeper.any_face and not faces:
            click.echo("Faces are not looked at. People asked that theirs are held back: add --faces.", err=True)
        for file in files:
            ahead.append(file if isinstance(file, Answer) else (file, pool.submit(_read, openers, file)))
            if len(ahead) > 2 * cores:
                yield doorkeeper.answer(ahead.popleft())
        while ahead:
            yield doorkeeper.answer(ahead.popleft())


_Read = tuple[bytes, bytes | None] | OSError
"""SHA-256 and near digest of a file, or why it could not be read."""


class _Openers:
    """An opener of pictures for each thread."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._here = threading.local()

    def mine(self) -> images.Opener:
        if not hasattr(self._here, "opener"):
            self._here.opener = self._stack.enter_context(images.Opener())
        opener: images.Opener = self._here.opener
        return opener


class _Doorkeeper:
    """Asks the gate, which is made anew when something was erased meanwhile."""

    def __init__(self, database: Database, blocks: str, asker: FaceAsker | None) -> None:
        self._database, self._blocks, self._asker = database, blocks, asker
        self._asked = 0
        self._newest: tuple[object, ...] | None = None
        self._look()

    def answer(self, what: Answer | tuple[Path, Future[_Read]]) -> Answer:
        if isinstance(what, Answer):
            return what
        path, reading = what
        read = reading.result()
        if isinstance(read, OSError):
            return Answer(str(path), None, problem=f"{read.filename or path}: {read.strerror}")
        self._asked += 1
        if self._asked % RENEW_AFTER == 0:
            self._look()
        digest, near = read
        if self._gate.stops(digest, near, self._blocks):
            return Answer(str(path), True, picture=near is not None)
        return self._with_faces(path, picture=near is not None)

    def _with_faces(self, path: Path, picture: bool) -> Answer:
        """What is not stopped by its digests, with what its faces say where somebody asked for that."""
        if self._asker is None:
            return Answer(str(path), False, picture)
        if not (picture and self.any_face):
            return Answer(str(path), False, picture, held=False)
        try:
            return Answer(str(path), False, picture, held=self._asker.ask(path.read_bytes()) == "held")
        except OSError as problem:
            return Answer(str(path), None, problem=f"{path}: {problem.strerror}")
        except Unavailable as problem:
            return Answer(str(path), None, problem=f"{path}: {problem.sentence}")

    def _look(self) -> None:
        with self._database.reading() as session:
            newest = suppression.newest(session)
            if newest != self._newest:
                self._newest, self._gate = newest, Gate(session)
                self.any_face = any_kept(session)


def _installation(stack: ExitStack) -> Database:
    """The database. Without one nothing is known, which must not look like "stopped"."""
    try:
        database = stack.enter_context(opened())
        with database.reading() as session:
            Gate(session)
    except EffaceError as problem:
        click.echo(f"efface: {problem.sentence}", err=True)
        sys.exit(2)
    return database


def _read(openers: _Openers, path: Path) -> _Read:
    try:
        data = path.read_bytes()
    except OSError as problem:
        return problem
    try:
        near = images.near_digest(openers.mine().open(data, least=LEAST).pixels)
    except BadPicture:
        near = None  # It is compared by its exact bytes only.
    return hashlib.sha256(data).digest(), near


def _files(paths: Iterable[Path]) -> Iterator[Path | Answer]:
    """All files below `paths` in order, and what is wrong with the paths that are none."""
    for path in paths:
        if str(path) == STDIN:
            yield from _files(Path(line.rstrip("\n")) for line in sys.stdin if line.strip())
        elif path.is_dir():
            yield from _below(path)
        elif path.exists():
            yield path
        else:
            yield Answer(str(path), None, problem=f"{path}: there is no such file")


def _below(folder: Path) -> Iterator[Path | Answer]:
    wrong: list[Answer] = []

    def remember(problem: OSError) -> None:
        wrong.append(Answer(str(problem.filename), None, problem=f"{problem.filename}: {problem.strerror}"))

    for place, _, names in os.walk(folder, onerror=remember):
        yield from sorted(Path(place) / name for name in names)
    yield from wrong


def _keep(found: dict[str, list[str]], answer: Answer) -> None:
    if answer.stopped:
        found["stopped"].append(answer.path)
    if answer.held:
        found["held"].append(answer.path)
    if not answer.picture:
        found["no_picture"].append(answer.path)
    if answer.problem:
        found["unreadable"].append(answer.problem)


def _say(answer: Answer) -> None:
    """What may not come in now goes to stdout, a path on each line; all else to stderr."""
    if answer.stopped or answer.held:
        click.echo(answer.path)
    if answer.held:
        click.echo(f"held back because of a face, until a person has looked at it: {answer.path}", err=True)
    if not answer.picture:
        click.echo(f"not a picture, compared by its exact bytes only: {answer.path}", err=True)
    if answer.problem:
        click.echo(f"could not be read: {answer.problem}", err=True)
