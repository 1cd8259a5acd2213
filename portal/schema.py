"""Making and changing the tables, by the migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from portal.db import Database


def upgrade(database: Database, to: str = "head") -> None:
    """Bring the tables to a revision; nothing happens when they are there."""
    command.upgrade(_alembic(database), to)


def downgrade(database: Database, to: str) -> None:
    command.downgrade(_alembic(database), to)


def is_current(database: Database) -> bool:
    """Whether the tables are at the newest revision."""
    with database.engine.connect() as connection:
        heads = set(MigrationContext.configure(connection).get_current_heads())
    return heads == set(ScriptDirectory.from_config(_alembic(database)).get_heads())


def _alembic(database: Database) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["database"] = database
    return config
