"""Engine and sessions. Readers never wait; a writer takes the write lock first, so that it cannot fail half-way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from portal.config import Config


class Database:
    """One engine and the two ways to use it. Rules get a `Session` and never commit."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine = _engine(config)
        self._info: dict[str, Any] = {"config": config}

    def session(self, *, write: bool) -> Session:
        """A session. Writing ones begin with BEGIN IMMEDIATE on SQLite."""
        bind = self.engine.execution_options(sqlite_begin="IMMEDIATE" if write else "DEFERRED")
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
        """Make deleted rows unreadable in the files, too: with secure_delete the write-ahead log still holds them."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def close(self) -> None:
        self.engine.dispose()


def config_of(session: Session) -> Config:
    config: Config = session.info["config"]
    return config


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Run `call` once the outermost transaction of `session` has committed; forget it on rollback."""
    session.info.setdefault("after_commit", []).append(call)


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


def _engine(config: Config) -> Engine:
    if not config.database.startswith("sqlite"):
        return create_engine(config.database, pool_pre_ping=True)
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(config.database, connect_args={"timeout": 10})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
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
    kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {kind}")
