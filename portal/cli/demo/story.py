"""The main job from end to end: each step done by the person whose step it is, over HTTP, and then looked at."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from portal import images
from portal.cli.demo.browsing import WrongPage
from portal.cli.demo.judging import judge_until_decided, knows
from portal.cli.demo.running import Installation
from portal.cli.demo.staff import Admin, Caseworker, Judge, Reviewer
from portal.cli.demo.stage import Stage
from portal.cli.demo.subject import Request, Subject
from portal.cli.demo.waiting import until

RIGHTS = ("access", "copy", "deletion")
MAIL = "mr44@mail.example"
STORE = "Dating site 2014"

Say = Callable[[str], None]
Watch = Callable[[dict[str, str]], None]


@dataclass
class Report:
    """What the demo saw. `as_json` has the keys that other programs may rely on."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int | None] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    certificate: str = ""
    public_key: str = ""
    verified: bool = False

    def expect(self, so: bool, otherwise: str) -> None:
        if not so:
            self.wrong.append(otherwise)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": not self.wrong and self.verified,
            "steps": self.steps,
            "counts": self.counts,
            "certificate": self.certificate,
            "public_key": self.public_key,
            "verified": self.verified,
            "wrong": self.wrong,
        }


class Story:
    """One run on one installation. The steps are called in the order in which they stand here."""

    def __init__(self, house: Installation, stage: Stage, folder: Path, say: Say, watch: Watch) -> None:
        self.house, self.stage, self.folder = house, stage, folder
        self.say, self.watch = say, watch
        self.report = Report()
        self.admin: Admin
        self.reviewers: list[Reviewer] = []
        self.caseworker: Caseworker
        self.approver: Caseworker
        self.subject = Subject(house)
        self.store = self.case = ""

    def run(self) -> Report:
        for name, step in (
            ("the first admin makes an account and invites four colleagues", self.staff_arrive),
            ("the admin adds the store, its manifest and its source, and tests it", self.store_is_added),
            ("the store is scanned", self.store_is_scanned),
            ("the admin records a dataset, a model, a product and a recipient", self.lineage_is_recorded),
            ("a person asks, with a selfie, from the first page to the reference", self.person_asks),
            ("a caseworker checks who is asking", self.identity_is_checked),
            ("two reviewers judge each pair, a third where they differ", self.pairs_are_judged),
            ("the caseworker decides, a second person approves the plan", self.rights_are_decided),
            ("the copy is given, then the photographs are erased and looked for again", self.erasure_runs),
            ("the person reads the answer and fetches copy and certificate", self.person_reads),
            ("anybody checks the certificate offline, and a changed one is refused", self.certificate_is_checked),
            ("somebody brings the photographs back: the gate stops them", self.gate_stops),
        ):
            with self._timed(name):
                step()
        return self.report

    def staff_arrive(self) -> None:
        self.admin = Admin(self.house, "ada", self.house.join)
        self.reviewers = [
            Reviewer(self.house, name, self.admin.invites(name, "reviewer")) for name in ("rita", "ravi", "rosa")
        ]
        self.caseworker = Caseworker(self.house, "carl", self.admin.invites("carl", "caseworker"))
        self.approver = Caseworker(self.house, "cleo", self.admin.invites("cleo", "caseworker"))

    def store_is_added(self) -> None:
        self.admin.adds_source()
        self.store = self.admin.adds_store(STORE, self.stage.store, "Profile photographs 2014")
        if self.stage.manifest is not None:
            self.admin.attaches_manifest(self.store, self.stage.manifest)

    def store_is_scanned(self) -> None:
        last = self._scan()
        self.report.counts |= {
            "images": _number(last["seen"]),
            "faces": _number(last["faces"]),
            "unreadable": _number(last["unreadable"]),
            "faceless": _number(last["faceless"]),
        }
        self.report.expect(
            self.report.counts["images"] == len(self.stage.planted),
            f"{last['seen']} of {len(self.stage.planted)} files were seen",
        )

    def lineage_is_recorded(self) -> None:
        self.admin.records_lineage(STORE)

    def person_asks(self) -> None:
        request = Request(
            RIGHTS, residence="EU", selfie=self.stage.selfie.read_bytes(), account=self.stage.account, email=MAIL
        )
        self.subject.asks(request)
        self.say(f"  reference {self.subject.reference}, secret words: {self.subject.words}")

    def identity_is_checked(self) -> None:
        blind = self.subject.reads()
        self.report.expect("photos that" not in blind, "the person was told something before the identity check")
        self.case = self.caseworker.finds_case(self.subject.reference)
        self.caseworker.asks_for_face(self.case)
        self.subject.shows_face(self.stage.selfie.read_bytes())
        self.caseworker.confirms_identity(self.case)
        until(lambda: self.reviewers[0].waits() or self.caseworker.may_decide(self.case), what="the search")

    def pairs_are_judged(self) -> None:
        if self.stage.knows_the_truth:
            truth = {one.near_digest: bool(one.shows_subject) for one in self.stage.planted if one.near_digest}
            with images.Opener() as opener:
                judged = self._judged_by(knows(truth, opener))
        else:
            self.say("  Nobody told the demo who is in these photographs: its reviewers say yes to every candidate.")
            judged = self._judged_by(_yes)
        self.report.counts["candidates"] = judged[0]
        self.say(f"  {judged[0]} candidates, judged {sum(judged)} times")

    def _judged_by(self, judge: Judge) -> list[int]:
        return judge_until_decided(self.reviewers, self.caseworker, self.case, judge)

    def rights_are_decided(self) -> None:
        counts = self.caseworker.candidate_counts(self.case)
        self.report.counts |= {"confirmed": counts["confirmed"], "rejected": counts["rejected"]}
        self.caseworker.grants(self.case, RIGHTS)
        if counts["confirmed"] == 0:
            return
        [plan] = self.caseworker.plans(self.case)
        alone = self.caseworker.approves_alone(plan)
        self.report.expect(not alone, "the person who asked for the plan could approve it")
        self.approver.approves(plan)

    def erasure_runs(self) -> None:
        plans = self.caseworker.plans(self.case)
        for plan in plans:
            until(lambda plan=plan: self.caseworker.is_past_machine(plan), 90, "the erasure")  # type: ignore[misc]
            answered = self.caseworker.answers_items(plan)
            confirmed = self.approver.confirms_remedies(plan)
            self.say(f"  {answered} models, products and recipients answered, {confirmed} confirmed by a second person")

    def person_reads(self) -> None:
        page = self.subject.signs_in()
        until(lambda: self.subject.is_closed(), what="the answer")
        page = self.subject.signs_in()
        if self.report.counts.get("confirmed"):
            package = self.subject.fetches_package()
            (self.folder / "copy.zip").write_bytes(package)
            names = zipfile.ZipFile(BytesIO(package)).namelist()
            pictures = [name for name in names if name.endswith(".jpg")]
            self.report.expect("index.html" in names, "the package has no index.html")
            self.report.expect(
                len(pictures) == self.report.counts["confirmed"], f"the package has {len(pictures)} photographs"
            )
            self.say(f"  the copy holds {len(pictures)} photographs, {len(package) // 1024} KiB")
        self.report.expect("certificate" in page.text.lower(), "the answer names no certificate")
        self._count_files()

    def certificate_is_checked(self) -> None:
        certificates = self.subject.fetches_certificates()
        self.report.expect(len(certificates) == 1, f"there are {len(certificates)} certificates")
        if not certificates:
            raise WrongPage("There is no certificate to check.")
        path, key = self.folder / "certificate.json", self.folder / "public-key.txt"
        path.write_bytes(certificates[0])
        key.write_bytes(self.subject.browser.get("/public-key").body)
        self.report.certificate, self.report.public_key = str(path), str(key)
        checked = self.house.efface("certificate", "verify", str(path), "--key", str(key))
        self.report.verified = checked.returncode == 0
        self.report.expect(checked.returncode == 0, f"the certificate was refused: {checked.stderr.strip()}")
        changed = bytearray(certificates[0])
        at = changed.index(b"deleted") if b"deleted" in changed else len(changed) // 2
        changed[at] ^= 1
        forged = self.folder / "certificate-changed.json"
        forged.write_bytes(bytes(changed))
        refused = self.house.efface("certificate", "verify", str(forged), "--key", str(key))
        self.report.expect(refused.returncode in (1, 2), "a changed certificate was taken")
        self.say(f"  one byte changed: exit {refused.returncode}, {refused.stderr.strip().splitlines()[-1]}")

    def gate_stops(self) -> None:
        if not self.stage.comes_back:
            self._bring_own_back()
        paths = []
        for key, data in self.stage.comes_back:
            path = self.stage.store / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            paths.append(str(path))
        last = self._scan()
        stopped = _number(last["stopped"])
        self.report.counts["stopped_at_gate"] = stopped
        self.report.expect(
            stopped == len(paths), f"the scan let {len(paths) - stopped} of {len(paths)} photographs in again"
        )
        gate = self.house.efface("gate", *paths)
        self.report.expect(gate.returncode == 1, f"`efface gate` let them in: {gate.stdout} {gate.stderr}")

    def _bring_own_back(self) -> None:
        """On somebody's own folder: the bytes of the first photograph that was erased."""
        for one in self.stage.planted:
            if not (self.stage.store / one.key).exists() and self.stage.originals is not None:
                self.stage.comes_back = [(f"back/{one.key}", (self.stage.originals / one.key).read_bytes())]
                return

    def _count_files(self) -> None:
        left = {path.relative_to(self.stage.store).as_posix() for path in self.stage.store.rglob("*") if path.is_file()}
        erased = {one.key for one in self.stage.planted} - left
        self.report.counts["erased"] = len(erased)
        if not self.stage.knows_the_truth:
            self.report.counts |= {"others_touched": None, "missed": None}
            return
        others, missed = erased - self.stage.true_keys, self.stage.true_keys - erased
        self.report.counts |= {"others_touched": len(others), "missed": len(missed)}
        self.report.expect(not others, f"photographs of others were erased: {sorted(others)}")
        self.report.expect(not missed, f"photographs were missed: {sorted(missed)}")

    def _scan(self) -> dict[str, str]:
        last: dict[str, str] = {}
        for last in self.admin.scans(self.store):
            self.watch(last)
        if last.get("state") != "done":
            raise WrongPage(f"The scan ended {last.get('state')}.")
        return last

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        self.say(f"> {name}")
        start = time.monotonic()
        yield
        seconds = round(time.monotonic() - start, 2)
        self.report.steps.append({"name": name, "seconds": seconds})
        self.say(f"  [{seconds:.1f} s]")


def _number(text: str) -> int:
    return int(text.partition(" ")[0].replace(",", ""))


def _yes(_jpeg: bytes) -> str:
    return "same"
