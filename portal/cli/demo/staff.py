"""The staff of the main job. Each does through pages and forms what they would do, and reads what comes back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyotp

from portal import clock
from portal.cli.demo.browsing import Browser, Page, WrongPage, expect
from portal.cli.demo.running import Installation
from portal.cli.demo.waiting import until

PASSWORD = "three-friendly-otters"  # noqa: S105  # of throw-away accounts on loopback
# Nobody may use such photographs anew. What was done with them is written down, so that it can be undone.
HAPPENED = "It happened years ago, and the people must be told."
TOLD = {"result": "told", "note": "Told by letter on 20 November."}
DESTROYED = {
    "result": "destroyed",
    "note": "It was switched off, and nobody can use it any more.",
    "weights_before": hashlib.sha256(b"the weights of face-net 1.0").hexdigest(),
    "method": "The weights were overwritten on every server, and the servers were listed after it.",
}
Fields = dict[str, str | list[str] | tuple[str, bytes]]
Judge = Callable[[bytes], str]


class Staff:
    """Somebody with a staff account, made through an invitation link."""

    def __init__(self, house: Installation, name: str, join: str) -> None:
        self.house, self.name = house, name
        self.email = f"{name}@staff.example"
        self.browser = Browser(house.address)
        page = self.browser.get(join)
        secret = re.search(r"this key into the app: ((?:[A-Z2-7]{4} )+)", page.text)
        if secret is None:
            raise WrongPage(f"No key for the code app on {page.path}: {page.text[:300]}")
        self.totp = pyotp.TOTP(re.sub(r"\s", "", secret[1]))
        page = self.browser.submit(
            page, {"email": self.email, "name": name.title(), "password": PASSWORD, "code": self.totp.now()}
        )
        expect(page, "/staff")


class Admin(Staff):
    """Sets up stores, lineage and colleagues."""

    def invites(self, name: str, role: str) -> str:
        page = self.browser.submit(self.browser.get("/staff/accounts"), {"roles": [role]})
        link = re.search(r"(http\S+/join/[\w-]+)", page.text + page.body.decode())
        if link is None:
            raise WrongPage(f"No link for {name} on {page.path}: {page.text[:400]}")
        return link[1]

    def adds_source(self) -> None:
        self.writes_down(
            "source",
            name="Profile photographs 2014",
            from_whom="A dating site",
            received_on="2014-09-01",
            terms="None in writing",
            consent="Nobody asked the people in them.",
            right_to_share="None that anybody could name",
            consented="no",
            interest="Founders of the site had put money into the company that took them.",
        )

    def writes_down(self, kind: str, **fields: str) -> None:
        page = self.browser.get(f"/staff/lineage/add/{kind}")
        why = {"despite": HAPPENED} if b'name="despite"' in page.body else {}
        expect(self.browser.submit(page, {**fields, **why}), "/staff/lineage/")

    def choice(self, kind: str, field: str, words: str) -> str:
        """The value of a choice on a lineage page by its words."""
        page = self.browser.get(f"/staff/lineage/add/{kind}")
        pattern = rf'<option value="([^"]+)">{re.escape(words)}'
        found = re.search(pattern, page.body.decode())
        if found is None:
            raise WrongPage(f"{field} has no choice {words!r} on {page.path}")
        return found[1]

    def adds_store(self, name: str, folder: Path, source: str) -> str:
        page = self.browser.get("/staff/stores/add")
        found = re.search(rf'<option value="([^"]+)">{re.escape(source)}', page.body.decode())
        fields = {"name": name, "folder": str(folder.absolute()), "may_erase": "y"}
        if source and found:
            fields |= {"source_id": found[1], "despite": "To find the people in it."}
        page = self.browser.submit(page, dict(fields))
        expect(page, "/staff/stores/")
        page = self.browser.submit(page, action="/test")
        expect(page, "/staff/stores/")
        return page.path

    def attaches_manifest(self, store: str, manifest: Path) -> None:
        page = self.browser.submit(
            self.browser.get(store), {"file": (manifest.name, manifest.read_bytes())}, action="/manifest"
        )
        if page.status != 200:
            raise WrongPage(f"The manifest was not taken: {page.text[:400]}")

    def scans(self, store: str) -> Iterator[dict[str, str]]:
        """Start a scan and watch it to its end: the texts of each look at its progress."""
        page = self.browser.submit(self.browser.get(store), action="/scan")
        expect(page, "/staff/scans/")
        while True:
            look = json.loads(self.browser.get(page.path + "/progress").body)
            yield {"state": look["state"], "percent": str(look["percent"]), **look["texts"]}
            if look["state"] != "running":
                return
            until(lambda: True, pause=0.2)

    def records_lineage(self, store: str) -> None:
        """A dataset of the store, a model trained on it, a product on the model, a recipient of the dataset."""
        self.writes_down("dataset", name="dating-faces", version="1", created_on="2014-10-01", description="All of it")
        self.writes_down(
            "places",
            dataset=self.choice("places", "dataset", "dating-faces 1"),
            store=self.choice("places", "store", store),
        )
        self.writes_down("model", name="face-net", version="1.0", weights_digest="", purpose="Face recognition")
        self.writes_down(
            "training",
            model=self.choice("training", "model", "face-net 1.0"),
            dataset=self.choice("training", "dataset", "dating-faces 1"),
            trained_on="2015-01-15",
            in_use_from="2015-03-01",
        )
        self.writes_down("product", name="Face search API", model=self.choice("product", "model", "face-net 1.0"))
        self.writes_down("recipient", name="Camera Works", contact="privacy@camera.example", country="US")
        self.writes_down(
            "disclosure",
            recipient=self.choice("disclosure", "recipient", "Camera Works"),
            what=self.choice("disclosure", "what", "Dataset dating-faces 1"),
            disclosed_on="2016-02-01",
            basis="A licence",
        )


class Reviewer(Staff):
    """Judges pairs. `judge` is handed the whole found picture and gives one of the five answers."""

    def judges_all(self, judge: Judge) -> int:
        page = self.browser.get("/staff/review/")
        if any("/next" in form.action for form in page.forms):
            page = self.browser.submit(page, action="/next")
        count = 0
        while "/staff/review/" in page.path and page.path != "/staff/review/":
            shown = [src.rsplit("/", 2)[1] for src in page.images if src.endswith("/found.jpg")]
            answers = {pair: judge(self._whole(pair)) for pair in shown}
            apart = [pair for pair in shown if answers[pair] != answers[shown[0]]]
            given: dict[str, str | list[str] | tuple[str, bytes]] = {"answer": answers[shown[0]]}
            page = self.browser.submit(page, given | ({"apart": apart} if apart else {}))
            count += len(shown) - len(apart)
        return count

    def _whole(self, pair: str) -> bytes:
        whole = self.browser.get(f"/staff/review/{pair}/whole.jpg")
        if whole.status != 200:
            raise WrongPage(f"No whole picture: {whole.status} {whole.text[:200]}")
        return whole.body

    def waits(self) -> bool:
        """Whether pairs wait for this reviewer."""
        return any("/next" in form.action for form in self.browser.get("/staff/review/").forms)


class Caseworker(Staff):
    """Checks identity, decides, plans, approves, answers what only people can."""

    def finds_case(self, reference: str) -> str:
        page = self.browser.get("/staff/cases/")
        for href, text in page.links:
            if reference in text:
                return href
        raise WrongPage(f"{reference} is not in the inbox: {page.text[:400]}")

    def asks_for_face(self, case: str) -> None:
        """Ask for two new photographs with a code, where the person gave a photo of their face."""
        page = self.browser.submit(self.browser.get(f"{case}/identity"), action="/challenge")
        expect(page, f"{case}/identity")

    def confirms_identity(self, case: str) -> None:
        page = self.browser.get(f"{case}/identity")
        page = self.browser.submit(
            page, {"decision": "confirmed", "note": "The contact was confirmed; the photograph shows one person."}
        )
        expect(page, case)
        self._takes_signs(case)

    def _takes_signs(self, case: str) -> None:
        """Where the law asks for more before photographs are given out: the address is known, and a paper is signed."""
        page = self.browser.get(f"{case}/signs")
        if any("/signs/known" in form.action for form in page.forms):
            page = self.browser.submit(page, {"known": "It is the address of the account."}, action="/signs/known")
            expect(page, f"{case}/signs")
            expect(self.browser.submit(page, action="/signs/paper"), f"{case}/signs")

    def may_decide(self, case: str) -> bool:
        return any(href.endswith("/decide") for href, _ in self.browser.get(case).links)

    def grants(self, case: str, rights: tuple[str, ...]) -> None:
        for right in rights:
            page = self.browser.get(f"{case}/decide/{right}")
            page = self.browser.submit(page, {"decision": "grant"})
            page = self.browser.submit(page, {"decision": "grant", "confirm": "y"})
            if page.status != 200 or page.path.endswith(f"/decide/{right}"):
                raise WrongPage(f"{right} was not decided: {page.text[:500]}")
        if "deletion" in rights:
            self.deletes_whole(case)

    def deletes_whole(self, case: str) -> None:
        """Decide about photographs with other people that they go whole, where there are any."""
        page = self.browser.get(f"{case}/group-photographs")
        if any(form.action.endswith("/rest") for form in page.forms):
            self.browser.submit(page, action="/group-photographs/rest")

    def refuses(self, case: str, right: str, reason: str, note: str) -> None:
        page = self.browser.get(f"{case}/decide/{right}")
        fields = {"decision": "refuse", "reason": reason, "note": note}
        page = self.browser.submit(page, dict(fields))
        page = self.browser.submit(page, {**fields, "confirm": "y"})
        if page.status != 200:
            raise WrongPage(f"{right} was not refused: {page.text[:500]}")

    def plans(self, case: str) -> list[str]:
        """Addresses of the case's erasures."""
        page = self.browser.get(f"{case}/files")
        return sorted({href for href, _ in page.links if re.fullmatch(r"/staff/erasures/\w+", href)})

    def approves(self, erasure: str) -> Page:
        return self.browser.submit(self.browser.get(erasure), action="/approve")

    def approves_alone(self, erasure: str) -> bool:
        """Try to approve one's own plan; whether that worked."""
        page = self.browser.get(erasure)
        if not any("/approve" in form.action for form in page.forms):
            return False
        return self.browser.submit(page, action="/approve").status == 200

    def is_past_machine(self, erasure: str) -> bool:
        """Whether the portal has done its part and only people's answers, or nothing, are open."""
        page = self.browser.get(erasure)
        if "Stopped" in page.text:
            raise WrongPage(f"The erasure stopped: {page.text[:600]}")
        return "Waits for answers" in page.text or "certificate is issued" in page.text

    def candidate_counts(self, case: str) -> dict[str, int]:
        """Confirmed and rejected candidates, as the case's tab of photographs counts them."""
        text = self.browser.get(f"{case}/photographs").text
        return {
            state: int(found[1]) if (found := re.search(rf"(\d+) photographs? {words}", text)) else 0
            for state, words in (
                ("confirmed", "confirmed"),
                ("rejected", "of somebody else"),
                ("unsure", "about which people could not tell"),
            )
        }

    def fetches_certificate(self, erasure: str) -> bytes:
        answer = self.browser.submit(self.browser.get(erasure), action="/staff/certificates/")
        if answer.status != 200:
            raise WrongPage(f"No certificate: {answer.status} {answer.text[:300]}")
        return answer.body

    def answers_items(self, erasure: str) -> int:
        """Say for each model, product and recipient what was done."""
        answered = 0
        page = self.browser.get(f"{erasure}/items")
        addresses = [form.action for form in page.forms if "/items/" in form.action]
        for address in addresses:
            page = self.browser.get(f"{erasure}/items")
            form = next((form for form in page.forms if form.action == address), None)
            if form is None:
                continue
            prefix = next(name for name in form.choices if name.endswith("result")).removesuffix("result")
            said = TOLD if "told" in form.choices[f"{prefix}result"] else DESTROYED
            # The form asks for more about a model than about what was built on it.
            asked = {*form.choices, *form.values}
            said = {"done_on": clock.now().date().isoformat(), **said}
            given: Fields = {f"{prefix}{name}": value for name, value in said.items() if f"{prefix}{name}" in asked}
            page = self.browser.submit(page, given, action=address)
            if page.status != 200:
                raise WrongPage(f"The item was not taken: {page.text[:400]}")
            answered += 1
        return answered

    def confirms_remedies(self, erasure: str) -> int:
        """Confirm, as the second person, what was answered about models."""
        page = self.browser.get(f"{erasure}/items")
        addresses = [form.action for form in page.forms if form.action.endswith("/confirm")]
        for address in addresses:
            page = self.browser.submit(self.browser.get(f"{erasure}/items"), action=address)
            if page.status != 200:
                raise WrongPage(f"The remedy was not confirmed: {page.text[:400]}")
        return len(addresses)
