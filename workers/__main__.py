"""`python -m workers QUEUE`: one process, one queue. `python -m workers clockwork`: the sweep and the purge.
`python -m workers keeping`: the templates in shared memory. With several names: a process for each, from one.
"""

from __future__ import annotations

import importlib
import logging
import sys
from contextlib import closing

from redis import RedisError
from rq.worker import SpawnWorker, Worker
from rq.worker.base import BaseWorker

from portal.backups import waiting
from portal.config import Config, read_config
from portal.db import Database
from portal.jobs import KINDS, OnlyAnswer, SignedJson, queue_for
from portal.processes import die_with_parent
from workers.forking import WITH_FACES, fork


def main(*names: str) -> None:
    """Work under a name until told to stop; with several, in as many children. Raises SystemExit with what is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    name = names[0] if len(names) == 1 else fork(list(names), read_config().data)
    die_with_parent()
    _see_that_it_may_work(read_config())
    if name == "clockwork":
        from workers.clockwork import run

        run(Database(read_config()))
    elif name == "keeping":
        from workers import keeping

        keeping.run(Database(read_config()))
    elif name in KINDS:
        try:
            serve(name)
        except RedisError as problem:
            sys.exit(f"The queue does not answer ({type(problem).__name__}). No work is lost; start this again later.")
    else:
        sys.exit(f"There is no queue called {name!r}. There are: {', '.join(KINDS)}, clockwork, keeping.")


def _see_that_it_may_work(config: Config) -> None:
    """A database that was put back may hold what was erased since: nobody works with it before that is gone again."""
    with closing(Database(config)) as database:
        if waiting.is_waiting(database):
            sys.exit("The database was put back and is not ready. Run: efface up")


def serve(kind: str, *, burst: bool = False) -> None:
    """Answer one queue until told to stop, or with `burst` until it is empty."""
    database = Database(read_config())
    queue = queue_for(database, kind)
    # Once in the parent, so that the process forked for each job has all of it already.
    importlib.import_module(f"workers.{kind}")
    if kind in WITH_FACES and sys.platform == "linux":
        from workers.encoder import load_encoder

        load_encoder()
    # Forking after the face libraries were loaded is not safe on macOS; there each job starts afresh.
    worker_class: type[BaseWorker] = SpawnWorker if sys.platform == "darwin" else Worker
    worker = worker_class([queue], connection=queue.connection, serializer=SignedJson, job_class=OnlyAnswer)
    worker.work(logging_level="WARNING", burst=burst)


if __name__ == "__main__":
    main(*(sys.argv[1:] or [""]))
