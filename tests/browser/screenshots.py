"""Makes the README's pictures: `python -m tests.browser.screenshots docs/pictures`. All faces in them are drawn."""

from __future__ import annotations

import io
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image as Pillow
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.config import Config
from portal.db import Database
from portal.matching import review
from portal.tables import Base, Candidate, Case, Probe, Store
from portal.web import create_app
from tests.browser.chromium import chromium, served
from tests.browser.drawing import AT_HOME, IN_TOWN, MIRA, Person, Photo, draw
from tests.cases.making import last_code
from tests.web.desk import Colleague, case_in_review, case_to_decide, colleague, fill_store

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1366, "height": 768}
# A picture on a page of text need not be heavy.
HEAVIEST = 200 * 1024


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # There is no queue here, and nobody needs to read that.
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        config = Config(
            data=Path(scratch) / "data", redis_url=f"unix://{scratch}/no-queue.sock", organisation="The picture archive"
        )
        database = Database(config)
        Base.metadata.create_all(database.engine)
        app = create_app(config)
        with database.writing() as session:
            store = fill_store(session, Path(scratch) / "photographs")
        with served(app) as site, chromium() as browser:
            stage = Stage(app, database, site, browser, store)
            for name, picture in PICTURES.items():
                save(picture(stage), folder / f"{name}.png")


class Stage:
    """A portal with something in it, and a browser before it."""

    def __init__(self, app: Flask, database: Database, site: str, browser: Any, store: Store) -> None:
        self.app, self.database, self.site, self.browser, self.store = app, database, site, browser, store

    def page(self, size: dict[str, int], who: Colleague | None = None) -> Any:
        context = self.browser.new_context(base_url=self.site, viewport=size, color_scheme="light")
        cookie = who.client.get_cookie("efface") if who else None
        if cookie:
            context.add_cookies([{"name": "efface", "value": cookie.value, "url": self.site}])
        return context.new_page()


def start(stage: Stage) -> bytes:
    page = stage.page(PHONE)
    page.goto("/")
    return shot(page)


def check(stage: Stage) -> bytes:
    """Somebody's answers before they send them, with their photograph."""
    page = stage.page(PHONE)
    page.goto("/")
    for presses in (("Start now",), ("Find out if you have photos of me", "Have them deleted"), ("Me",),
                    ("European Union, Iceland, Liechtenstein or Norway",), ("A photo of my face", "An account name"),
                    ("Yes, you may compare my face with the photos you have",)):  # fmt: skip
        answer(page, *presses)
    photo = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": portrait(MIRA, AT_HOME)}
    page.set_input_files("#photo", photo)
    page.get_by_role("button", name="Send this photo").click()
    page.get_by_role("link", name="Look again now").wait_for()
    with stage.database.writing() as session:
        session.scalars(select(Probe).where(Probe.state == "checking")).one().state = "ready"
    page.get_by_role("link", name="Look again now").click()
    page.get_by_role("link", name="Continue", exact=True).click()
    for field, text in (("#text", "mira_2014"), ("#email", "mira@mail.example"), ("#code", ""), ("#helps", "")):
        page.locator(field).fill(text or code_for(stage, field))
        page.get_by_role("button", name="Continue").click()
    button = page.get_by_role("button", name="Send my request")
    button.evaluate("one => scrollTo(0, one.getBoundingClientRect().bottom + scrollY - innerHeight + 40)")
    return shot(page)


def answer(page: Any, *presses: str) -> None:
    """Choose, or press the button that is named."""
    for text in presses:
        page.get_by_text(text, exact=True).click()
    if presses != ("Start now",):
        page.get_by_role("button", name="Continue").click()


def code_for(stage: Stage, field: str) -> str:
    """The code from the mail; otherwise what Mira has to say."""
    if field != "#code":
        return "I was on a dating site in 2014. I wore glasses then."
    with stage.database.reading() as session:
        return last_code(session)


def compare(stage: Stage) -> bytes:
    """A reviewer's page."""
    reviewer = colleague(stage.app, stage.database, "reviewer", name="Rita")
    with stage.database.writing() as session:
        draw_pairs(session, case_in_review(session, stage.store))
        candidate = review.next_pair(session, reviewer.id)
    page = stage.page(DESK, reviewer)
    page.goto(f"/staff/review/{candidate.id}")
    return shot(page)


def draw_pairs(session: Session, case: Case) -> None:
    """Mira today beside Mira years ago."""
    candidates = session.scalars(select(Candidate).where(Candidate.case_id == case.id)).all()
    probe = session.get_one(Probe, candidates[0].probe_id)
    probe.crop_id = blobs.put_blob(
        session, "probe-crop", portrait(MIRA, replace(AT_HOME, tilt=0), 480), "image/jpeg"
    ).id
    # Which of them comes first is not known, so they are the same.
    for candidate in candidates:
        crop = blobs.put_blob(session, "candidate-crop", portrait(MIRA, replace(IN_TOWN, tilt=0), 480), "image/jpeg")
        candidate.crop_id = crop.id
    session.flush()


def case(stage: Stage) -> bytes:
    """A caseworker's page of a request that waits for a decision."""
    caseworker = colleague(stage.app, stage.database, "caseworker", name="Carl")
    with stage.database.writing() as session:
        made = case_to_decide(session, stage.store, "access", "deletion")
        made.identity_by = caseworker.id
        case_id = made.id
    page = stage.page({"width": DESK["width"], "height": 900}, caseworker)
    page.goto(f"/staff/cases/{case_id}")
    return shot(page)


def inbox(stage: Stage) -> bytes:
    """The requests that the team has, with the share of their time that is left."""
    caseworker = colleague(stage.app, stage.database, "caseworker", name="Clara")
    with stage.database.writing() as session:
        for rights, days in (
            (("access",), 3),
            (("deletion", "copy"), 12),
            (("opt-out",), -1),
            (("access", "deletion"), 25),
        ):
            made = case_to_decide(session, stage.store, *rights)
            made.due_on = clock.now().date() + timedelta(days)
    page = stage.page(DESK, caseworker)
    page.goto("/staff/cases/")
    return shot(page)


def portrait(person: Person, photo: Photo, side: int = 960) -> bytes:
    file = io.BytesIO()
    draw(person, photo, side).save(file, "JPEG", quality=92)
    return file.getvalue()


def shot(page: Any, **more: Any) -> bytes:
    page.wait_for_load_state("networkidle")
    data: bytes = page.screenshot(**more)
    page.context.close()
    return data


def save(data: bytes, path: Path) -> None:
    """As it is where that is light enough, else with fewer colours."""
    picture = Pillow.open(io.BytesIO(data)).convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > HEAVIEST:
        picture.quantize(256, dither=Pillow.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    sys.stdout.write(f"{path}: {picture.width} x {picture.height}, {size // 1024} KiB\n")


PICTURES: dict[str, Callable[[Stage], bytes]] = {
    "start": start,
    "check": check,
    "review": compare,
    "case": case,
    "inbox": inbox,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
