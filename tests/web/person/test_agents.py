"""Asking for somebody else: the pages, the person's own say, the list at the desk, and hostile input."""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select

from portal import clock
from portal.cases import lifecycle, mails
from portal.cases.acting import mandates
from portal.cases.law.acting import acting_rules
from portal.db import Database
from portal.tables import Blob, Case, Mail, Mandate
from tests.cases.making import add_candidate, make_image
from tests.web.conftest import form_token, send
from tests.web.desk import Colleague, colleague
from tests.web.trip import jpeg, newest_code

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
PERSON = "anna@person.example"


def start(client: FlaskClient, whom: str, rights: list[str], place: str = "US-CA") -> None:
    send(client, "/", "/request/start")
    send(client, "/request/rights", rights=rights)
    send(client, "/request/whom", for_whom=whom)
    send(client, "/request/residence", residence=place)


def act(client: FlaskClient, basis: str = "permission", rights: list[str] | None = None, **more: Any) -> Any:
    fields: dict[str, Any] = {"person": "Anna Ames", "requester": "Bo Berg", "basis": basis}
    if rights:
        fields |= {"rights": rights}
    return send(client, "/request/acting", **fields, **more)


def give(client: FlaskClient, point: str, data: bytes = PDF, name: str = "paper.pdf") -> Any:
    token = form_token(client.get("/request/papers").text)
    fields = {"csrf_token": token, "paper": (io.BytesIO(data), name)}
    return client.post(f"/request/papers/{point}", data=fields, content_type="multipart/form-data")


def finish(client: FlaskClient, database: Database, email: str = "bo@agent.example") -> str:
    """The rest of the way. Returns the reference."""
    send(client, "/request/ways", ways=["link"])
    send(client, "/request/links", text="https://example.com/anna.jpg")
    send(client, "/request/contact", email=email)
    send(client, "/request/code", code=newest_code(database))
    send(client, "/request/helps", helps="")
    assert send(client, "/request/check").status_code == 303
    found = re.search(r"EF-[A-Z2-9]{4}-[A-Z2-9]{4}", client.get("/request/sent").text)
    assert found
    return found.group()


def whole(client: FlaskClient, database: Database, rights: list[str], place: str = "US-CA", **more: Any) -> str:
    start(client, "agent", rights, place)
    assert act(client, rights=rights, **more).status_code == 303
    assert give(client, "permission").status_code == 303
    return finish(client, database)


def link_of(database: Database, *, newest: bool = False) -> str | None:
    with database.reading() as session:
        for mail in session.scalars(select(Mail).order_by(Mail.created_at.desc() if newest else Mail.created_at)):
            letter = mails.open_mail(session, mail)
            found = re.search(r"/for-you/(\S+)", letter.body) if letter else None
            if letter and found:
                assert letter.to == PERSON
                assert "photo" not in letter.subject + letter.body
                return f"/for-you/{found.group(1)}"
    return None


def say_yes(app: Flask, database: Database) -> FlaskClient:
    """The person who was asked opens their link and says yes. Returns their browser."""
    link = link_of(database)
    assert link
    person = app.test_client()
    send(person, link, f"{link}/yes")
    return person


def case_of(database: Database, reference: str) -> tuple[Case, Mandate]:
    with database.reading() as session:
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        mandate = session.scalars(select(Mandate).where(Mandate.case_id == case.id)).one()
        session.expunge_all()
        return case, mandate


def judge(cora: Colleague, case: Case, **points: str) -> str:
    fields: dict[str, Any] = {
        f"point-{name.replace('_', '-')}": value for name, value in points.items() if name != "note"
    }
    return cora.post(f"/staff/cases/{case.id}/mandate/judge", note=points.get("note", ""), **fields)


ALL = {"permission": "yes", "scope": "yes", "in_time": "yes"}


def test_an_agent_and_the_person_both_confirm(
    app: Flask, client: FlaskClient, database: Database, cora: Colleague
) -> None:
    reference = whole(client, database, ["copy", "deletion"], email=PERSON)
    case, _ = case_of(database, reference)
    assert (case.state, case.waiting_for) == ("identity-check", "caseworker")
    link = link_of(database)
    assert link
    person = app.test_client()
    page = person.get(link).text
    assert "Bo Berg" in page
    assert case_of(database, reference)[1].confirmed_at is None, "reading the page says nothing yet"
    words_page = send(person, link, f"{link}/yes")
    assert words_page.location == "/case/your-words"
    shown = person.get("/case/your-words").text
    words = re.search(r'class="ef-words"><bdi>([a-z ]+)<', shown)
    assert words
    assert reference in shown
    assert case_of(database, reference)[1].confirmed_at is not None
    # With their own words the person comes back and can take the request back.
    again = app.test_client()
    send(again, "/case/sign-in", reference=reference, secret=words.group(1))
    assert "End the permission" in again.get("/case/permission").text
    assert "Go through the list" in cora.get(f"/staff/cases/{case.id}")
    judge(cora, case, **ALL)
    assert case_of(database, reference)[1].judged == "accepted"
    assert "Check who is asking" in cora.get(f"/staff/cases/{case.id}")
    send(again, "/case/withdraw")
    assert case_of(database, reference)[0].outcome == "withdrawn"


def test_nobody_asks_the_person_to_confirm_an_opt_out(client: FlaskClient, database: Database, cora: Colleague) -> None:
    start(client, "agent", ["opt-out"])
    assert 'name="email"' not in client.get("/request/acting").text
    act(client, rights=["opt-out"])
    give(client, "permission")
    reference = finish(client, database)
    assert link_of(database) is None
    case, mandate = case_of(database, reference)
    assert mandate.asked_at is None
    judge(cora, case, **ALL)
    case, _ = case_of(database, reference)
    # The signed paper was all that may be asked: it goes on at once, and blind.
    assert (case.state, case.identity) == ("searching", "not-needed")


def test_a_no_of_the_person_ends_it_and_deletes_what_was_sent(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    reference = whole(client, database, ["deletion"], email=PERSON)
    link = link_of(database)
    assert link
    person = app.test_client()
    assert "The request has ended" in send(person, link, f"{link}/no").text
    case, mandate = case_of(database, reference)
    assert (case.outcome, mandate.sealed) == ("withdrawn", None)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Blob).where(Blob.purpose == "proof")) == 0
    assert person.get(link).status_code == 410


def test_to_turn_it_down_takes_two_people(app: Flask, client: FlaskClient, database: Database, cora: Colleague) -> None:
    reference = whole(client, database, ["deletion"])
    case, _ = case_of(database, reference)
    page = cora.post(f"/staff/cases/{case.id}/mandate/judge", 422, **{"point-permission": "no", "note": "x"})
    assert "each point" in page
    judge(cora, case, permission="no", scope="yes", in_time="yes", note="It is not signed.")
    assert case_of(database, reference)[0].waiting_for == "approver"
    cora.post(f"/staff/cases/{case.id}/mandate/agree", 403)
    cora.post(f"/staff/cases/{case.id}/identity", 409, decision="confirmed", note="I know them.")
    dora = colleague(app, database, "caseworker", name="Dora")
    dora.post(f"/staff/cases/{case.id}/mandate/agree")
    assert case_of(database, reference)[0].outcome == "unverified"


def test_a_permission_that_ran_out_keeps_its_holder_out_until_there_is_a_new_one(
    client: FlaskClient, database: Database, cora: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (clock.now() + timedelta(days=1)).date()
    reference = whole(client, database, ["deletion"], expires_on=ends.isoformat())
    case, _ = case_of(database, reference)
    judge(cora, case, **ALL)
    assert client.get("/case").status_code == 200
    later = clock.now() + timedelta(days=3)
    with database.writing() as session:
        mandate = session.scalars(select(Mandate)).one()
        mandate.expires_on = (clock.now() - timedelta(days=1)).date()
    assert client.get("/case").location == "/case/permission"
    assert client.get("/case/withdraw").status_code == 403
    send(client, "/case/permission", "/language", language="fr")
    assert case_of(database, reference)[0].language == case.language, "letters stay in the language that was chosen"
    send(client, "/case/permission", "/language", language="en")
    page = client.get("/case/permission").text
    assert "has run out" in page
    token = form_token(page)
    fields = {"csrf_token": token, "paper": (io.BytesIO(jpeg()), "new.jpg"), "expires_on": later.date().isoformat()}
    answer = client.post("/case/permission/renew", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 303
    assert client.get("/case").status_code == 200
    _, mandate = case_of(database, reference)
    assert (mandate.judged, mandate.expires_on) == (None, later.date())


def test_in_the_european_union_the_answer_goes_to_the_person(client: FlaskClient, database: Database) -> None:
    reference = whole(client, database, ["copy"], "EU", email=PERSON)
    with database.writing() as session:
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        assert not mandates.may_read_answer(session, case, as_person=False)
        assert mandates.may_read_answer(session, case, as_person=True)


def test_an_agent_who_gets_no_answer_does_not_read_it_from_other_pages(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    reference = whole(client, database, ["copy"], "EU", email=PERSON)
    person = say_yes(app, database)
    read = []
    for outcome in ("fulfilled", "nothing-found"):
        with database.writing() as session:
            case = session.scalars(select(Case).where(Case.reference == reference)).one()
            case.state, case.identity, case.outcome, case.closed_at = "closed", "confirmed", outcome, clock.now()
            case.rights[0].decision, case.rights[0].outcome = "grant", outcome
        pages = [client.get(path) for path in ("/case", "/case/missed", "/case/choose", "/case/appeal/copy")]
        read.append([(page.status_code, plain(page.text, reference)) for page in pages])
        assert person.get("/case/missed").status_code == 200
    assert read[0] == read[1]


NO_PAPERS = {
    b"": "empty",
    b"MZ" + b"\0" * 500: "picture",
    b"%PDF-1.4 cut off": "not whole",
    b"%PDF-1.4 /Encrypt %%EOF": "password",
    b"<svg onload=alert(1)>": "picture",
}


def test_a_paper_that_is_none_is_said_so_and_nothing_is_lost(client: FlaskClient) -> None:
    start(client, "agent", ["deletion"])
    act(client, rights=["deletion"])
    assert give(client, "death").status_code == 422, "a point that is not asked"
    for data, said in NO_PAPERS.items():
        answer = give(client, "permission", data)
        assert answer.status_code == 422, data
        assert said in answer.text, data
        assert "We have it" not in client.get("/request/papers").text
    assert give(client, "permission", jpeg(), "paper.png").status_code == 303
    assert "We have it" in client.get("/request/papers").text


def test_a_huge_paper_is_too_big(client: FlaskClient, app: Flask) -> None:
    start(client, "agent", ["deletion"])
    act(client, rights=["deletion"])
    answer = give(client, "permission", b"%PDF-" + b"0" * (app.config["MAX_CONTENT_LENGTH"] + 1))
    assert answer.status_code == 413
    assert "too big" in answer.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"rights": ["access"]}, "must cover all"),
    ({"rights": ["deletion"], "expires_on": "2020-01-01"}, "This day is over"),
    ({"rights": ["deletion"], "email": "nowhere"}, "right form"),
    ({"rights": ["deletion"], "basis": "a nod"}, "Not a valid choice"),
]


def test_what_was_typed_wrong_is_said_beside_it(client: FlaskClient) -> None:
    start(client, "agent", ["deletion"])
    for fields, said in WRONG:
        answer = act(client, **fields)
        assert answer.status_code == 422, fields
        assert said in answer.text


def test_an_agent_leaves_an_address_and_not_that_of_the_person(client: FlaskClient, database: Database) -> None:
    start(client, "agent", ["deletion"])
    act(client, rights=["deletion"], email=PERSON)
    give(client, "permission")
    send(client, "/request/ways", ways=["link"])
    send(client, "/request/links", text="https://example.com/anna.jpg")
    assert send(client, "/request/contact", "/request/no-contact").location == "/request/contact"
    send(client, "/request/contact", email=PERSON.upper())
    send(client, "/request/code", code=newest_code(database))
    assert client.get("/request/next").location == "/request/acting"


def test_whoever_asks_for_themselves_after_all_leaves_no_paper_behind(client: FlaskClient, database: Database) -> None:
    start(client, "agent", ["deletion"])
    act(client, rights=["deletion"])
    give(client, "permission")
    send(client, "/request/whom", for_whom="me")
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Blob)) == 0
        assert session.scalar(select(func.count()).select_from(Mandate)) == 0


@pytest.mark.parametrize(
    ("whom", "basis", "points", "said"),
    [
        ("child", "parent", ["parent"], "The right stays the child"),
        ("deceased", "executor", ["death", "executor"], "does not cover people who have died"),
    ],
)
def test_families_have_pages_and_lists_of_their_own(
    client: FlaskClient, database: Database, cora: Colleague, whom: str, basis: str, points: list[str], said: str
) -> None:
    start(client, whom, ["deletion"], "EU")
    page = client.get("/request/acting").text
    assert said in page
    assert 'name="email"' not in page
    act(client, basis)
    for point in points:
        assert client.get("/request/next").location == "/request/papers"
        give(client, point)
    reference = finish(client, database)
    case, mandate = case_of(database, reference)
    assert (mandate.role, mandate.rule) == (whom, f"{whom}.eu")
    page = cora.get(f"/staff/cases/{case.id}/mandate")
    assert mandates.rule_of(mandate).title in page
    fields: dict[str, Any] = dict.fromkeys(re.findall(r'name="(point-[a-z-]+)"', page), "yes")
    cora.post(f"/staff/cases/{case.id}/mandate/judge", note="Seen.", **fields)
    with database.reading() as session:
        left = session.scalar(select(func.count()).select_from(Blob).where(Blob.purpose == "proof"))
    # What shows who a parent is goes as soon as it was read.
    assert left == (0 if whom == "child" else 2)


def test_a_pdf_is_only_ever_handed_out_as_a_file(client: FlaskClient, database: Database, cora: Colleague) -> None:
    reference = whole(client, database, ["deletion"])
    case, _ = case_of(database, reference)
    answer = cora.client.get(f"/staff/cases/{case.id}/mandate/papers/permission")
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_both_presses_of_yes_leave_one_pair_of_words_that_works(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    reference = whole(client, database, ["deletion"], email=PERSON)
    person, link = say_yes(app, database), link_of(database)
    assert link
    send(person, link, f"{link}/yes")
    words = re.search(r'class="ef-words"><bdi>([a-z ]+)<', person.get("/case/your-words").text)
    assert words
    answer = send(app.test_client(), "/case/sign-in", reference=reference, secret=words.group(1))
    assert answer.status_code == 303


def test_once_the_person_goes_on_alone_the_agent_sees_nothing(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    whole(client, database, ["deletion"], email=PERSON)
    person = say_yes(app, database)
    assert send(client, "/case/permission", "/case/permission/end").status_code == 404, "only the person may"
    send(person, "/case/permission", "/case/permission/end")
    assert person.get("/case").status_code == 200
    assert client.get("/case").location == "/case/permission"
    assert client.get("/case/messages").status_code == 403
    assert "Send a new permission" not in client.get("/case/permission").text


def test_a_link_that_never_was_reads_as_one_that_is_gone(client: FlaskClient) -> None:
    assert client.get("/for-you/nothing").status_code == 410
    assert client.get(f"/for-you/{'x' * 5000}").status_code == 410


def test_one_person_is_not_written_to_all_day(app: Flask, database: Database) -> None:
    for _ in range(3):
        whole(app.test_client(), database, ["deletion"], email=PERSON)
    client = app.test_client()
    start(client, "agent", ["deletion"])
    act(client, rights=["deletion"], email=PERSON)
    give(client, "permission")
    send(client, "/request/ways", ways=["link"])
    send(client, "/request/links", text="https://example.com/anna.jpg")
    send(client, "/request/contact", email="other@agent.example")
    send(client, "/request/code", code=newest_code(database))
    send(client, "/request/helps", helps="")
    assert send(client, "/request/check").status_code == 429
    assert client.get("/request/check").status_code == 200, "all answers are kept"


@pytest.mark.parametrize("rights", [["copy", "deletion"], ["opt-out"]])
def test_a_hit_looks_like_a_miss_to_both_until_it_is_clear_who_asks(
    app: Flask, client: FlaskClient, database: Database, cora: Colleague, tmp_path: Path, rights: list[str]
) -> None:
    """One case with a confirmed photograph and one without: every page of the two sides reads the same."""
    both = []
    for hit in (True, False):
        agent, person = app.test_client(), app.test_client()
        more = {"email": PERSON} if rights != ["opt-out"] else {}
        reference = whole(agent, database, rights, **more)
        pages = []
        if rights != ["opt-out"]:
            link = link_of(database)
            assert link
            pages.append(person.get(link).text.replace(link, "LINK"))
            send(person, link, f"{link}/yes")
        case, _ = case_of(database, reference)
        judge(cora, case, **ALL)
        if rights != ["opt-out"]:
            cora.post(f"/staff/cases/{case.id}/identity", decision="confirmed", note="They wrote from the account.")
        with database.writing() as session:
            case = session.get_one(Case, case.id)
            if hit:
                add_candidate(session, case, make_image(session, tmp_path / "store"))
            lifecycle.search_finished(session, case)
            assert case.state == ("reviewing" if hit else "deciding")
        for who in (agent, person):
            for path in ("/case", "/case/permission", "/case/withdraw", "/case/messages"):
                pages.append(who.get(path).text)
        with database.writing() as session:
            session.execute(delete(Mail))
        both.append([plain(page, reference) for page in pages])
    assert both[0] == both[1]


def plain(page: str, reference: str) -> str:
    """A page without what differs between any two browsers."""
    page = re.sub(r'nonce="[^"]+"|name="csrf_token" value="[^"]+"', "", page.replace(reference, "REFERENCE"))
    return re.sub(r"\d\d:\d\d", "", page)


def test_the_law_page_shows_who_may_act_for_others(cora: Colleague) -> None:
    page = cora.get("/staff/law/")
    for rule in acting_rules():
        assert rule.title in unescape(page)


def test_once_the_person_goes_on_alone_the_news_goes_to_them(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    reference = whole(client, database, ["deletion"], email=PERSON)
    person = say_yes(app, database)
    assert told(database, reference) == {PERSON, "bo@agent.example"}
    send(person, "/case/permission", "/case/permission/end")
    assert told(database, reference) == {PERSON}


def told(database: Database, reference: str) -> set[str]:
    """Who is written to when there is news."""
    with database.writing() as session:
        session.execute(delete(Mail))
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        mails.queue_challenge_news(session, case, "first")
        letters = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail))]
    return {letter.to for letter in letters if letter}


def test_the_agent_and_the_person_each_have_messages_of_their_own(
    app: Flask, client: FlaskClient, database: Database, cora: Colleague
) -> None:
    case, _ = case_of(database, whole(client, database, ["copy", "deletion"], email=PERSON))
    desk = f"/staff/cases/{case.id}/messages"
    assert "?with=person" not in cora.get(desk), "who has not confirmed has no way in"
    link, person = link_of(database), app.test_client()
    assert link
    send(person, link, f"{link}/yes")
    send(client, "/case/messages", text="I am her agent.")
    send(person, "/case/messages", text="Tell nobody of my new name.")
    page = cora.get(desk)
    assert ("I am her agent." in page, "Tell nobody" in page, "1 new" in page) == (True, False, True)
    assert "Tell nobody" in cora.get(f"{desk}?with=person")
    before = mails_by_address(database)
    send(cora.client, f"{desk}?with=person", text="We keep that to ourselves.")
    assert mails_by_address(database) == {**before, PERSON: before[PERSON] + 1}, "the agent is not told"
    for reader, seen in ((client, False), (person, True)):
        text = reader.get("/case/messages").text
        assert ("We keep that" in text, "Tell nobody" in text, "I am her agent." in text) == (seen, seen, not seen)
    cora.post(desk, text="Thank you, agent.")
    assert mails_by_address(database) == {one: count + 1 for one, count in before.items()}
    assert "We wrote to you." in client.get("/case").text
    assert "We wrote to you." not in person.get("/case").text


def mails_by_address(database: Database) -> dict[str, int]:
    with database.reading() as session:
        letters = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail))]
        return Counter(letter.to for letter in letters if letter)
