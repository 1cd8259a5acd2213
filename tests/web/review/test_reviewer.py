"""The match queue's pages: what a reviewer sees, and above all what they do not see."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, render_template
from sqlalchemy import select

from portal.db import Database
from portal.matching import thresholds
from portal.tables import Candidate, Case, Entry, Judgement, Search
from tests.matching.making import make_face
from tests.web.desk import EMAIL, Colleague, another_photograph, case_in_review, colleague, fill_store

FIGURE = re.compile(r"<figure>.*?</figure>", re.DOTALL)


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Case:
    with database.writing() as session:
        return case_in_review(session, fill_store(session, tmp_path / "photographs", count=2))


@pytest.fixture
def reviewer(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "reviewer", name="Rea Viewer")


def test_the_page_holds_nothing_but_the_two_faces(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    path = reviewer.post("/staff/review/next")
    page = reviewer.get(path)
    assert page.count(".jpg") == 2
    with database.reading() as session:
        candidate = session.get_one(Candidate, path.rsplit("/", 1)[1])
        secrets = [
            case.reference,
            case.id,
            EMAIL,
            "anna",
            "0.31",
            "%",
            candidate.image.key + '"',
            "Profiles",
            candidate.search_id,
        ]
    visible = re.sub(r"<(script|link|meta)[^>]*>", "", page)
    for secret in secrets:
        assert secret not in visible, secret
    for word in ("score", "distance", "match", "threshold", "dating"):
        assert word not in visible.lower(), word


def test_reviewers_read_how_often_the_computer_errs_and_not_what_it_thinks(
    case: Case, reviewer: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nobody has measured yet how often" in reviewer.get("/staff/review/")
    measured = thresholds.Errors(datetime(2026, 3, 1, tzinfo=UTC), missed=12, strangers=3400)
    monkeypatch.setattr(thresholds, "errors_now", lambda _session: measured)
    page = reviewer.get("/staff/review/")
    assert "measured on 1 March 2026: in 1,000 searches it suggests up to 3,400 photos of other people" in page
    assert "What it thinks of a pair is not shown." in page


def test_an_earlier_answer_leaves_no_trace_on_the_page(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    first = reviewer.post("/staff/review/next")
    fresh = reviewer.post(first, answer="same")
    second = colleague(app, database, "reviewer")
    # Each has an order of their own.
    if second.post("/staff/review/next") != first:
        assert second.post(fresh, answer="cannot-tell") == first
    assert without_marks(second.get(first), first) == without_marks(reviewer.get(fresh), fresh)


def without_marks(page: str, path: str) -> tuple[str, list[str]]:
    """What a page says beside names of pairs and secrets of the form, and its figures, whichever stands left."""
    page = re.sub(r'(nonce|value)="[^"]*"', "", page.replace(path.rsplit("/", 1)[1], ""))
    return re.sub(r"\s+", " ", FIGURE.sub("", page)), sorted(FIGURE.findall(page))


@pytest.mark.parametrize(("lot", "order"), [(b"\0", ["Sent", "Found"]), (b"\1", ["Found", "Sent"])])
def test_captions_go_with_the_pictures_on_either_side(
    case: Case, reviewer: Colleague, monkeypatch: pytest.MonkeyPatch, lot: bytes, order: list[str]
) -> None:
    monkeypatch.setattr("portal.matching.review.lot", lambda *_: lot)
    page = reviewer.get(reviewer.post("/staff/review/next"))
    captions = {}
    for figure in FIGURE.findall(page):
        [picture], [caption] = re.findall(r"/(\w+)\.jpg", figure), re.findall(r"<figcaption>(\w+)<", figure)
        captions[caption] = picture
    assert list(captions) == order
    assert captions == {"Sent": "sent", "Found": "found"}


def test_pictures_go_to_the_holder_of_the_pair_only(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    path = reviewer.post("/staff/review/next")
    for side in ("sent", "found"):
        answer = reviewer.client.get(f"{path}/{side}.jpg")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.data[:2] == b"\xff\xd8"
    other = colleague(app, database, "reviewer", "caseworker", "admin")
    for name in ("sent.jpg", "found.jpg", "whole.jpg"):
        answer = other.client.get(f"{path}/{name}")
        assert answer.status_code == 409
        assert b"\xff\xd8" not in answer.data
    page = other.get(path, status=409)
    assert "Next pair" in page
    assert "What you answered before is kept." in page


def test_the_whole_picture_is_shown_on_demand_and_logged(database: Database, case: Case, reviewer: Colleague) -> None:
    path = reviewer.post("/staff/review/next")
    assert "whole.jpg" not in reviewer.get(path)
    assert "whole.jpg" in reviewer.get(f"{path}?whole=1")
    answer = reviewer.client.get(f"{path}/whole.jpg")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    with database.reading() as session:
        entries = [json.loads(entry.body) for entry in session.scalars(select(Entry).filter_by(kind="image-revealed"))]
    assert [entry["facts"] for entry in entries] == [{"account": reviewer.id, "candidate": path.rsplit("/", 1)[1]}]


def test_plain_buttons_lead_from_pair_to_pair_to_the_end(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    with database.reading() as session:
        one, other = session.scalars(select(Candidate.id))
    answers = {f"/staff/review/{one}": "same", f"/staff/review/{other}": "different"}
    for someone in (reviewer, colleague(app, database, "reviewer")):
        page = someone.get("/staff/review/")
        assert "2 pairs wait" in page
        assert "about 1 minute" in page
        first = someone.post("/staff/review/next")
        following = someone.post(first, answer=answers[first])
        assert following != first
        assert someone.post(following, answer=answers[following]) == "/staff/review/"
    with database.reading() as session:
        assert session.get_one(Case, case.id).state == "deciding"
        assert {candidate.state for candidate in session.scalars(select(Candidate))} == {"confirmed", "rejected"}


def test_undo_brings_the_pair_back(database: Database, case: Case, reviewer: Colleague) -> None:
    path = reviewer.post("/staff/review/next")
    reviewer.post(path, answer="same")
    assert reviewer.post("/staff/review/undo") == path
    reviewer.post(path, answer="different")
    with database.reading() as session:
        standing = list(session.scalars(select(Judgement.answer).where(Judgement.undone_at.is_(None))))
    assert standing == ["different"]


def test_undo_with_nothing_to_take_back_says_so(case: Case, reviewer: Colleague) -> None:
    assert "There is no answer to take back" in reviewer.get(reviewer.post("/staff/review/undo"))


def test_whoever_checked_who_asks_is_told_that_others_judge(
    database: Database, case: Case, reviewer: Colleague
) -> None:
    with database.writing() as session:
        session.get_one(Case, case.id).identity_by = reviewer.id
    page = reviewer.get("/staff/review/")
    assert "No pairs wait for you" in page
    assert "2 pairs wait for somebody else" in page
    assert reviewer.post("/staff/review/next") == "/staff/review/"


def test_an_admin_is_told_when_another_reviewer_is_needed(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    boss = colleague(app, database, "admin")
    assert "no reviewer may judge" not in boss.get("/staff")
    reviewer.post(reviewer.post("/staff/review/next"), answer="same")
    page = boss.get("/staff")
    assert "Pictures that no reviewer may judge" in page
    assert "1 pair: another reviewer is needed" in page


def test_an_answer_nobody_offers_is_refused(case: Case, reviewer: Colleague) -> None:
    reviewer.post(reviewer.post("/staff/review/next"), status=422, answer="certainly")


def test_parts_are_rated_where_the_policy_says_so_and_nothing_of_it_is_sent(
    app: Flask, case: Case, reviewer: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = reviewer.post("/staff/review/next")
    assert 'type="radio"' not in reviewer.get(path)
    database = app.extensions["database"]
    monkeypatch.setattr(database, "config", replace(database.config, likeness=True))
    page = reviewer.get(path)
    assert page.count('type="radio"') == 30
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    assert all('type="radio"' not in form for form in forms)


def test_who_compares_reads_no_counts_of_a_request_that_is_still_compared(
    app: Flask, database: Database, case: Case
) -> None:
    path = f"/staff/cases/{case.id}/photographs"
    assert "2 photographs still to compare" in colleague(app, database, "caseworker").get(path)
    both = colleague(app, database, "caseworker", "reviewer")
    assert "still to compare" not in both.get(path)
    with database.writing() as session:
        session.get_one(Case, case.id).state = "deciding"
    assert "still to compare" in both.get(path)


def test_an_empty_queue_says_so(reviewer: Colleague) -> None:
    assert "No pairs wait for you" in reviewer.get("/staff/review/")
    assert reviewer.post("/staff/review/next") == "/staff/review/"


def test_the_script_only_presses_buttons_that_are_there(case: Case, reviewer: Colleague, app: Flask) -> None:
    page = reviewer.get(reviewer.post("/staff/review/next"))
    keys = set(re.findall(r'data-key="(\w)"', page))
    assert keys == {"1", "2", "3", "4", "5", "u", "z", "f", "c", "s"}
    for key in "12345":
        assert re.search(rf'<button[^>]+name="answer"[^>]+data-key="{key}"', page)
    folder = Path(app.static_folder or "")
    keyed, looked = (folder / "keys.js").read_text(), (folder / "review.js").read_text()
    # Keys fetch nothing and send nothing by themselves.
    assert not re.search(r"fetch|XMLHttp|sendBeacon|\.submit\(", keyed)
    # The pair after this one is fetched, and an answer sent, to addresses that stand in the page or came from there.
    fetched = {"page.dataset.ahead", "address", 'image.getAttribute("src")', "form.action"}
    assert set(re.findall(r"\bfetch\(([^,]+?)(?:,|\);)", looked)) == fetched
    assert not re.search(r"XMLHttp|sendBeacon|\.submit\(|Storage|caches", looked)


def render(app: Flask, page: str, **given: object) -> str:
    with app.test_request_context("/staff/review/x"):
        app.preprocess_request()
        return render_template(page, **given)


def test_several_sent_photographs_can_be_looked_at_by_links(
    database: Database, case: Case, reviewer: Colleague
) -> None:
    path = reviewer.post("/staff/review/next")
    assert "Next photo" not in reviewer.get(path), "there is but one"
    with database.writing() as session:
        another_photograph(session, session.get_one(Case, case.id), shade=7)
    shown = re.compile(r'alt="The face in sent photo (\d) of 2"[^>]*data-photo>')
    page = reviewer.get(path)
    assert shown.findall(page) == ["1"], "the one that was compared comes first"
    link = html.unescape(re.findall(r'<a[^>]+href="([^"]+)"[^>]+data-key="→"', page)[0])
    page = reviewer.get(link)
    assert shown.findall(page) == ["2"]
    assert "data-photo-number>2</span> of 2" in page
    first, second, third = (reviewer.client.get(f"{path}/sent.jpg?photo={number}") for number in (1, 2, 3))
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 404)
    assert first.data != second.data
    assert shown.findall(reviewer.get(f"{path}?photo=9")) == ["2"]
    assert shown.findall(reviewer.get(f"{path}?photo=x")) == ["1"]


def test_every_key_can_be_set_once_there_is_a_script(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    with database.writing() as session:
        another_photograph(session, session.get_one(Case, case.id), shade=7)
    colleague(app, database, "reviewer", "senior")
    queue = reviewer.get("/staff/review/")
    settable = re.findall(r'data-name="([^"])" data-label="([^"]+)"', queue)
    compare = reviewer.get(reviewer.post("/staff/review/next"))
    third = render(app, "reviewer/third.html", look_id="x", settled=None, labels={})
    pressed = re.findall(r'data-key="([^"])"[^>]*><kbd[^>]*>[^<]</kbd>([^<]+)<', compare + third)
    assert sorted(settable) == sorted(set(pressed))
    # Without a script it would do nothing, so it is not shown.
    assert re.search(r"<details[^>]+data-key-settings[^>]+ hidden>", queue)
    assert re.search(r'<script type="module" nonce="[^"]+" src="/static/keys\.js', queue)


def test_the_pair_after_this_one_lies_ready_and_a_script_is_told_where_it_is(
    database: Database, case: Case, reviewer: Colleague
) -> None:
    first = reviewer.post("/staff/review/next")
    token = reviewer.get(first).split('name="csrf_token" value="')[1].split('"')[0]
    told = reviewer.client.post(f"{first}/ahead", data={"csrf_token": token})
    assert (told.status_code, told.mimetype) == (200, "text/plain")
    following = told.text
    assert following not in {"", first}
    assert reviewer.client.get(f"{following}/found.jpg").status_code == 200, "its pictures can be fetched now"
    fields = {"csrf_token": token, "answer": "same", "asked-good": "yes", "poor": "found"}
    answer = reviewer.client.post(first, data=fields, headers={"Accept": "text/plain"})
    assert (answer.status_code, answer.text) == (200, following)
    assert reviewer.client.post(f"{following}/ahead", data={"csrf_token": token}).text == "", "there is no third"
    with database.reading() as session:
        [judgement] = session.scalars(select(Judgement))
        assert (judgement.sent_good, judgement.found_good, judgement.in_batch) == (True, False, False)


def test_many_at_once_is_for_clear_ones_and_where_policy_allows_it(
    app: Flask, database: Database, case: Case, reviewer: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "many at once" not in reviewer.get("/staff/review/")
    serving = app.extensions["database"]
    monkeypatch.setattr(serving, "config", replace(serving.config, batch=True))
    monkeypatch.setattr("portal.matching.batch.config_of", lambda _session: serving.config)
    assert "many at once" in reviewer.get("/staff/review/")
    assert "not enough pairs" in reviewer.get(reviewer.post("/staff/review/batch"))
    monkeypatch.setattr("portal.matching.batch.LEAST", 2)
    with database.writing() as session:
        for candidate in session.scalars(select(Candidate)):
            candidate.face_id, candidate.distance = make_face(session, candidate.image).id, 0.59
            session.get_one(Search, candidate.search_id).threshold = 0.6
    page = reviewer.get(reviewer.post("/staff/review/batch"))
    shown = re.findall(r'name="shown" value="(\w+)"', page)
    assert (len(shown), page.count("found.jpg"), page.count("sent.jpg")) == (2, 2, 1)
    assert "0.59" not in page
    following = reviewer.post("/staff/review/batch/answer", shown=shown, marked=shown[0])
    assert following == f"/staff/review/{shown[0]}"
    with database.reading() as session:
        assert [one.candidate_id for one in session.scalars(select(Judgement))] == shown[1:]
