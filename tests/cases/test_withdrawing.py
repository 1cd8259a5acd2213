"""A request can be taken back in each state, until something was deleted for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases import lifecycle, withdrawing
from portal.cases.answer import packages
from portal.cases.arrival import intake
from portal.config import Config
from portal.db import Database
from portal.errors import Conflict, LostLease
from portal.jobs import claim
from portal.tables import Account, Blob, Candidate, Case, Erasure, ErasureItem, Mail, Package, Probe, Search
from tests.cases.arrival.test_intake import photograph
from tests.cases.making import (
    add_candidate,
    confirm_identity,
    fill_draft,
    grant_all,
    make_account,
    make_image,
    send,
    to_deciding,
)
from workers import mailing

STATES = ["identity-check", "searching", "reviewing", "deciding", "fulfilling"]


def bring_to(session: Session, case: Case, state: str, folder: Path) -> Account:
    """Move a deletion and copy case to `state`, with a photograph found where there can be one."""
    if state == "identity-check":
        return make_account(session)
    if state in {"deciding", "fulfilling"}:
        account = to_deciding(session, case, make_image(session, folder))
        if state == "fulfilling":
            grant_all(session, case, account)
        return account
    account = confirm_identity(session, case)
    if state == "reviewing":
        add_candidate(session, case, make_image(session, folder))
        lifecycle.search_finished(session, case)
    return account


def plan(session: Session, case: Case, account: Account, state: str) -> Erasure:
    erasure = Erasure(
        case_id=case.id,
        kind="deletion",
        state=state,
        work_state="due",
        run_after=clock.now(),
        plan_digest="0" * 64,
        asked_by=account.id,
        planned_at=clock.now(),
    )
    session.add(erasure)
    session.flush()
    session.add(
        ErasureItem(erasure_id=erasure.id, position=0, kind="image", target="1", leaf=b"l" * 32, sealed=b"sealed")
    )
    session.flush()
    return erasure


@pytest.mark.parametrize("state", STATES)
def test_withdrawing_deletes_what_was_sent_at_once(
    session: Session, tmp_path: Path, config: Config, state: str
) -> None:
    draft = fill_draft(session, "copy", "deletion")
    intake.save_answers(session, draft, helps="my name")
    intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "selfie")
    case = intake.submit(session, draft).case
    bring_to(session, case, state, tmp_path / "store")
    assert case.state == state
    withdrawing.withdraw(session, case)
    session.expire_all()
    assert (case.state, case.outcome, case.waiting_for) == ("closed", "withdrawn", "nobody")
    assert {right.outcome for right in case.rights} == {"withdrawn"}
    assert session.scalars(select(Blob)).all() == []
    assert session.scalars(select(Candidate)).all() == []
    assert session.scalars(select(Mail).where(Mail.case_id == case.id)).all() == []
    assert (case.contact, case.contact_digest, case.details) == (None, None, None)
    for probe in session.scalars(select(Probe)):
        assert (probe.state, probe.sealed, probe.digest, probe.near_digest, probe.boxes) == (
            "purged",
            None,
            None,
            None,
            [],
        )
    with pytest.raises(Conflict):
        withdrawing.withdraw(session, case)


@pytest.mark.parametrize("state", ["planned", "approved", "cooling"])
def test_a_planned_erasure_is_stopped(session: Session, tmp_path: Path, state: str) -> None:
    case = send(session, "access", "deletion").case
    erasure = plan(session, case, bring_to(session, case, "fulfilling", tmp_path / "store"), state)
    withdrawing.withdraw(session, case)
    session.expire_all()
    assert (erasure.state, erasure.work_state) == ("stopped", "idle")
    assert [item.sealed for item in erasure.items] == [None]


@pytest.mark.parametrize("state", ["running", "checking", "notifying", "settled"])
def test_a_begun_erasure_cannot_be_taken_back(session: Session, tmp_path: Path, state: str) -> None:
    case = send(session, "access", "deletion").case
    plan(session, case, bring_to(session, case, "fulfilling", tmp_path / "store"), state)
    with pytest.raises(Conflict) as told:
        withdrawing.withdraw(session, case)
    assert told.value.code == "too-late"
    assert case.state == "fulfilling"


def test_a_ready_package_goes_too(session: Session, tmp_path: Path) -> None:
    case = send(session, "copy", "deletion").case
    bring_to(session, case, "fulfilling", tmp_path / "store")
    package = session.scalars(select(Package)).one()
    packages.record(session, package, packages.Built(b"zip", 1, 0))
    withdrawing.withdraw(session, case)
    session.expire_all()
    assert package.blob_id is None
    assert blobs.purge_blob(session, package.blob_id) is False
    assert {right.right: right.outcome for right in case.rights} == {"copy": "fulfilled", "deletion": "withdrawn"}


def test_a_worker_in_the_middle_cannot_write_afterwards(database: Database) -> None:
    with database.writing() as session:
        case_id = send(session, "opt-out").case.id
        search_id = session.scalars(select(Search.id)).one()
    lease = claim(database, "searching", search_id)
    assert lease is not None
    with database.writing() as session:
        withdrawing.withdraw(session, session.get_one(Case, case_id))
    with database.session(write=True) as session, pytest.raises(LostLease):
        lease.hold(session)


def test_an_unchecked_person_cannot_tell_a_hit_by_the_button(session: Session, tmp_path: Path) -> None:
    hit, miss = send(session, "opt-out").case, send(session, "opt-out").case
    bring_to(session, hit, "fulfilling", tmp_path / "store")
    grant_all(session, miss, to_deciding(session, miss))
    told = []
    for case in (hit, miss):
        assert not withdrawing.may_withdraw(session, case)
        with pytest.raises(Conflict) as refusal:
            withdrawing.withdraw(session, case)
        told.append((refusal.value.sentence, refusal.value.code))
    assert told[0] == told[1]


def test_a_mail_that_is_being_sent_is_not_written_to_again(database: Database) -> None:
    with database.writing() as session:
        case_id = send(session, "opt-out").case.id
        mail_id = session.scalars(select(Mail.id).where(Mail.case_id == case_id)).one()
    lease = claim(database, "mailing", mail_id)
    assert lease is not None
    with database.writing() as session:
        withdrawing.withdraw(session, session.get_one(Case, case_id))
    with pytest.raises(LostLease):
        mailing.work(lease)
    assert not (database.config.data / "outbox").exists()
