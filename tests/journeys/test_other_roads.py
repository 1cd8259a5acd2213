"""Roads without a face, without a contact, without a deletion, and the road back."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from portal.cli.demo.running import Installation
from portal.cli.demo.subject import Request, Subject
from portal.cli.demo.waiting import until
from tests.fakes import drawn_jpeg
from tests.journeys.staffed import Team, judge_of

pytestmark = pytest.mark.photographs


def test_an_opt_out_from_california_needs_no_identity_and_keeps_the_photographs(
    house: Installation, team: Team, archive: Path
) -> None:
    ann, bob = drawn_jpeg(3, seed=1), drawn_jpeg(8, seed=2)
    (archive / "ann.jpg").write_bytes(ann)
    (archive / "bob.jpg").write_bytes(bob)
    manifest = "key,account,source_url\nann.jpg,ann_w,https://www.site.example/p/1?utm_source=x\nbob.jpg,bob,\n"
    team.takes_in("opt-out", archive, manifest)
    team.admin.writes_down("dataset", name="wild-faces", version="2", created_on="2020-01-01", description="")
    team.admin.writes_down(
        "places",
        dataset=team.admin.choice("places", "dataset", "wild-faces 2"),
        store=team.admin.choice("places", "store", "opt-out"),
    )
    person = Subject(house)
    person.asks(Request(("opt-out",), residence="US-CA", link="http://m.site.example/p/1/"))
    case = team.finds_and_judges(person, judge_of({ann: True, bob: False}), check=False)
    team.caseworker.grants(case, ("opt-out",))
    team.erases(case)
    assert "looking for photos of you" in person.signs_in().text, "nobody made sure who asks: a hit looks like a miss"
    assert not person.is_closed()
    assert {path.name for path in archive.iterdir()} == {"ann.jpg", "bob.jpg"}
    [erasure] = team.caseworker.plans(case)
    path, key = archive.with_name("certificate.json"), archive.with_name("key")
    path.write_bytes(team.caseworker.fetches_certificate(erasure))
    key.write_bytes(person.browser.get("/public-key").body)
    checked = house.efface("certificate", "verify", str(path), "--key", str(key))
    assert checked.returncode == 0, checked.stderr
    assert "kept" in checked.stdout
    overview = team.admin.browser.get("/staff/lineage/").text
    assert "1" in overview.partition("wild-faces")[2][:80], "one of two photographs is left in the dataset"
    page = team.admin.browser.get("/staff/lineage/add/places")
    again = team.admin.browser.submit(
        page,
        {
            "dataset": team.admin.choice("places", "dataset", "wild-faces 2"),
            "store": team.admin.choice("places", "store", "opt-out"),
            "despite": "They were in it before anybody asked.",
        },
    )
    assert "stay out" in again.text, "what was opted out cannot be put back"


def test_the_picture_file_itself_finds_its_copies_without_any_face(
    house: Installation, team: Team, archive: Path
) -> None:
    mine, other = drawn_jpeg(5, seed=11), drawn_jpeg(9, seed=12)
    (archive / "copy.jpg").write_bytes(mine)
    (archive / "other.jpg").write_bytes(other)
    team.takes_in("file", archive)
    person = Subject(house)
    person.asks(Request(("copy", "deletion"), picture=mine, email="p5@mail.example"))
    case = team.finds_and_judges(person, judge_of({mine: True, other: False}))
    team.caseworker.grants(case, ("copy", "deletion"))
    team.erases(case)
    person.signs_in()
    until(person.is_closed, what="the answer")
    assert {path.name for path in archive.iterdir()} == {"other.jpg"}
    package = zipfile.ZipFile(io.BytesIO(person.fetches_package()))
    assert len([name for name in package.namelist() if name.endswith(".jpg")]) == 1
    assert len(person.fetches_certificates()) == 1


def test_when_nothing_is_found_the_answer_says_so_and_promises_nothing(
    house: Installation, team: Team, archive: Path
) -> None:
    person = Subject(house)
    person.asks(Request(("access", "deletion"), account="nobody-by-this-name", email="p8@mail.example"))
    case = team.finds_and_judges(person, lambda _: "same")
    team.caseworker.grants(case, ("access", "deletion"))
    until(person.is_closed, what="the answer")
    answer = person.signs_in().text
    assert "did not find photos of you" in answer
    assert "not a guarantee" in answer


def test_a_person_takes_the_request_back_and_what_they_sent_is_gone(
    house: Installation, team: Team, archive: Path
) -> None:
    person = Subject(house)
    person.asks(Request(("copy", "deletion"), picture=drawn_jpeg(7), email="p7@mail.example"))
    assert person.withdraws().status == 200
    assert "took this request back" in person.signs_in().text
    case = team.caseworker.browser.get("/staff/cases/?state=closed")
    assert person.reference in case.text


def test_a_refusal_needs_a_second_person_and_reaches_the_subject_in_plain_words(
    house: Installation, team: Team
) -> None:
    person = Subject(house)
    person.asks(Request(("access", "deletion"), account="nobody-at-all", email="p9@mail.example"))
    case = team.finds_and_judges(person, lambda _: "same")
    team.caseworker.grants(case, ("access",))
    team.caseworker.refuses(case, "deletion", "exempt_legal", "A court told us to keep these records until May.")
    assert "A court told us" not in person.reads(), "nothing is told before a second person agreed"
    page = team.approver.browser.get(f"{case}/decide")
    team.approver.browser.submit(page, action="/approve")
    until(person.is_closed, what="the answer")
    answer = person.signs_in().text
    assert "A court told us to keep these records until May." in answer
    assert "complain" in answer
