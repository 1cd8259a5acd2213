"""From a draft to a case: what it needs, what is kept, and what a form sent twice does."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

import pytest
from PIL import Image as Pillow
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases.arrival import intake, looking, words
from portal.config import Config
from portal.errors import BadInput, BadPicture, Conflict, NotFound, TooLarge
from portal.tables import Blob, Case, Draft, Mail, Probe
from tests.cases.making import EMAIL, fill_draft, send


@pytest.fixture
def draft(session: Session) -> Draft:
    return intake.open_draft(session)


def photograph(size: tuple[int, int] = (64, 48), colour: str = "red") -> bytes:
    out = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x010E] = "a secret place"
    Pillow.new("RGB", size, colour).save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_answers_are_sealed(session: Session, draft: Draft) -> None:
    intake.save_answers(session, draft, helps="my old account was annaberta")
    assert b"annaberta" not in draft.answers
    assert intake.read_answers(session, draft)["helps"] == "my old account was annaberta"


@pytest.mark.parametrize(
    "answer",
    [
        {"rights": ["everything"]},
        {"rights": "access"},
        {"residence": "Atlantis"},
        {"helps": "x" * 501},
        {"consent": "yes"},
        {"for_whom": "a neighbour"},
        {"role": "admin"},
    ],
)
def test_an_answer_that_cannot_be_is_refused(session: Session, draft: Draft, answer: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        intake.save_answers(session, draft, **answer)
    assert intake.read_answers(session, draft) == {}


def test_another_address_needs_another_code(session: Session) -> None:
    draft = fill_draft(session)
    intake.save_answers(session, draft, contact=EMAIL)
    assert intake.missing(session, draft) == []
    intake.save_answers(session, draft, contact="somebody.else@example.org")
    assert intake.missing(session, draft) == ["code"]


def test_a_picture_is_kept_without_what_it_says_about_itself(session: Session, draft: Draft, config: Config) -> None:
    data = photograph()
    probe = intake.add_picture(session, draft, intake.prepare_picture(config, data), "picture")
    kept = blobs.open_blob(session, probe.blob_id)
    assert probe.digest == hashlib.sha256(data).digest()
    assert b"a secret place" in data
    assert b"a secret place" not in kept
    assert Pillow.open(io.BytesIO(kept)).size == (64, 48)
    assert (probe.state, probe.work_state) == ("checking", "due")


def test_a_selfie_needs_consent_and_a_picture_file_does_not(session: Session, draft: Draft, config: Config) -> None:
    prepared = intake.prepare_picture(config, photograph())
    with pytest.raises(BadInput) as told:
        intake.add_picture(session, draft, prepared, "selfie")
    assert told.value.code == "no-consent"
    intake.save_answers(session, draft, consent=False)
    with pytest.raises(BadInput):
        intake.add_picture(session, draft, prepared, "selfie")
    intake.add_picture(session, draft, prepared, "picture")


def test_pictures_that_cannot_be_taken(config: Config) -> None:
    with pytest.raises(BadPicture):
        intake.prepare_picture(config, b"")
    with pytest.raises(BadPicture):
        intake.prepare_picture(config, b"GIF89a and then nothing")
    with pytest.raises(TooLarge):
        intake.prepare_picture(config, b"x" * (config.upload_megabytes * 1024 * 1024 + 1))


def test_five_pictures_and_each_once(session: Session, draft: Draft, config: Config) -> None:
    for colour in ("red", "green", "blue", "white", "black", "red"):
        intake.add_picture(session, draft, intake.prepare_picture(config, photograph(colour=colour)), "picture")
    assert len(intake.probes_of(session, draft)) == 5
    with pytest.raises(BadInput):
        intake.add_picture(session, draft, intake.prepare_picture(config, photograph(colour="pink")), "picture")


def test_a_link_is_sealed_in_canonical_form_and_kept_once(session: Session, draft: Draft) -> None:
    probe = intake.add_link(session, draft, " http://www.dating.example/anna/ ")
    again = intake.add_link(session, draft, "https://dating.example/anna")
    assert probe.id == again.id
    assert intake.opened(session, probe) == "https://dating.example/anna"
    assert probe.sealed is not None
    assert b"anna" not in probe.sealed
    with pytest.raises(BadInput):
        intake.add_link(session, draft, "http://127.0.0.1/")
    with pytest.raises(BadInput):
        intake.add_account(session, draft, "   ")


def test_the_fingerprint_of_a_file_is_enough(session: Session, draft: Draft) -> None:
    probe = intake.add_digest(session, draft, "AB" * 32)
    assert (probe.state, probe.blob_id, probe.digest) == ("ready", None, b"\xab" * 32)
    with pytest.raises(BadInput):
        intake.add_digest(session, draft, "AB")


def test_there_is_room_for_five_pictures_however_they_come(session: Session, draft: Draft) -> None:
    for number in range(looking.PICTURES):
        intake.add_digest(session, draft, f"{number:064x}")
    assert intake.add_digest(session, draft, f"{0:064x}").digest == bytes(32), "one that is there is no new one"
    with pytest.raises(BadInput, match="up to 5 pictures"):
        intake.add_digest(session, draft, "ab" * 32)


def test_choosing_a_face_has_it_checked_again(session: Session, draft: Draft, config: Config) -> None:
    probe = intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "picture")
    with pytest.raises(Conflict):
        intake.choose_face(session, probe, 0)
    probe.state, probe.boxes, probe.work_state = "choose-face", [[0, 0, 9, 9], [20, 0, 29, 9]], "done"
    with pytest.raises(BadInput):
        intake.choose_face(session, probe, 2)
    intake.choose_face(session, probe, 1)
    assert (probe.chosen, probe.state, probe.work_state) == (1, "checking", "due")


def test_a_removed_picture_is_gone(session: Session, draft: Draft, config: Config) -> None:
    probe = intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "picture")
    blob_id = probe.blob_id
    intake.remove_probe(session, probe)
    with pytest.raises(NotFound):
        blobs.open_blob(session, blob_id)
    assert intake.missing(session, draft)[0] == "rights"


def test_a_probe_of_another_draft_is_not_found(session: Session, draft: Draft) -> None:
    probe = intake.add_account(session, intake.open_draft(session), "anna")
    with pytest.raises(NotFound):
        intake.find_probe(session, draft, probe.id)


def test_what_is_missing_is_named_in_the_order_of_the_pages(session: Session, draft: Draft) -> None:
    assert intake.missing(session, draft) == ["rights", "residence", "ways", "contact"]
    with pytest.raises(BadInput) as told:
        intake.submit(session, draft)
    assert told.value.code == "missing-rights"
    intake.save_answers(session, draft, rights=["access"], residence="", no_contact=True)
    probe = intake.add_account(session, draft, "anna")
    assert intake.missing(session, draft) == []
    probe.state = "refused"
    session.flush()
    assert intake.missing(session, draft) == ["ways"]


def test_a_case_has_frozen_rules_and_keeps_nothing_in_clear(session: Session) -> None:
    draft = fill_draft(session, "access", "deletion")
    intake.save_answers(session, draft, helps="annaberta")
    sent = intake.submit(session, draft)
    case = sent.case
    assert {right.right for right in case.rights} == {"access", "deletion"}
    assert all(right.rule and right.rule_version >= 1 for right in case.rights)
    assert case.due_on == min(right.due_on for right in case.rights)
    assert case.contact is not None
    assert case.details is not None
    assert EMAIL.encode() not in case.contact
    assert b"annaberta" not in case.details
    assert intake.read_details(session, case) == {"helps": "annaberta"}
    assert sent.secret_words not in case.secret_hash
    assert [probe.case_id for probe in session.scalars(select(Probe))] == [case.id]


def test_a_form_sent_twice_opens_one_case(session: Session) -> None:
    draft = fill_draft(session)
    intake.submit(session, draft)
    with pytest.raises(NotFound) as told:
        intake.submit(session, draft)
    assert "sign in with your reference" in told.value.sentence
    assert session.scalar(select(func.count()).select_from(Case)) == 1
    assert session.scalar(select(func.count()).select_from(Mail).where(Mail.case_id.is_not(None))) == 1


def test_a_draft_lasts_a_day(session: Session, draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(hours=24, seconds=1)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    with pytest.raises(NotFound):
        intake.find_draft(session, draft.id)


def test_without_a_contact_nothing_is_mailed(session: Session) -> None:
    case = send(session, contact=False).case
    assert (case.contact, case.contact_digest, case.contact_confirmed_at) == (None, None, None)
    assert session.scalars(select(Mail)).all() == []
    assert case.state == "identity-check"


def test_an_opt_out_is_not_checked_and_searched_at_once(session: Session) -> None:
    case = send(session, "opt-out").case
    assert (case.state, case.identity) == ("searching", "not-needed")
    assert send(session, "opt-out", "access").case.state == "identity-check"


def test_pictures_of_a_case_live_as_long_as_the_case(session: Session, config: Config) -> None:
    draft = fill_draft(session)
    probe = intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "selfie")
    intake.submit(session, draft)
    session.refresh(probe)
    assert session.get_one(Blob, probe.blob_id).purge_after is None


def test_words_and_references() -> None:
    listed = words.listed()
    assert len(listed) == len(set(listed)) == 2048
    assert all(word.isascii() and word.islower() and word.isalpha() and 4 <= len(word) <= 9 for word in listed)
    assert words.WORDS * 11 >= 50
    seen = {words.new_reference() for _ in range(200)}
    assert len(seen) == 200
    assert not set("".join(seen).replace("EF-", "").replace("-", "")) & set("0O1IL")
    reference = seen.pop()
    assert words.as_reference(reference.lower().replace("-", " ")) == reference
