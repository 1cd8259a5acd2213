"""How much of each store can be searched, and why the rest cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from portal.matching.coverage_words import COMPARED, KINDS, SET_ASIDE, Report
from portal.stores.quarantine import in_use
from portal.tables import Face, Image, Scan, Store, Template


def coverage(session: Session, encoder_id: int | None) -> Report:
    """What a search with this encoder can look at, for every store, also one that was never scanned.

    Photographs that are gone from their store, or erased, are not in it. None is an encoder that has no gallery yet.
    """
    names = {store.id: store.name for store in session.scalars(select(Store))}
    report: dict[str, Counter[str]] = {store: Counter() for store in names}
    kind_of = case((Image.quarantined_at.is_not(None), SET_ASIDE), else_=Image.coverage)
    seen = (
        select(Image.store_id, kind_of, func.count())
        .where(Image.state.in_(("live", "unreadable", "stopped")))
        .group_by(Image.store_id, kind_of)
    )
    for store, kind, count in session.execute(seen):
        report[store][kind] += count
    for store, kind, count in _by_an_older_encoder(session, encoder_id or 0):
        report[store][kind] -= count
        report[store]["old-encoder"] += count
    for store, expected in _unfinished(session):
        report[store]["not-looked-at"] += max(0, expected - report[store].total())
    return {names[store]: {kind: kinds[kind] for kind in KINDS if kinds[kind] > 0} for store, kinds in report.items()}


def _by_an_older_encoder(session: Session, encoder_id: int) -> Iterable[tuple[str, str, int]]:
    """Photographs with a face that has no template of this encoder: id of the store, kind, how many."""
    made = session.scalar(select(func.count()).where(Template.encoder_id == encoder_id))
    # The usual case, in two counts: a look at every face would take seconds with millions of them.
    if made == session.scalar(select(func.count()).select_from(Face)):
        return []
    made_here = (Template.face_id == Face.id) & (Template.encoder_id == encoder_id)
    left_out = select(Face.image_id).outerjoin(Template, made_here).where(Template.id.is_(None))
    counts = (
        select(Image.store_id, Image.coverage, func.count())
        .where(in_use(), Image.coverage.in_(COMPARED), Image.id.in_(left_out))
        .group_by(Image.store_id, Image.coverage)
    )
    return [(store, kind, count) for store, kind, count in session.execute(counts)]


def _unfinished(session: Session) -> list[tuple[str, int]]:
    """Stores whose newest scan has not come to its end: id, and how many objects it was to see."""
    scans = select(Scan).where(Scan.retry_of_id.is_(None)).order_by(Scan.started_at)
    newest = {scan.store_id: scan for scan in session.scalars(scans)}
    return [(scan.store_id, scan.expected or 0) for scan in newest.values() if scan.state != "done"]
