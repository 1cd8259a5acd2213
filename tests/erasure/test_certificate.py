"""A certificate can only be made from evidence, once, and says in plain words what was not done."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal.db import Database
from portal.erasure import certificate, verifying, wording
from portal.errors import Conflict
from portal.tables import Account, Candidate, CaseRight, Certificate, Entry, Erasure, ErasureItem, Judgement
from tests.erasure.certified import GONE, NOON, add_item, finished, issued


def refused(session: Session, erasure: Erasure) -> str:
    with pytest.raises(Conflict) as problem:
        certificate.issue(session, erasure)
    assert session.scalar(select(Certificate)) is None
    assert session.scalar(select(Entry).filter_by(kind="certificate")) is None
    return problem.value.code


def item(session: Session, kind: str) -> ErasureItem:
    return session.scalars(select(ErasureItem).filter_by(kind=kind).limit(1)).one()


def said(made: Certificate) -> dict:
    return json.loads(made.statement)


def test_a_finished_deletion_is_certified_in_full(session: Session) -> None:
    made, file, key = issued(session)
    statement = verifying.verify(file, key)
    assert made.kind == statement["extent"] == "full"
    assert statement == said(made)
    assert statement["counts"] == {
        "suppression": {"suppressed": 2},
        "dataset-place": {"deleted": 2},
        "templates": {"deleted": 2},
        "image": {"deleted": 2},
        "model": {"retrained-without": 1},
        "recipient": {"told": 1},
    }
    assert statement["case"] == {
        "reference": "EF-TEST-CASE",
        "right": "deletion",
        "rule": "eu.deletion",
        "rule_version": 1,
        "identity": "confirmed",
    }
    assert statement["dates"]["received"] == "2026-11-20T12:00:00Z"
    assert statement["dates"]["approved"] == "2026-11-20T13:00:00Z"
    assert statement["datasets"] == [{"name": "Faces", "version": "2014", "results": {"deleted": 2}}]
    assert statement["models"][0]["name"] == "Recogniser"
    assert statement["recipients"][0] == {
        "name": "Example Vision Ltd",
        "item": 9,
        "result": "told",
        "at": "2026-11-22T12:09:00Z",
        "got": [],
        "notices": [],
    }
    assert statement["search"]["candidates"] == {"confirmed": 2, "rejected": 1}
    assert statement["search"]["searches"][0]["coverage"] == {
        "Photo archive": {"searched": 985, "fallback": 5, "faceless": 10},
        "Attic": {},
    }
    assert statement["parts"]["images"]["items"] == 2
    assert [kept["what"] for kept in statement["kept"]] == ["suppressions", "log"]
    assert statement["exceptions"] == []
    assert "hold nothing" not in json.dumps(statement)


def test_who_acted_how_and_for_whom_is_said_without_names(session: Session) -> None:
    erasure = finished(session)
    session.get_one(Account, "approver").roles = ["caseworker", "admin"]
    candidates = session.scalars(select(Candidate).order_by(Candidate.image_id)).all()
    for candidate, account, hour in zip(candidates, ("asker", "approver", "asker"), (1, 2, 3), strict=True):
        at = NOON + timedelta(hours=hour)
        undone = at if account == "approver" else None
        session.add(Judgement(candidate_id=candidate.id, account_id=account, answer="same", at=at, undone_at=undone))
    session.flush()
    made = certificate.issue(session, erasure)
    reviewed, planned, approved, *_ = said(made)["people"]
    assert (reviewed["role"], reviewed["at"]) == ("reviewed", "2026-11-20T15:00:00Z")
    assert reviewed["who"] == planned["who"] != approved["who"]
    assert approved["staff_roles"] == ["admin", "caseworker"]
    file = certificate.file_of(session, made)
    words = "\n".join(wording.in_words(said(made), verifying.items_of(file)))
    for sentence in (
        "1 reviewer compared the photographs.",
        "Each file was first compared with the approved one. Then it was deleted.",
        "No disk or other device was destroyed for this.",
        "No person has sworn this under penalty of perjury.",
        "It is made for the person who asked, or for who acts for them.",
        "Not known to this statement: where the people who acted were",
        "efface certificate verify FILE --key KEY",
    ):
        assert sentence in words


def test_the_log_holds_the_exact_bytes_of_the_statement(session: Session) -> None:
    made, _, _ = issued(session)
    entry = session.get_one(Entry, made.entry)
    assert (entry.kind, entry.body) == ("certificate", made.statement)
    session.commit()
    assert audit.fsck(session) == []


def test_no_name_digest_key_salt_or_note_reaches_the_log(session: Session) -> None:
    made, file, _ = issued(session)
    body = made.statement.decode()
    for row in verifying.items_of(file):
        assert row["salt"] not in body or not row["salt"]
        assert row["commitment"] not in body
    assert "Somebody Secret" not in body + file.decode()
    assert "secret-name" not in body + file.decode()
    assert "Letter of" not in body


def test_the_list_of_items_rests_sealed(session: Session) -> None:
    made, file, _ = issued(session)
    salts = [row["salt"] for row in certificate.items_of(session, made)]
    assert salts == [row["salt"] for row in verifying.items_of(file)]
    assert len(set(salts)) == len(salts)
    assert salts[0].encode() not in made.sealed_items


def test_a_second_certificate_is_the_first(session: Session) -> None:
    made, _, _ = issued(session)
    erasure = session.get_one(Erasure, "erasure")
    for row in erasure.items:
        row.sealed = None
    session.flush()
    assert certificate.issue(session, erasure) is made
    assert len(session.scalars(select(Entry).filter_by(kind="certificate")).all()) == 1


def test_the_file_still_verifies_after_the_log_has_grown(database: Database) -> None:
    with database.writing() as session:
        made, first, key = issued(session)
        certificate_id = made.id
    for number in range(9):
        with database.writing() as session:
            audit.append(session, "test", {"number": number})
            audit.publish(session)
    with database.writing() as session:
        later = certificate.file_of(session, session.get_one(Certificate, certificate_id))
    assert later != first
    assert verifying.verify(later, key) == verifying.verify(first, key)


@pytest.mark.parametrize("state", ["planned", "intent", "applied", "failed"])
def test_an_item_without_an_end_stops_the_certificate(session: Session, state: str) -> None:
    erasure = finished(session)
    item(session, "image").state = state
    assert refused(session, erasure) == "evidence-missing"


@pytest.mark.parametrize("evidence", [None, {}, {**GONE, "gone": False}])
def test_an_item_that_was_not_seen_to_be_gone_stops_it(session: Session, evidence: dict | None) -> None:
    erasure = finished(session)
    item(session, "image").evidence = evidence
    assert refused(session, erasure) == "evidence-missing"


@pytest.mark.parametrize("kind", ["model", "recipient"])
def test_a_question_without_an_answer_stops_it(session: Session, kind: str) -> None:
    erasure = finished(session)
    item(session, kind).result = None
    assert refused(session, erasure) == "evidence-missing"


def test_a_plan_nobody_approved_stops_it(session: Session) -> None:
    erasure = finished(session)
    erasure.approved_at = erasure.approved_by = None
    assert refused(session, erasure) == "evidence-missing"


def test_a_right_that_was_not_asked_for_stops_it(session: Session) -> None:
    erasure = finished(session)
    session.delete(session.scalars(select(CaseRight)).one())
    session.flush()
    assert refused(session, erasure) == "evidence-missing"


def test_an_item_lost_from_the_plan_stops_it(session: Session) -> None:
    erasure = finished(session)
    session.delete(item(session, "image"))
    session.flush()
    assert refused(session, erasure) == "plan-changed"


def test_an_item_put_in_another_items_place_stops_it(session: Session) -> None:
    erasure = finished(session)
    item(session, "image").target = "2000"
    assert refused(session, erasure) == "plan-changed"


def test_an_item_added_after_the_approval_stops_it(session: Session) -> None:
    erasure = finished(session)
    add_item(session, erasure, 10, "image", "3", image_id=3, result="deleted")
    assert refused(session, erasure) == "plan-changed"


def test_a_refused_item_makes_it_partial_and_is_named(session: Session) -> None:
    erasure = finished(session)
    left = item(session, "image")
    left.state, left.result, left.evidence = "refused", "bytes-changed", None
    made = certificate.issue(session, erasure)
    assert made.kind == "partial"
    assert said(made)["exceptions"] == [{"kind": "image", "why": "bytes-changed", "count": 1}]
    verifying.verify(certificate.file_of(session, made), audit.verifier_key(session))


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"model": "kept"}, "partial"),
        ({"model": "output-suppressed"}, "partial"),
        ({"recipient": "not-reached"}, "partial"),
        ({"model": "destroyed"}, "full"),
        ({"model": "not-affected"}, "full"),
    ],
)
def test_what_is_left_undone_makes_it_partial(session: Session, answers: dict[str, str], kind: str) -> None:
    made, file, key = issued(session, **answers)
    assert made.kind == verifying.verify(file, key)["extent"] == kind


def test_an_opt_out_says_that_photographs_were_kept(session: Session) -> None:
    made, file, key = issued(session, "opt-out", model="output-suppressed")
    statement = verifying.verify(file, key)
    assert made.kind == "full"
    assert statement["kept"][0] == {
        "what": "photographs",
        "count": 2,
        "why": "an opt-out does not delete photographs",
    }
    assert "image" not in statement["counts"]
    assert statement["method"] == ""


def test_an_erasure_of_nothing_can_be_certified(session: Session) -> None:
    erasure = finished(session)
    for row in list(erasure.items):
        session.delete(row)
    session.flush()
    session.expire(erasure, ["items"])
    erasure.plan_digest = certificate.plan_digest([])
    made = certificate.issue(session, erasure)
    statement = verifying.verify(certificate.file_of(session, made), audit.verifier_key(session))
    assert statement["plan"]["items"] == 0


def test_one_person_alone_is_said(session: Session) -> None:
    erasure = finished(session)
    erasure.one_person, erasure.approved_by = True, "asker"
    assert said(certificate.issue(session, erasure))["approval"].startswith("One person alone")


def test_what_two_searches_of_a_day_say_alike_is_said_once(session: Session) -> None:
    made, file, _ = issued(session)
    statement = said(made)
    first = statement["search"]["searches"][0]
    other = {**first, "gallery_size": first["gallery_size"] + 1}
    statement["search"]["searches"] = [first, dict(first), other]
    words = list(wording.in_words(statement, verifying.items_of(file)))
    assert sum(line.startswith("Searched on") for line in words) == 2
