"""Starting scans, asking them to pause or stop, telling how far they are. `workers/scanning.py` carries them out."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.errors import Conflict, NotFound
from portal.jobs import make_due
from portal.stores import grounds
from portal.tables import Scan, ScanError, Store

Wish = Literal["pause", "cancel", "resume"]
# A cell that begins so would be run as a formula by a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Progress:
    """How far a scan is. `fraction` is from 0 to 1; None where it cannot be said yet. Times are in seconds.

    `problem` is the sentence of the last failure; `stuck` says that it will not be tried again by itself.
    """

    state: str
    fraction: float | None
    per_second: float | None
    seconds_left: float | None
    expected: int | None
    seen: int
    new: int
    changed: int
    unchanged: int
    unreadable: int
    stopped: int
    faces: int
    fallback: int
    faceless: int
    too_small: int
    gone: int
    encoded: int
    errors: dict[str, int]
    problem: str | None
    stuck: bool


def start_scan(session: Session, store: Store, account_id: str | None, despite: str = "") -> Scan:
    """A new scan, due at once. Raises Conflict while another scan of this store is running or paused.

    Raises NotAllowed where the store's source has no ground, unless `despite` says why it is read all the same.
    """
    grounds.need_to_read(session, store, despite)
    # Two people who press the button at once wait for each other here.
    session.scalars(select(Store.id).where(Store.id == store.id).with_for_update()).one()
    if open_scan(session, store) is not None:
        raise Conflict(f"A scan of {store.name} is not finished. Resume or cancel it first.", "scan-open")
    scan = Scan(store_id=store.id, state="running", started_by=account_id, started_at=clock.now())
    session.add(scan)
    session.flush()
    make_due(session, scan)
    audit.append(session, "scan-started", {"scan": scan.id, "store": store.id})
    return scan


def retry_errors(session: Session, store: Store, account_id: str | None, despite: str = "") -> Scan:
    """A new scan of what the newest one could not use, and of nothing else. Raises NotFound when there is nothing."""
    last = need_scan(session, store)
    if not session.scalar(select(func.count()).select_from(ScanError).where(ScanError.scan_id == last.id)):
        raise NotFound(f"The last scan of {store.name} could use every file.")
    scan = start_scan(session, store, account_id, despite)
    scan.retry_of_id = last.id
    return scan


def keys_to_retry(session: Session, scan: Scan) -> set[str] | None:
    """What a scan looks at alone: the keys that an earlier one could not use. None: everything."""
    if scan.retry_of_id is None:
        return None
    return set(session.scalars(select(ScanError.key).where(ScanError.scan_id == scan.retry_of_id)))


def open_scan(session: Session, store: Store) -> Scan | None:
    """The scan of this store that is running or paused."""
    return session.scalar(select(Scan).where(Scan.store_id == store.id, Scan.state.in_(("running", "paused"))))


def last_scan(session: Session, store: Store) -> Scan | None:
    """The newest scan of this store."""
    return session.scalar(select(Scan).where(Scan.store_id == store.id).order_by(Scan.started_at.desc()).limit(1))


def need_scan(session: Session, store: Store) -> Scan:
    """The newest scan of this store. Raises NotFound when there is none."""
    scan = last_scan(session, store)
    if scan is None:
        raise NotFound(f"{store.name} has not been scanned yet.")
    return scan


def ask(session: Session, scan: Scan, wish: Wish) -> None:
    """Pause, resume or cancel. A scan that is being worked on stops at the end of its page, others at once.

    Raises Conflict when the scan is over.
    """
    session.refresh(scan, with_for_update=True)
    if scan.state not in {"running", "paused"}:
        raise Conflict("This scan is over. Start a new one.", "scan-over")
    if scan.work_state == "leased":
        scan.wish = None if wish == "resume" else wish
    elif wish == "cancel":
        finish(session, scan, "cancelled")
        scan.work_state = "done"
    elif wish == "pause":
        scan.state, scan.work_state, scan.wish = "paused", "idle", None
    elif scan.work_state != "due":
        scan.state, scan.wish = "running", None
        make_due(session, scan)
    session.flush()


def finish(session: Session, scan: Scan, state: Literal["done", "cancelled"]) -> None:
    """Close the scan's books. The counts go into the log, names of files do not."""
    scan.state, scan.wish, scan.finished_at = state, None, clock.now()
    session.flush()
    counts = {name: getattr(scan, name) for name in COUNTS}
    audit.append(session, "scan-finished", {"scan": scan.id, "store": scan.store_id, "state": state, **counts})


COUNTS = (
    "seen",
    "new",
    "changed",
    "unchanged",
    "unreadable",
    "stopped",
    "faces",
    "fallback",
    "faceless",
    "too_small",
    "gone",
)


def progress(scan: Scan) -> Progress:
    """How far `scan` is, from its own row."""
    session = Session.object_session(scan)
    kinds = select(ScanError.kind, func.count()).where(ScanError.scan_id == scan.id).group_by(ScanError.kind)
    errors = {kind: count for kind, count in session.execute(kinds.order_by(ScanError.kind))} if session else {}
    per_second = scan.seen / scan.working_seconds if scan.seen and scan.working_seconds > 0 else None
    going_on = scan.state in {"running", "paused"}
    left = None
    if going_on and per_second and scan.expected is not None:
        left = max(0, scan.expected - scan.seen) / per_second
    return Progress(
        state=scan.state,
        fraction=_fraction(scan),
        per_second=per_second,
        seconds_left=left,
        expected=scan.expected,
        errors=errors,
        problem=scan.problem if going_on else None,
        stuck=going_on and scan.work_state == "failed",
        encoded=scan.encoded,
        **{name: getattr(scan, name) for name in COUNTS},
    )


def _fraction(scan: Scan) -> float | None:
    if scan.state == "done":
        return 1.0
    if scan.expected is None:
        return None
    # A store that grows while it is scanned must not show more than everything.
    return min(1.0, scan.seen / scan.expected) if scan.expected else 1.0


def errors_of(session: Session, scan: Scan) -> list[ScanError]:
    """The objects the scan could not use, by key."""
    return list(session.scalars(select(ScanError).where(ScanError.scan_id == scan.id).order_by(ScanError.key)))


def errors_csv(session: Session, scan: Scan) -> str:
    """The same as CSV with a header. Keys that a spreadsheet would run as formulas get an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["key", "kind", "sentence"])
    for error in errors_of(session, scan):
        key = f"'{error.key}" if error.key.startswith(FORMULA) else error.key
        writer.writerow([key, error.kind, error.sentence])
    return out.getvalue()
