"""A request from the first page to the confirmation, and everything that can go otherwise on the way."""

from __future__ import annotations

import hashlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.blobs import put_blob
from portal.cases.arrival import intake as rules
from portal.config import Config
from portal.db import Database
from portal.keys import keys_in
from portal.matching.probe_words import DOUBTED, REFUSED
from portal.tables import Blob, Case, Draft, Probe
from portal.web import create_app
from tests.web import trip
from tests.web.conftest import form_token, send


def _probe(database: Database) -> Probe:
    with database.reading() as session:
        return session.scalars(select(Probe).order_by(Probe.created_at.desc())).first()  # type: ignore[return-value]


def _checked(database: Database, **values: object) -> None:
    """What the probing worker would record."""
    with database.writing() as session:
        for probe in session.scalars(select(Probe)):
            for name, value in values.items():
                setattr(probe, name, value)


def _with_photo(client: FlaskClient, data: bytes | None = None) -> str:
    """Up to the page that waits for the check. Returns its address."""
    trip.begin(client, ways=["face"])
    send(client, "/request/consent", consent="y")
    answer = send(client, "/request/photos", photo=(io.BytesIO(data or trip.jpeg()), "me.jpg"))
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def test_a_request_by_a_link(client: FlaskClient, database: Database) -> None:
    reference, words = trip.whole(client)
    assert len(words.split()) == 5
    with database.reading() as session:
        case = session.scalars(select(Case)).one()
        assert case.reference == reference
        assert [right.right for right in case.rights] == ["deletion"]
        assert session.scalar(select(func.count()).select_from(Draft)) == 0


def test_all_questions_are_asked_in_order(client: FlaskClient) -> None:
    assert (
        trip.begin(client, ["access", "copy"], ["face", "link", "file", "account"])
        .headers["Location"]
        .endswith("/request/consent")
    )
    assert send(client, "/request/consent", consent="y").headers["Location"].endswith("/request/photos")
    send(client, "/request/photos", photo=(io.BytesIO(trip.jpeg()), "me.jpg"))
    assert client.get("/request/next").headers["Location"].endswith("/request/links")
    assert send(client, "/request/links", text="https://example.com/a").headers["Location"].endswith("/request/files")
    send(client, "/request/files", picture=(io.BytesIO(trip.jpeg()), "me.jpg"))
    assert client.get("/request/next").headers["Location"].endswith("/request/accounts")
    assert send(client, "/request/accounts", text="anna").headers["Location"].endswith("/request/contact")
    assert send(client, "/request/contact", email="anna@example.com").headers["Location"].endswith("/request/code")


@pytest.mark.parametrize(
    ("page", "field", "sentence"),
    [
        ("rights", "rights-0", "Choose what you would like to do"),
        ("whom", "for_whom-0", "Choose who this is for"),
        ("residence", "residence-0", "Choose where you live"),
        ("ways", "ways-0", "Choose at least one way"),
        ("consent", "consent", "Tick the box if you agree"),
        ("links", "text", "Enter it here"),
        ("contact", "email", "Enter your e-mail address"),
        ("photos", "photo", "Choose a picture first"),
    ],
)
def test_an_empty_answer_is_shown_beside_its_field(client: FlaskClient, page: str, field: str, sentence: str) -> None:
    trip.begin(client, ways=["face", "link"])
    if page == "photos":
        send(client, "/request/consent", consent="y")
    answer = send(client, f"/request/{page}")
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert f'<a href="#{field}">{sentence}' in answer.text
    assert f'id="{field}"' in answer.text
    assert 'aria-describedby="' in answer.text
    assert '-error"' in answer.text


def test_a_link_that_cannot_be_one_keeps_what_was_typed(client: FlaskClient) -> None:
    trip.begin(client)
    answer = send(client, "/request/links", text="http://127.0.0.1/me")
    assert answer.status_code == 422
    assert "http://127.0.0.1/me" in answer.text


def test_several_links_and_taking_one_back(client: FlaskClient, database: Database) -> None:
    trip.begin(client)
    for name in ("one", "two"):
        answer = send(client, "/request/links", text=f"https://example.com/{name}", more="y")
        assert answer.headers["Location"].endswith("/request/links")
    probe = _probe(database)
    assert send(client, "/request/links", f"/request/remove/{probe.id}").status_code == 303
    page = client.get("/request/links").text
    assert "example.com/one" in page
    assert "example.com/two" not in page
    assert send(client, "/request/links").headers["Location"].endswith("/request/contact")


def test_somebody_elses_probe_cannot_be_removed_or_seen(
    client: FlaskClient, database: Database, config: Config
) -> None:
    _with_photo(client)
    probe = _probe(database)
    other = create_app(config).test_client()
    trip.begin(other)
    assert send(other, "/request/links", f"/request/remove/{probe.id}").status_code == 404
    for path in ("", "/picture.jpg", "/face/0.jpg"):
        assert other.get(f"/request/photos/{probe.id}{path}").status_code == 404
    assert client.get(f"/request/photos/{probe.id}/picture.jpg").status_code == 200


def test_saying_no_to_the_face_asks_for_another_way(client: FlaskClient, database: Database) -> None:
    trip.begin(client, ways=["face"])
    answer = send(client, "/request/consent", "/request/no-face")
    assert answer.headers["Location"].endswith("/request/ways")
    assert "Choose another way" in client.get("/request/ways").text


def test_saying_no_to_the_face_later_deletes_the_photo(client: FlaskClient, database: Database) -> None:
    _with_photo(client)
    send(client, "/request/photos", "/request/no-face")
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Probe)) == 0
        assert session.scalar(select(func.count()).select_from(Blob)) == 0


def test_a_photo_waits_for_its_check_and_the_page_comes_back(client: FlaskClient, database: Database) -> None:
    waiting = _with_photo(client)
    answer = client.get(waiting)
    assert answer.headers["Refresh"] == "2"
    assert "We are checking your picture" in answer.text
    _checked(database, state="ready")
    assert client.get(waiting).headers["Location"].endswith("/request/photos")
    assert "Ready" in client.get("/request/photos").text


def test_when_the_queue_is_away_the_person_goes_on(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = _with_photo(client)
    later = clock.now() + timedelta(seconds=21)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert "You do not need to wait" in client.get(waiting).text
    assert client.get("/request/next").headers["Location"].endswith("/request/contact")


def test_a_photo_that_cannot_be_used(client: FlaskClient, database: Database) -> None:
    waiting = _with_photo(client)
    for reason in (*sorted(REFUSED), "something-new"):
        _checked(database, state="refused", reason=reason)
        page = client.get(waiting).text
        assert "We cannot use this photo" in page, reason
        assert "Try another photo" in page, reason
        assert client.get("/request/next").headers["Location"].endswith("/request/photos"), reason


def test_a_photo_that_is_only_doubtful_is_ready_and_the_person_is_told(client: FlaskClient, database: Database) -> None:
    waiting = _with_photo(client)
    for reason in sorted(DOUBTED):
        _checked(database, state="ready", reason=reason)
        assert client.get(waiting).headers["Location"].endswith("/request/photos"), reason
        page = client.get("/request/photos").text
        assert "Ready" in page, reason
        assert DOUBTED[reason] in page
        assert client.get("/request/next").headers["Location"].endswith("/request/contact"), reason


def test_whoever_is_not_sure_finds_out_first(client: FlaskClient) -> None:
    trip.begin(client, rights=["not-sure"])
    page = client.get("/request/rights").text
    assert re.findall(r'value="([a-z-]+)" checked', page) == ["access"]
    send(client, "/request/rights", rights=["not-sure", "deletion"])
    page = client.get("/request/rights").text
    assert re.findall(r'value="([a-z-]+)" checked', page) == ["access", "deletion"]


def test_the_person_is_asked_if_the_face_that_was_found_is_theirs(client: FlaskClient, database: Database) -> None:
    _with_photo(client)
    asked = "Is this you? If not, remove it."
    assert asked not in client.get("/request/photos").text
    with database.writing() as session:
        crop = put_blob(session, "probe-crop", trip.jpeg(), "image/jpeg")
    _checked(database, state="ready", crop_id=crop.id)
    assert asked in client.get("/request/photos").text


def test_choosing_among_faces(client: FlaskClient, database: Database) -> None:
    waiting = _with_photo(client)
    _checked(database, state="choose-face", boxes=[[10, 10, 90, 90], [150, 20, 230, 100]])
    assert client.get(waiting).text.count('type="radio"') == 2
    crop = client.get(f"{waiting}/face/1.jpg")
    assert crop.mimetype == "image/jpeg"
    assert crop.headers["Cache-Control"] == "no-store"
    assert client.get(f"{waiting}/face/2.jpg").status_code == 404
    assert send(client, waiting, f"{waiting}/face").status_code == 422
    assert send(client, waiting, f"{waiting}/face", face="1").status_code == 303
    assert (_probe(database).state, _probe(database).chosen) == ("checking", 1)


@pytest.mark.parametrize(("data", "status"), [(b"no picture", 422), (b"", 422)])
def test_a_file_that_is_no_picture(client: FlaskClient, data: bytes, status: int) -> None:
    trip.begin(client, ways=["face"])
    send(client, "/request/consent", consent="y")
    answer = send(client, "/request/photos", photo=(io.BytesIO(data), "me.jpg"))
    assert answer.status_code == status
    assert 'href="#photo"' in answer.text


@pytest.mark.parametrize(("page", "field", "way"), [("photos", "photo", "face"), ("files", "picture", "file")])
def test_a_picture_that_is_too_big_keeps_the_answers(
    config: Config, database: Database, page: str, field: str, way: str
) -> None:
    client = create_app(replace(config, upload_megabytes=1)).test_client()
    trip.begin(client, ways=[way])
    if way == "face":
        send(client, "/request/consent", consent="y")
    answer = send(client, f"/request/{page}", **{field: (io.BytesIO(b"x" * 1_200_000), "me.jpg")})
    assert answer.status_code == 413
    assert "The picture is too big" in answer.text
    assert f'href="#{field}"' in answer.text
    assert 'value="deletion" checked' in client.get("/request/rights").text


def test_without_consent_no_photo_is_taken(client: FlaskClient, database: Database) -> None:
    trip.begin(client, ways=["face"])
    token = form_token(client.get("/request/consent").text)
    data = {"csrf_token": token, "photo": (io.BytesIO(trip.jpeg()), "me.jpg")}
    assert client.post("/request/photos", data=data).headers["Location"].endswith("/request/consent")
    assert _probe(database) is None


def test_only_the_fingerprint_of_a_file(client: FlaskClient, database: Database) -> None:
    trip.begin(client, ways=["file"])
    digest = hashlib.sha256(b"a picture").hexdigest()
    assert send(client, "/request/files", digest=digest).status_code == 303
    assert _probe(database).digest == bytes.fromhex(digest)
    assert _probe(database).blob_id is None
    assert send(client, "/request/files", digest="not hexadecimal").status_code == 422
    assert "on your device" in client.get("/request/files").text


def test_what_is_sent_rests_sealed(client: FlaskClient, database: Database) -> None:
    data = trip.jpeg()
    _with_photo(client, data)
    with database.reading() as session:
        blob = session.scalars(select(Blob)).one()
        assert b"JFIF" not in blob.sealed
        assert keys_in(database.config.data).unseal(blob.sealed, f"blob/{blob.id}").startswith(b"\xff\xd8")


def test_the_code_from_the_mail(client: FlaskClient, database: Database) -> None:
    trip.begin(client)
    send(client, "/request/links", text="https://example.com/a")
    send(client, "/request/contact", email="anna@example.com")
    page = client.get("/request/code").text
    assert 'autocomplete="one-time-code"' in page
    assert "anna@example.com" in page
    digits = trip.newest_code(database)
    typed = f"{digits[:3]} {digits[3:]}"
    assert send(client, "/request/code", code=typed).headers["Location"].endswith("/request/helps")
    assert client.get("/request/code").status_code == 303


def test_a_wrong_code_five_times(client: FlaskClient, database: Database) -> None:
    trip.begin(client)
    send(client, "/request/links", text="https://example.com/a")
    send(client, "/request/contact", email="anna@example.com")
    digits = trip.newest_code(database)
    wrong = "000000" if digits != "000000" else "000001"
    pages = [send(client, "/request/code", code=wrong) for _ in range(5)]
    assert {page.status_code for page in pages} == {422}
    assert "not the code we sent" in pages[3].text
    assert "Ask for a new code" in pages[4].text
    assert "Ask for a new code" in send(client, "/request/code", code=digits).text
    send(client, "/request/code", "/request/code/again")
    assert send(client, "/request/code", code=trip.newest_code(database)).status_code == 303


def test_asking_for_codes_without_end_is_stopped(client: FlaskClient) -> None:
    trip.begin(client)
    send(client, "/request/contact", email="anna@example.com")
    answers = [send(client, "/request/code", "/request/code/again").status_code for _ in range(4)]
    assert answers[-1] == 429


def test_an_address_that_cannot_be_one(client: FlaskClient) -> None:
    trip.begin(client)
    answer = send(client, "/request/contact", email="anna at example")
    assert answer.status_code == 422
    assert 'href="#email"' in answer.text
    assert 'value="anna at example"' in answer.text


def test_more_words_than_fit(client: FlaskClient) -> None:
    trip.begin(client)
    answer = send(client, "/request/helps", helps="a" * 501)
    assert answer.status_code == 422
    assert "a" * 501 in answer.text


def test_what_people_write_is_never_markup(client: FlaskClient) -> None:
    trip.begin(client, ways=["account"])
    send(client, "/request/accounts", text="<script>alert(1)</script>", more="y")
    assert "<script>alert" not in client.get("/request/accounts").text
    send(client, "/request/contact", "/request/no-contact")
    send(client, "/request/helps", helps="<img src=x onerror=alert(1)>")
    page = client.get("/request/check").text
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page


def test_changing_an_answer_comes_back_to_the_check(client: FlaskClient) -> None:
    trip.begin(client)
    send(client, "/request/links", text="https://example.com/a")
    send(client, "/request/contact", "/request/no-contact")
    assert send(client, "/request/helps", helps="").headers["Location"].endswith("/request/check")
    answer = send(client, "/request/rights", rights=["access"])
    assert answer.headers["Location"].endswith("/request/check")
    assert "Find out if you have photos of me" in client.get("/request/check").text


def test_nothing_is_sent_while_a_question_is_open(client: FlaskClient, database: Database) -> None:
    trip.begin(client)
    assert client.get("/request/check").headers["Location"].endswith("/request/links")
    assert send(client, "/request/links", "/request/check").status_code == 303
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 0


def _ready_to_send(client: FlaskClient) -> str:
    """A request that lacks nothing but the last button. Returns the token of its form."""
    trip.begin(client)
    send(client, "/request/links", text="https://example.com/a")
    send(client, "/request/contact", "/request/no-contact")
    send(client, "/request/helps", helps="")
    return form_token(client.get("/request/check").text)


def test_a_request_sent_twice_opens_one_case_and_shows_its_secret_words(
    client: FlaskClient, database: Database
) -> None:
    token = _ready_to_send(client)
    for _press in range(2):
        answer = client.post("/request/check", data={"csrf_token": token})
        assert answer.headers["Location"] == "/request/sent"
    assert 'class="ef-words"' in client.get("/request/sent").text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_a_second_press_that_was_on_its_way_already_sees_the_words_too(
    app: Flask, client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _ready_to_send(client)
    cookie = client.get_cookie("efface")
    assert cookie
    other = app.test_client()
    other.set_cookie("efface", cookie.value)
    find = rules.find_draft

    def overtaken(session: Session, draft_id: str) -> Draft:
        # The second press has opened its browser session, and waits for the lock that the first one holds.
        monkeypatch.setattr(rules, "find_draft", find)
        session.rollback()
        with ThreadPoolExecutor(1) as first:
            assert first.submit(client.post, "/request/check", data={"csrf_token": token}).result().status_code == 303
        return find(session, draft_id)

    monkeypatch.setattr(rules, "find_draft", overtaken)
    answer = other.post("/request/check", data={"csrf_token": token}, follow_redirects=True)
    assert 'class="ef-words"' in answer.text


def test_the_secret_words_are_kept_with_the_case_though_the_process_is_killed_after(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _ready_to_send(client)
    with monkeypatch.context() as killed:
        killed.setattr(app.session_interface, "save_session", lambda *_: None)
        client.post("/request/check", data={"csrf_token": token})
    assert 'class="ef-words"' in client.get("/request/sent").text


def test_a_draft_left_for_a_day_is_gone_and_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    trip.begin(client)
    later = clock.now() + timedelta(hours=23, minutes=59)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert client.get("/request/rights").status_code == 200
    monkeypatch.setattr("portal.clock.now", lambda: later + timedelta(minutes=2))
    answer = client.get("/request/rights")
    assert answer.status_code == 404
    assert "first page" in answer.text


def test_the_secret_words_are_shown_until_they_are_kept(client: FlaskClient) -> None:
    _, words = trip.whole(client)
    assert words in client.get("/request/sent").text
    send(client, "/request/sent", "/request/kept")
    answer = client.get("/request/sent")
    assert answer.status_code == 303
    assert words not in client.get("/case").text


def test_the_secret_words_are_shown_for_a_quarter_of_an_hour(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip.whole(client)
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert client.get("/request/sent").status_code == 303


def test_the_first_page_offers_to_go_on(client: FlaskClient) -> None:
    assert "Start now" in client.get("/").text
    trip.begin(client)
    assert "Go on with your request" in client.get("/").text


def test_the_look_is_chosen_without_a_script(client: FlaskClient) -> None:
    answer = send(client, "/help", "/look", theme="dark", back="/help")
    assert answer.headers["Location"] == "/help"
    assert 'data-theme="dark"' in client.get("/help").text
    answer = send(client, "/help", "/look", theme="loud", back="https://elsewhere.example")
    assert answer.headers["Location"] == "/"
    assert 'data-theme="dark"' in client.get("/").text


@pytest.mark.sqlite
def test_a_full_disk_loses_nothing_that_was_kept_and_says_so(client: FlaskClient, database: Database) -> None:
    trip.begin(client, ways=["file", "account"])

    def may_grow(pages: int) -> None:
        for one in (database, client.application.extensions["database"]):
            one.engine.dispose()
            event.listen(one.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))

    may_grow(1)  # SQLite takes the pages that are there already for the least.
    picture = (io.BytesIO(trip.jpeg((1200, 900))), "a.jpg")
    answer = send(client, "/request/files", picture=picture)
    assert answer.status_code == 503
    assert "Your earlier answers are saved" in answer.text
    may_grow(1_000_000)
    assert send(client, "/request/files", picture=(io.BytesIO(trip.jpeg()), "a.jpg")).status_code == 303
    send(client, "/request/accounts", text="anna_92")
    assert "anna_92" in client.get("/request/accounts").text
