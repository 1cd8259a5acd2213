"""Photographs are given out only after a second sign and a declaration, where the law asks for the strong check."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle
from portal.cases.answer import deciding
from portal.cases.arrival import intake
from portal.cases.housekeeping import purging
from portal.cases.requester import assurance, identity
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.keys import keys_of
from portal.tables import Account, Arrival, Case, Declaration, Package, Probe, SecondSign
from tests.cases.making import EMAIL, fill_draft, last_code, make_account, make_image, send, to_deciding


def decided_case(session: Session, tmp_path: Path) -> tuple[Case, Account]:
    """A case that waits for its decision, sure who asks, without the rest."""
    case, caseworker = send(session, "access", "copy").case, make_account(session)
    identity.decide_identity(session, case, caseworker.id, "confirmed", "We met her.")
    to_deciding(session, case, make_image(session, tmp_path))
    return case, caseworker


def test_access_is_not_granted_before_both_are_there(session: Session, tmp_path: Path) -> None:
    case, caseworker = decided_case(session, tmp_path)
    for missing in ("a second sign of who is asking and the signed declaration", "the signed declaration"):
        with pytest.raises(Conflict, match=missing) as told:
            deciding.decide(session, case.rights[0], caseworker.id, "grant")
        assert told.value.code == "signs-missing"
        if assurance.standing(session, case).sign is None:
            assurance.give_contact(session, case, "second@example.org")
            assert assurance.confirm(session, case, last_code(session))
    assurance.declare(session, case, "Anna  Example")
    for right in case.rights:
        deciding.decide(session, right, caseworker.id, "grant")
    assert case.state == "fulfilling"


def test_a_refusal_and_a_deletion_need_neither(session: Session, tmp_path: Path) -> None:
    case, caseworker = decided_case(session, tmp_path)
    deciding.decide(session, case.rights[0], caseworker.id, "refuse", "claim_not_covered")
    deletion = send(session, "deletion").case
    assert not assurance.is_asked(deletion)
    deciding.decide(session, deletion.rights[0], to_deciding(session, deletion).id, "grant")


@pytest.mark.parametrize("residence", ["", "US-CA", "US-CT", "EU"])
def test_who_opts_out_where_asking_is_unlawful_is_asked_for_nothing(session: Session, residence: str) -> None:
    draft = fill_draft(session, "opt-out", contact=False)
    intake.save_answers(session, draft, residence=residence)
    case = intake.submit(session, draft).case
    assert not assurance.is_asked(case)
    assert not assurance.waits_for_person(session, case)
    assert (case.state, case.identity) == ("searching", "not-needed")


def test_the_second_address_is_another_one_and_is_forgotten_once_it_answered(session: Session) -> None:
    case = send(session, "access").case
    with pytest.raises(BadInput):
        assurance.give_contact(session, case, EMAIL.upper())
    assurance.give_contact(session, case, "second@example.org")
    code = last_code(session)
    assert not assurance.confirm(session, case, f"{(int(code) + 1) % 10**6:06}")
    assert assurance.confirm(session, case, code)
    [sign] = session.scalars(select(SecondSign)).all()
    assert (sign.kind, sign.sealed, sign.digest) == ("second-contact", None, None)
    assert not assurance.confirm(session, case, code)


def test_five_wrong_codes_kill_it_and_only_so_many_are_sent(session: Session) -> None:
    case = send(session, "access").case
    assurance.give_contact(session, case, "second@example.org")
    code = last_code(session)
    for _ in range(5):
        assert not assurance.confirm(session, case, "x")
    assert not assurance.confirm(session, case, code)
    for _ in range(5):
        assurance.give_contact(session, case, "second@example.org")
    with pytest.raises(TooMany):
        assurance.give_contact(session, case, "third@example.org")


def test_a_contact_that_is_held_answers_a_code_or_is_the_confirmed_one(session: Session) -> None:
    case, other, caseworker = send(session, "access").case, send(session, "access").case, make_account(session)
    with pytest.raises(NotAllowed):
        assurance.write_to_held(session, case, make_account(session, "reviewer").id, "old@example.org", "The account.")
    with pytest.raises(BadInput):
        assurance.write_to_held(session, case, caseworker.id, "old@example.org", " ")
    assurance.write_to_held(session, case, caseworker.id, "old@example.org", "The account.")
    assert assurance.confirm(session, case, last_code(session))
    assurance.accept_known(session, other, caseworker.id, "The account has this address.")
    assert [assurance.standing(session, each).sign for each in (case, other)] == ["held-contact", "known-contact"]
    with pytest.raises(Conflict):
        assurance.accept_known(session, send(session, "access", contact=False).case, caseworker.id, "A note.")


def test_the_words_of_the_law_are_signed_where_it_names_them(session: Session) -> None:
    draft = fill_draft(session, "copy")
    intake.save_answers(session, draft, residence="US-CA")
    california, europe = intake.submit(session, draft).case, send(session, "copy").case
    assert "under penalty of perjury" in assurance.words_of(california)
    assert "perjury" not in assurance.words_of(europe)
    with pytest.raises(BadInput):
        assurance.declare(session, california, " ")
    assurance.declare(session, california, "Anna Example")
    assurance.declare(session, california, "Somebody Else")
    kept = session.get_one(Declaration, california.id)
    said = keys_of(session).unseal(kept.sealed or b"", f"declaration/{california.id}").decode()
    assert "Anna Example" in said
    assert "penalty of perjury" in said
    purging.purge_contact(session, california)
    session.refresh(kept)
    assert kept.sealed is None


def test_the_list_of_the_caseworker_says_what_is_there(session: Session) -> None:
    case = send(session, "access").case
    met = {check.name: check.met for check in identity.checklist(session, case)}
    assert (met["second-sign"], met["signed"]) == (False, False)
    assurance.take_paper(session, case, make_account(session).id)
    assert {check.name: check.met for check in identity.checklist(session, case)}["signed"] is True


@pytest.mark.parametrize("way", ["photographs", "another sign", "in person"])
def test_who_gave_a_face_shows_it_anew_or_a_further_sign(session: Session, tmp_path: Path, way: str) -> None:
    case, caseworker = send(session, "access").case, make_account(session)
    session.add(Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now()))
    assurance.accept_known(session, case, caseworker.id, "The account has this address.")
    assurance.declare(session, case, "Anna Example")
    assert not assurance.waits_for_person(session, case), "photographs are asked for on a page of their own"
    identity.decide_identity(session, case, caseworker.id, "confirmed", "We met her.")
    to_deciding(session, case, make_image(session, tmp_path))
    with pytest.raises(Conflict, match="two new photos with a code") as told:
        deciding.decide(session, case.rights[0], caseworker.id, "grant")
    assert told.value.code == "signs-missing"
    assert session.scalars(select(Package)).all() == [], "no package is made without it"
    if way == "photographs":
        lifecycle.record(session, case, "challenge-sent", "subject")
    elif way == "another sign":
        assurance.give_contact(session, case, "second@example.org")
        assert assurance.confirm(session, case, last_code(session))
    else:
        session.add(Arrival(case_id=case.id, how="in-person", entered_by=caseworker.id, entered_at=clock.now()))
    deciding.decide(session, case.rights[0], caseworker.id, "grant")
    assert session.scalars(select(Package.case_id)).all() == [case.id]
