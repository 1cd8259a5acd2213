"""What runs apart from the web: one module per kind of work.

Each has `work(lease)`, which carries out the claimed row and ends with one recording commit. A worker process serves
one queue: with two, RQ loses a job that is popped at the moment of a kill.
"""

from __future__ import annotations

import importlib
import logging
import traceback

from rq import get_current_job

from portal.config import read_config
from portal.db import Database
from portal.errors import EffaceError, LostLease, StoreForbids, Unavailable
from portal.jobs import KINDS, Lease, claim, renewed

log = logging.getLogger(__name__)


def answer(row_id: str) -> str:
    """The only function the queue may ask for: claim the row, carry it out, record. Called by RQ."""
    job = get_current_job()
    kind = job.origin if job is not None else ""
    if kind not in KINDS:
        raise LookupError(f"there is no kind of work called {kind!r}")
    database = Database(read_config())
    try:
        return carry_out(database, kind, row_id)
    finally:
        database.close()


def carry_out(database: Database, kind: str, row_id: str) -> str:
    """Claim and carry out one row of `kind`. Returns `not-due`, `worked`, `lost` or `failed`."""
    lease = claim(database, kind, row_id)
    if lease is None:
        return "not-due"
    module = importlib.import_module(f"workers.{kind}")
    try:
        with renewed(lease):
            module.work(lease)
    except LostLease:
        log.info("%s %s went to another worker", kind, row_id)
        return "lost"
    except Exception as problem:
        # Whatever went wrong is written on the row, which is tried again or waits for a person.
        if isinstance(problem, Unavailable):
            log.warning("%s %s is put off: %s", kind, row_id, problem.code)
        else:
            log_unforeseen(f"{kind} {row_id} failed", problem)
        _record_failure(database, lease, problem)
        return "failed"
    return "worked"


def log_unforeseen(what: str, problem: Exception) -> None:
    """Write down where it happened. The message of an error may hold a name or a link, so it is left out."""
    lines = "".join(traceback.format_tb(problem.__traceback__))
    log.error("%s: %s\n%s", what, type(problem).__name__, lines)


def _record_failure(database: Database, lease: Lease, problem: Exception) -> None:
    sentence = problem.sentence if isinstance(problem, EffaceError) else f"{type(problem).__name__}"
    passing = isinstance(problem, Unavailable) and not isinstance(problem, StoreForbids)
    try:
        with database.writing() as session:
            lease.failed(session, sentence, passing=passing)
    except LostLease:
        log.info("the failed row went to another worker")
