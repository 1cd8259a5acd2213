"""The photographs of an answer: seeing them, saying who is in them, asking for more, changing one's mind."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import select

from portal import clock
from portal.cases import lifecycle
from portal.cases.answer import deciding
from portal.db import Database
from portal.erasure import plans
from portal.keys import keys_of
from portal.tables import Candidate, Case, CaseRight, Entry, Erasure, Face, Image, Package, Store
from tests.web.conftest import form_token
from tests.web.desk import Colleague, case_to_decide, fill_store


@pytest.fixture
def answered(database: Database, cora: Colleague, tmp_path: Path) -> str:
    """A case about access that was answered with three photographs. Returns its id."""
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs", count=3)
        case = case_to_decide(session, store, "access")
        deciding.decide(session, case.rights[0], cora.id, "grant")
        case.rights[0].outcome = "fulfilled"
        session.execute(Package.__table__.delete())
        case.state, case.outcome, case.waiting_for, case.closed_at = "closed", "fulfilled", "nobody", clock.now()
        return case.id


@pytest.fixture
def person(app: Flask, answered: str) -> FlaskClient:
    return follower(app, answered)


def follower(app: Flask, case_id: str) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as browser:
        browser["case"] = case_id
    return client


def press(client: FlaskClient, path: str, **fields: object) -> tuple[int, str]:
    """Send a form; the status, and the page it leads to."""
    data = {"csrf_token": form_token(client.get("/case").text), **fields}
    answer = client.post(path, data=data)
    return answer.status_code, client.get("/case").text if answer.status_code == 303 else answer.text


def candidates(database: Database) -> list[Candidate]:
    with database.reading() as session:
        return list(session.scalars(select(Candidate).order_by(Candidate.image_id)))


def right_of(database: Database, name: str) -> CaseRight:
    with database.reading() as session:
        return session.scalars(select(CaseRight).where(CaseRight.right == name)).one()


def test_photographs_stay_folded_until_they_are_tapped(person: FlaskClient) -> None:
    page = person.get("/case").text
    assert page.count('<img class="ef-seen" loading="lazy"') == 3
    assert "<details open" not in page
    assert "Is this you?" in page


def test_a_photograph_is_shown_with_strangers_covered_and_the_log_says_so(
    person: FlaskClient, database: Database
) -> None:
    with database.writing() as session:
        image = session.scalars(select(Image).order_by(Image.id)).first()
        assert image is not None
        for left in (0, 60):
            session.add(Face(image_id=image.id, top=0, left=left, bottom=40, right=left + 40))
        session.flush()
        own = session.scalars(select(Face).where(Face.left == 60)).one()
        session.scalars(select(Candidate).where(Candidate.image_id == image.id)).one().face_id = own.id
    answer = person.get("/case/photographs/1.jpg")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "no-store"
    covered = Pillow.open(io.BytesIO(answer.data)).convert("L").crop((8, 8, 32, 32)).getextrema()
    assert covered[1] - covered[0] < 16
    with database.reading() as session:
        assert session.scalars(select(Entry).where(Entry.kind == "image-shown")).one()


def test_no_other_photograph_is_shown(person: FlaskClient) -> None:
    for number in ("0", "4", "999999999999999999999", "-1", "1.jpg"):
        assert person.get(f"/case/photographs/{number}.jpg").status_code == 404, number


@pytest.mark.parametrize("changed", [{"identity": "not-needed"}, {"outcome": "withdrawn"}])
def test_who_was_not_checked_sees_and_asks_nothing(
    person: FlaskClient, database: Database, changed: dict[str, str]
) -> None:
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        for name, value in changed.items():
            setattr(case, name, value)
    assert person.get("/case/photographs/1.jpg").status_code == 404
    assert person.get("/case/choose").status_code == 404
    assert press(person, "/case/photographs", **{"said-1": "me"})[0] == 422
    assert press(person, "/case/choose", wish="deletion", photograph="1")[0] == 409
    assert not any(one.said or one.wish for one in candidates(database))


def test_a_browser_without_a_case_is_sent_to_sign_in(app: Flask, answered: str) -> None:
    for path in ("/case/photographs/1.jpg", "/case/choose", "/case/choose/check?wish=deletion"):
        answer = app.test_client().get(path)
        assert answer.status_code == 303
        assert answer.location.endswith("/case/sign-in")


def test_what_the_person_says_reaches_the_caseworker(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    status, page = press(person, "/case/photographs", **{"said-1": "me", "said-2": "not-me", "said-3": "not-sure"})
    assert status == 303
    assert '<span class="ef-tag">Not me</span>' in page
    assert [one.said for one in candidates(database)] == ["me", "not-me", "not-sure"]
    desk = cora.get(f"/staff/cases/{answered}/photographs")
    assert "Photograph 2: not me" in desk
    assert "The person says that some photographs do not show them." in desk


def test_nonsense_about_photographs_is_refused(person: FlaskClient, database: Database) -> None:
    for fields in ({}, {"said-1": "yes"}, {"said-9": "me"}, {"said-1": "<script>"}):
        assert press(person, "/case/photographs", **fields)[0] == 422, fields
    assert not any(one.said for one in candidates(database))


def test_picked_photographs_are_checked_counted_and_asked_for(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    assert "What should happen to the photographs?" in person.get("/case/choose").text
    page = person.get("/case/choose/check?wish=deletion&which=some&photograph=1&photograph=3").text
    assert "Delete 2 photographs" in page
    assert "cannot be brought back" in page
    assert right_names(database) == ["access"]
    status, page = press(person, "/case/choose", wish="deletion", photograph=["1", "3"])
    assert status == 303
    assert "I changed my mind" in page
    right = right_of(database, "deletion")
    assert right.due_on > clock.now().date()
    with database.writing() as session:
        case = session.get_one(Case, answered)
        assert (case.state, case.waiting_for, case.due_on) == ("deciding", "caseworker", right.due_on)
        planned = plans.enumerate_items(session, case, "deletion")
        ids = [one.image_id for one in session.scalars(select(Candidate).order_by(Candidate.image_id))]
    assert {item.image_id for item in planned if item.image_id} == {ids[0], ids[2]}
    assert "Photograph 3: nothing said; picked for the deletion" in cora.get(f"/staff/cases/{answered}/photographs")


def right_names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(CaseRight.right).order_by(CaseRight.id)))


def test_the_check_page_asks_again_what_is_missing(person: FlaskClient) -> None:
    some = "wish=deletion&which=some"
    for query in ("", "wish=", "wish=everything", some, f"{some}&photograph=4&photograph=x"):
        answer = person.get(f"/case/choose/check?{query}")
        assert answer.status_code == 422, query
        assert "There is a problem" in answer.text, query


def test_asking_for_nothing_or_nonsense_changes_nothing(person: FlaskClient, database: Database) -> None:
    for fields in ({}, {"wish": "access"}, {"wish": "deletion"}, {"wish": "deletion", "photograph": "7"}):
        assert press(person, "/case/choose", **fields)[0] in {409, 422}, fields
    assert right_names(database) == ["access"]


def test_what_is_somebody_elses_is_not_planned_even_if_all_were_asked(
    person: FlaskClient, database: Database, answered: str
) -> None:
    press(person, "/case/choose", wish="deletion", photograph=["1", "2", "3"])
    press(person, "/case/photographs", **{"said-2": "not-me"})
    with database.reading() as session:
        planned = plans.enumerate_items(session, session.get_one(Case, answered), "deletion")
    assert {item.image_id for item in planned if item.image_id} == {
        one.image_id for one in candidates(database) if one.said is None
    }


def test_what_the_person_is_not_sure_about_is_left_alone_and_they_read_so(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    _status, page = press(person, "/case/photographs", **{"said-2": "not-sure"})
    page = person.get("/case").text
    assert "not sure about these photographs: <bdi>2</bdi>." in page
    assert "The person is not sure about some photographs." in cora.get(f"/staff/cases/{answered}")
    assert 'id="photograph-2"' not in person.get("/case/choose").text
    press(person, "/case/choose", wish="deletion", photograph="2")
    assert "deletion" not in right_names(database)
    press(person, "/case/photographs", **{"said-2": "me"})
    assert 'id="photograph-2"' in person.get("/case/choose").text


def test_when_all_that_was_picked_is_gone_nothing_else_is_planned(
    person: FlaskClient, database: Database, answered: str
) -> None:
    press(person, "/case/choose", wish="deletion", photograph="1")
    with database.writing() as session:
        picked = session.scalars(select(Candidate).where(Candidate.wish == "deletion")).one()
        picked.image.state = "gone"
    with database.reading() as session:
        assert plans.enumerate_items(session, session.get_one(Case, answered), "deletion") == []


def test_changing_ones_mind_before_a_decision_closes_the_case_as_it_was(
    person: FlaskClient, database: Database, answered: str
) -> None:
    press(person, "/case/choose", wish="deletion", photograph="1")
    status, page = press(person, "/case/choose/deletion/undo")
    assert status == 303
    assert "You changed your mind about this, so we did nothing." in page
    with database.reading() as session:
        case = session.get_one(Case, answered)
        assert (case.state, case.outcome) == ("closed", "fulfilled")
    assert not any(one.wish for one in candidates(database))
    # And it can be asked for again.
    assert press(person, "/case/choose", wish="deletion", photograph="2")[0] == 303
    assert right_of(database, "deletion").outcome is None


def cooling(database: Database, cora: Colleague, answered: str, **changed: object) -> None:
    """The deletion was granted and planned, and the plan approved."""
    with database.writing() as session:
        case = session.get_one(Case, answered)
        right = next(one for one in case.rights if one.right == "deletion")
        deciding.decide(session, right, cora.id, "grant")
        erasure = plans.plan_erasure(session, case, "deletion", cora.id)
        erasure.state, erasure.approved_at, erasure.approved_by = "cooling", clock.now(), cora.id
        erasure.one_person, erasure.cooling_until = True, clock.now() + timedelta(hours=24)
        for name, value in changed.items():
            setattr(erasure, name, value)


def test_changing_ones_mind_while_it_cools_stops_the_erasure(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    press(person, "/case/choose", wish="deletion", photograph="1")
    cooling(database, cora, answered)
    assert press(person, "/case/choose/deletion/undo")[0] == 303
    with database.reading() as session:
        assert session.scalars(select(Erasure.state)).one() == "stopped"
        assert session.get_one(Case, answered).state == "closed"


def test_what_was_taken_back_is_not_planned_again(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    for wish, number in (("deletion", "1"), ("opt-out", "2")):
        press(person, "/case/choose", wish=wish, photograph=number)
    with database.writing() as session:
        case = session.get_one(Case, answered)
        for right in lifecycle.open_rights(session, case):
            deciding.decide(session, right, cora.id, "grant")
        erasure_id = plans.plan_erasure(session, case, "deletion", cora.id).id
    assert press(person, "/case/choose/deletion/undo")[0] == 303
    # The opt-out keeps the request open, so the desk still has its buttons.
    cora.post(f"/staff/erasures/{erasure_id}/plan-again", status=409)
    with database.reading() as session:
        assert session.get_one(Erasure, erasure_id).state == "stopped"


def test_a_number_that_is_none_is_not_picked(person: FlaskClient) -> None:
    for number in ("9" * 5000, "x", "-1", ""):
        assert press(person, "/case/choose", wish="deletion", photograph=number)[0] == 422, number
        asked = {"wish": "deletion", "which": "some", "photograph": number}
        assert person.get("/case/choose/check", query_string=asked).status_code == 422, number


def test_after_it_began_nobody_can_change_their_mind(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    press(person, "/case/choose", wish="deletion", photograph="1")
    cooling(database, cora, answered, state="running")
    assert "I changed my mind" not in person.get("/case").text
    assert press(person, "/case/choose/deletion/undo")[0] == 409
    assert right_of(database, "deletion").outcome is None


def test_what_was_asked_at_first_is_not_undone_here(person: FlaskClient) -> None:
    assert press(person, "/case/choose/access/undo")[0] == 404
    assert press(person, "/case/choose/nonsense/undo")[0] == 404


def test_the_store_being_away_is_said_and_not_a_fault(person: FlaskClient, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        session.scalars(select(Store)).one().settings = {"folder": str(tmp_path / "unplugged")}
    assert person.get("/case/photographs/1.jpg").status_code in {404, 503}


def test_each_photograph_may_have_a_wish_of_its_own(person: FlaskClient, database: Database) -> None:
    page = person.get("/case/choose").text
    assert page.count('name="each-') == 9
    query = "which=each&each-1=deletion&each-2=opt-out&each-3=none&each-4=deletion"
    page = person.get(f"/case/choose/check?{query}").text
    assert "Delete 1 photograph" in page
    assert "Stop using 1 photograph" in page
    assert "Photograph 3" not in page
    status, page = press(person, "/case/choose", **{"each-1": "deletion", "each-2": "opt-out"})
    assert (status, page.count("I changed my mind</button>")) == (303, 2)
    assert [one.wish for one in candidates(database)] == ["deletion", "opt-out", None]
    assert {"deletion", "opt-out"} <= set(right_names(database))


@pytest.mark.parametrize("query", ["", "&each-1=none", "&each-1=copy", "&each-x=deletion", "&each-9=deletion"])
def test_where_nothing_was_chosen_for_any_photograph_it_is_asked_again(person: FlaskClient, query: str) -> None:
    answer = person.get(f"/case/choose/check?which=each{query}")
    assert answer.status_code == 422
    assert "Pick at least one photograph." in answer.text


def test_the_person_says_what_may_be_kept_until_it_is_decided(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    assert person.get("/case/keep").status_code == 404, "there is no deletion yet"
    _status, page = press(person, "/case/choose", wish="deletion", photograph="1")
    assert 'href="/case/keep"' in page
    assert 'value="photographs" checked' in person.get("/case/keep").text
    assert press(person, "/case/keep", keeps="everything")[0] == 422
    assert right_of(database, "deletion").keeps == "photographs"
    for _again in range(2):
        assert press(person, "/case/keep", keeps="none")[0] == 303
    assert right_of(database, "deletion").keeps == "none"
    with database.reading() as session:
        logged = list(session.scalars(select(Entry).where(Entry.kind == "kept-chosen")))
    assert len(logged) == 1, "the same answer again changes nothing"
    assert "may come in again" in cora.get(f"/staff/cases/{answered}/plan/deletion")
    cooling(database, cora, answered)
    assert 'href="/case/keep"' not in person.get("/case").text
    assert press(person, "/case/keep", keeps="photographs")[0] == 409
    assert right_of(database, "deletion").keeps == "none"


def test_a_face_is_kept_only_by_a_consent_of_its_own_and_forgotten_by_one_button(
    person: FlaskClient, database: Database, cora: Colleague, answered: str
) -> None:
    press(person, "/case/choose", wish="deletion", photograph="1")
    page = person.get("/case/keep").text
    assert 'value="face"' in page
    assert "It is biometric data." in page
    assert 'value="face" checked' not in page
    status, page = press(person, "/case/keep", keeps="face")
    assert (status, "Tick the box if we may keep a template of your face" in page) == (422, True)
    assert right_of(database, "deletion").keeps == "photographs"
    assert press(person, "/case/keep", keeps="face", agrees="y")[0] == 303
    assert right_of(database, "deletion").keeps == "face"
    desk = cora.get(f"/staff/cases/{answered}/plan/deletion")
    assert "A protected template of the face, because the person asked for it" in desk
    assert "These numbers, and a protected template of the face" in cora.get(f"/staff/cases/{answered}")
    assert press(person, "/case/keep/forget", what="face")[0] == 409, "until it is decided they simply choose again"
    cooling(database, cora, answered)
    assert 'href="/case/keep"' in person.get("/case").text
    assert "Delete the template of my face" in person.get("/case/keep").text
    status, page = press(person, "/case/keep/forget", what="face")
    assert (status, "We deleted the template of your face." in page) == (303, True)
    with database.reading() as session:
        assert keys_of(session).is_destroyed("face", answered)
        assert session.scalars(select(Entry).where(Entry.kind == "face-forgotten")).one()


def test_nobody_is_asked_for_their_face_who_did_not_agree_to_the_comparison(
    person: FlaskClient, database: Database, answered: str
) -> None:
    with database.writing() as session:
        session.get_one(Case, answered).consented_at = None
    press(person, "/case/choose", wish="deletion", photograph="1")
    assert 'value="face"' not in person.get("/case/keep").text
    assert press(person, "/case/keep", keeps="face", agrees="y")[0] == 422
