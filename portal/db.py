"""Engine and sessions. Readers never wait; a writer takes the write lock first, so that it cannot fail half-way.

One writer at a time, on SQLite and on PostgreSQL alike: what a rule reads in a writing session stays true until it has
committed, so rules may look first and then write. That costs little, because no writer does slow work meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from portal.config import Config
from portal.errors import UnsafeConfig

# Marks the transactions of writers. `migrations/env.py` says it, too.
WRITING = "efface_writing"
# Any constant would do: it names our write lock among the advisory locks of a PostgreSQL database.
WRITE_LOCK = 0x65666661
# PostgreSQL's word for BEGIN IMMEDIATE. The lock is waited for as long as on SQLite, and goes with the transaction;
# a writer that stalls for a minute (a frozen process, a cut line) loses both.
TAKE_WRITE_LOCK = (
    "SELECT set_config('lock_timeout', '10s', true),"
    " set_config('idle_in_transaction_session_timeout', '60s', true),"
    f" pg_advisory_xact_lock({WRITE_LOCK})"
)
# Readers see one instant, as on SQLite. A writer must see what the writer before it has committed.
ISOLATION: dict[bool, dict[str, Any]] = {
    False: {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    True: {"isolation_level": "READ COMMITTED"},
}


class Database:
    """One engine and the two ways to use it. Rules get a `Session` and never commit."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine = _engine(config)
        self._info: dict[str, Any] = {"config": config}

    def session(self, *, write: bool) -> Session:
        """A session. Writing ones hold the write lock from their first statement to their end."""
        isolation = ISOLATION[write] if self.engine.dialect.name == "postgresql" else {}
        bind = self.engine.execution_options(**{WRITING: write}, **isolation)
        return Session(bind, info=dict(self._info), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.session(write=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Commits at the end, rolls back on any error."""
        with self.session(write=True) as session:
            yield session
            session.commit()

    def forget_deleted_bytes(self) -> None:
        """Make deleted rows unreadable in the files, too, as far as the database can.

        SQLite overwrites them (secure_delete) and here its write-ahead log; after this they are in no file of ours.
        PostgreSQL cannot promise that: VACUUM takes the rows out of the tables and indexes, but their bytes stay in
        the free space of the files until it is used again, in the write-ahead log until that is, and in archives and
        replicas for as long as those are kept. What a person sent and all templates are sealed, so that these are
        unreadable without our key; names of files, digests and account names are not.
        """
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            quote = connection.dialect.identifier_preparer.quote
            tables = ", ".join(quote(name) for name in inspect(connection).get_table_names())
            # Without the option a few dead rows are left in the indexes, with a file's name or digest in them.
            connection.exec_driver_sql(f"VACUUM (INDEX_CLEANUP ON) {tables}")

    def close(self) -> None:
        self.engine.dispose()


def config_of(session: Session) -> Config:
    config: Config = session.info["config"]
    return config


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Run `call` once the outermost transaction of `session` has committed; forget it on rollback."""
    session.info.setdefault("after_commit", []).append(call)


def before_commit(session: Session, name: str, call: Callable[[], None]) -> None:
    """Run `call` at the end of the outermost transaction of `session`, once for each `name`; forget it on rollback."""
    session.info.setdefault("before_commit", {})[name] = call


@event.listens_for(Session, "before_commit")
def _run_before_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    for call in session.info.pop("before_commit", {}).values():
        call()


@event.listens_for(Session, "after_commit")
def _run_after_commit(session: Session) -> None:
    # This event also fires when a savepoint is released, when nothing is durable yet.
    if session.in_nested_transaction():
        return
    for call in session.info.pop("after_commit", []):
        call()


@event.listens_for(Session, "after_rollback")
def _forget_after_rollback(session: Session) -> None:
    # A savepoint that fails keeps the rest: one bell too many is harmless, the claim decides.
    if session.in_nested_transaction():
        return
    session.info.pop("after_commit", None)
    session.info.pop("before_commit", None)


def _engine(config: Config) -> Engine:
    if not config.database.startswith("sqlite"):
        return _postgresql(config)
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(config.database, connect_args={"timeout": 10})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(config: Config) -> Engine:
    try:
        # Each of the web server's threads may hold a reader and a writer at once.
        engine = create_engine(config.database, pool_pre_ping=True, pool_size=8, max_overflow=16)
    except ModuleNotFoundError as problem:
        raise UnsafeConfig(
            f"EFFACE_DATABASE_URL needs the package {problem.name}. For PostgreSQL: pip install 'efface[postgres]'.",
            "EFFACE_DATABASE_URL",
        ) from problem
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes too late and is never IMMEDIATE, so it is switched off.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "busy_timeout = 10000",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN DEFERRED")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITING):
        connection.exec_driver_sql(TAKE_WRITE_LOCK)
