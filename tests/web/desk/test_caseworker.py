"""The privacy team's pages, from the inbox to the certificate."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock, languages
from portal.cases.answer import answers, deciding
from portal.cases.housekeeping import purging
from portal.cases.requester import identity
from portal.db import Database
from portal.tables import (
    Candidate,
    Case,
    CaseNote,
    CaseRight,
    Entry,
    Erasure,
    ErasureItem,
    Image,
    Mail,
    NotePaper,
    Store,
)
from portal.web.desk import caseworker
from tests.cases.making import make_account, send
from tests.fakes import drawn_jpeg
from tests.web.desk import EMAIL, Colleague, colleague, decided, entries, fill_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    with database.writing() as session:
        return fill_store(session, tmp_path / "photographs", count=2)


@pytest.fixture
def carl(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "caseworker", name="Carl Worker")


def test_the_inbox_shows_what_is_due_first_and_filters_by_its_address(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        later, sooner = send(session, "access").case, send(session, "deletion").case
        sooner.due_on = clock.now().date() - timedelta(days=2)
    page = cora.get("/staff/cases/")
    assert page.index(sooner.reference) < page.index(later.reference)
    assert "2 days late" in page
    assert EMAIL not in page
    only = cora.get("/staff/cases/?due=overdue")
    assert sooner.reference in only
    assert later.reference not in only
    assert later.reference in cora.get("/staff/cases/?right=access&waiting=caseworker")
    assert "No request fits" in cora.get("/staff/cases/?state=closed")
    typed = later.reference.lower().replace("-", " ")
    assert sooner.reference not in cora.get(f"/staff/cases/?reference={typed}")
    assert later.reference in cora.get(f"/staff/cases/?reference={typed}")
    cora.get("/staff/cases/?state=%27%3B--&due=never")


def test_what_the_portal_could_not_do_is_shown_and_has_a_button(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send(session, "access").case
        for mail in session.scalars(select(Mail).where(Mail.case_id == case.id)):
            mail.work_state, mail.problem = "failed", "The mail server did not take the mail."
    assert "Requests in which the portal is stuck" in cora.get("/staff")
    assert f'href="/staff/cases/{case.id}"' in cora.get("/staff")
    assert "The mail server did not take the mail." in cora.get(f"/staff/cases/{case.id}")
    cora.post(f"/staff/cases/{case.id}/again")
    page = cora.get(f"/staff/cases/{case.id}")
    assert "The mail server" not in page
    assert "Tried again" in page
    assert "is stuck" not in cora.get("/staff")
    cora.post(f"/staff/cases/{case.id}/again", 409)


def test_the_mail_address_is_hidden_until_somebody_asks_and_that_is_logged(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send(session, "access").case
    path = f"/staff/cases/{case.id}"
    assert EMAIL not in cora.get(path)
    assert entries(database, "contact-revealed") == []
    assert EMAIL in cora.post(f"{path}/contact", status=200)
    assert entries(database, "contact-revealed") == [{"case": case.id, "account": cora.id}]
    assert "Address or number looked at" in cora.get(path)
    assert EMAIL not in cora.get(path)


def test_a_case_has_tabs_with_addresses_and_one_thing_to_do_next(
    database: Database, store: Store, cora: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caseworker, "LATEST", 2)
    case = decided(database, store, "access", "deletion")
    path = f"/staff/cases/{case.id}"
    for tab, has in {
        "": "What was asked",
        "/photographs": "2 photographs confirmed",
        "/messages": "Nobody has written anything yet.",
        "/letters": "There is no letter yet.",
        "/files": "A photo of their face",
        "/timeline": "Request received",
    }.items():
        page = cora.get(path + tab)
        assert f'<a href="{path}{tab}" aria-current="page">' in page, tab
        assert page.count('aria-current="page"') == 1
        assert has in page
        assert page.count("btn-primary") == 1 + (tab == "/messages"), "one next button, and that of the tab's own form"
        assert f'<a class="btn btn-primary" href="{path}/decide">Decide</a>' in page
    overview, timeline = cora.get(path), cora.get(f"{path}/timeline")
    assert "All that happened" in overview
    assert timeline.count('"ef-by"') > overview.count('"ef-by"') == 2


def test_who_is_asking_is_decided_once_with_a_note(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send(session, "access").case
    path = f"/staff/cases/{case.id}/identity"
    assert "Check who is asking" in cora.get(f"/staff/cases/{case.id}")
    assert "There is a problem" in cora.post(path, status=422, decision="confirmed", note=" ")
    cora.post(path, decision="confirmed", note="Knew the last four posts.")
    with database.reading() as session:
        found = session.get_one(Case, case.id)
        assert (found.identity, found.state, found.identity_by) == ("confirmed", "searching", cora.id)
    cora.post(path, status=409, decision="not-confirmed", note="Second thoughts.")


def test_pictures_that_were_sent_are_shown_only_for_the_identity_check(
    database: Database, store: Store, cora: Colleague
) -> None:
    case = decided(database, store)
    with database.reading() as session:
        probe = session.scalars(select(Candidate.probe_id).where(Candidate.case_id == case.id)).first()
    cora.get(f"/staff/cases/{case.id}/probes/{probe}.jpg", status=404)
    with database.writing() as session:
        session.get_one(Case, case.id).state = "identity-check"
    answer = cora.client.get(f"/staff/cases/{case.id}/probes/{probe}.jpg")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "no-store"
    assert entries(database, "image-revealed") == [{"account": cora.id, "probe": probe}]
    with database.writing() as session:
        other = send(session, "access").case
    cora.get(f"/staff/cases/{other.id}/probes/{probe}.jpg", status=404)


def test_nothing_is_decided_before_what_the_person_will_read_was_shown(
    database: Database, store: Store, cora: Colleague
) -> None:
    case = decided(database, store, "access")
    path = f"/staff/cases/{case.id}/decide/access"
    for page in (path, f"/staff/cases/{case.id}/photographs"):
        assert "1 photograph: no face is compared, because we saw none in them" in cora.get(page)
    assert "2 photographs were confirmed" in cora.get(path)
    form = {"decision": "refuse", "reason": "exempt_legal", "note": "A court asked us to."}
    shown = cora.post(path, status=200, **form)
    assert "We cannot do this because a law or a court makes us keep them." in shown
    assert "A court asked us to." in shown
    assert "complain to" in shown
    with database.reading() as session:
        assert session.get_one(Case, case.id).rights[0].decision is None
    assert entries(database, "right-decided") == []
    cora.post(path, confirm="yes", **form)
    with database.reading() as session:
        assert session.get_one(Case, case.id).rights[0].decision == "refuse"


def test_without_an_identity_check_the_answer_tells_nothing_that_was_found(
    database: Database, store: Store, cora: Colleague
) -> None:
    case = decided(database, store)
    path = f"/staff/cases/{case.id}/decide/deletion"
    assert "the person does not read this" in cora.get(path)
    page = cora.post(path, status=422, decision="refuse", reason="exempt_legal", note="")
    assert "must not tell whether there are photographs" in page
    shown = cora.post(path, status=200, decision="refuse", reason="suspected_fraud", note="We found two of you.")
    assert "We found two of you." not in shown.split("ef-preview")[1].split("</div>")[0]


def test_a_refusal_without_a_reason_is_sent_back(database: Database, store: Store, cora: Colleague) -> None:
    case = decided(database, store)
    path = f"/staff/cases/{case.id}/decide/deletion"
    assert "Choose a reason" in cora.post(path, status=422, decision="refuse", reason="", note="")
    page = cora.post(path, status=422, decision="refuse", reason="other", note="")
    assert "Explain the reason" in page


def test_the_same_person_cannot_agree_to_their_own_refusal(
    database: Database, store: Store, cora: Colleague, carl: Colleague
) -> None:
    case = decided(database, store)
    path = f"/staff/cases/{case.id}/decide/deletion"
    cora.post(path, confirm="yes", decision="refuse", reason="suspected_fraud", note="")
    assert "A second person must agree" in cora.get(f"/staff/cases/{case.id}")
    page = carl.get(f"/staff/cases/{case.id}/decide")
    assert "I agree to the refusal" in page
    seen = unescape(page.split('name="seen" value="')[1].split('"')[0])
    cora.post(f"{path}/approve", status=403, seen=seen)
    assert "decided this meanwhile" in carl.post(f"{path}/approve", status=409, seen="2026-01-01T00:00:00+00:00")
    carl.post(f"{path}/approve", seen=seen)
    with database.reading() as session:
        found = session.get_one(Case, case.id)
        assert (found.state, found.outcome) == ("closed", "refused")


def granted(database: Database, store: Store, cora: Colleague) -> tuple[Case, str]:
    case = decided(database, store)
    cora.post(f"/staff/cases/{case.id}/decide/deletion", confirm="yes", decision="grant", reason="", note="")
    with database.reading() as session:
        return session.get_one(Case, case.id), session.scalars(select(Erasure.id)).one()


def test_granting_a_deletion_makes_its_plan_which_a_second_person_reads_and_approves(
    database: Database, store: Store, cora: Colleague, carl: Colleague
) -> None:
    case, erasure_id = granted(database, store, cora)
    assert (case.state, case.waiting_for) == ("fulfilling", "approver")
    path = f"/staff/erasures/{erasure_id}"
    own = cora.get(path)
    assert "A second person must approve it" in own
    assert "Approve exactly this plan" not in own
    digest = form_digest(carl.get(path))
    assert "2</td>" in carl.get(path)
    cora.post(f"{path}/approve", status=403, digest=digest)
    carl.post(f"{path}/approve", status=409, digest="0" * 64)
    carl.post(f"{path}/approve", digest=digest)
    with database.reading() as session:
        erasure = session.get_one(Erasure, erasure_id)
        assert (erasure.state, erasure.approved_by, erasure.work_state) == ("cooling", carl.id, "due")
        assert session.get_one(Case, case.id).waiting_for == "machine"


def form_digest(page: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found.group(1)


def test_a_plan_that_changed_since_it_was_read_is_not_approved(
    database: Database, store: Store, cora: Colleague, carl: Colleague
) -> None:
    _, erasure_id = granted(database, store, cora)
    path = f"/staff/erasures/{erasure_id}"
    digest = form_digest(carl.get(path))
    with database.writing() as session:
        image = session.scalars(select(Image)).first()
        assert image is not None
        image.digest = b"n" * 32
    page = carl.post(f"{path}/approve", status=409, digest=digest)
    assert "The plan has changed since you read it" in page
    cora.post(f"{path}/plan-again")
    with database.reading() as session:
        assert session.get_one(Erasure, erasure_id).plan_digest != digest


def test_what_people_answer_about_models_and_recipients_ends_in_a_certificate(
    database: Database, store: Store, cora: Colleague, carl: Colleague
) -> None:
    case, erasure_id = granted(database, store, cora)
    path = f"/staff/erasures/{erasure_id}"
    carl.post(f"{path}/approve", digest=form_digest(carl.get(path)))
    with database.writing() as session:
        erasure = session.get_one(Erasure, erasure_id)
        erasure.state = "notifying"
        for item in erasure.items:
            if item.kind not in ("model", "product", "recipient"):
                item.state, item.result, item.evidence = "verified", "deleted", {"gone": True, "by": "a test"}
                item.done_at = clock.now()
        people = [(item.id, item.kind) for item in erasure.items if item.state == "planned"]
    assert [kind for _, kind in people] == ["model", "product", "recipient"]
    page = cora.get(f"{path}/items")
    for name in ("Recogniser 2", "Door camera", "A partner"):
        assert name in page
    first = people[0][0]
    answer = {f"i{first}-result": "told", f"i{first}-note": "Done."}
    assert "Not a valid choice" in cora.post(f"{path}/items/{first}", status=422, **answer)
    answer = {f"i{first}-result": "kept", f"i{first}-note": ""}
    assert "Say in a sentence" in cora.post(f"{path}/items/{first}", status=422, **answer)
    evidence = {f"i{first}-done_on": "2026-11-01", f"i{first}-weights_before": "a" * 64}
    for item_id, kind in people:
        result = "told" if kind == "recipient" else "destroyed"
        said = {f"i{item_id}-result": result, f"i{item_id}-note": "On Monday."}
        if kind == "model":
            assert "Give the day" in cora.post(f"{path}/items/{item_id}", status=422, **said)
            assert "By which method" in cora.post(f"{path}/items/{item_id}", status=422, **said, **evidence)
            said |= {**evidence, f"i{item_id}-method": "The disks were wiped."}
        leads_to = cora.post(f"{path}/items/{item_id}", **said)
    assert leads_to == f"{path}/items"
    assert "confirm this answer" not in cora.get(f"{path}/items")
    assert "confirm this answer" in carl.get(f"{path}/items")
    assert carl.post(f"{path}/items/{first}/confirm") == path
    page = cora.get(path)
    assert "The certificate is issued" in page
    certificate = re.search(r"/staff/certificates/[0-9a-f]{32}", page)
    assert certificate is not None
    file = cora.post(certificate.group(), status=200)
    assert "On Monday." in file
    with database.reading() as session:
        assert session.get_one(Case, case.id).state == "closed"
        assert session.scalars(select(CaseRight.outcome)).all() == ["fulfilled"]
        assert all(item.done_by == cora.id for item in session.scalars(select(ErasureItem)) if item.note)


def test_more_time_is_taken_once_and_by_the_law_s_last_day(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        right = send(session, "access").case.rights[0]
    path = f"/staff/cases/{right.case_id}/more-time/access"
    assert "Take more time" in cora.get(f"/staff/cases/{right.case_id}")
    page = cora.get(path)
    assert "Move the last day to" in page, "the new day stands there before anything happens"
    cora.post(path, status=422)
    cora.post(path, reason="complex")
    with database.reading() as session:
        assert session.get_one(CaseRight, right.id).due_on == right.latest_on
    cora.post(path, status=409, reason="complex")
    page = cora.get(f"/staff/cases/{right.case_id}")
    assert "More time taken" in page
    assert "Take more time" not in page


def test_what_asking_the_person_does_to_the_last_day_is_shown_before(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        right = send(session, "access").case.rights[0]
    path = f"/staff/cases/{right.case_id}/ask"
    assert f'href="{path}"' in cora.get(f"/staff/cases/{right.case_id}/more-time/access")
    assert f'href="{path}"' in cora.get(f"/staff/cases/{right.case_id}/messages")
    today = clock.now().date()
    page = cora.get(f"{path}?answered={(today + timedelta(days=10)).isoformat()}")
    # In the EU the nine days between do not count, and a last day that is no working day moves on, now as then.
    then = datetime.strptime(re.findall(r'data-name="Last day then">([^<]+)<', page)[0], "%d %B %Y").date()
    assert timedelta(days=9 - 4) <= then - right.due_on <= timedelta(days=9 + 4)
    assert "days between your question and the answer do not count" in page
    assert "the answer do not count" in cora.get(f"/staff/cases/{right.case_id}/identity"), "so before new photographs"
    assert "nobody answers before you ask" in cora.get(f"{path}?answered=2020-01-01", status=422)
    cora.get(f"{path}?answered=soon", status=422)
    with database.reading() as session:
        assert session.get_one(CaseRight, right.id).due_on == right.due_on, "looking moves nothing"


def test_a_question_is_a_message_for_which_the_clock_waits(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send(session, "access").case
    path = f"/staff/cases/{case.id}/ask"
    assert "Write your message first" in cora.post(path, status=422, text=" ")
    assert cora.post(path, text="Which years do you mean?") == f"/staff/cases/{case.id}/messages"
    assert "Which years do you mean?" in cora.get(f"/staff/cases/{case.id}/messages")
    assert "The person was asked what they mean" in cora.get(f"/staff/cases/{case.id}/timeline")
    assert "wait for the answer" in cora.get(path)
    cora.post(path, status=409, text="And which months?")
    assert entries(database, "clarification-asked") == [{"case": case.id, "actor": cora.id}]


def test_a_decision_is_made_beside_the_law_and_read_in_the_language_of_the_case(
    database: Database, store: Store, cora: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = decided(database, store, "access")
    with database.writing() as session:
        session.get_one(Case, case.id).language = "ar"
    written = answers.preview
    monkeypatch.setattr(answers, "preview", lambda *of: [*written(*of), f"spoken: {languages.current().code}"])
    path = f"/staff/cases/{case.id}/decide/access"
    assert "What the law says: Access, GDPR Article 15" in cora.get(path)
    page = cora.post(path, status=200, decision="refuse", reason="too_many_requests", note="")
    assert '<div class="ef-preview" lang="ar" dir="rtl">' in page
    assert "The person chose العربية" in page
    assert "<p>spoken: ar</p>" in page
    assert '<html lang="en"' in page, "the page itself is for staff"
    assert "The same in English, for you:" in page
    assert deciding.REASONS["too_many_requests"] in page.split("The same in English")[1]
    assert "<code>too_many_requests</code>" in page
    assert "gdprhub.eu" in page
    assert "Data Rights Protocol" not in cora.post(path, status=200, decision="refuse", reason="exempt_legal", note="")


def test_ids_that_nobody_has_are_not_found(cora: Colleague) -> None:
    for path in ("cases/0", "cases/0/identity", "cases/0/decide", "cases/0/plan", "erasures/0", "erasures/0/items"):
        cora.get(f"/staff/{path}", status=404)
    cora.post("/staff/certificates/0", status=404)


def test_texts_of_people_are_shown_as_text(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send(session, "access").case
        somebody = make_account(session)
        identity.decide_identity(session, case, somebody.id, "confirmed", "<script>alert(1)</script>")
    page = cora.get(f"/staff/cases/{case.id}")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_notes_of_the_team_are_sealed_and_go_with_the_contact(app: Flask, database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send(session, "access").case
    path = f"/staff/cases/{case.id}"
    assert cora.post(f"{path}/notes", note="Rang twice. <b>Try on Monday.</b>") == f"{path}#notes"
    assert "The note is not kept" not in cora.get(path)
    page = cora.post(f"{path}/notes", status=422, note=" ")
    assert "The note is not kept. Write your message first." in page
    assert "Rang twice. &lt;b&gt;Try on Monday." in page
    colleague(app, database, "reviewer").post(f"{path}/notes", status=403, note="Me, too.")
    with database.writing() as session:
        [kept] = session.scalars(select(CaseNote))
        assert b"Monday" not in kept.sealed
        assert all("Monday" not in str(line.body) for line in session.scalars(select(Entry)))
        purging.purge_contact(session, session.get_one(Case, case.id))
        assert session.scalars(select(CaseNote)).all() == []


def test_a_paper_beside_a_note_is_made_safe_sealed_logged_and_goes_with_it(
    app: Flask, database: Database, cora: Colleague
) -> None:
    with database.writing() as session:
        case, other = send(session, "access").case, send(session, "access").case
    path = f"/staff/cases/{case.id}"
    cora.post(f"{path}/notes", note="Their letter.", paper=(io.BytesIO(drawn_jpeg(2)), "letter.jpg"))
    wrong = (io.BytesIO(b"<svg onload=alert(1)>"), "x.svg")
    page = cora.post(f"{path}/notes", status=422, note="Not a <picture>.", paper=wrong)
    assert "The note is not kept." in page
    assert "required>Not a &lt;picture&gt;.</textarea>" in page, "what was typed is there to send again"
    page = cora.get(path)
    assert "Not a" not in page
    found = re.search(rf'href="({path}/notes/[0-9a-f]+/paper)"', page)
    assert found
    answer = cora.client.get(found.group(1))
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("image/jpeg", "no-store")
    assert entries(database, "paper-revealed") == [{"account": cora.id, "case": case.id, "point": "note"}]
    cora.get(found.group(1).replace(case.id, other.id), status=404)
    colleague(app, database, "reviewer").get(found.group(1), status=403)
    with database.writing() as session:
        [kept] = session.scalars(select(NotePaper))
        assert answer.data not in kept.sealed
        purging.purge_contact(session, session.get_one(Case, case.id))
    with database.reading() as session:
        assert session.scalars(select(NotePaper)).all() == []
