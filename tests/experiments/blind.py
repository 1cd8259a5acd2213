"""Until it is sure who asks, a hit must look like a miss: the same bytes, in the same time.

Requests to opt out, which nobody checks, are sent; half of them have photographs that people confirmed. Each person
then signs in and reads their page, in a shuffled order. Compared are the pages, and the times they took.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.cases import lifecycle
from portal.config import Config
from portal.db import Database
from portal.tables import Base, Candidate, Case
from portal.web import create_app
from tests.cases.making import add_candidate, make_image, send
from tests.web.conftest import send as send_form

# What differs from one person, and from one answer, to the next.
OWN = re.compile(r"EF-[A-Z2-9]{4}-[A-Z2-9]{4}|nonce=\"[^\"]*\"|name=\"csrf_token\" value=\"[^\"]*\"")
STAGES = ("while people compare", "when all is compared")
FAIR = (0.45, 0.55)


@dataclass(frozen=True)
class Person:
    """Somebody who asked, and whether there are photographs of them."""

    case_id: str
    reference: str
    words: str
    hit: bool


@dataclass
class Result:
    """For each stage: the different pages seen, and the seconds for hits and misses."""

    pages: dict[str, set[str]] = field(default_factory=lambda: {stage: set() for stage in STAGES})
    seconds: dict[tuple[str, bool], list[float]] = field(
        default_factory=lambda: {(stage, hit): [] for stage in STAGES for hit in (True, False)}
    )

    def auc(self, stage: str) -> float:
        """The chance that a hit takes longer than a miss: 0.5 tells nothing."""
        hits, misses = self.seconds[stage, True], sorted(self.seconds[stage, False])
        # Misses that were faster count whole, those that took exactly as long count half.
        faster = sum(bisect_left(misses, value) + bisect_right(misses, value) for value in hits) / 2
        return faster / (len(hits) * len(misses))

    def is_kept(self) -> bool:
        return all(len(self.pages[stage]) == 1 and FAIR[0] <= self.auc(stage) <= FAIR[1] for stage in STAGES)


def report(submissions: int, seed: int = 1) -> dict[str, Any]:
    """Figure: the chance, of the worse stage, that a hit takes longer than a miss; half is fair."""
    result = measure(submissions, seed)
    worse = max((result.auc(stage) for stage in STAGES), key=lambda auc: abs(auc - 0.5))
    counts = {stage: {"pages": len(result.pages[stage]), "auc": round(result.auc(stage), 4)} for stage in STAGES} | {
        "submissions": submissions
    }
    target = f"{FAIR[0]} to {FAIR[1]}, one page"
    return {"name": "blind", "figure": round(worse, 4), "target": target, "ok": result.is_kept(), "counts": counts}


def measure(submissions: int, seed: int) -> Result:
    """Send, confirm and read in an installation of its own, which is deleted in the end."""
    order = random.Random(seed)
    result = Result()
    with tempfile.TemporaryDirectory() as folder:
        config = Config(data=Path(folder) / "data", redis_url=f"unix://{folder}/no-queue.sock")
        database = Database(config)
        Base.metadata.create_all(database.engine)
        app = create_app(config)
        people = _people(database, Path(folder) / "store", submissions, order)
        for stage in STAGES:
            if stage == STAGES[1]:
                _compare_all(database, people)
            order.shuffle(people)
            for number, person in enumerate(people):
                page, seconds = _read(app, person, number)
                result.pages[stage].add(page)
                result.seconds[stage, person.hit].append(seconds)
        database.close()
    return result


def _people(database: Database, folder: Path, submissions: int, order: random.Random) -> list[Person]:
    with database.writing() as session:
        images = [make_image(session, folder, b"", f"{number}.jpg") for number in range(20)]
    hits = [number % 2 == 0 for number in range(submissions)]
    order.shuffle(hits)
    people = []
    for hit in hits:
        with database.writing() as session:
            sent = send(session, "opt-out", contact=False)
            for image in order.sample(images, order.randint(1, 5)) if hit else []:
                add_candidate(session, sent.case, image)
            lifecycle.search_finished(session, sent.case)
            people.append(Person(sent.case.id, sent.case.reference, sent.secret_words, hit))
    return people


def _compare_all(database: Database, people: list[Person]) -> None:
    """People confirm every photograph; the second search that follows finds nothing new."""
    for person in people:
        with database.writing() as session:
            case = session.get_one(Case, person.case_id)
            for candidate in session.scalars(select(Candidate).filter_by(case_id=case.id)):
                candidate.state = "confirmed"
            lifecycle.review_finished(session, case)
            lifecycle.search_finished(session, case)


def _read(app: Flask, person: Person, number: int) -> tuple[str, float]:
    """Sign in from a network of one's own. Returns the page without what is the person's own, and its seconds."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"10.{number // 250}.{number % 250}.7"
    answer = send_form(client, "/case/sign-in", reference=person.reference, secret=person.words)
    assert answer.status_code == 303, answer.text[:300]
    begun = time.perf_counter()
    page = client.get("/case")
    seconds = time.perf_counter() - begun
    assert page.status_code == 200
    return OWN.sub("", page.text), seconds
