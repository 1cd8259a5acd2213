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
from werkzeug.routing import Rule

from portal import accounts, schema
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
    """A route whose addresses are built by code that was made for the same route of an earlier application."""

    made: ClassVar[dict[object, Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        key = (tuple(self._trace), repr(self.defaults), append_unknown)
        if key not in self.made:
            self.made[key] = super()._compile_builder(append_unknown)
        return self.made[key]


@cache
def quick_hasher() -> PasswordHasher:
    """Argon2 as quick as it gets: tests sign in some thousand times."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@contextmanager
def quickly() -> Iterator[None]:
    """Within, secrets are hashed quickly; pages and addresses are translated into code once for all applications."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", quick_hasher)
        patch.setattr(words, "HASHER", quick_hasher())
        patch.setitem(Flask.jinja_options, "bytecode_cache", Translated())
        patch.setattr(Flask, "url_rule_class", KnownRule)
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
