"""Adding stores: what cannot be a store is refused, what can be is tried out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal import stores
from portal.config import Config
from portal.errors import BadInput, Conflict, NotFound, StoreUnavailable
from portal.stores import adding
from portal.tables import Store


def add(session: Session, folder: Path, name: str = "okc", may_erase: bool = True) -> Store:
    return adding.add_store(session, name, "folder", {"folder": str(folder)}, may_erase)


def test_a_store_is_checked_when_it_is_added(session: Session, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"a")
    store = add(session, folder, "  okc ")
    assert store.name == "okc"
    assert store.capabilities is not None
    assert store.capabilities["sample"] == ["a.jpg"]
    assert store.capabilities["erasable"] is True
    assert store.checked_at is not None
    assert [found.key for found in stores.connect(store).list()] == ["a.jpg"]
    assert adding.find_store(session, "okc") is store
    assert adding.list_stores(session) == [store]


def test_names_and_photographs_belong_to_one_store(session: Session, folder: Path, tmp_path: Path) -> None:
    add(session, folder)
    other = tmp_path / "other"
    other.mkdir()
    (folder / "below").mkdir()
    for path, name, said in (
        (other, "okc", "store called okc already"),
        (folder, "again", "in the store okc already"),
        (folder / "below", "below", "in the store okc already"),
        (tmp_path.parent, "above", "in the store okc already"),
    ):
        with pytest.raises(Conflict, match=said):
            add(session, path, name)
    assert add(session, other, "other").name == "other"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_store_needs_a_name(session: Session, folder: Path, name: str) -> None:
    with pytest.raises(BadInput, match="name of 1 to 100"):
        add(session, folder, name)


def test_the_portals_own_data_is_no_store(session: Session, config: Config) -> None:
    inside = config.data / "photographs"
    inside.mkdir(parents=True)
    for folder in (config.data, inside, config.data.parent):
        with pytest.raises(BadInput, match="own data folder"):
            add(session, folder)


def test_what_is_not_there_cannot_be_added(session: Session, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        add(session, tmp_path / "none")
    with pytest.raises(BadInput, match="no kind of store called 's4'"):
        adding.add_store(session, "okc", "s4", {}, may_erase=False)
    with pytest.raises(NotFound, match="no such source"):
        adding.add_store(session, "okc", "folder", {"folder": str(folder)}, False, "0" * 32)
    with pytest.raises(NotFound, match="none yet"):
        adding.find_store(session, "okc")


def test_a_moved_store_counts_again_after_a_test_by_a_person(session: Session, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"a")
    store = add(session, folder)
    folder.rename(folder.with_name("old"))
    with pytest.raises(StoreUnavailable):
        adding.test_store(session, store)
    folder.mkdir()
    with pytest.raises(StoreUnavailable, match="not the one that was added"):
        stores.connect(store).count()
    assert adding.test_store(session, store).notes == ["The folder is empty."]
    assert stores.connect(store).count() == 0
