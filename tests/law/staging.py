"""Where scripts are played, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from portal.config import Config
from portal.db import Database
from portal.matching import shared
from portal.stores import adding
from portal.tables import Base
from tests.cases.making import make_account
from tests.law.scripts import HOMES


@dataclass
class Played:
    """What came of scripts: how many cases, how many dates were compared, and a line for all that was not right."""

    cases: int = 0
    dates: int = 0
    wrong_dates: list[str] = field(default_factory=list)
    wrong_ends: list[str] = field(default_factory=list)
    rules: set[tuple[str, int]] = field(default_factory=set)
    endings: set[str] = field(default_factory=set)

    def compare(self, where: object, what: str, found: object, wanted: object) -> None:
        self.dates += 1
        if found != wanted:
            self.wrong_dates.append(f"{where}: {what} is {found}, not {wanted}")


class Stage:
    """An installation at one place, with people to decide and a folder of photographs."""

    def __init__(self, folder: Path, home: str) -> None:
        self.photographs = folder / "photographs"
        self.photographs.mkdir(parents=True)
        self.config = Config(
            data=folder / "data",
            redis_url=f"unix://{folder}/no-queue.sock",
            cooling_hours=0,
            holidays=home,
            zone=HOMES[home],
        )
        self.database = Database(self.config)
        Base.metadata.create_all(self.database.engine)
        with self.database.writing() as session:
            self.caseworker, self.second, self.third = (make_account(session).id for _ in range(3))
            self.store = adding.add_store(session, "Profiles", "folder", {"folder": str(self.photographs)}, True).id

    def close(self) -> None:
        self.database.close()
        shared.forget(self.config)
