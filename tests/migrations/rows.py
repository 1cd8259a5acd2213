"""One row in every table, whatever its columns: the values are made from the columns themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Float, Integer, LargeBinary, Table
from sqlalchemy.orm import Session

from portal.tables import Base
from portal.tables.base import Instant

# CRC-32 and a Roaring bitmap of the offset 1, as in portal/lineage/bitmaps.py.
ONE_IMAGE = bytes.fromhex("b84b97c13a3000000100000000000000100000000100")
# Where a check ties columns together, these values please it.
PLEASING: dict[str, dict[str, Any]] = {
    "probe": {"draft_id": None},
    "disclosure": {"model_id": None},
    "derivation": {"model_id": None, "from_model_id": None},
    "stored_output": {"account": None, "dataset_id": None},
    # A bitmap with the one image that there is.
    "dataset_chunk": {"number": 0, "members": ONE_IMAGE},
    "case": {"state": "received", "outcome": None},
    "case_right": {"approved_by": None},
    "erasure": {"approved_by": None},
    "certificate": {"supersedes": None},
    "notice": {"order_id": None},
    "recheck": {"order_id": None},
    "order_certificate": {"supersedes": None},
    "remedy": {"order_item_id": None, "confirmed_by": None},
    "order": {"second_by": None},
    "kept_face": {"ended_at": None},
}


def fill(session: Session) -> None:
    """Insert one row into each table, parents first."""
    for table in Base.metadata.sorted_tables:
        session.execute(table.insert().values(**_row(table)))


def _row(table: Table) -> dict[str, Any]:
    return {column.name: _value(column) for column in table.columns} | PLEASING.get(table.name, {})


def _value(column: Column[Any]) -> Any:
    if isinstance(column.type, Instant):
        return datetime(2026, 11, 20, tzinfo=UTC)
    if isinstance(column.type, Date):
        return date(2026, 11, 20)
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer):
        return 1
    if isinstance(column.type, Float):
        return 0.5
    if isinstance(column.type, LargeBinary):
        return b"\1" * 32
    if column.type.python_type in (dict, list):
        return column.type.python_type()
    return _allowed(column) or "1"


def _allowed(column: Column[Any]) -> str | None:
    """The first value that a check of the form `column IN ('a', 'b')` lets through."""
    for constraint in column.table.constraints:
        if isinstance(constraint, CheckConstraint):
            name, _, values = str(constraint.sqltext).partition(" IN (")
            if name.strip('"') == column.name and values:
                return values.split("'")[1]
    return None
