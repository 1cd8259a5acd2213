"""What the computer measures on the two photographs of a challenge, and what it must leave alone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

import workers
from portal import blobs, clock, images
from portal.cases.arrival.looking import Prepared
from portal.cases.requester import challenge, identity
from portal.db import Database
from portal.jobs import claim
from portal.tables import Case, Challenge, Entry, Probe
from tests.cases.making import make_account, send
from tests.fakes import DrawnFaceEncoder, draw_background, draw_photograph
from workers import challenging
from workers.encoder import Box, load_encoder
from workers.encoder.landmarks import aside


class Turned(DrawnFaceEncoder):
    """Its faces have their nose so far right of the middle, in parts of the distance between the eyes."""

    nose = 0.4

    def find_places(self, pixels: np.ndarray, box: Box) -> dict[str, np.ndarray]:
        places = super().find_places(pixels, box)
        places["nose"] += np.array([self.nose * 0.5 * (box[2] - box[0]), 0])
        return places


@pytest.fixture(autouse=True)
def _drawn_faces(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "photographs" not in request.fixturenames:
        monkeypatch.setattr("workers.encoder.load_encoder", lambda: Turned())


def drawn(person: float | None) -> bytes:
    pixels = draw_background((320, 240), 1) if person is None else draw_photograph(person, size=(320, 240))
    return images.to_jpeg(pixels)


def sent(
    database: Database, paper: bytes, turned: bytes, selfie: float | None = 3, turn: str = "left", agreed: bool = True
) -> str:
    """A challenge whose photographs are both there, beside a selfie of a drawn person."""
    with database.writing() as session:
        case = send(session, "access").case
        case.consented_at = clock.now() if agreed else None
        if selfie is not None:
            probe = Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now(), chosen=0)
            pixels = draw_photograph(selfie, size=(320, 240))
            probe.boxes = [list(DrawnFaceEncoder().find(pixels)[0])]
            probe.blob_id = blobs.put_blob(session, "probe", images.to_jpeg(pixels), "image/jpeg").id
            session.add(probe)
        asked = challenge.ask(session, case, make_account(session).id)
        challenge.draw(session, asked)
        asked.turn = turn
        for step, data in zip(challenge.STEPS, (paper, turned), strict=True):
            prepared = Prepared(b"d" * 32, b"n" * 32, data)
            challenge.take(session, asked, step, asked.code or "", prepared)
        return asked.id


def looked_at(database: Database, challenge_id: str) -> Challenge:
    assert workers.carry_out(database, "challenging", challenge_id) == "worked"
    with database.reading() as session:
        return session.get_one(Challenge, challenge_id)


@pytest.mark.parametrize(("person", "likeness"), [(3, "same"), (3.18, "unclear"), (9, "different"), (None, "no-face")])
def test_the_face_is_compared_with_the_photo_that_was_sent(
    database: Database, person: float | None, likeness: str
) -> None:
    found = looked_at(database, sent(database, drawn(person), drawn(3)))
    assert (found.state, found.likeness) == ("looked-at", likeness)


@pytest.mark.parametrize(("turn", "words"), [("left", "left as asked"), ("right", "other side")])
def test_a_turn_to_the_own_left_shows_on_the_right_of_the_picture(database: Database, turn: str, words: str) -> None:
    found = looked_at(database, sent(database, drawn(3), drawn(3), turn=turn))
    assert found.turn_seen == pytest.approx(0.4, abs=0.02)
    assert words in challenge.readings(found)[0]


def test_a_head_that_is_not_found_is_left_to_the_caseworker(database: Database) -> None:
    found = looked_at(database, sent(database, drawn(3), drawn(None)))
    assert (found.turn_seen, found.likeness) == (None, "same")


@pytest.mark.parametrize(("selfie", "agreed"), [(None, True), (3, False)])
def test_without_a_photo_and_a_yes_nothing_is_measured(
    database: Database, monkeypatch: pytest.MonkeyPatch, selfie: float | None, agreed: bool
) -> None:
    def measured(*_: object) -> None:
        raise AssertionError("a face was looked for")

    monkeypatch.setattr(Turned, "find", measured)
    found = looked_at(database, sent(database, drawn(3), drawn(3), selfie, agreed=agreed))
    assert (found.turn_seen, found.likeness, found.state) == (None, "not-compared", "looked-at")
    assert "measured nothing" in challenge.readings(found)[0]


def test_what_was_purged_meanwhile_is_not_written_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    challenge_id = sent(database, drawn(3), drawn(3))
    seen = challenging.look

    def decide_meanwhile(*asked: challenging.Question) -> challenging.Seen:
        with database.writing() as session:
            case = session.scalars(select(Case)).one()
            identity.decide_identity(session, case, make_account(session).id, "confirmed", "Met them.")
        return seen(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(challenging, "look", decide_meanwhile)
    assert workers.carry_out(database, "challenging", challenge_id) == "lost"
    with database.reading() as session:
        found = session.get_one(Challenge, challenge_id)
        assert (found.state, found.turn_seen, found.likeness) == ("purged", None, None)
    assert claim(database, "challenging", challenge_id) is None


def test_no_distance_or_template_is_kept_or_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    found = looked_at(database, sent(database, drawn(3), drawn(3)))
    with database.reading() as session:
        bodies = b"".join(session.scalars(select(Entry.body)))
    assert str(found.turn_seen).encode() not in bodies
    assert not re.search(r"\d\.\d{3}", caplog.text)


def test_real_photographs(photographs: Path) -> None:
    """A mirrored photograph has its nose on the other side; held askew, it is as straight as before."""
    encoder = load_encoder()
    pixels = images.open_picture((photographs / "obama.jpg").read_bytes()).pixels
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    here, there = (aside(encoder.find_places(each, encoder.find(each)[0])) for each in (pixels, mirrored))
    assert abs(here) < challenge.TURNED
    assert here == pytest.approx(-there, abs=0.04)
    turned = np.array([[0.8, -0.6], [0.6, 0.8]])
    places = {name: turned @ place for name, place in encoder.find_places(pixels, encoder.find(pixels)[0]).items()}
    assert aside(places) == pytest.approx(here, abs=1e-9)
