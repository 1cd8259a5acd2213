"""What goes wrong with a real installation: bad pictures, wrong codes, a button pressed twice, a lost disk."""

from __future__ import annotations

import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.cli.demo.browsing import Browser, Page
from portal.cli.demo.judging import judge_until_decided
from portal.cli.demo.running import Installation
from portal.cli.demo.subject import Request, Subject
from portal.cli.demo.waiting import until
from tests.fakes import drawn_jpeg
from tests.journeys.staffed import Team, judge_of

pytestmark = pytest.mark.photographs


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 900 million pixels."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(100)),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def walks_to(person: Subject, last: str, *ways: str) -> Page:
    """Answer what comes before the page `last`."""
    page = person.browser.submit(person.browser.get("/"), action="/request/start")
    answers: dict[str, dict[str, str | list[str]]] = {
        "rights": {"rights": ["access", "deletion"]},
        "whom": {"for_whom": "me"},
        "residence": {"residence": "EU"},
        "ways": {"ways": list(ways)},
        "consent": {"consent": "y"},
        "accounts": {"text": "nobody-by-this-name"},
    }
    while not page.path.endswith(last):
        page = person.browser.submit(page, dict(answers[page.path.rpartition("/")[2]]))
    return page


def clean_logs(house: Installation) -> None:
    """Nothing that people can do by themselves leaves a trace of code or of themselves."""
    for path in (house.data / "logs").glob("*.log"):
        text = path.read_text()
        assert 'File "' not in text, f"{path.name}: {text[-2000:]}"
        assert ".example" not in text, path.name


def test_each_bad_picture_has_its_own_sentence_and_the_answers_stay(house: Installation, team: Team) -> None:
    person = Subject(house)
    page = walks_to(person, "photos", "face", "account")
    bad = {
        b"": (422, "empty"),
        b"<html>no picture</html>" * 50: (422, "not a picture"),
        drawn_jpeg(1)[:4000]: (422, "end of this picture is missing"),
        bomb(): (422, "64 million pixels"),
        bytes(33 * 1024 * 1024): (413, "at most 32 megabytes"),
        bytes(50 * 1024 * 1024): (413, "at most 32 megabytes"),
    }
    for data, (status, words) in bad.items():
        page = person.browser.submit(page, {"photo": ("me.jpg", data)})
        assert (page.status, page.path) == (status, "/request/photos")
        assert words in page.text
    page = person.browser.submit(page, {"photo": ("wall.jpg", drawn_jpeg())})
    until(lambda: "could not see a face" in person.browser.get(page.path).text, what="the look at a photo of nobody")
    kept = [form.values["ways"] for form in person.browser.get("/request/ways").forms if "ways" in form.values]
    assert kept == [["face", "account"]]
    clean_logs(house)


def test_five_wrong_codes_end_the_code_and_nothing_else(house: Installation, team: Team) -> None:
    person = Subject(house)
    walks_to(person, "contact", "account")
    page = person.browser.submit(person.browser.get("/request/contact"), {"email": "five@mail.example"})
    code = re.search(r"\b\d{6}\b", house.last_mail("five@mail.example"))
    assert code
    for _try in range(5):
        page = person.browser.submit(page, {"code": f"{(int(code[0]) + 1) % 1_000_000:06}"})
        assert page.status == 422
    assert "Ask for a new code" in person.browser.submit(page, {"code": code[0]}).text
    page = person.browser.submit(page, action="/code/again")
    fresh = re.search(r"\b\d{6}\b", house.last_mail("five@mail.example", after=1))
    assert fresh
    assert person.browser.submit(page, {"code": fresh[0]}).path == "/request/helps"


def references(team: Team) -> set[str]:
    """Of the requests in the inbox."""
    return set(re.findall(r"EF-[\w-]+", team.caseworker.browser.get("/staff/cases/").text))


def test_the_last_button_pressed_twice_at_once_makes_one_request(house: Installation, team: Team) -> None:
    person = Subject(house)
    walks_to(person, "contact", "account")
    person.browser.submit(person.browser.get("/request/contact"), action="/no-contact")
    page = person.browser.submit(person.browser.get("/request/helps"), {"helps": ""})
    before = references(team)

    def press(browser: Browser) -> Page:
        return browser.submit(page, action="")

    with ThreadPoolExecutor(2) as connections:
        answers = list(connections.map(press, [person.browser] * 2))
    shown = {
        found[0] for answer in answers if (found := re.search(r'class="ef-words"><bdi>([a-z ]+)', answer.body.decode()))
    }
    assert [answer.path for answer in answers] == ["/request/sent"] * 2
    assert len(shown) == 1, "both presses show the same secret words"
    assert len(references(team) - before) == 1


def test_a_hit_and_a_miss_read_the_same_until_the_decision(house: Installation, team: Team, archive: Path) -> None:
    mine, wall = drawn_jpeg(11, seed=111), drawn_jpeg(12, seed=112)
    (archive / "mine.jpg").write_bytes(mine)
    team.takes_in("same-page", archive)
    people = [(Subject(house), mine, "hit@mail.example"), (Subject(house), wall, "mis@mail.example")]
    for person, picture, email in people:
        person.asks(Request(("access", "deletion"), picture=picture, email=email))
        person.signs_in()
        assert person.reference in house.last_mail(email, after=1), "the code came first, then the acknowledgement"

    def pages() -> list[str]:
        """What each reads now: their page and their mails, without what names them."""
        found = []
        for person, _, email in people:
            body = person.browser.get("/case").body.decode() + "".join(house.mails(email))
            body = re.sub(r'nonce="[^"]*"|name="csrf_token" value="[^"]*"|\b\d{6}\b', "", body)
            found.append(body.replace(person.reference, "REFERENCE").replace(email, "ADDRESS"))
        return found

    hit, miss = pages()
    assert hit == miss
    cases = [team.caseworker.finds_case(person.reference) for person, _, _ in people]
    for case in cases:
        team.caseworker.confirms_identity(case)
    until(lambda: team.reviewers[0].waits() and team.caseworker.may_decide(cases[1]), what="both searches")
    hit, miss = pages()
    assert hit == miss
    judge_until_decided(team.reviewers, team.caseworker, cases[0], judge_of({mine: True}))
    hit, miss = pages()
    assert hit == miss


def test_a_store_that_goes_away_in_mid_erasure_is_erased_from_when_it_is_back(
    house: Installation, team: Team, archive: Path
) -> None:
    mine, other = drawn_jpeg(13, seed=131), drawn_jpeg(14, seed=141)
    (archive / "mine.jpg").write_bytes(mine)
    (archive / "other.jpg").write_bytes(other)
    team.takes_in("unplugged", archive)
    person = Subject(house)
    person.asks(Request(("deletion",), picture=mine, email="unplugged@mail.example"))
    case = team.finds_and_judges(person, judge_of({mine: True}), check=False)
    team.caseworker.grants(case, ("deletion",))
    [plan] = team.caseworker.plans(case)
    assert not team.caseworker.approves_alone(plan)
    away = archive.rename(archive.with_name("unplugged"))
    archive.mkdir()
    (archive / "mine.jpg").write_bytes(b"another disk")
    team.approver.approves(plan)
    until(lambda: "is not the one that was added" in team.caseworker.browser.get(case).text, what="the trouble")
    assert [path.name for path in archive.iterdir()] == ["mine.jpg"], "nothing on another disk is touched"
    (archive / "mine.jpg").unlink()
    archive.rmdir()
    away.rename(archive)
    team.caseworker.browser.submit(team.caseworker.browser.get(case), action="/again")
    until(lambda: team.caseworker.is_past_machine(plan), what="the erasure")
    assert [path.name for path in archive.iterdir()] == ["other.jpg"]
    assert "The certificate is issued" in team.caseworker.browser.get(plan).text
    clean_logs(house)
