"""The migrations: their end is the tables, each step goes up and down, and takes the data along."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from portal import schema
from portal.config import Config
from portal.db import Database
from portal.tables import Base
from tests.migrations.rows import fill

REVISIONS = [step.revision for step in reversed(list(ScriptDirectory("migrations").walk_revisions()))]
# What an upgrade fills itself, out of other tables.
FILLED_AGAIN = {"dataset_store", "dataset_chunk"}
# The name and the text of whatever was made.
MADE = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL",
    "postgresql": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = to_regnamespace(current_schema()) "
    "UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
}


@pytest.fixture
def empty(config: Config) -> Iterator[Database]:
    database = Database(config)
    yield database
    database.close()


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def counts(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        tables = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        return {name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in tables}


def test_the_end_of_the_migrations_is_the_tables(empty: Database) -> None:
    schema.upgrade(empty)
    assert differences(empty) == []
    assert schema.is_current(empty)


def test_checks_and_partial_indexes_are_made_too(empty: Database) -> None:
    """What the comparison above does not see: the text of each table and index."""

    def made(of: Database) -> dict[str, str]:
        with of.engine.connect() as connection:
            rows = connection.execute(text(MADE[of.engine.dialect.name])).all()
        return {
            # A table that is rebuilt has its defaults in brackets.
            name: " ".join(sorted(sql.replace("('')", "''").replace(",", " ").replace('"', " ").split()))
            for name, sql in rows
            if name != "alembic_version"
        }

    schema.upgrade(empty)
    by_migration = made(empty)
    schema.downgrade(empty, "base")
    Base.metadata.create_all(empty.engine)
    assert by_migration == made(empty)


def test_each_step_goes_up_and_down(empty: Database) -> None:
    for revision in REVISIONS:
        schema.upgrade(empty, revision)
        schema.downgrade(empty, "-1")
        schema.upgrade(empty, revision)


def test_rows_survive_a_step_down_and_up(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.writing() as session:
        fill(session)
    before = counts(empty)
    assert not [name for name, count in before.items() if count == 0], "every table has a row"
    schema.downgrade(empty, "-1")
    kept = {name: count for name, count in counts(empty).items() if name in before}
    assert kept == {name: before[name] for name in kept}
    assert kept or len(REVISIONS) == 1
    schema.upgrade(empty)
    # What the step itself made is empty again; all else is as it was.
    assert counts(empty) == {name: before[name] if name in {*kept, *FILLED_AGAIN} else 0 for name in before}


def test_an_upgrade_that_is_done_does_nothing(empty: Database) -> None:
    schema.upgrade(empty)
    schema.upgrade(empty)
    assert schema.is_current(empty)


def test_missing_tables_are_named(empty: Database) -> None:
    assert not schema.is_current(empty)
