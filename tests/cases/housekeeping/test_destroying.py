"""Clocks without a request run on real photographs, raise work, say what nobody knows, and erase nothing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law
from portal.cases.clocks import deadlines
from portal.cases.housekeeping import destroying, upkeep
from portal.tables import Entry, Erasure, Image, ManifestEntry, random_id
from tests.cases.making import add_face, make_image

ON = date(2026, 11, 21)


def held(session: Session, folder: Path, **columns: str) -> Image:
    """A photograph with a template, and what the manifest says of it."""
    image = make_image(session, folder, key=f"{random_id()}.jpg")
    add_face(session, image, (0, 0, 40, 40))
    entry = session.scalars(select(ManifestEntry).where(ManifestEntry.key == image.key)).one()
    entry.attributes = dict(columns)
    if not columns:
        session.delete(entry)
    session.flush()
    return image


def test_each_clock_starts_with_its_own_day(session: Session, tmp_path: Path) -> None:
    for columns in (
        {"last_contact": "2023-11-20"},
        {"last_contact": "2024-11-20"},
        {"last_contact": "2026-11-01"},
        {"purpose_ended": "2025-11-01"},
        {"last_contact": "long ago"},
        {},
    ):
        held(session, tmp_path, **columns)
    counted = destroying.count(session, ON)
    assert (counted.photographs, counted.undated) == (6, 2)
    # Illinois: three years, or at once when the purpose has ended; Texas: a year after that; Colorado: two years.
    assert (counted.over["us-il.biometrics"], counted.soon["us-il.biometrics"]) == (2, 0)
    texas = next(name for name in counted.over if name.startswith("us-tx."))
    colorado = next(name for name in counted.over if name.startswith("us-co."))
    assert (counted.over[texas], counted.over[colorado]) == (1, 3)


@pytest.mark.parametrize("days", [-1, 0, 30, 31])
def test_the_last_day_is_that_of_the_law(session: Session, tmp_path: Path, days: int) -> None:
    """Nearly over from 30 days before, over from the day after: by the same arithmetic as the law page."""
    start = date(2024, 2, 29)
    held(session, tmp_path, last_contact=start.isoformat())
    duty = next(duty for _place, duty in law.duties(ON) if duty.id == "us-il.biometrics")
    by = deadlines.destroy_by(duty, {"last-contact": start})
    assert by is not None
    counted = destroying.count(session, by - timedelta(days=days))
    expected = {-1: (1, 0), 0: (0, 1), 30: (0, 1), 31: (0, 0)}[days]
    assert (counted.over[duty.id], counted.soon[duty.id]) == expected


def test_it_is_written_down_once_a_day_and_erases_nothing(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = held(session, tmp_path, last_contact="2020-01-01")
    for _ in range(3):
        upkeep.keep(session)
    lines = select(func.count()).select_from(Entry).where(Entry.kind == destroying.KIND)
    assert session.scalar(lines) == 1
    counted = destroying.newest(session)
    assert counted is not None
    assert counted.waits
    duty = next(duty for _place, duty in law.duties(ON) if duty.id == "us-il.biometrics")
    assert [tuple(row) for row in session.execute(destroying.due(duty, ON))] == [(image.store_id, image.key)]
    assert counted.over["us-il.biometrics"] == 1
    assert image.state == "live"
    assert session.scalar(select(Erasure.id)) is None
    then = clock.now() + timedelta(days=1)
    monkeypatch.setattr("portal.clock.now", lambda: then)
    upkeep.keep(session)
    assert session.scalar(lines) == 2
    body = session.scalars(select(Entry.body).where(Entry.kind == destroying.KIND)).first() or b""
    assert image.key.encode() not in body


def test_nothing_is_written_where_there_is_nothing(session: Session) -> None:
    upkeep.keep(session)
    assert destroying.newest(session) is None
