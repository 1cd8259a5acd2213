"""How long a reviewer waits for the next pair while very many wait.

Measured is what a reviewer waits for: while they look, the pair after this one is handed out, and its page and pictures
are fetched, as review.js does. `ready` counts how often it then was the next. One case with all of the pairs is the
worst, because chance deals their order anew for each reviewer.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.config import Config
from portal.db import Database
from portal.tables import Base, Candidate, Case, Image, Judgement, Search, random_id
from portal.web import create_app
from tests.fakes import drawn_jpeg
from tests.matching.making import make_candidates, make_case, make_known, practise
from tests.web.desk import Colleague, colleague

LIMIT = 0.1
AT_ONCE = 1000


def fill(session: Session, waiting: int, cases: int) -> None:
    """So many pairs wait, in so many cases, half of them judged once by somebody else."""
    picture = blobs.put_blob(session, "candidate-crop", drawn_jpeg(3, size=(480, 480)), "image/jpeg").id
    for _ in range(cases):
        _fill_case(session, make_case(session), waiting // cases, picture)


def _fill_case(session: Session, case: Case, count: int, picture: str) -> None:
    first = make_candidates(session, case, 1)[0]
    search, store = session.get_one(Search, first.search_id), first.image.store_id
    now = clock.now()
    for start in range(1, count, AT_ONCE):
        keys = [f"{number}.jpg" for number in range(start, min(count, start + AT_ONCE))]
        row = {"store_id": store, "coverage": "searched", "first_seen_at": now, "last_seen_at": now}
        session.execute(insert(Image), [{**row, "key": key} for key in keys])
    images = session.scalars(select(Image.id).where(Image.store_id == store, Image.id != first.image_id)).all()
    for start in range(0, len(images), AT_ONCE):
        row = {"case_id": case.id, "search_id": search.id, "probe_id": first.probe_id, "crop_id": picture}
        some = images[start : start + AT_ONCE]
        made = [{**row, "id": random_id(), "image_id": image, "evidence": ["face"]} for image in some]
        session.execute(insert(Candidate), made)


def judged_by(session: Session, account_id: str, share: float) -> None:
    """Somebody has answered about this share of all pairs."""
    ids = session.scalars(select(Candidate.id)).all()
    given = {"account_id": account_id, "answer": "same", "at": clock.now()}
    session.execute(insert(Judgement), [{**given, "candidate_id": one} for one in ids[: int(len(ids) * share)]])


def get_ready(reviewer: Colleague, path: str, token: str) -> str:
    """What review.js does while somebody looks: the address of the next pair, once its page and pictures are there."""
    ready = reviewer.client.post(f"{path}/ahead", data={"csrf_token": token}).text
    for more in ("", "/sent.jpg", "/found.jpg"):
        assert reviewer.client.get(ready + more).status_code == 200, ready
    return ready


def look(reviewer: Colleague, path: str, token: str, ready: str) -> tuple[str, tuple[float, float]]:
    """Answer the pair, and load the next one if it is not ready. Its path, and seconds: by the clock, of work."""
    started = time.perf_counter(), time.process_time()
    fields = {"csrf_token": token, "answer": "same"}
    answer = reviewer.client.post(path, data=fields, headers={"Accept": "text/plain"})
    following = answer.text
    pages = ["", "/sent.jpg", "/found.jpg"] if following != ready else []
    codes = [reviewer.client.get(following + more).status_code for more in pages]
    seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    # A pair with a known answer leads to the truth, which has the same pictures.
    assert answer.status_code == 200, answer.text
    assert codes == [200] * len(codes), following
    return following, seconds


def measure(waiting: int, cases: int, looks: int) -> dict[str, float]:
    """Seconds from an answer to the next pair: median, 95th percentile and most; `cpu_`: of work alone."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(data=Path(folder), redis_url=f"unix://{folder}/no-queue.sock")
        database = Database(config)
        Base.metadata.create_all(database.engine)
        app: Flask = create_app(config)
        reviewer, other = colleague(app, database, "reviewer"), colleague(app, database, "reviewer")
        with database.writing() as session:
            make_known(session, 60, 60)
            practise(session, reviewer.id, 20)
            fill(session, waiting, cases)
            judged_by(session, other.id, 0.5)
        seconds, ready = _sit(reviewer, looks)
        database.close()
    return {
        "waiting": waiting,
        "cases": cases,
        "looks": looks,
        "ready": ready,
        **_summed("", [clocked for clocked, _ in seconds]),
        **_summed("cpu_", [worked for _, worked in seconds]),
    }


def _summed(name: str, seconds: list[float]) -> dict[str, float]:
    figures = {"median_s": np.median(seconds), "p95_s": np.percentile(seconds, 95), "most_s": max(seconds)}
    return {f"{name}{figure}": round(float(value), 4) for figure, value in figures.items()}


def _sit(reviewer: Colleague, looks: int) -> tuple[list[tuple[float, float]], int]:
    """Seconds of each look, and how many times the next pair lay ready."""
    path = reviewer.post("/staff/review/next")
    token = reviewer.get(path).split('name="csrf_token" value="')[1].split('"')[0]
    seconds, hits = [], 0
    for _ in range(looks):
        ready = get_ready(reviewer, path, token)
        following, spent = look(reviewer, path, token, ready)
        seconds.append(spent)
        hits += following == ready
        path = reviewer.post("/staff/review/next") if following == path else following
    return seconds, hits


def report(waiting: int, looks: int) -> dict[str, Any]:
    """Figure: seconds to the next pair in 95 of 100 looks, in the worse of many cases and one."""
    counts = [measure(waiting, cases, looks) for cases in (100, 1)]
    figure = max(one["p95_s"] for one in counts)
    return {"name": "review", "figure": figure, "target": LIMIT, "ok": figure < LIMIT, "counts": counts}
