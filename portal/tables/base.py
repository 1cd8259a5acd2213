"""What all tables share: names of constraints, instants in UTC, random ids, and the columns of a work row."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An aware instant. SQLite forgets time zones, so UTC goes in and UTC comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: Instant, dict[str, Any]: JSON, list[str]: JSON, list[Any]: JSON}


def random_id() -> str:
    """128 random bits: ids that reach a URL must not be guessable."""
    return secrets.token_hex(16)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check constraint whose name reads as a sentence: `state_is_known`."""
    listed = ", ".join(f"'{value}'" for value in values)
    # The text of a check is not quoted for us, and this is a reserved word in PostgreSQL.
    word = f'"{column}"' if column == "right" else column
    return CheckConstraint(f"{word} IN ({listed})", name=f"{column}_is_known")


WORK_STATES = ("idle", "due", "leased", "done", "failed")


class Work:
    """Columns of a row that a worker carries out. The row is the truth, the queue only a bell.

    `idle` nothing to do; `due` to be claimed once `run_after` has passed; `leased` held by `lease_owner` until
    `lease_until`; `done`; `failed` waits for a person. `fence` grows by one with each claim: a worker records
    only while the fence is still its own.
    """

    work_state: Mapped[str] = mapped_column(String(8), default="idle", index=True)
    run_after: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(String(500))
