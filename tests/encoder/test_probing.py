"""What becomes of a picture that a person sends."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

import workers
from portal import blobs, clock, images
from portal.db import Database
from portal.jobs import claim, make_due
from portal.tables import Blob, Draft, Probe, Template, random_id
from tests.fakes import DrawnFaceEncoder, draw_photograph, drawn_jpeg
from workers import probing


@pytest.fixture(autouse=True)
def _drawn_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.encoder.load_encoder", lambda: DrawnFaceEncoder())


def sent(database: Database, data: bytes, kind: str = "selfie", **more: object) -> str:
    """A probe as intake leaves it, due to be checked."""
    with database.writing() as session:
        draft = Draft(id=random_id(), answers=b"", created_at=clock.now(), expires_at=clock.now() + timedelta(days=1))
        blob = blobs.put_blob(session, "probe", data, "image/jpeg", draft.expires_at)
        probe = Probe(draft_id=draft.id, kind=kind, blob_id=blob.id, created_at=clock.now(), **more)
        session.add_all([draft, probe])
        make_due(session, probe)
        return probe.id


def checked(database: Database, probe_id: str) -> Probe:
    assert workers.carry_out(database, "probing", probe_id) == "worked"
    return row(database, probe_id)


def row(database: Database, probe_id: str) -> Probe:
    with database.reading() as session:
        return session.get_one(Probe, probe_id)


def crop_of(database: Database, probe: Probe) -> np.ndarray:
    with database.reading() as session:
        return np.asarray(Image.open(io.BytesIO(blobs.open_blob(session, probe.crop_id))))


def test_one_face_is_ready(database: Database) -> None:
    data = drawn_jpeg(3)
    probe = checked(database, sent(database, data))
    assert (probe.state, probe.reason, probe.chosen, len(probe.boxes)) == ("ready", None, 0, 1)
    assert probe.digest == hashlib.sha256(data).digest()
    assert images.near_distance(probe.near_digest, images.near_digest(images.open_picture(data).pixels)) == 0
    assert probe.work_state == "done"
    crop = crop_of(database, probe)
    assert crop.shape == (480, 480, 3)
    assert len(DrawnFaceEncoder().find(crop)) == 1


def test_the_crop_goes_when_the_picture_goes(database: Database) -> None:
    probe = checked(database, sent(database, drawn_jpeg(3)))
    with database.reading() as session:
        picture, crop = session.get_one(Blob, probe.blob_id), session.get_one(Blob, probe.crop_id)
        assert crop.purpose == "probe-crop"
        assert crop.purge_after == picture.purge_after is not None


def test_several_faces_wait_for_the_person_who_then_chooses(database: Database) -> None:
    probe = checked(database, sent(database, drawn_jpeg(3, 9)))
    assert (probe.state, probe.chosen, probe.crop_id) == ("choose-face", None, None)
    assert len(probe.boxes) == 2
    with database.writing() as session:
        again = session.get_one(Probe, probe.id)
        again.state, again.chosen = "checking", 1
        make_due(session, again)
    chosen = checked(database, probe.id)
    assert (chosen.state, chosen.chosen, chosen.boxes) == ("ready", 1, probe.boxes)
    pixels = crop_of(database, chosen)
    (box,) = [box for box in DrawnFaceEncoder().find(pixels) if box[0] > 50]
    template = DrawnFaceEncoder().encode(DrawnFaceEncoder().cut(pixels, [box]))[0]
    whole = draw_photograph(9)
    (expected,) = DrawnFaceEncoder().encode(DrawnFaceEncoder().cut(whole, DrawnFaceEncoder().find(whole)))
    assert np.linalg.norm(template - expected) < 0.25


def test_another_choice_replaces_the_crop(database: Database) -> None:
    probe = checked(database, sent(database, drawn_jpeg(3, 9)))
    for choice in (0, 1, 0):
        with database.writing() as session:
            again = session.get_one(Probe, probe.id)
            again.state, again.chosen = "checking", choice
            make_due(session, again)
        assert checked(database, probe.id).chosen == choice
    with database.reading() as session:
        assert len(session.scalars(select(Blob).filter_by(purpose="probe-crop")).all()) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (drawn_jpeg(), "no-face"),
        (images.to_jpeg(draw_photograph(3, face=40)), "too-small"),
        (drawn_jpeg(3)[:4000], "truncated"),
        (b"<html>", "not-an-image"),
    ],
)
def test_refusals_carry_their_code(database: Database, data: bytes, reason: str) -> None:
    probe = checked(database, sent(database, data))
    assert (probe.state, probe.reason, probe.crop_id) == ("refused", reason, None)
    assert probe.work_state == "done"


def test_a_chosen_face_that_is_too_small_is_refused_and_another_can_be_chosen(database: Database) -> None:
    small_and_large = draw_photograph(3)
    small_and_large[10:40, 10:40] = (230, 20, 200)
    data = images.to_jpeg(small_and_large, quality=95)
    probe_id = sent(database, data, boxes=[[10, 10, 40, 40], [200, 120, 440, 360]], chosen=0)
    probe = checked(database, probe_id)
    assert (probe.state, probe.reason) == ("refused", "too-small")
    assert len(probe.boxes) == 2


def test_a_picture_file_is_compared_but_not_looked_at_for_faces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("workers.encoder.load_encoder")
    for data in (drawn_jpeg(3), drawn_jpeg()):
        probe = checked(database, sent(database, data, kind="picture"))
        assert (probe.state, probe.boxes, probe.crop_id) == ("ready", [], None)
        assert probe.near_digest is not None


def test_digests_of_the_file_as_sent_are_kept(database: Database) -> None:
    probe = checked(database, sent(database, drawn_jpeg(3), digest=b"s" * 32, near_digest=b"n" * 32))
    assert (probe.digest, probe.near_digest) == (b"s" * 32, b"n" * 32)


def test_no_template_is_kept(database: Database) -> None:
    checked(database, sent(database, drawn_jpeg(3)))
    with database.reading() as session:
        assert session.scalars(select(Template)).all() == []


def test_a_probe_taken_back_meanwhile_is_no_error(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    probe_id = sent(database, drawn_jpeg(3))

    def look_while_it_is_taken_back(question: probing.Question) -> probing.Finding:
        with database.writing() as session:
            session.delete(session.get_one(Probe, probe_id))
        return probing.Finding("ready", crop=b"crop")

    monkeypatch.setattr(probing, "look", look_while_it_is_taken_back)
    assert workers.carry_out(database, "probing", probe_id) == "lost"
    with database.reading() as session:
        assert session.scalars(select(Blob).filter_by(purpose="probe-crop")).all() == []


def test_a_purged_probe_is_left_alone(database: Database) -> None:
    probe_id = sent(database, drawn_jpeg(3))
    with database.writing() as session:
        probe = session.get_one(Probe, probe_id)
        blobs.purge_blob(session, probe.blob_id)
        probe.state, probe.purged_at = "purged", clock.now()
    probe = checked(database, probe_id)
    assert (probe.state, probe.crop_id, probe.work_state) == ("purged", None, "done")


def test_a_picture_that_is_gone_does_not_keep_a_case_waiting(database: Database) -> None:
    probe_id = sent(database, drawn_jpeg(3))
    with database.writing() as session:
        blobs.purge_blob(session, session.get_one(Probe, probe_id).blob_id)
    probe = checked(database, probe_id)
    assert (probe.state, probe.reason) == ("refused", "not-kept")


def test_of_two_workers_one_records(database: Database) -> None:
    probe_id = sent(database, drawn_jpeg(3))
    slow = claim(database, "probing", probe_id)
    assert slow is not None
    with database.writing() as session:
        probe = session.get_one(Probe, probe_id)
        probe.lease_until = clock.now() - timedelta(seconds=1)
    fast = claim(database, "probing", probe_id)
    assert fast is not None
    probing.work(fast)
    with pytest.raises(Exception, match="Another worker"):
        probing.work(slow)
    with database.reading() as session:
        assert len(session.scalars(select(Blob).filter_by(purpose="probe-crop")).all()) == 1
