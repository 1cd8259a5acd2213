"""Runs the steps on the database that the command hands over, or on the one the environment names."""

from alembic import context
from sqlalchemy import text

from portal.config import read_config
from portal.db import WRITING, Database
from portal.tables import Base
from portal.tables.base import Instant


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """A step must not change with the product's own classes, so it names the plain type."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


database = context.config.attributes.get("database") or Database(read_config())
sqlite = database.engine.dialect.name == "sqlite"

with database.engine.execution_options(**{WRITING: True}).connect() as connection:
    if sqlite:
        # Batch steps rebuild a table; with foreign keys on, dropping the old one would take its children along.
        # Within a transaction this pragma does nothing, and the engine would begin one.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=sqlite,
        compare_type=True,
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    if sqlite:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        connection.commit()
        connection.connection.driver_connection.execute("PRAGMA foreign_keys = ON")
        if broken:
            raise RuntimeError(f"foreign keys are broken after the migration: {broken[:3]}")
