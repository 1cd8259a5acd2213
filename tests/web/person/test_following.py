"""Coming back to a case: who gets in, what they see before and after the decision, and taking it back."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal import audit, clock
from portal.blobs import put_blob
from portal.cases.clocks import extending
from portal.db import Database
from portal.erasure.verifying import verify
from portal.tables import Blob, Candidate, Case, Image, Package, Probe, Search, Store
from tests.cases.making import make_account
from tests.erasure import certified
from tests.web import trip
from tests.web.conftest import send


def _case(database: Database) -> Case:
    with database.reading() as session:
        return session.scalars(select(Case)).one()


def _set(database: Database, **values: object) -> None:
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        for name, value in values.items():
            setattr(case, name, value)


def test_signing_in_however_it_is_typed(app: Flask, client: FlaskClient) -> None:
    reference, words = trip.whole(client)
    other = app.test_client()
    answer = send(other, "/case/sign-in", reference=reference.lower().replace("-", " "), secret=f" {words.upper()} ")
    assert answer.headers["Location"].endswith("/case")
    assert reference in other.get("/case").text


def test_wrong_words_and_an_unknown_reference_are_answered_alike(app: Flask, client: FlaskClient) -> None:
    reference, _ = trip.whole(client)
    other = app.test_client()
    pages = [
        send(other, "/case/sign-in", reference=wrong, secret="apple apple apple apple apple")
        for wrong in (reference, "EF-2222-2222")
    ]
    assert [page.status_code for page in pages] == [422, 422]
    bare = [re.sub(r"EF-\w{4}-\w{4}|nonce=\"[^\"]+\"|value=\"[^\"]+\"", "", page.text) for page in pages]
    assert bare[0] == bare[1]
    assert 'href="#secret"' in pages[0].text
    assert other.get("/case").status_code == 303


def test_guessing_words_is_stopped(app: Flask, client: FlaskClient) -> None:
    reference, words = trip.whole(client)
    other = app.test_client()
    for _ in range(10):
        send(other, "/case/sign-in", reference=reference, secret="wrong words")
    answer = send(other, "/case/sign-in", reference=reference, secret=words)
    assert answer.status_code == 429
    assert "15 minutes" in answer.text


def _plant(database: Database) -> None:
    """A confirmed photograph in the case, with a name that must not be shown before its time."""
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        store = Store(id="s" * 32, name="planted-store", kind="folder", settings={}, created_at=clock.now())
        image = Image(store_id=store.id, key="planted.jpg", first_seen_at=clock.now(), last_seen_at=clock.now())
        session.add_all([store, image])
        session.flush()
        search = Search(case_id=case.id, created_at=clock.now())
        session.add(search)
        session.flush()
        session.add(
            Candidate(case_id=case.id, search_id=search.id, image_id=image.id, evidence=["link"], state="confirmed")
        )


@pytest.mark.parametrize("state", ["searching", "reviewing", "deciding"])
def test_the_page_is_the_same_for_a_hit_and_a_miss(client: FlaskClient, database: Database, state: str) -> None:
    trip.whole(client)
    _set(database, state="searching")
    miss = _bare(client.get("/case").text)
    _plant(database)
    _set(database, state=state)
    hit = client.get("/case").text
    assert _bare(hit) == miss
    assert "planted" not in hit


def _bare(page: str) -> str:
    return re.sub(r'nonce="[^"]+"|name="csrf_token" value="[^"]+"', "", page)


def test_taking_a_request_back_deletes_what_was_sent(client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    assert "cannot be undone" in client.get("/case/withdraw").text
    assert send(client, "/case/withdraw").status_code == 303
    assert "You took this request back" in client.get("/case").text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Probe).where(Probe.state != "purged")) == 0
        assert session.scalar(select(func.count()).select_from(Blob)) == 0
    assert _case(database).outcome == "withdrawn"
    assert client.get("/case/withdraw").status_code == 303


def _answered(client: FlaskClient, database: Database) -> None:
    """A case about access that ended with one photograph and a copy of it."""
    trip.begin(client, ["access"])
    send(client, "/request/links", text="https://example.com/a")
    trip.finish(client)
    _set(database, state="searching", identity="confirmed")
    _plant(database)
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        blob = put_blob(session, "package", b"PK a copy", "application/zip")
        session.add(
            Package(
                case_id=case.id,
                blob_id=blob.id,
                created_at=clock.now(),
                ready_at=clock.now(),
                expires_at=clock.now() + timedelta(days=7),
            )
        )
        session.add(
            Search(
                case_id=case.id,
                created_at=clock.now(),
                finished_at=clock.now(),
                coverage={"planted-store": {"searched": 3, "faceless": 2}},
            )
        )
        case.rights[0].decision = "grant"
        case.rights[0].outcome = "fulfilled"
        case.state, case.outcome, case.closed_at = "closed", "fulfilled", clock.now()


def test_the_answer_lists_the_photographs_and_offers_the_copy(client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    page = client.get("/case").text
    assert "Your answer" in page
    assert "planted-store" in page
    assert "We hold 5 photographs in 1 store." in page
    assert "<li>2 photographs: no face is compared, because we saw none in them</li>" in page
    answer = send(client, "/case", "/case/package")
    assert answer.data == b"PK a copy"
    assert answer.mimetype == "application/zip"
    assert "attachment" in answer.headers["Content-Disposition"]
    with database.reading() as session:
        assert session.scalars(select(Package)).one().fetched_at is not None


def test_a_copy_whose_time_is_over_is_not_handed_out(
    client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answered(client, database)
    with database.writing() as session:
        session.scalars(select(Package)).one().expires_at = clock.now() - timedelta(seconds=1)
    assert send(client, "/case", "/case/package").status_code == 404


def test_there_is_no_answer_before_identity_is_confirmed(client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    _set(database, identity="not-needed")
    page = client.get("/case").text
    assert "planted" not in page
    assert "/case/package" not in page
    assert send(client, "/case", "/case/package").status_code == 404


def test_a_certificate_of_another_case_is_not_there(client: FlaskClient) -> None:
    trip.whole(client)
    assert client.get("/case/certificates/" + "0" * 32).status_code == 404
    assert send(client, "/case", "/case/certificates/" + "0" * 32 + "/file").status_code == 404


def _certified(database: Database) -> tuple[str, str]:
    """A case whose deletion is certified. Returns the certificate's id and the key line."""
    with database.writing() as session:
        made, _, key = certified.issued(session)
        case = session.get_one(Case, "case")
        case.rights[0].outcome = "fulfilled"
        case.state, case.outcome, case.closed_at = "closed", "fulfilled", clock.now()
        return made.id, key


def test_the_certificate_in_words_and_as_a_file_that_verifies(client: FlaskClient, database: Database) -> None:
    certificate_id, key = _certified(database)
    with client.session_transaction() as browser:
        browser["case"] = "case"
    page = client.get("/case").text
    assert f"/case/certificates/{certificate_id}" in page
    words = client.get(f"/case/certificates/{certificate_id}").text
    assert "EF-TEST-CASE" in words
    assert key in words
    answer = send(client, "/case", f"/case/certificates/{certificate_id}/file")
    assert verify(answer.data, key)["id"] == certificate_id
    assert "EF-TEST-CASE-certificate.json" in answer.headers["Content-Disposition"]


def test_somebody_elses_certificate_is_not_there(client: FlaskClient, database: Database) -> None:
    certificate_id, _ = _certified(database)
    trip.whole(client)
    assert client.get(f"/case/certificates/{certificate_id}").status_code == 404
    assert send(client, "/case", f"/case/certificates/{certificate_id}/file").status_code == 404


def _with_photo(client: FlaskClient, database: Database) -> str:
    """A case with a photo in it that was found to show two people. Returns the probe's id."""
    trip.begin(client, ways=["face"])
    send(client, "/request/consent", consent="y")
    send(client, "/request/photos", photo=(io.BytesIO(trip.jpeg()), "me.jpg"))
    trip.finish(client)
    with database.writing() as session:
        probe = session.scalars(select(Probe)).one()
        probe.state, probe.boxes = "choose-face", [[10, 10, 90, 90], [150, 20, 230, 100]]
        return probe.id


def test_choosing_a_face_after_the_request_was_sent(client: FlaskClient, database: Database) -> None:
    probe_id = _with_photo(client, database)
    assert "more than one person" in client.get("/case").text
    page = f"/case/photos/{probe_id}"
    assert "Which face is yours?" in client.get(page).text
    crop = client.get(f"{page}/face/0.jpg")
    assert (crop.status_code, crop.mimetype) == (200, "image/jpeg"), crop.text
    assert client.get(f"{page}/picture.jpg").status_code == 200
    assert send(client, page, f"{page}/face", face="0").status_code == 303
    assert "We are checking your picture" in client.get(page).text


def test_adding_another_photo(client: FlaskClient, database: Database) -> None:
    _with_photo(client, database)
    assert send(client, "/case/photos").status_code == 422
    answer = send(client, "/case/photos", photo=(io.BytesIO(trip.jpeg(shade=40)), "me.jpg"))
    assert answer.status_code == 303
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Probe)) == 2


def test_without_consent_no_photo_can_be_added(client: FlaskClient) -> None:
    trip.whole(client)
    assert "Add another photo" not in client.get("/case").text
    assert client.get("/case/photos").status_code == 409


def test_the_public_key_and_the_newest_checkpoint(client: FlaskClient, database: Database) -> None:
    with database.writing() as session:
        audit.append(session, "test", {})
        audit.publish(session)
        key = audit.verifier_key(session)
    assert client.get("/public-key").text == f"{key}\n"
    assert client.get("/log/checkpoint").text.splitlines()[1] == "1"


def test_the_day_of_the_answer_for_a_calendar(client: FlaskClient) -> None:
    reference, _ = trip.whole(client)
    assert 'href="/case/day.ics"' in client.get("/request/sent").text
    assert "You can complain to" in client.get("/request/sent").text
    assert 'href="/case/day.ics"' in client.get("/case").text
    answer = client.get("/case/day.ics")
    assert answer.mimetype == "text/calendar"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{reference}.ics"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert reference in answer.text


def test_programs_read_how_far_it_is_and_only_those_who_are_signed_in(app: Flask, client: FlaskClient) -> None:
    reference, _ = trip.whole(client)
    answer = client.get("/case/status.json")
    assert answer.mimetype == "application/json"
    assert {one["request_id"].rpartition("/")[0] for one in answer.json["requests"]} == {reference}
    assert app.test_client().get("/case/status.json").status_code == 303


def test_what_is_finished_offers_no_day_but_a_print(client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    page = client.get("/case").text
    assert "day.ics" not in page
    assert "data-print" in page


def test_whoever_waits_reads_where_to_complain(client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    complain = "You can complain to your national data protection authority, and the courts at any time."
    assert complain in client.get("/case").text
    with database.writing() as session:
        session.scalars(select(Case)).one().language = "de"
    send(client, "/", "/language", language="de")
    assert "beschweren" in client.get("/case").text


def test_the_page_says_why_there_is_a_later_day_and_that_one_can_object(
    client: FlaskClient, database: Database
) -> None:
    trip.whole(client)
    assert "We need more time." not in client.get("/case").text
    with database.writing() as session:
        right = session.scalars(select(Case)).one().rights[0]
        left = (right.latest_on - clock.local_date(clock.now(), "UTC")).days
        extending.extend(session, right, make_account(session).id, "many")
    page = client.get("/case").text
    assert "because we got many requests in a short time. You can object." in page
    assert f"That is in {left} days." in page


def test_a_photo_is_taken_out_before_it_is_looked_with_and_never_the_last_way(
    client: FlaskClient, database: Database
) -> None:
    trip.begin(client, rights=["access"], ways=["face"])
    send(client, "/request/consent", consent="y")
    send(client, "/request/photos", photo=(io.BytesIO(trip.jpeg()), "me.jpg"))
    with database.writing() as session:
        session.scalars(select(Probe)).one().state = "ready"
    trip.finish(client)
    with database.reading() as session:
        [first] = session.scalars(select(Probe.id))
        [(case_id, state)] = session.execute(select(Case.id, Case.state)).all()
    assert state == "identity-check"
    remove = f"/case/photos/{first}/remove"
    assert remove not in client.get("/case/photos").text
    assert send(client, "/case/photos", remove).status_code == 409, "nothing else would be left to look with"
    send(client, "/case/photos", photo=(io.BytesIO(trip.jpeg(shade=40)), "me.jpg"))
    with database.reading() as session:
        blob = session.get_one(Probe, first).blob_id
    assert remove in client.get("/case/photos").text
    assert send(client, "/case/photos", remove).status_code == 303
    with database.writing() as session:
        assert session.get(Blob, blob) is None
        [left] = session.scalars(select(Probe))
        assert left.id != first
        session.get_one(Case, case_id).state = "reviewing"
    send(client, "/case/photos", photo=(io.BytesIO(trip.jpeg(shade=90)), "me.jpg"))
    assert send(client, "/case/photos", f"/case/photos/{left.id}/remove").status_code == 409, "it was looked with"
