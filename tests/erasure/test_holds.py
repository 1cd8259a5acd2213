"""A legal hold keeps what it is about, from its first instant to its end, and nothing else."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal import clock, lineage
from portal.config import Config
from portal.erasure import holds
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.tables import Dataset, Entry, Hold, Image, ManifestEntry, Source, Store
from tests.matching.making import make_account, make_candidates, make_case, make_image, make_store

LATER = date(2100, 1, 1)


def place(session: Session, scope: str, target: str, by: str, **more: Any) -> Hold:
    wish = holds.Wish(scope, target, "court-order", "A court asked.", "4 C 12/26", **{"review_on": LATER} | more)
    return holds.place(session, wish, by).hold


def turn_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


def test_each_scope_keeps_what_is_in_it(session: Session) -> None:
    by = make_account(session, "asker", "caseworker")
    source = Source(name="Profiles", from_whom="a site", received_on=date(2014, 1, 1), terms="-", consent="-")
    dataset = Dataset(name="faces", version="1", created_on=date(2014, 1, 1))
    session.add_all([source, dataset])
    store, other = make_store(session, name="ours"), make_store(session, name="theirs")
    session.flush()
    other.source_id = source.id
    images = [make_image(session, store, f"{at}.jpg") for at in range(5)]
    sourced = make_image(session, other, "s.jpg")
    ids = [image.id for image in images] + [sourced.id]
    session.add(ManifestEntry(store_id=store.id, key="1.jpg", account="Ann", attributes={}))
    lineage.write_places(session, dataset, ids[2:4])
    lineage.take_out(session, dataset.id, ids[3:4], clock.now())
    case = make_case(session)
    [candidate] = make_candidates(session, case, 1)
    candidate.image_id = ids[3]
    session.flush()
    assert holds.held(session, ids) == {}
    wanted = {
        "image": ("ours: 0.jpg", [0]),
        "account": ("ANN", [1]),
        "dataset": (dataset.id, [2]),
        "case": (case.reference, [3]),
        "source": (source.id, [5]),
        "store": (store.id, [0, 1, 2, 3, 4]),
    }
    for scope, (target, places) in wanted.items():
        hold = place(session, scope, target, by)
        assert holds.held(session, ids) == {ids[at]: [hold.id] for at in places}, scope
        holds.lift(session, hold, by, "It was withdrawn.")
    assert holds.held(session, ids) == {}
    kinds = [entry.kind for entry in session.scalars(select(Entry).where(Entry.kind.like("hold-%")))]
    assert kinds == ["hold-placed", "hold-lifted"] * 6


def test_several_holds_of_one_image_are_all_named(session: Session) -> None:
    by = make_account(session, "asker", "caseworker")
    store = make_store(session)
    image = make_image(session, store, "a.jpg")
    first, second = place(session, "store", store.id, by), place(session, "image", str(image.id), by)
    assert holds.held(session, [image.id]) == {image.id: [first.id, second.id]}
    holds.lift(session, first, by, "Not needed.")
    assert holds.held(session, [image.id]) == {image.id: [second.id]}


def test_days_are_those_of_the_zone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold to the 5th ends when the 5th is over where the installation is: at 10:00 UTC in Kiritimati (UTC+14)."""
    session.info["config"] = Config(
        **{**session.info["config"].__dict__, "zone": "Pacific/Kiritimati"},
    )
    by = make_account(session, "asker", "caseworker")
    store = make_store(session)
    image = make_image(session, store, "a.jpg")
    turn_clock(monkeypatch, datetime(2026, 12, 3, 9, 59, tzinfo=UTC))
    hold = place(session, "store", store.id, by, starts_on=date(2026, 12, 4), ends_on=date(2026, 12, 5), review_on=None)
    holds.approve(session, hold, make_account(session, "second", "caseworker"))
    assert not holds.held(session, [image.id]), "it is still the 3rd there"
    turn_clock(monkeypatch, datetime(2026, 12, 3, 10, 0, tzinfo=UTC))
    assert holds.held(session, [image.id])
    turn_clock(monkeypatch, datetime(2026, 12, 5, 9, 59, tzinfo=UTC))
    assert holds.held(session, [image.id])
    assert holds.keep(session) == 0
    turn_clock(monkeypatch, datetime(2026, 12, 5, 10, 0, tzinfo=UTC))
    assert not holds.held(session, [image.id]), "it is over, whether the clockwork has noticed or not"
    assert holds.keep(session) == 1
    assert hold.ended_how == "over"
    assert holds.keep(session) == 0


def test_without_a_second_person_it_keeps_for_three_days(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    by, second = make_account(session, "asker", "caseworker"), make_account(session, "second", "caseworker")
    store = make_store(session)
    image = make_image(session, store, "a.jpg")
    agreed, alone = place(session, "store", store.id, by), place(session, "store", store.id, by)
    with pytest.raises(NotAllowed, match="second person"):
        holds.approve(session, agreed, by)
    holds.approve(session, agreed, second)
    assert holds.waiting(session) == [alone]
    turn_clock(monkeypatch, clock.now() + holds.TO_AGREE + timedelta(seconds=1))
    assert holds.held(session, [image.id]) == {image.id: [agreed.id]}
    with pytest.raises(Conflict):
        holds.approve(session, alone, second)
    assert (holds.keep(session), alone.ended_how, agreed.ended_how) == (1, "not-approved", None)


def test_bad_wishes_are_refused_by_name(session: Session) -> None:
    by = make_account(session, "asker", "caseworker")
    store = make_store(session)
    gone = make_image(session, store, "/erased/9")
    gone.state = "erased"
    session.flush()
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (BadInput, "last day", {"review_on": None}),
        (BadInput, "passed", {"review_on": date(2020, 1, 1)}),
        (BadInput, "before the first", {"starts_on": LATER, "review_on": date(2099, 1, 1)}),
        (BadInput, "order, file or article", {"citation": " "}),
        (BadInput, "rests on one of", {"basis": "because"}),
        (BadInput, "can be about", {"scope": "planet"}),
        (BadInput, "Say what", {"target": "  "}),
        (NotFound, "no store called", {"target": "nowhere"}),
        (NotFound, "No manifest names", {"scope": "account", "target": "ann"}),
        (NotFound, "no photograph called", {"scope": "image", "target": "99999999999999999999"}),
        (Conflict, "too late", {"scope": "image", "target": str(gone.id)}),
    ]
    good = {"scope": "store", "target": store.id, "basis": "regulator", "why": "w", "citation": "c"}
    for error, words, change in cases:
        with pytest.raises(error, match=words):
            holds.place(session, holds.Wish(**{**good, "review_on": LATER, **change}), by)
    assert not session.scalars(select(Hold)).all()


def test_the_name_of_an_account_is_forgotten_with_its_hold(session: Session) -> None:
    by = make_account(session, "asker", "caseworker")
    store = make_store(session)
    session.add(ManifestEntry(store_id=store.id, key="1.jpg", account="ann", attributes={}))
    session.flush()
    hold = place(session, "account", "ann", by)
    holds.lift(session, hold, by, "Withdrawn.")
    assert hold.target == ""
    assert not session.scalars(select(Entry).where(Entry.body.contains(b'"ann"'))).all()


def test_thousands_are_asked_about_at_once(session: Session) -> None:
    by = make_account(session, "asker", "caseworker")
    store = make_store(session)
    now = clock.now()
    rows = [
        {"store_id": store.id, "key": f"{at}.jpg", "first_seen_at": now, "last_seen_at": now} for at in range(10_000)
    ]
    session.execute(insert(Image), rows)
    ids = list(session.scalars(select(Image.id)))
    place(session, "image", str(ids[17]), by)
    place(session, "store", session.scalars(select(Store.id)).one(), by)
    # Of this thread alone: how busy the machine is says nothing about the question.
    started = time.thread_time()
    assert len(holds.held(session, ids)) == 10_000
    assert time.thread_time() - started < 2
