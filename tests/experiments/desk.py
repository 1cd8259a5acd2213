"""The rights desk in figures: screens, texts, rules, hard days, blindness, scripted cases; measured in one run."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from portal.config import Config
from portal.db import Database
from portal.languages.catalogues import read_texts
from portal.languages.extracting import problems, texts_in_source, translated
from portal.tables import Base
from portal.web import create_app
from tests.browser.chromium import chromium, served
from tests.browser.photographing import Photographer
from tests.browser.screens import SCREENS
from tests.browser.world import World, with_all_pages
from tests.experiments import blind
from tests.law import playing, scripts, staging
from tests.law.vectors import VECTORS

# Of what is wrong; texts that are not translated yet would fill many pages.
MOST_LINES = 100
PICTURES = Path(__file__).resolve().parents[2] / "build" / "screens"


@dataclass(frozen=True)
class Figures:
    """What was measured. `timing_auc` is of the worse stage; `axe_violations` counts scrolling sideways, too."""

    screens: int
    axe_violations: int
    strings_missing: int
    rules_verified: int
    rules_second_hand: int
    rules_from_memory: int
    vectors: int
    vectors_passed: int
    bodies_equal: bool
    timing_auc: float
    cases: int
    dates_wrong: int

    def is_kept(self) -> bool:
        """True when every figure that has a target meets it."""
        nothing = (self.axe_violations, self.strings_missing, self.dates_wrong)
        fair = self.bodies_equal and blind.FAIR[0] <= self.timing_auc <= blind.FAIR[1]
        return not any(nothing) and fair and self.vectors_passed == self.vectors and self.screens > 0

    def as_facts(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Measured:
    """The figures, and a line for everything that is not as it should be."""

    figures: Figures
    wrong: list[str]

    def is_kept(self) -> bool:
        return self.figures.is_kept() and not self.wrong


def report(cases: int, submissions: int, seed: int = 1) -> dict[str, Any]:
    """Figure: things that are wrong; the first of them are named."""
    measured = measure(cases, submissions, seed)
    facts = measured.figures.as_facts() | {"wrong": measured.wrong[:MOST_LINES]}
    return {"name": "desk", "figure": len(measured.wrong), "target": 0, "ok": measured.is_kept(), **facts}


def measure(cases: int, submissions: int, seed: int) -> Measured:
    """Measure everything. Needs Chromium; 200 cases and 4,000 submissions take some minutes."""
    faults = screen_faults()
    missing = missing_strings()
    days = [line for vector in VECTORS for line in vector.wrong()]
    played = playing.play_all(scripts.write(cases, seed))
    playing.count_other_clocks(played, seed)
    seen = blind.measure(submissions, seed)
    status = Counter(rule.status for _place, rule in scripts.all_rules())
    figures = Figures(
        screens=len(SCREENS),
        axe_violations=len(faults),
        strings_missing=len(missing),
        rules_verified=status["verified"],
        rules_second_hand=status["second-hand"],
        rules_from_memory=status["from memory"],
        vectors=len(VECTORS),
        vectors_passed=sum(not vector.wrong() for vector in VECTORS),
        bodies_equal=all(len(pages) == 1 for pages in seen.pages.values()),
        timing_auc=round(max((seen.auc(stage) for stage in blind.STAGES), key=lambda auc: abs(auc - 0.5)), 4),
        cases=played.cases,
        dates_wrong=len(played.wrong_dates),
    )
    wrong = [*faults, *missing, *days, *played.wrong_dates, *played.wrong_ends, *_unplayed(played)]
    return Measured(figures, wrong)


def screen_faults() -> list[str]:
    """Open every screen in light, dark, at 360 px and in Arabic; pictures go to build/screens. What is wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = with_all_pages(
            Config(data=folder / "data", redis_url=f"unix://{scratch}/no-queue.sock", cooling_hours=0)
        )
        database = Database(config)
        Base.metadata.create_all(database.engine)
        app = create_app(config)
        world = World(app, database, folder)
        with served(app) as site, chromium() as browser:
            photographer = Photographer(browser, site, world, PICTURES)
            faults = [fault for screen in SCREENS for fault in photographer.visit(screen)]
            faults += photographer.close()
        database.close()
    return faults


def missing_strings() -> list[str]:
    """What is missing or wrong in the texts of all languages."""
    source = texts_in_source()
    return [f"{code}: {line}" for code in translated() for line in problems(source, read_texts(code))]


def _unplayed(played: staging.Played) -> list[str]:
    """Rules that no case tried, though there were cases enough for all."""
    known = {(rule.id, rule.version) for _place, rule in scripts.all_rules()}
    if played.cases < len(known):
        return []
    return [f"rule {name} version {version} was not tried" for name, version in sorted(known - played.rules)]
