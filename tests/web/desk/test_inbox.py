"""The privacy team's inbox: filters in the address, pages, the time left in words."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.tables import Case, Entry
from portal.web.desk import inbox
from tests.cases.making import send
from tests.web.desk import Colleague, colleague


@pytest.fixture
def carl(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "caseworker", name="Carl Worker")


def sent(database: Database, *rights: str, left: int = 20) -> Case:
    """A request of a person in the EU, received ten days before now, with so many days left."""
    with database.writing() as session:
        case = send(session, *(rights or ("access",))).case
        case.received_at = clock.now() - timedelta(days=10)
        case.due_on = clock.now().date() + timedelta(days=left)
    return case


def entries(database: Database, kind: str) -> list[dict[str, object]]:
    with database.reading() as session:
        found = session.scalars(select(Entry.body).where(Entry.kind == kind).order_by(Entry.position))
        return [json.loads(body)["facts"] for body in found]


def references(page: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*>.*?(EF-[A-Z0-9]+-[A-Z0-9]+)', page)


def test_requests_are_filtered_by_law_due_day_and_who_has_them(
    database: Database, cora: Colleague, carl: Colleague
) -> None:
    late, soon = sent(database, left=20), sent(database, "deletion", left=5)
    with database.writing() as session:
        session.get_one(Case, soon.id).caseworker_id = cora.id
    both = [soon.reference, late.reference]
    for address, expected in {
        "": both,
        "?law=eu": both,
        "?law=uk": [],
        "?due=7": [soon.reference],
        "?due=4": [],
        "?due=999": both,
        "?assigned=me": [soon.reference],
        "?assigned=nobody": [late.reference],
        f"?assigned={carl.id}": [],
        f"?assigned={cora.id}&right=deletion&law=eu&due=5": [soon.reference],
        "?law=%25&due=-1&assigned=x&page=99": both,
        "?due=99999999999&page=x": both,
    }.items():
        assert references(cora.get(f"/staff/cases/{address}")) == expected, address
    assert references(carl.get("/staff/cases/?assigned=me")) == []


def test_a_filter_stays_chosen_and_unknown_ones_do_not(database: Database, cora: Colleague) -> None:
    sent(database)
    page = cora.get("/staff/cases/?due=45&law=eu&state=nonsense")
    assert '<option value="45" selected>Within 45 days</option>' in page
    assert '<option value="eu" selected>' in page
    assert "nonsense" not in page
    assert "Show all that are open" in page
    assert "Show all that are open" not in cora.get("/staff/cases/?state=nonsense")


def test_long_lists_have_pages_that_keep_the_filter(
    database: Database, cora: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "CASES_A_PAGE", 2)
    cases = [sent(database, left=left) for left in (3, 4, 5)]
    first = cora.get("/staff/cases/?law=eu")
    assert "3 requests, page 1 of 2." in first
    following = re.search(r'href="([^"]+)">Later last days', first)
    assert following is not None
    second = cora.get(following.group(1).replace("&amp;", "&"))
    assert references(first) + references(second) == [case.reference for case in cases]
    assert '<option value="eu" selected>' in second
    assert "Later last days" not in second


@pytest.mark.parametrize(
    ("left", "said", "kind"),
    [
        (60, "60 of 70 days left: most", "ef-tag ef-tag-good"),
        (20, "20 of 30 days left: over half", "ef-tag"),
        (9, "9 of 19 days left: under half", "ef-tag"),
        (3, "3 of 13 days left: little", "ef-tag ef-tag-soon"),
        (1, "due tomorrow", "ef-tag ef-tag-soon"),
        (0, "due today", "ef-tag ef-tag-late"),
        (-3, "3 days late", "ef-tag ef-tag-late"),
    ],
)
def test_the_time_left_is_said_in_words(database: Database, cora: Colleague, left: int, said: str, kind: str) -> None:
    sent(database, left=left)
    assert f'<span class="{kind}">{said}</span>' in cora.get("/staff/cases/")


def test_requests_are_given_to_a_caseworker_several_at_once(
    database: Database, cora: Colleague, carl: Colleague
) -> None:
    one, two, other = (sent(database, left=left) for left in (3, 4, 5))
    back = "/staff/cases/?law=eu"
    assert cora.post("/staff/cases/assign", case=[one.reference, two.reference], to=carl.id, back=back) == back
    assert references(cora.get(f"/staff/cases/?assigned={carl.id}")) == [one.reference, two.reference]
    assert references(cora.get("/staff/cases/?assigned=nobody")) == [other.reference]
    assert "Requests that you have" in carl.get("/staff")
    assert "Requests that you have" not in cora.get("/staff")
    logged = [{"case": case.id, "actor": cora.id, "account": carl.id} for case in (one, two)]
    assert entries(database, "case-assigned") == logged
    page = carl.get(f"/staff/cases/{one.id}")
    assert f'<option value="{carl.id}" selected>Carl Worker</option>' in page
    assert "Given to somebody: Carl Worker" in " ".join(page.split())
    assert "It waits for: a caseworker. You have this request." in page
    assert "Carl Worker has this request." in cora.get(f"/staff/cases/{one.id}")
    assert "has this request" not in cora.get(f"/staff/cases/{other.id}")
    cora.post("/staff/cases/assign", case=one.reference, to=carl.id)
    assert entries(database, "case-assigned") == logged
    assert carl.post("/staff/cases/assign", case=one.reference, to="", back="//elsewhere.example") == "/staff/cases/"
    assert references(cora.get(f"/staff/cases/?assigned={carl.id}")) == [two.reference]


def test_requests_are_given_to_caseworkers_only_and_all_or_none(
    app: Flask, database: Database, cora: Colleague
) -> None:
    reviewer = colleague(app, database, "reviewer")
    case, finished = sent(database, left=3), sent(database, left=4)
    with database.writing() as session:
        row = session.get_one(Case, finished.id)
        row.state, row.outcome = "closed", "refused"
    back = "/staff/cases/?law=eu"
    for asked, to, said in (
        ([case.reference], reviewer.id, "Choose a caseworker from the list."),
        ([case.reference, "EF-GONE-GONE"], cora.id, "EF-GONE-GONE is not kept any more."),
        ([case.reference, finished.reference], cora.id, f"{finished.reference} is finished."),
    ):
        leads_to = cora.post("/staff/cases/assign", case=asked, to=to, back=back)
        page = cora.get(leads_to)
        assert f"Nothing was given to anybody. {said}" in page
        assert f'value="{case.reference}" checked' in page, "the other ticks are still set"
        assert '<option value="eu" selected>' in page
    leads_to = cora.post("/staff/cases/assign", to=cora.id, back=back)
    assert "Tick the requests first." in cora.get(leads_to)
    reviewer.post("/staff/cases/assign", status=403, case=case.reference, to=reviewer.id)
    assert references(cora.get("/staff/cases/?assigned=nobody")) == [case.reference]
    assert entries(database, "case-assigned") == []


def test_everybody_has_views_of_what_is_usually_looked_for(database: Database, cora: Colleague) -> None:
    late, soon, asked = sent(database, left=-1), sent(database, left=5), sent(database)
    with database.writing() as session:
        session.get_one(Case, soon.id).caseworker_id = cora.id
        session.get_one(Case, asked.id).waiting_for = "subject"
        session.get_one(Case, asked.id).state = "deciding"
    page = cora.get("/staff/cases/")
    views = dict(re.findall(r'<a class="ef-target" href="([^"]+)">([A-Z][^<]+)</a>(?: ·|</p>)', page))
    found = {name: references(cora.get(unescape(address))) for address, name in views.items() if name in inbox.STANDING}
    assert found == {
        "Mine": [soon.reference],
        "Overdue": [late.reference],
        "Due this week": [late.reference, soon.reference],
        "Waits for the person": [asked.reference],
        "Being compared": [],
        "Ready to be decided": [asked.reference],
    }
    assert 'aria-current="true">Mine</a>' in cora.get("/staff/cases/?assigned=me")


def test_no_way_back_from_a_form_is_a_dead_end(cora: Colleague) -> None:
    for path in ("assign", "views"):
        answer = cora.client.post(f"/staff/cases/{path}", data={"csrf_token": "too old"})
        assert answer.status_code == 400
        assert f'href="/staff/cases/{path}"' in answer.text
        assert cora.client.get(f"/staff/cases/{path}").location == "/staff/cases/"


def test_all_requests_of_a_page_are_ticked_without_a_script(
    database: Database, cora: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "CASES_A_PAGE", 2)
    for left in (3, 4, 5):
        sent(database, left=left)
    page = cora.get("/staff/cases/?law=eu")
    assert '" checked>' not in page
    every = re.search(r'href="([^"]+)#requests">.*Tick all on this page', page)
    assert every is not None
    page = cora.get(every.group(1).replace("&amp;", "&"))
    assert page.count('" checked>') == 2
    assert "Tick all on this page" not in page
    none = re.search(r'href="([^"]+)#requests">.*Tick none', page)
    assert none is not None
    assert '" checked>' not in cora.get(none.group(1).replace("&amp;", "&"))


def test_a_view_is_kept_under_a_name_by_each_caseworker(database: Database, cora: Colleague, carl: Colleague) -> None:
    sent(database)
    assert "Keep this view" not in cora.get("/staff/cases/")
    assert "Keep this view" in cora.get("/staff/cases/?due=7")
    leads_to = cora.post("/staff/cases/views", name=" Mine & soon ", due="7", assigned="me", state="nonsense")
    assert leads_to == "/staff/cases/?due=7&assigned=me"
    page = cora.get("/staff/cases/")
    assert 'href="/staff/cases/?due=7&amp;assigned=me">Mine &amp; soon</a>' in page
    assert "Mine &amp; soon" not in carl.get("/staff/cases/")
    cora.post("/staff/cases/views", name="Mine & soon", due="3")
    page = cora.get("/staff/cases/")
    assert (page.count(">Mine &amp; soon</a>"), "due=3" in page) == (1, True)
    for name in (" ", "x" * 61):
        leads_to = cora.post("/staff/cases/views", name=name, due="3")
        assert leads_to == "/staff/cases/?due=3"
        assert "The view is not kept. Give it a name of 1 to 60 letters." in cora.get(leads_to)
    remove = re.search(r'action="(/staff/cases/views/[0-9a-f]{32}/remove)"', page)
    assert remove is not None
    carl.post(remove.group(1))
    assert ">Mine &amp; soon</a>" in cora.get("/staff/cases/")
    cora.post(remove.group(1))
    assert ">Mine &amp; soon</a>" not in cora.get("/staff/cases/")


def test_the_list_can_be_saved_as_a_table_with_its_filters_and_without_the_person(
    database: Database, cora: Colleague
) -> None:
    late, soon = sent(database, "access", "deletion", left=-2), sent(database, "deletion")
    with database.writing() as session:
        session.get_one(Case, late.id).caseworker_id = cora.id
    page = cora.get("/staff/cases/?right=deletion&due=overdue")
    link = re.search(r'href="(/staff/cases/requests.csv[^"]*)"', page)
    assert link
    answer = cora.client.get(unescape(link.group(1)))
    assert answer.mimetype == "text/csv"
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert (line["reference"], line["rights"], line["days_left"], line["given_to"]) == (
        late.reference,
        "access deletion",
        "-2",
        "Cora Worker",
    )
    both = cora.client.get("/staff/cases/requests.csv").text
    assert soon.reference in both
    assert "anna@example.org" not in both
