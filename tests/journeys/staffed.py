"""The team of an installation, and what they do together in most journeys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portal import images
from portal.cli.demo.judging import judge_until_decided, knows
from portal.cli.demo.staff import Admin, Caseworker, Judge, Reviewer
from portal.cli.demo.subject import Subject
from portal.cli.demo.waiting import until


@dataclass
class Team:
    admin: Admin
    reviewers: list[Reviewer]
    caseworker: Caseworker
    approver: Caseworker

    def takes_in(self, name: str, folder: Path, manifest: str = "") -> str:
        """Add a folder as a store, attach a manifest, scan it to the end. Returns the store's page."""
        store = self.admin.adds_store(name, folder, "")
        if manifest:
            path = folder.with_name(f"{name}.csv")
            path.write_text(manifest)
            self.admin.attaches_manifest(store, path)
        *_, last = self.admin.scans(store)
        assert last["state"] == "done", last
        return store

    def finds_and_judges(self, subject: Subject, judge: Judge, *, check: bool = True) -> str:
        """From the sent request to the decision: identity, search, two looks at each pair. Returns the case's page."""
        case = self.caseworker.finds_case(subject.reference)
        if check:
            self.caseworker.confirms_identity(case)
        until(lambda: self.reviewers[0].waits() or self.caseworker.may_decide(case), what="the search")
        judge_until_decided(self.reviewers, self.caseworker, case, judge)
        return case

    def erases(self, case: str) -> None:
        """From the plan to the certificate."""
        for plan in self.caseworker.plans(case):
            self.approver.approves(plan)
        for plan in self.caseworker.plans(case):
            until(lambda plan=plan: self.caseworker.is_past_machine(plan), 90, "the erasure")
            self.caseworker.answers_items(plan)
            self.approver.confirms_remedies(plan)


def judge_of(shown: dict[bytes, bool]) -> Judge:
    """A reviewer who knows these pictures: bytes of each -> whether it shows the person who asks."""
    opener = images.Opener()
    return knows({images.near_digest(opener.open(data).pixels): shows for data, shows in shown.items()}, opener)
