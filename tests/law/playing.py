"""Plays scripts through the real rules under a moved clock, and holds every date and the end against the oracle."""

from __future__ import annotations

import hashlib
import random
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import select
from sqlalchemy.orm import Session

import workers
from portal.cases import lifecycle, mails, messages, withdrawing
from portal.cases.answer import appeals, deciding
from portal.cases.arrival import intake
from portal.cases.clocks import clarifying, deadlines, extending, pausing
from portal.cases.clocks.deadlines import Waited
from portal.cases.law import Rule
from portal.cases.requester import challenge, identity, waiting
from portal.erasure import plans
from portal.tables import Candidate, Case, Erasure, Image, Mail, Package, Search
from tests.cases.making import add_candidate, add_face, show_signs
from tests.fakes import drawn_jpeg
from tests.law import legal
from tests.law.oracle import DAY, objected, questions, with_later_versions
from tests.law.scripts import HOMES, Script, all_rules, can_open_a_case, days_of
from tests.law.staging import Played, Stage

NOON, EVENING = time(12), time(18)
# Days after receipt in which a question stops the clock: what is asked "without undue delay".
AT_ONCE = 7
MOMENT = timedelta(minutes=7)
SMALL = (160, 120)


def play_all(scripts: Iterable[Script]) -> Played:
    """Play them in installations of their own, one for each place of holidays, deleted in the end."""
    played = Played()
    with tempfile.TemporaryDirectory() as folder:
        stages = {home: Stage(Path(folder) / f"at{number}", home) for number, home in enumerate(HOMES)}
        for script in scripts:
            Player(stages[script.home], script, played).play()
        for stage in stages.values():
            stage.close()
    return played


def count_other_clocks(played: Played, seed: int) -> None:
    """Rules that no case can be opened under (nobody can choose the right here) have clocks, too: each on one day."""
    chance = random.Random(seed)
    for place, rule in all_rules():
        if can_open_a_case(place, rule):
            continue
        first, last = days_of(rule)
        received = first + chance.randint(0, (last - first).days) * DAY
        home, waited = chance.choice(list(HOMES)), questions(chance, received)
        found = vars(deadlines.clock_for(rule, received, home, waited))
        for name, wanted in with_later_versions(rule, received, home, waited).items():
            played.compare(f"{rule.id} version {rule.version} on {received}", name, found[name], wanted)
        played.rules.add((rule.id, rule.version))


class Player:
    """Carries one script out. `now` is the moved clock; each step is a transaction of its own, as in the product."""

    def __init__(self, stage: Stage, script: Script, played: Played) -> None:
        self.stage, self.script, self.played = stage, script, played
        self.now = script.at(script.received).astimezone(UTC)
        self.case_id = ""
        self.waited: list[Waited] = []

    def play(self) -> None:
        with mock.patch("portal.clock.now", self._moved):
            self._receive()
            for question in self.script.waited if self.script.ending != "silent" else ():
                self._ask(question)
            if self.script.extended:
                self._extend()
            getattr(self, "_" + self.script.ending.replace("-", "_"))()
            self._look_at_the_end()
        self.played.cases += 1
        self.played.endings.add(self.script.ending)
        self.played.rules |= {(rule.id, rule.version) for rule in self.script.rules}

    def _moved(self) -> datetime:
        return self.now

    @contextmanager
    def _step(self) -> Iterator[tuple[Session, Case]]:
        self.now += MOMENT
        with self.stage.database.writing() as session:
            yield session, session.get_one(Case, self.case_id)

    def _compare(self, what: str, found: object, wanted: object) -> None:
        self.played.compare(self.script, what, found, wanted)

    def _turn_to(self, day: date, hour: time = NOON) -> None:
        self.now = max(self.now, self.script.at(day, hour).astimezone(UTC))

    def _later(self, days: int) -> date:
        """Some days after the receipt, or now if that is later. Returns the day."""
        self._turn_to(self.script.received + days * DAY)
        return self.now.astimezone(self.script.zone).date()

    # The steps, in the order of a case's life.

    def _receive(self) -> None:
        script, email = self.script, f"case{self.script.number}@mail.example"
        with self.stage.database.writing() as session:
            draft = intake.open_draft(session)
            rights = [rule.right for rule in script.rules]
            intake.save_answers(session, draft, rights=rights, residence=script.place, consent=True)
            intake.add_link(session, draft, f"https://dating.example/{script.number}")
            identity.send_code(session, draft, email)
            assert identity.confirm_code(session, draft, self._code(session, email)) == "confirmed"
            case = intake.submit(session, draft).case
            self.case_id = case.id
            self._look_at_receipt(case)

    def _code(self, session: Session, email: str) -> str:
        """The code mailed to an address. The newest mail may be another case's: the clock jumps back with each."""
        for mail in session.scalars(select(Mail).where(Mail.created_at == self.now)):
            letter = mails.open_mail(session, mail)
            if letter is not None and letter.to == email:
                return re.findall(r"\d{6}", letter.body)[0]
        raise AssertionError("no code was mailed")

    def _look_at_receipt(self, case: Case) -> None:
        for rule, right in zip(self.script.rules, case.rights, strict=True):
            assert (right.rule, right.rule_version) == (rule.id, rule.version), self.script
            days = self._days(rule)
            self._compare("the day to confirm receipt by", right.acknowledge_by, days["acknowledge_by"])
        self._look_at_days(case, "at receipt")

    def _look_at_days(self, case: Case, when: str) -> None:
        wanted = {rule.right: self._days(rule) for rule in self.script.rules}
        for right in case.rights:
            self._compare(f"the last day {when}", right.due_on, wanted[right.right]["due_on"])
            self._compare(f"the latest day {when}", right.latest_on, wanted[right.right]["latest_on"])
        self._compare(f"the first last day {when}", case.due_on, min(days["due_on"] for days in wanted.values()))

    def _days(self, rule: Rule) -> dict[str, Any]:
        """The days of a request, with the questions so far. No clock waits for what was asked late."""
        received = self.script.received
        waited = [one for one in self.waited if one.asked_on <= received + AT_ONCE * DAY]
        return with_later_versions(rule, received, self.script.home, waited)

    def _days_anew(self, rule: Rule, since: date) -> dict[str, Any]:
        return with_later_versions(rule, since, self.script.home, [])

    def _ask(self, question: Waited) -> None:
        """A question and its answer on their days."""
        self._turn_to(question.asked_on)
        with self._step() as (session, case):
            if question.cause == "identity":
                challenge.ask(session, case, self.stage.caseworker)
            else:
                clarifying.ask(session, case, self.stage.caseworker, "Which photographs do you mean?")
        self._turn_to(question.answered_on, EVENING)
        with self._step() as (session, case):
            if question.cause == "identity":
                # Sending the photographs ends with this.
                assert pausing.answered(session, case, "identity")
            else:
                messages.write(session, case, "subject", "Those of the summer of 2014.")
            self.waited.append(question)
            self._look_at_days(case, f"after {question.cause}")

    def _extend(self) -> None:
        """More time for the first right, on the last day on which the person can be told; the day after is too late."""
        days = self._days(self.script.rules[0])
        notice = days["notice_by"] or days["due_on"]
        if days["latest_on"] == days["due_on"] or notice <= self.now.astimezone(self.script.zone).date():
            return
        self._turn_to(notice)
        with self.stage.database.reading() as session:
            right = session.get_one(Case, self.case_id).rights[0]
            before, self.now = self.now, self.now + DAY
            self._compare("more time after the day to tell of it", extending.may_extend(session, right), False)
            self.now = before
        with self._step() as (session, case):
            extending.extend(session, case.rights[0], self.stage.caseworker, "complex")
            self._compare("the extended day", case.rights[0].due_on, days["latest_on"])
            self._compare("the first last day", case.due_on, min(right.due_on for right in case.rights))

    def _check_identity(self) -> None:
        with self._step() as (session, case):
            if case.state == "identity-check":
                identity.decide_identity(session, case, self.stage.caseworker, "confirmed", "Typed the code back.")

    def _search(self, find: bool = False) -> None:
        with self._step() as (session, case):
            for search in session.scalars(select(Search).where(Search.case_id == case.id)):
                search.work_state, search.finished_at = "done", self.now
            if find:
                image = self._photograph(session)
                add_candidate(session, case, image, face=add_face(session, image, (40, 30, 120, 110))[0])
            lifecycle.search_finished(session, case)

    def _photograph(self, session: Session) -> Image:
        """A photograph of the person in the organisation's folder, seen as if by a scan."""
        key, data = f"{self.script.number}.jpg", drawn_jpeg(3, seed=self.script.number, size=SMALL)
        (self.stage.photographs / key).write_bytes(data)
        image = Image(
            store_id=self.stage.store, key=key, coverage="searched", first_seen_at=self.now, last_seen_at=self.now
        )
        image.digest, image.size = hashlib.sha256(data).digest(), len(data)
        session.add(image)
        session.flush()
        return image

    def _confirm(self) -> None:
        """People agree on every photograph."""
        with self._step() as (session, case):
            for candidate in session.scalars(select(Candidate).where(Candidate.case_id == case.id)):
                candidate.state, candidate.settled_at = "confirmed", self.now
            lifecycle.review_finished(session, case)

    def _decide(self, decision: str) -> None:
        if decision == "grant":
            with self._step() as (session, case):
                show_signs(session, case, self.stage.caseworker)
        reason = "claim_not_covered" if decision == "refuse" else None
        with self._step() as (session, case):
            for right in lifecycle.open_rights(session, case):
                deciding.decide(session, right, self.stage.caseworker, decision, reason)
        with self._step() as (session, case):
            for right in lifecycle.open_rights(session, case) if decision == "refuse" else []:
                deciding.approve_refusal(session, right, self.stage.second)

    def _carry_out(self) -> None:
        """The machine's part: the package, and each erasure that somebody planned and somebody else approved."""
        with self._step() as (session, case):
            for right in deciding.rights_to_erase(session, case):
                erasure = plans.plan_erasure(session, case, right.right, self.stage.caseworker)
                plans.approve(session, erasure, self.stage.second, erasure.plan_digest)
        # Some wait for others, so everything is rung for twice.
        for kind, table in (("packing", Package), ("erasing", Erasure)) * 2:
            self.now += MOMENT
            with self.stage.database.reading() as session:
                rows = list(session.scalars(select(table.id).where(table.case_id == self.case_id)))
            for row_id in rows:
                workers.carry_out(self.stage.database, kind, row_id)

    # How it ends.

    def _granted(self) -> None:
        self._check_identity()
        self._search(find=True)
        self._confirm()
        # A confirmed face is looked for once more, in the other photographs.
        self._search()
        self._be_sure()
        self._decide("grant")
        self._carry_out()

    def _be_sure(self) -> None:
        """Photographs are shown to nobody who was not checked, so that is made up for where no rule asked for it."""
        with self._step() as (session, case):
            if case.identity == "not-needed" and any(right.right in deciding.PICTURES for right in case.rights):
                identity.decide_identity(session, case, self.stage.caseworker, "confirmed", "Typed the code back.")

    def _nothing(self) -> None:
        self._check_identity()
        self._search()
        self._be_sure()
        self._decide("grant")

    def _refused(self) -> None:
        self._check_identity()
        self._search()
        self._decide("refuse")

    def _appeal(self) -> date:
        """The person objects some weeks later. Returns the day on which the right is due from then on."""
        self._refused()
        day = self._later(70)
        with self._step() as (session, case):
            right = case.rights[0]
            appeal = appeals.open_appeal(session, right, "Please look again.")
            due = objected(self.script.rules[0], day, self.script.home)[1]
            self._compare("the day to answer the appeal by", appeal.due_on, due)
        return due or self._days_anew(self.script.rules[0], day)["due_on"]

    def _appeal_kept(self) -> None:
        self._appeal()
        self._answer_appeal(changed=False)

    def _appeal_changed(self) -> None:
        due = self._appeal()
        self._answer_appeal(changed=True)
        with self._step() as (_session, case):
            self._compare("the day of what is decided anew", case.rights[0].due_on, due)
            self._compare("the first last day", case.due_on, due)
        self._be_sure()
        self._decide("grant")

    def _answer_appeal(self, changed: bool) -> None:
        with self._step() as (session, case):
            (appeal,) = appeals.open_appeals(session, case)
            appeals.answer_appeal(session, appeal, self.stage.third, changed, "We looked at it again.")

    def _withdrawn(self) -> None:
        if self.script.stop != "identity-check":
            self._check_identity()
            if self.script.stop != "searching":
                self._search(find=self.script.stop == "reviewing")
        with self._step() as (session, case):
            assert case.state == self.script.stop, f"{self.script}: {case.state}"
            withdrawing.withdraw(session, case)

    def _unverified(self) -> None:
        with self._step() as (session, case):
            identity.decide_identity(session, case, self.stage.caseworker, "not-confirmed", "Somebody else's account.")

    def _silent(self) -> None:
        """Asked, and nothing said: one reminder after a day, and the end after a week."""
        with self._step() as (session, case):
            challenge.ask(session, case, self.stage.caseworker)
            asked = self.now
            last = asked.astimezone(self.script.zone).date()
            for _ in range(7):
                last += DAY
            self._compare("the day on which silence ends it", waiting.last_day(session, case), last)
        for hours, wanted in ((23.9, (0, 0)), (24, (1, 0)), (7 * 24 - 0.1, (0, 0)), (7 * 24, (0, 1))):
            self.now = asked + timedelta(hours=hours)
            with self.stage.database.writing() as session:
                done = waiting.remind_and_end(session)
            self._compare(f"what silence brings after {hours} hours", tuple(done.values()), wanted)

    def _reopened(self) -> None:
        """Nothing was found; weeks later the person says that there is something. The clock starts anew."""
        self._nothing()
        day = self._later(100)
        with self._step() as (session, case):
            lifecycle.search_again(session, case, self.stage.caseworker, "the person named another site")
            for rule, right in zip(self.script.rules, case.rights, strict=True):
                self._compare("the last day anew", right.due_on, self._days_anew(rule, day)["due_on"])
            pausing.apply(session, case)
            for rule, right in zip(self.script.rules, case.rights, strict=True):
                self._compare("the last day anew, later", right.due_on, self._days_anew(rule, day)["due_on"])
        self._search()
        self._be_sure()
        self._decide("grant")

    def _look_at_the_end(self) -> None:
        with self.stage.database.reading() as session:
            faults = legal.faults_of(session, session.get_one(Case, self.case_id), self.script.ending)
        self.played.wrong_ends += [f"{self.script}: {fault}" for fault in faults]
