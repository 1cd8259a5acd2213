"""What is dear to make and the same for every test: made once in each process of the tests, and shared."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine, create_engine
from werkzeug.routing import Rule

from portal import accounts, db, schema
from portal.cases.arrival import words
from portal.config import Config
from portal.db import Database
from portal.tables import Base

# As they are outside of tests.
HASHER_OF_PASSWORDS, HASHER_OF_WORDS = accounts._hasher(), words.HASHER


class Translated(BytecodeCache):
    """Pages as code, for all applications that tests make: each would translate them anew."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


class KnownRule(Rule):
    """A route that was taken apart, and got the code that builds its addresses, for an earlier application."""

    made: ClassVar[dict[object, tuple[Any, ...]]] = {}

    def compile(self) -> None:
        key = (self.rule, self.subdomain, repr(self.defaults), self.merge_slashes)
        if key not in self.made:
            super().compile()
            builders = (self._build.__func__, self._build_unknown.__func__)  # type: ignore[attr-defined]
            self.made[key] = (self._parts, self._trace, self._converters, set(self.arguments), builders)
        self._parts, self._trace, self._converters, arguments, builders = self.made[key]
        self.arguments |= arguments
        self._build, self._build_unknown = (builder.__get__(self) for builder in builders)


@cache
def first_engine() -> Engine:
    """Of SQLite. What it knows of the library, and the statements it has translated, hold for every other."""
    engine = create_engine("sqlite://", query_cache_size=1500)
    engine.connect().close()
    return engine


def create_knowing_engine(url: str, **settings: Any) -> Engine:
    """An engine that translates no statement that another one has translated."""
    engine = create_engine(url, **settings)
    if engine.dialect.name == "sqlite":
        engine.dialect, engine._compiled_cache = first_engine().dialect, first_engine()._compiled_cache
    return engine


@cache
def quick_hasher() -> PasswordHasher:
    """Argon2 as quick as it gets: tests sign in some thousand times."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@contextmanager
def quickly() -> Iterator[None]:
    """Within, secrets are hashed quickly; pages, addresses and statements are translated once for all applications."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", quick_hasher)
        patch.setattr(words, "HASHER", quick_hasher())
        patch.setitem(Flask.jinja_options, "bytecode_cache", Translated())
        patch.setattr(Flask, "url_rule_class", KnownRule)
        patch.setattr(db, "create_engine", create_knowing_engine)
        yield


class Templates:
    """Empty databases with all tables, as files of SQLite that are copied for each test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, config: Config, *, migrated: bool) -> None:
        """An empty database where the installation has its own. `migrated`: by the migrations, as commands want it."""
        template = self._template("migrated", schema.upgrade) if migrated else self._template("plain", make_tables)
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(template, config.data / template.name)

    def _template(self, name: str, fill: Callable[[Database], None]) -> Path:
        config = Config(data=self.folder / name)
        path = config.data / "efface.sqlite"
        if not path.exists():
            database = Database(config)
            fill(database)
            database.forget_deleted_bytes()
            database.close()
        return path


def make_tables(database: Database) -> None:
    Base.metadata.create_all(database.engine)
