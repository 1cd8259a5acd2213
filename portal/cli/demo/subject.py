"""The person of the main job, who does through pages and forms what a person would do, and reads what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from portal import images
from portal.cli.demo.browsing import Browser, Page, WrongPage, expect
from portal.cli.demo.running import Installation
from portal.cli.demo.waiting import until

Fields = dict[str, str | list[str] | tuple[str, bytes]]


@dataclass(frozen=True)
class Request:
    """What a person asks, and how they can be found."""

    rights: tuple[str, ...]
    residence: str = "EU"
    selfie: bytes | None = None
    picture: bytes | None = None
    link: str = ""
    account: str = ""
    email: str = ""

    @property
    def ways(self) -> list[str]:
        given = {"face": self.selfie, "file": self.picture, "link": self.link, "account": self.account}
        return [way for way, what in given.items() if what]


class Subject:
    """The person in the photographs. No account: a reference and secret words."""

    def __init__(self, house: Installation) -> None:
        self.house = house
        self.browser = Browser(house.address)
        self.reference = self.words = ""

    def asks(self, request: Request) -> None:
        """From the first page to the confirmation, one question after the other, in the order the pages come."""
        answers: dict[str, Callable[[Page], Page]] = {
            "rights": lambda page: self._send(page, rights=list(request.rights)),
            "whom": lambda page: self._send(page, for_whom="me"),
            "residence": lambda page: self._send(page, residence=request.residence),
            "ways": lambda page: self._send(page, ways=request.ways),
            "consent": lambda page: self._send(page, consent="y"),
            "photos": lambda page: self._adds_picture(page, "photo", request.selfie or b""),
            "files": lambda page: self._adds_picture(page, "picture", request.picture or b""),
            "links": lambda page: self._send(page, text=request.link),
            "accounts": lambda page: self._send(page, text=request.account),
            "contact": lambda page: self._gives_contact(page, request.email),
            "code": lambda page: self._enters_code(page, request.email),
            "helps": lambda page: self._send(page, helps="I was on a dating site in 2014."),
            "check": lambda page: self.browser.submit(page, action=""),
        }
        page = self.browser.submit(self.browser.get("/"), action="/request/start")
        while page.path != "/request/sent":
            step = page.path.rpartition("/")[2]
            if step not in answers or page.status != 200:
                raise WrongPage(f"Stopped at {page.path} ({page.status}): {page.text[:600]}")
            before, page = page.path, answers[step](page)
            if page.path == before and page.status == 200 and step not in ("photos", "files"):
                raise WrongPage(f"The answer to {before} led nowhere: {page.text[:600]}")
        self._reads_confirmation(page)

    def _send(self, page: Page, **fields: str | list[str]) -> Page:
        return self.browser.submit(page, dict(fields))

    def _adds_picture(self, page: Page, field: str, data: bytes) -> Page:
        page = self.browser.submit(page, {field: ("IMG_0001.jpg", data)})
        if page.status != 200:
            raise WrongPage(f"The picture was not taken: {page.text[:400]}")
        checking = page.path
        until(lambda: self.browser.get(checking).path != checking, seconds=60, what="the check of the photo")
        return self.browser.get("/request/next")

    def _gives_contact(self, page: Page, email: str) -> Page:
        if not email:
            return self.browser.submit(page, action="/no-contact")
        return self._send(page, email=email)

    def _enters_code(self, page: Page, email: str) -> Page:
        code = re.search(r"\b(\d{6})\b", self.house.last_mail(email))
        if code is None:
            raise WrongPage("There is no code in the mail.")
        return self._send(page, code=code[1])

    def _reads_confirmation(self, page: Page) -> None:
        reference = re.search(r"\bEF-[2-9A-Z]{4}-[2-9A-Z]{4}\b", page.text)
        words = re.search(r'<p class="ef-words"><bdi>([a-z -]+)</bdi>', page.body.decode())
        if reference is None or words is None:
            raise WrongPage(f"No reference or no secret words on {page.path}: {page.text[:600]}")
        self.reference, self.words = reference[0], words[1]

    def signs_in(self) -> Page:
        """Follow the case from another browser, with the reference and the secret words."""
        self.browser = Browser(self.house.address)
        page = self.browser.get("/case/sign-in")
        page = self.browser.submit(page, {"reference": self.reference, "secret": self.words})
        expect(page, "/case")
        return page

    def shows_face(self, selfie: bytes) -> None:
        """Sign in, and send the two new photographs that were asked for: this one, and the same as in a mirror."""
        self.signs_in()
        page = self.browser.submit(self.browser.get("/case/challenge"), action="/case/challenge/code")
        pixels = images.open_picture(selfie).pixels
        for taken in (pixels, pixels[:, ::-1]):
            page = self.browser.submit(page, {"photo": ("new.jpg", images.to_jpeg(taken))}, action="")
            expect(page, "/case/challenge")
        if "You do not need to send photos now" not in page.text:
            raise WrongPage(f"The new photographs were not taken: {page.text[:400]}")

    def withdraws(self) -> Page:
        return self.browser.submit(self.browser.get("/case/withdraw"), action="")

    def reads(self) -> str:
        return self.browser.get("/case").text

    def is_closed(self) -> bool:
        """Whether nothing more will come: the answer stands, and the case cannot be taken back any more."""
        page = self.browser.get("/case")
        return "<h1>Your answer</h1>" in page.body.decode() and not any("withdraw" in href for href, _ in page.links)

    def fetches_package(self) -> bytes:
        page = self.browser.get("/case")
        answer = self.browser.submit(page, action="/case/package")
        if answer.headers.get_content_type() != "application/zip":
            raise WrongPage(f"No package: {answer.status} {answer.text[:300]}")
        return answer.body

    def fetches_certificates(self) -> list[bytes]:
        page = self.browser.get("/case")
        links = sorted({href for href, _ in page.links if "/certificates/" in href})
        found = []
        for href in links:
            answer = self.browser.submit(self.browser.get(href), action="/file")
            if answer.status != 200:
                raise WrongPage(f"No certificate: {answer.status} {answer.text[:300]}")
            found.append(answer.body)
        return found
