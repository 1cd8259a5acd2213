"""Gone stays gone: what was erased is stopped when it comes again, for as long as the promise runs."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock, images
from portal.errors import Conflict
from portal.suppression import Gate, forget_photographs, newest, suppress
from portal.tables import Suppression
from tests.fakes import draw_photograph
from tests.suppression.rows import an_erasure, an_image


def saved_anew(seed: int) -> tuple[bytes, bytes]:
    """Digest and near digest of the same photograph as another file, at half the size."""
    data = images.to_jpeg(draw_photograph(seed, seed=seed), quality=60, longest=320)
    return hashlib.sha256(data).digest(), images.near_digest(images.open_picture(data).pixels)


OTHER = b"o" * 32


def test_the_same_bytes_and_the_same_photograph_are_stopped(session: Session) -> None:
    image = an_image(session)
    assert image.digest is not None
    assert not Gate(session).stops(image.digest, image.near_digest)
    suppress(session, an_erasure(session).id, image)
    gate = Gate(session)
    assert gate.stops(image.digest, None)
    assert gate.stops(*saved_anew(1))
    assert not gate.stops(*saved_anew(2))
    assert not gate.stops(OTHER, None)


def test_flat_pictures_are_stopped_by_their_bytes_alone(session: Session) -> None:
    image = an_image(session)
    image.near_digest = images.FLAT
    suppress(session, an_erasure(session).id, image)
    gate = Gate(session)
    assert image.digest is not None
    assert gate.stops(image.digest, images.FLAT)
    assert not gate.stops(OTHER, images.FLAT)


def test_it_is_done_once(session: Session) -> None:
    image, erasure = an_image(session), an_erasure(session)
    first = suppress(session, erasure.id, image)
    assert suppress(session, erasure.id, image) is first
    image.digest = image.near_digest = None
    assert suppress(session, erasure.id, image) is first
    assert session.scalar(select(func.count()).select_from(Suppression)) == 1


def test_two_people_in_one_photograph_are_two_promises(session: Session) -> None:
    image = an_image(session)
    suppress(session, an_erasure(session).id, image)
    suppress(session, an_erasure(session).id, image)
    assert session.scalar(select(func.count()).select_from(Suppression)) == 2


def test_an_erased_image_cannot_be_promised_any_more(session: Session) -> None:
    image = an_image(session)
    image.digest = None
    with pytest.raises(Conflict):
        suppress(session, an_erasure(session).id, image)


@pytest.mark.parametrize(
    ("blocks", "at", "stopped"),
    [
        ("intake", "intake", True),
        ("intake", "datasets", True),
        ("datasets", "datasets", True),
        ("datasets", "intake", False),
    ],
)
def test_an_opt_out_keeps_out_of_datasets_only(session: Session, blocks: str, at: str, stopped: bool) -> None:
    image = an_image(session)
    suppress(session, an_erasure(session).id, image, blocks)
    gate = Gate(session)
    assert image.digest is not None
    assert gate.stops(image.digest, None, at) is stopped
    assert gate.stops(*saved_anew(1), at) is stopped


def test_it_counts_until_it_expires(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    image = an_image(session)
    promise = suppress(session, an_erasure(session).id, image)
    digest = image.digest
    assert digest is not None
    end = promise.expires_at
    assert timedelta(days=730) <= end - promise.created_at <= timedelta(days=731)
    monkeypatch.setattr("portal.clock.now", lambda: end - timedelta(seconds=1))
    assert Gate(session).stops(digest, image.near_digest)
    monkeypatch.setattr("portal.clock.now", lambda: end)
    assert not Gate(session).stops(digest, image.near_digest)


def test_a_gate_that_is_kept_is_out_of_date_once_a_promise_ended_or_another_took_its_place(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = an_image(session), an_image(session, seed=2)
    erasure = an_erasure(session)
    suppress(session, erasure.id, first)
    made_at, before = newest(session), Gate(session)
    # Between two looks: the one is taken back, and another one is made, which may get its number.
    assert forget_photographs(session, erasure.case_id) == 1
    later = clock.now() + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    suppress(session, an_erasure(session).id, second)
    assert second.digest is not None
    assert not before.stops(second.digest, None)
    assert newest(session) != made_at
    assert Gate(session).stops(second.digest, None)
    # Time alone ends a promise, too.
    made_at, over = newest(session), session.scalars(select(Suppression.expires_at)).one()
    monkeypatch.setattr(clock, "now", lambda: over)
    assert newest(session) != made_at
    assert not Gate(session).stops(second.digest, None)


def test_nothing_kept_tells_which_picture_it_was(session: Session) -> None:
    image = an_image(session)
    promise = suppress(session, an_erasure(session).id, image)
    assert image.digest is not None
    assert image.near_digest is not None
    assert promise.digest != image.digest.hex()
    assert promise.near_digest is not None
    assert image.near_digest not in promise.near_digest


def test_a_gate_with_many_promises_is_quick(session: Session) -> None:
    erasure = an_erasure(session)
    image = an_image(session)
    for seed in range(30):
        other = an_image(session, seed=seed + 2)
        suppress(session, erasure.id, other)
    gate = Gate(session)
    assert image.digest is not None
    assert not gate.stops(image.digest, image.near_digest)
    assert all(gate.stops(OTHER, saved_anew(seed + 2)[1]) for seed in (0, 15, 29))
