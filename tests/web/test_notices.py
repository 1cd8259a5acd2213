"""The page on which a recipient answers, the staff's pages about it, and the public feeds."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import audit
from portal.audit import merkle, notes
from portal.db import Database
from portal.notices import links, wire
from portal.tables import Dataset, Erasure, Notice, Recipient
from portal.web import notices
from tests.notices.scene import ENDPOINT, announced, register_key
from tests.web.conftest import form_token
from tests.web.desk import Colleague, colleague


@pytest.fixture
def page(database: Database) -> str:
    """The path of the answer page of a notice."""
    with database.writing() as session:
        return urlsplit(links.answer_page(session, announced(session).id)).path


@pytest.fixture
def cora(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "caseworker", "admin", name="Cora Worker")


def one(database: Database) -> Notice:
    with database.reading() as session:
        return session.scalars(select(Notice)).one()


def post(client: FlaskClient, page: str, **fields: object) -> tuple[int, str]:
    token = form_token(client.get(page).text)
    answer = client.post(page, data={"csrf_token": token, **fields}, content_type="multipart/form-data")
    return answer.status_code, answer.text


def test_a_recipient_reads_takes_the_file_and_answers(client: FlaskClient, database: Database, page: str) -> None:
    shown = client.get(page)
    assert shown.status_code == 200
    for text in ("Faces", "2014", "1 March 2015", "2 photos", "efface purge --feed"):
        assert text in shown.text
    assert "Exit this page" not in shown.text
    assert one(database).state == "read"
    file = client.get(f"{page}/file")
    with database.reading() as session:
        ours = notes.read_key_line(audit.verifier_key(session))
        facts, _signer = wire.open_signed(wire.NOTICE, file.text, [ours])
    assert len(facts["digests"]) == 2
    assert urlsplit(facts["answer_at"]).path == page
    assert post(client, page, result="partly")[0] == 422
    assert one(database).result is None
    assert post(client, page, result="partly", words="Tapes are read in June.")[0] == 303
    assert "Your last answer: We erased some of them" in client.get(page).text
    assert (one(database).state, one(database).result) == ("acknowledged", "partly")
    with database.reading() as session:
        assert session.scalars(select(Erasure)).one().state == "settled"


def test_a_signed_answer_is_taken_on_the_page_and_a_wrong_one_is_not(
    client: FlaskClient, database: Database, page: str
) -> None:
    with database.writing() as session:
        key, name = register_key(session)
    text = wire.sign(wire.ANSWER, {"notice": one(database).id, "result": "erased"}, name, key)
    for wrong in (text.replace("erased", "refuse").encode(), b"\xff\xfe", b"x" * 70_000, b"We did it."):
        status, shown = post(client, page, signed=(BytesIO(wrong), "answer.txt"))
        assert status == 422
        assert "There is a problem" in shown
    assert one(database).answer is None
    assert post(client, page, signed=(BytesIO(text.encode()), "answer.txt"))[0] == 303
    assert one(database).signed


def test_a_program_hands_its_signed_answer_in_without_a_form(
    client: FlaskClient, database: Database, page: str
) -> None:
    with database.writing() as session:
        key, name = register_key(session)
    text = wire.sign(wire.ANSWER, {"notice": one(database).id, "result": "nothing-held"}, name, key)
    assert client.post(f"{page[:-1]}!/signed", data=text).status_code == 410
    assert client.post(f"{page}/signed", data=text.replace("nothing", "anythin")).status_code == 422
    assert client.post(f"{page}/signed", data=b"x" * 70_000).status_code == 413
    assert client.post(page, data={"result": "erased"}).status_code == 400, "the form has its token still"
    assert one(database).answer is None
    kept = client.post(f"{page}/signed", data=text, content_type="text/plain")
    assert (kept.status_code, kept.text) == (200, f"{one(database).id} acknowledged\n")
    assert one(database).signed


def test_a_wrong_link_is_gone_and_says_nothing(client: FlaskClient, page: str) -> None:
    wrong = page[:-1] + ("0" if page[-1] != "0" else "1")
    other = f"/notices/{'0' * 32}/{page.rpartition('/')[2]}"
    answers = [client.get(wrong), client.get(other), client.get(f"{wrong}/file")]
    assert {answer.status_code for answer in answers} == {410}
    assert len({len(answer.text) for answer in answers[:2]}) == 1


def test_staff_see_what_was_tried_write_an_answer_down_and_send_again(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        notice = announced(session)
        notice.facts = [{"at": "2026-11-21T10:00:00Z", "by": "webhook", "host": "v.example", "came": "redirect",
                         "status": 302}]  # fmt: skip
    assert "Example Vision Ltd" in cora.get("/staff/notices")
    assert "Example Vision Ltd" in cora.get(f"/staff/erasures/{notice.erasure_id}/notices")
    assert "led elsewhere, and notices are not sent on (302)" in cora.get(f"/staff/notices/{notice.id}")
    again = f"/staff/notices/{notice.id}/again"
    cora.post(again, status=409)
    with database.writing() as session:
        session.get_one(Notice, notice.id).work_state = "done"
    cora.post(again)
    assert (one(database).reminders, one(database).work_state) == (1, "due")
    assert "Say in a sentence" in cora.post(f"/staff/notices/{notice.id}", 422, result="erased", words="")
    cora.post(f"/staff/notices/{notice.id}", result="erased", words="Ms Li told us by telephone on Friday.")
    assert "Ms Li told us by telephone" in cora.get(f"/staff/notices/{notice.id}")
    assert one(database).answered_by == "caseworker"


def test_an_endpoint_and_a_key_are_kept_and_wrong_ones_refused_by_name(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        announced(session)
        register_key(session)
        key = session.get_one(Recipient, "recipient").answer_key or ""
    path = "/staff/recipients/recipient"
    assert "Faces 2014" in cora.get(path)
    for endpoint in ("http://vision.example/", "https://vision.example:8443/", "https://a@vision.example/", "nonsense"):
        assert "must be an https address" in cora.post(path, 422, endpoint=endpoint, key="")
    assert "The public key cannot be read" in cora.post(path, 422, endpoint="", key=key[:-4] + "AAAA")
    cora.post(path, endpoint=ENDPOINT, key=key)
    with database.reading() as session:
        kept = session.get_one(Recipient, "recipient")
        assert (kept.endpoint, kept.answer_key) == (ENDPOINT, key)


def test_a_feed_is_public_and_its_head_vouches_for_its_lines(client: FlaskClient, database: Database) -> None:
    with database.writing() as session:
        announced(session)
        ours = notes.read_key_line(audit.verifier_key(session))
        session.add(
            Dataset(id="odd", name="a/b c+ü?", version="1/2", created_on=session.get_one(Dataset, "dataset").created_on)
        )
    head = wire.open_head(client.get("/feeds/Faces/2014").text, ours)
    lines = client.get("/feeds/Faces/2014/0").text.splitlines()
    assert head.size == len(lines) == 2
    assert merkle.root(merkle.leaf_hash(line.encode()) for line in lines) == head.root
    assert client.get("/feeds/Faces/2014/1").status_code == 404
    assert client.get("/feeds/Faces/2015").status_code == 404
    with database.reading() as session:
        odd = urlsplit(links.feed(session, session.get_one(Dataset, "odd"))).path
    assert wire.open_head(client.get(odd).text, ours).origin.endswith("/a%2Fb%20c%2B%C3%BC%3F@1%2F2")
    assert client.get(f"{odd}/0").text == ""


def test_who_holds_a_store_is_told_of_its_photos_and_not_of_a_model() -> None:
    told = notices.received_in_words({"what": "photographs", "name": "Forum", "version": "", "on": "2015-03-01"})
    assert told == "The photos in the store Forum, which we know since 1 March 2015"
