"""The staff's work by clicking: an admin adds a store and scans it; caseworkers carry a request to its certificate."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from portal.cli.demo.judging import judge_until_decided
from portal.cli.demo.running import Installation
from portal.cli.demo.subject import Request, Subject
from portal.cli.demo.waiting import until
from tests.browser.signing_in import sign_in
from tests.browser.visiting import Visitor
from tests.journeys.staffed import Team

pytestmark = pytest.mark.photographs
EMAIL = "p46@mail.example"


def test_an_admin_adds_a_store_tests_it_and_watches_its_scan(
    browser: Any, house: Installation, team: Team, photographs: Path, tmp_path: Path
) -> None:
    for name in ("collins.png", "cat.png", "coffee.png", "rocket.jpg"):
        shutil.copyfile(photographs / name, tmp_path / name)
    visitor = Visitor(browser, house.address)
    sign_in(visitor, team.admin)
    visitor.press("Stores")
    visitor.press("Add a store")
    visitor.press("Add and test")
    assert visitor.page.title().startswith("Error: ")
    visitor.page.get_by_label("Name", exact=True).fill("Space and cats")
    visitor.page.get_by_label("Folder").fill(str(tmp_path))
    visitor.choose("Efface may delete photographs here")
    visitor.press("Add and test")
    assert "Photographs can be read" in visitor.text
    visitor.press("Test again")
    assert "Yes Files can be deleted" in visitor.text.replace("\n", " ")
    visitor.strike(visitor.named("Start a scan"))
    bar = visitor.page.get_by_role("progressbar", name="How far the scan is")
    bar.wait_for()
    visitor.page.get_by_text("Done,").wait_for()
    visitor.look()
    assert bar.evaluate("one => one.value") == 100
    rows = {row.split("\t")[0]: row.split("\t")[-1].strip() for row in visitor.page.locator("tr").all_inner_texts()}
    assert (rows["New"], rows["Without a face"], rows["Could not be read"]) == ("4", "3", "0")
    visitor.press("Back")
    assert "4 photographs" in visitor.text
    assert visitor.faults == []
    visitor.close()


@pytest.fixture
def asked(house: Installation, team: Team, archive: Path, photographs: Path) -> Subject:
    """Somebody asked for a copy and for deletion with a selfie, and has sent the two new photographs."""
    person = Subject(house)
    selfie = (photographs / "biden.jpg").read_bytes()
    person.asks(Request(("copy", "deletion"), selfie=selfie, email=EMAIL))
    team.caseworker.asks_for_face(team.caseworker.finds_case(person.reference))
    person.shows_face(selfie)
    return person


def test_a_request_becomes_a_certificate(
    browser: Any, house: Installation, team: Team, asked: Subject, archive: Path, tmp_path: Path
) -> None:
    carl, cleo = Visitor(browser, house.address), Visitor(browser, house.address)
    sign_in(carl, team.caseworker)
    check_identity(carl, asked.reference)
    until(team.reviewers[0].waits, what="the search")
    case = team.caseworker.finds_case(asked.reference)
    judge_until_decided(team.reviewers, team.caseworker, case, lambda _jpeg: "same")
    decide(carl)
    sign_in(cleo, team.approver)
    approve(cleo, asked.reference)
    answer_items(carl, asked.reference)
    confirm(cleo, asked.reference)
    certificate = download(cleo, tmp_path)
    assert not list(archive.glob("biden*"))
    assert len(list(archive.glob("obama*"))) == 3
    key = tmp_path / "key"
    key.write_bytes(asked.browser.get("/public-key").body)
    checked = house.efface("certificate", "verify", str(certificate), "--key", str(key))
    assert checked.returncode == 0, checked.stderr
    assert (carl.faults, cleo.faults) == ([], [])
    carl.close()
    cleo.close()


def open_case(visitor: Visitor, reference: str) -> None:
    visitor.press("Requests")
    visitor.page.get_by_label("Reference").fill(reference)
    visitor.press("Show")
    visitor.press(reference)


def check_identity(carl: Visitor, reference: str) -> None:
    open_case(carl, reference)
    carl.press("Show the contact")
    assert EMAIL in carl.text
    carl.press("Check who is asking")
    # Whole, because the face may be anywhere in it.
    assert carl.page.get_by_alt_text("A selfie that was sent").evaluate(
        "one => Math.abs(one.naturalWidth / one.naturalHeight - one.width / one.height) < 0.05"
    )
    carl.press("Save the decision")
    assert carl.page.evaluate("document.activeElement.className") == "ef-summary"
    carl.choose("Yes, I am sure")
    carl.page.get_by_label("How do you know?").fill("The address was confirmed, and the photo shows the same man.")
    carl.press("Save the decision")
    assert "looking for photographs" in carl.text or "compare the pictures" in carl.text


def take_signs(carl: Visitor) -> None:
    """A copy is given out only after a second sign of who asks, and a declaration. The page about it leads there."""
    carl.strike(carl.page.get_by_role("link", name="copy"))
    carl.page.wait_for_url("**/decide/*")
    assert "a second sign of who is asking and the signed declaration is missing" in carl.text
    back = carl.page.url
    carl.press("Second sign and declaration")
    carl.page.get_by_label("Where you hold the contact that the person confirmed").fill("In the account's settings.")
    carl.press("The confirmed contact is one we hold")
    carl.press("The declaration is here on paper")
    assert "The declaration is signed." in carl.text
    carl.page.goto(back)
    assert "is missing" not in carl.text
    carl.press("Back")


def decide(carl: Visitor) -> None:
    """Both rights are granted, each after what the person will read was shown."""
    carl.page.reload()
    carl.look()
    carl.press("Photographs")
    assert "2 photographs confirmed" in carl.text
    carl.press("Decide")
    take_signs(carl)
    for asked in ("copy", "deleted"):
        carl.strike(carl.page.get_by_role("link", name=asked))
        carl.page.wait_for_url("**/decide/*")
        carl.look()
        carl.choose("Grant it")
        carl.press("Show what the person will read")
        carl.press("Grant it")
    assert "A second person must approve it" in carl.text
    carl.press("See the plan")
    assert carl.page.get_by_role("button", name="Approve exactly this plan").count() == 0


def approve(cleo: Visitor, reference: str) -> None:
    open_case(cleo, reference)
    cleo.press("Read the plan")
    plan = cleo.page.get_by_role("region", name="Every item of the plan").inner_text()
    assert "biden-mirrored.jpg" in plan
    assert "obama" not in plan
    assert "cannot be brought back" in cleo.text
    cleo.press("Approve exactly this plan")


def answer_items(carl: Visitor, reference: str) -> None:
    """Once the portal has done its part, a person says what was done about a model, a product and a recipient."""
    waits = "Say what was done about each model, product and recipient."
    open_case(carl, reference)
    until(lambda: waits in (carl.page.reload() and carl.text), pause=0.3, what="the erasure")
    carl.press("Answer the items")
    carl.press("Keep this answer")
    assert carl.page.title().startswith("Error: ")
    for name, result in (("Model", "Kept"), ("Product", "Kept"), ("Recipient", "Told")):
        item = carl.page.get_by_role("region", name=name)
        choices = item.get_by_label("What was done?").locator("option").all_inner_texts()
        item.get_by_label("What was done?").select_option(next(one for one in choices if one.startswith(result)))
        if name == "Model":
            item.get_by_label("On which day?").fill("2026-01-01")
            item.get_by_label("Why?").fill("A claim is heard in court.")
        item.get_by_label("Say it in a sentence").fill("By letter on 20 November.")
        with carl.page.expect_navigation(wait_until="load"):
            item.get_by_role("button", name="Keep this answer").click()
        carl.look()
    assert "Waits for a second person" in carl.text


def confirm(cleo: Visitor, reference: str) -> None:
    open_case(cleo, reference)
    cleo.press("Answer the items")
    cleo.press("I have read it: confirm this answer")
    assert "Done. The certificate is issued" in cleo.text


def download(cleo: Visitor, folder: Path) -> Path:
    with cleo.page.expect_download() as started:
        cleo.strike(cleo.named("Download the certificate"))
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path
