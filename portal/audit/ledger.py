"""What was erased, kept beside the database and outside of its backups: a restored one has to erase it again.

One sealed file for each erasure holds the rows that it needs: `begun` is written before anything is touched, `done`
with the certificate. A file goes once no backup is so old that it would be missing in it (EFFACE_BACKUP_DAYS).
An order, which has millions of photographs, is kept in parts: files of their own in a folder of its name.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Table, inspect
from sqlalchemy.orm import Session

from portal import clock
from portal.audit import heads
from portal.config import Config
from portal.db import config_of
from portal.keys import keys_of
from portal.tables import Base

Stage = Literal["begun", "done"]
Values = dict[str, Any]
Row = TypeVar("Row", bound=Base)
FOLDER = "erased"
ORDERS = "orders/"
"""What the names of orders begin with."""
NOTICES = "notices/"
"""What the names of notices to recipients begin with."""
CASES = "cases/"
"""What the names of requests begin with, which ended, or for which a person chose what may be kept."""
KINDS = ("", ORDERS, NOTICES, CASES)
STAGES: tuple[Stage, ...] = ("done", "begun")


@dataclass(frozen=True)
class Record:
    """The rows that one erasure needs, in an order in which they can be put back: table name and values of each."""

    name: str
    stage: Stage
    at: datetime
    rows: Sequence[tuple[str, Values]]

    def of(self, table: type[Base]) -> list[Values]:
        """The values of this table's rows."""
        return [values for name, values in self.rows if name == table.__tablename__]


def values_of(row: Base) -> tuple[str, Values]:
    """A row as it is kept: the name of its table and the value of each column."""
    mapper = inspect(type(row))
    return row.__tablename__, {column.columns[0].name: getattr(row, column.key) for column in mapper.column_attrs}


def write(session: Session, name: str, stage: Stage, rows: Iterable[tuple[str, Values]]) -> None:
    """Keep the rows under `name`, in place of what was kept there at this stage. On the disk when this returns."""
    _write(session, folder_of(config_of(session)) / f"{name}.{stage}", _place(name, stage), rows)


def write_part(session: Session, name: str, number: int, rows: Iterable[tuple[str, Values]]) -> None:
    """Keep some rows of `name` apart. They count once `write` was called for it; until then they are written anew."""
    _write(session, folder_of(config_of(session)) / name / f"{number:08}", _part_place(name, number), rows)


def _write(session: Session, path: Path, place: str, rows: Iterable[tuple[str, Values]]) -> None:
    said = {"at": clock.now(), "rows": [[table, values] for table, values in rows]}
    sealed = keys_of(session).seal(json.dumps(said, default=_plain).encode(), place)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with draft.open("wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    heads.sync_folder(path.parent)


def read_part(session: Session, name: str, number: int) -> list[tuple[str, Values]]:
    """The rows of a part. Raises SealBroken when it was changed, FileNotFoundError when it is gone."""
    path = folder_of(config_of(session)) / name / f"{number:08}"
    said = json.loads(keys_of(session).unseal(path.read_bytes(), _part_place(name, number)), object_hook=_rich)
    return [(table, values) for table, values in said["rows"]]


def parts(config: Config, name: str) -> list[int]:
    """The numbers of the parts that are kept of `name`, in order."""
    return sorted(int(path.name) for path in (folder_of(config) / name).glob("????????"))


def stages(config: Config, kind: str = "") -> dict[str, Stage]:
    """How far each erasure on record had come, or with another one of KINDS each order, notice or request."""
    found: dict[str, Stage] = {}
    for path in (folder_of(config) / kind).glob("*.*"):
        name = f"{kind}{path.stem}"
        if path.suffix in (".begun", ".done") and found.get(name) != "done":
            found[name] = "done" if path.suffix == ".done" else "begun"
    return found


def read(session: Session, name: str, stage: Stage) -> Record | None:
    """What was kept; None when there is nothing. Raises SealBroken when it was changed or the key is another."""
    path = folder_of(config_of(session)) / f"{name}.{stage}"
    if not path.exists():
        return None
    said = json.loads(keys_of(session).unseal(path.read_bytes(), _place(name, stage)), object_hook=_rich)
    return Record(name, stage, said["at"], [(table, values) for table, values in said["rows"]])


def forget(session: Session, before: datetime) -> int:
    """Remove what was written before this instant. Returns of how many things. May be repeated."""
    config, gone = config_of(session), 0
    for name, last in chain.from_iterable(stages(config, kind).items() for kind in KINDS):
        # The file's own time is never earlier: so only a few have to be opened.
        if (folder_of(config) / f"{name}.{last}").stat().st_mtime > before.timestamp():
            continue
        record = read(session, name, last)
        if record is not None and record.at < before:
            for stage in STAGES:
                (folder_of(config) / f"{name}.{stage}").unlink(missing_ok=True)
            shutil.rmtree(folder_of(config) / name, ignore_errors=True)
            gone += 1
    if gone:
        heads.sync_folder(folder_of(config))
    return gone


def folder_of(config: Config) -> Path:
    return heads.folder_of(config) / FOLDER


def table_of(name: str) -> Table:
    """The table of this name. Raises KeyError."""
    return Base.metadata.tables[name]


def _place(name: str, stage: Stage) -> str:
    return f"ledger/{name}/{stage}"


def _part_place(name: str, number: int) -> str:
    return f"ledger/{name}/part/{number}"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"$at": value.isoformat()}
    if isinstance(value, date):
        return {"$day": value.isoformat()}
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _rich(value: dict[str, Any]) -> Any:
    if value.keys() == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    if value.keys() == {"$at"}:
        return datetime.fromisoformat(value["$at"])
    if value.keys() == {"$day"}:
        return date.fromisoformat(value["$day"])
    return value
