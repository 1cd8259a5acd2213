"""A store of drawn photographs, and scanning it without a queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import workers
from portal.db import Database
from portal.stores import adding, scans
from portal.tables import Scan, Store
from tests.fakes import DrawnFaceEncoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder that a store can be made of."""
    root = tmp_path / "store"
    root.mkdir()
    return root


@pytest.fixture
def okc(database: Database, folder: Path) -> Store:
    with database.writing() as session:
        return adding.add_store(session, "okc", "folder", {"folder": str(folder)}, may_erase=True)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> DrawnFaceEncoder:
    """The fake encoder that scans use; tests change its methods."""
    encoder = DrawnFaceEncoder()
    monkeypatch.setattr("workers.encoder.load_encoder", lambda: encoder)
    return encoder


@pytest.fixture
def start(database: Database) -> Callable[[Store], str]:
    def start(store: Store) -> str:
        with database.writing() as session:
            return scans.start_scan(session, store, None).id

    return start


@pytest.fixture
def carry_out(database: Database) -> Callable[[str], str]:
    def carry_out(scan_id: str) -> str:
        return workers.carry_out(database, "scanning", scan_id)

    return carry_out


@pytest.fixture
def scan(
    database: Database, encoder: DrawnFaceEncoder, start: Callable[[Store], str], carry_out: Callable[[str], str]
) -> Callable[[Store], Scan]:
    """Scan a store from beginning to end; the scan's row after it."""

    def scan(store: Store) -> Scan:
        scan_id = start(store)
        assert carry_out(scan_id) == "worked"
        with database.reading() as session:
            return session.get_one(Scan, scan_id)

    return scan
