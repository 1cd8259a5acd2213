"""A search uses the calibrated threshold for the gallery as large as it is, and never more than the setting allows."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cli import efface
from portal.cli.calibrate import encoder_in_use
from portal.config import Config
from portal.db import Database
from portal.errors import BadInput
from portal.keys import keys_of
from portal.matching import thresholds
from portal.tables import Calibration, Encoder, Face, ManifestEntry, Template
from tests.matching.making import make_face, make_image, make_store
from tests.matching.test_calibration import faces


def hold(session: Session, people: int = 40, each: int = 3, apart: float = 0.035) -> Encoder:
    """A store of photographs of made-up people, each with an account in the manifest."""
    store = make_store(session, name="archive")
    vectors, accounts = faces(people=people, each=each, apart=apart)
    for number, (vector, account) in enumerate(zip(vectors, accounts, strict=True)):
        image = make_image(session, store, f"{number}.jpg")
        make_face(session, image, vector)
        attributes = {"sex": "f" if int(account[1:]) % 2 else "m", "note": str(number)}
        session.add(ManifestEntry(store_id=store.id, key=image.key, account=account, attributes=attributes))
    session.flush()
    return session.scalars(select(Encoder)).one()


def calibrate(session: Session, encoder: Encoder, candidates: float) -> Calibration:
    return thresholds.keep(session, thresholds.measure(session, encoder), candidates)


def limit(session: Session, gallery_size: int) -> float:
    encoder = session.scalar(select(Encoder).filter_by(name="drawn", version="1"))
    return thresholds.thresholds_now(session, encoder, gallery_size).face


def test_without_a_calibration_the_setting_is_used(session: Session) -> None:
    assert limit(session, 1000) == 0.6


def test_the_calibrated_threshold_follows_the_size_of_the_gallery(session: Session) -> None:
    encoder = hold(session)
    kept = calibrate(session, encoder, 2)
    assert kept.gallery_size == 120
    small = limit(session, 500)
    large = limit(session, 5_000)
    assert large < small <= 0.6
    assert set(thresholds.curve_of(kept).groups) == {"sex=f", "sex=m"}, "a note of its own for each is no group"


def test_the_gate_is_stricter_than_a_search_and_the_more_so_the_more_faces_are_kept(session: Session) -> None:
    encoder = hold(session)
    assert thresholds.at_the_gate(session, encoder, 1) == pytest.approx(0.42)
    calibrate(session, encoder, 2)
    few, many = (thresholds.at_the_gate(session, encoder, kept) for kept in (1, 500))
    assert many <= few <= limit(session, 1)


def test_faces_of_the_fallback_detector_have_a_stricter_threshold_until_they_are_measured(session: Session) -> None:
    encoder = hold(session)
    before = thresholds.thresholds_now(session, encoder, 500)
    assert before.fallback == pytest.approx(before.face - 0.06)
    calibrate(session, encoder, 2)
    unmeasured = thresholds.thresholds_now(session, encoder, 500)
    assert unmeasured.fallback == pytest.approx(unmeasured.face - 0.06)
    for number, face in enumerate(session.scalars(select(Face).order_by(Face.id))):
        face.fallback = number >= 60
    curve = thresholds.curve_of(calibrate(session, encoder, 2))
    assert curve.fallback is not None
    assert curve.fallback.people == curve.overall.people == 20
    measured = thresholds.thresholds_now(session, encoder, 500)
    assert measured.fallback <= measured.face
    assert measured.fallback != pytest.approx(measured.face - 0.06)


def test_an_encoder_of_other_distances_has_the_setting_in_proportion(session: Session) -> None:
    encoder = Encoder(name="other", version="1", dimensions=4, settings={"threshold": 1.2})
    limits = thresholds.thresholds_now(session, encoder, 10)
    assert (limits.face, limits.fallback, limits.customary) == pytest.approx((1.2, 1.08, 1.2))


def test_no_calibration_makes_a_search_wider_than_the_setting(session: Session) -> None:
    calibrate(session, hold(session, apart=0.09), 1000)
    assert limit(session, 100) == 0.6


def test_an_encoder_of_other_distances_is_measured_in_proportion(session: Session) -> None:
    """Its distances may be greater than all that the curve is drawn for."""
    encoder = hold(session)
    kept = calibrate(session, encoder, 20)
    before = thresholds.thresholds_now(session, encoder, 100).face
    encoder.settings = {"threshold": 1.8}
    keys = keys_of(session)
    for one in session.scalars(select(Template)):
        template = np.frombuffer(keys.unseal_small(one.sealed, "template", one.face_id), "<f4") * 3
        one.sealed = keys.seal_small(template.astype("<f4").tobytes(), "template", one.face_id)
    session.flush()
    again = calibrate(session, encoder, 20)
    assert kept.threshold is not None
    assert again.threshold == pytest.approx(3 * kept.threshold, abs=0.02)
    assert thresholds.thresholds_now(session, encoder, 100).face == pytest.approx(3 * before, abs=0.02)


def test_only_what_is_searched_with_is_calibrated(session: Session) -> None:
    retired = hold(session)
    retired.state = "retired"
    with pytest.raises(BadInput, match="Scan a store first"):
        encoder_in_use(session)


def test_copies_of_one_photograph_do_not_flatter_the_encoder(session: Session) -> None:
    encoder = hold(session)
    before = thresholds.curve_of(calibrate(session, encoder, 2)).overall.mated
    entry = session.scalars(select(ManifestEntry).limit(1)).one()
    store = make_store(session)
    copy = make_image(session, store, "copy.jpg")
    copy.store_id = entry.store_id
    copy.near_digest = make_image(session, store, "0.jpg").near_digest
    make_face(session, copy, faces()[0][0])
    session.add(ManifestEntry(store_id=entry.store_id, key="copy.jpg", account=entry.account, attributes={}))
    session.flush()
    assert thresholds.curve_of(calibrate(session, encoder, 2)).overall.mated == before


def test_what_is_missing_is_named(session: Session) -> None:
    encoder = Encoder(name="drawn", version="1", dimensions=128)
    session.add(encoder)
    session.flush()
    with pytest.raises(BadInput, match="manifest"):
        calibrate(session, encoder, 20)
    with pytest.raises(BadInput, match="more than none"):
        calibrate(session, hold(session), 0)


@pytest.mark.migrated
def test_the_command_prints_the_curve_and_keeps_it(
    config: Config, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        hold(session)
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    shown = CliRunner().invoke(efface, ["calibrate", "--candidates", "3"])
    assert shown.exit_code == 0, shown.output
    assert "sex=f" in shown.output
    assert "for at most 3 strangers a search in 120 faces" in shown.output
    with database.reading() as session:
        kept = session.scalars(select(Calibration)).one()
        assert kept.threshold is not None
        assert np.isclose(kept.threshold, limit(session, 120))
    database.close()
