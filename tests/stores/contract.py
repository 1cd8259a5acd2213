"""What every connector must do. A test module for a kind of store makes a subclass of `ConnectorContract`.

It says its `KIND` and gives the fixtures: `raw`, settings of an empty store, `put(key, data)` which places an object
behind the connector's back, `take(key)` which removes one so, and `take_away()` which makes the whole store vanish.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import workers
from portal import clock
from portal.db import Database
from portal.erasure import plans
from portal.errors import BadInput, Conflict, NotAllowed, NotFound, StoreUnavailable
from portal.stores import Connector, Packed, Together, adding, connector_class
from portal.tables import Candidate, Case, Certificate, Entry, Erasure, Image, Scan, Search, Store
from tests.fakes import drawn_jpeg
from tests.matching.making import make_account, make_case

Put = Callable[[str, bytes], None]
Take = Callable[[str], None]

KEYS = ["a.jpg", "b/1.jpg", "b/2.jpg", "b-c.jpg", "b.jpg", "b/x/y/z.jpg", "c d.jpg", "e\N{COMBINING ACUTE ACCENT}.jpg"]
KEYS += ["Ä.jpg", "z.jpg", "\U0001f600.jpg", "%41.jpg", "x'y\";--.jpg", "10.jpg", "9.jpg"]


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# What a step that does nothing may say, worst last: nothing at all, or that all is well.
DROPPED: list[tuple[str, object]] = [
    ("check", None),
    ("list", None),
    ("list", ()),
    ("open", None),
    ("open", b""),
    ("enumerate_copies", None),
    ("enumerate_copies", []),
    ("erase_copy", None),
    ("erase_copy", "deleted"),
    ("erase_copy", "already-absent"),
    ("probe_copy", None),
    ("probe_copy", "present"),
]


class File:
    """A SQLite file behind the connector's back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()


class ConnectorContract:
    """`KIND` is one of `KINDS`; the fixture `raw` has the settings with which an admin would add such a store."""

    KIND = ""
    PREFIX = ""

    def make(self, settings: dict[str, Any], may_erase: bool = True) -> Connector:
        made = connector_class(self.KIND)
        return made("kit", made.clean(settings), may_erase)

    @pytest.fixture
    def settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return raw

    @pytest.fixture
    def connector(self, settings: dict[str, Any]) -> Connector:
        return self.make(settings)

    @pytest.fixture
    def locked(self, settings: dict[str, Any]) -> Connector:
        return self.make(settings, may_erase=False)

    def key(self, name: str) -> str:
        """The key of an object of that name: in some kinds of stores a key begins with the place it lies in."""
        return self.PREFIX + name

    @pytest.fixture
    def certified(
        self, database: Database, settings: dict[str, Any], scan: Callable[[Store], Scan]
    ) -> Callable[[], int]:
        """Add the store, scan it, have all its photographs erased; how many certificates there are then."""

        def certified() -> int:
            with database.writing() as session:
                held_by = self.holder_of(session)
                store = adding.add_store(session, "kit", self.KIND, settings, may_erase=True, holder_id=held_by)
            scan(store)
            erasure_id = approved(database, store)
            workers.carry_out(database, "erasing", erasure_id)
            self.see_to(database, erasure_id)
            return self.certificates(database)

        return certified

    def holder_of(self, session: Session) -> str | None:
        """The recipient who holds what is in the store; None where the operator does."""
        return None

    def see_to(self, database: Database, erasure_id: str) -> None:
        """What others do after an erasure was carried out: nothing, where the operator holds the store."""

    def certificates(self, database: Database) -> int:
        """How many there are. A store whose holder can only be asked counts those that say that all is gone."""
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(Certificate)) or 0

    def test_photographs_go_from_the_store_to_the_certificate(
        self, connector: Connector, put: Put, certified: Callable[[], int], database: Database
    ) -> None:
        put(self.key("a.jpg"), drawn_jpeg(1))
        put(self.key("b.jpg"), drawn_jpeg(2))
        assert certified() == 1
        assert list(connector.list()) == []
        with database.reading() as session:
            versions = select(func.count()).select_from(Entry).where(Entry.kind == "store-versions")
            # Archives that were written anew are the store's next version, in a dataset or not.
            assert session.scalar(versions) == isinstance(connector, Packed)

    @pytest.mark.parametrize(("step", "word"), DROPPED)
    def test_without_any_one_step_there_is_no_certificate(
        self,
        connector: Connector,
        put: Put,
        certified: Callable[[], int],
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
        word: object,
    ) -> None:
        put(self.key("a.jpg"), drawn_jpeg(1))
        monkeypatch.setattr(type(connector), step, lambda *_, **__: word)
        if step == "erase_copy" and isinstance(connector, Together):
            monkeypatch.setattr(type(connector), "erase_together", lambda _, wanted: dict.fromkeys(wanted, word))
        # Whatever stops it: the store is not added, its scan fails, there is nothing to plan, or something is left.
        with contextlib.suppress(AssertionError, TypeError, AttributeError, Conflict):
            certified()
        assert self.certificates(database) == 0

    @pytest.fixture
    def filled(self, connector: Connector, put: Put) -> list[str]:
        keys = [self.key(name) for name in KEYS]
        for key in keys:
            put(key, key.encode())
        return sorted(keys)

    def test_lists_every_object_once_in_order(self, connector: Connector, filled: list[str]) -> None:
        found = list(connector.list())
        assert [one.key for one in found] == filled
        assert all(one.size == len(one.key.encode()) and one.version for one in found)
        assert connector.count() == len(filled)

    def test_goes_on_after_any_key(self, connector: Connector, filled: list[str]) -> None:
        for place, key in enumerate(filled):
            assert [one.key for one in connector.list(after=key)] == filled[place + 1 :]
        for name in ("", "a", "b", "b/", "b/x", "b/x/y/z.jpg~", "zzz", "\U0010ffff"):
            between = self.key(name)
            assert [one.key for one in connector.list(after=between)] == [key for key in filled if key > between]

    def test_an_empty_store_lists_nothing(self, connector: Connector) -> None:
        assert list(connector.list()) == []
        assert connector.count() == 0

    def test_opens_what_it_lists(self, connector: Connector, filled: list[str]) -> None:
        assert {one.key: connector.open(one.key) for one in connector.list()} == {key: key.encode() for key in filled}

    def test_what_vanished_is_not_found(self, connector: Connector, put: Put, take: Take) -> None:
        put(self.key("a.jpg"), b"a")
        take(self.key("a.jpg"))
        for key in (self.key("a.jpg"), self.key("none/at/all.jpg")):
            with pytest.raises(NotFound):
                connector.open(key)

    def test_the_version_changes_with_the_object_and_only_then(self, connector: Connector, put: Put) -> None:
        put(self.key("a.jpg"), b"first")
        put(self.key("b.jpg"), b"same")
        before = {one.key: one.version for one in connector.list()}
        put(self.key("a.jpg"), b"other")
        after = {one.key: one.version for one in connector.list()}
        assert before[self.key("a.jpg")] != after[self.key("a.jpg")]
        assert before[self.key("b.jpg")] == after[self.key("b.jpg")]

    def test_checking_touches_nothing(self, connector: Connector, filled: list[str]) -> None:
        before = list(connector.list())
        check = connector.check()
        assert (check.readable, check.listable, check.writable, check.erasable) == (True, True, True, True)
        assert check.sample == filled[:12]
        assert list(connector.list()) == before

    def test_erases_the_approved_bytes_and_nothing_else(self, connector: Connector, filled: list[str]) -> None:
        for key in (self.key("b/1.jpg"), self.key("x'y\";--.jpg")):
            refs = connector.enumerate_copies(key)
            assert [connector.erase_copy(ref, digest(key.encode())) for ref in refs] == ["deleted"] * len(refs)
            assert [connector.probe_copy(ref) for ref in refs] == ["absent"] * len(refs)
            filled.remove(key)
        assert [one.key for one in connector.list()] == filled

    def test_erasing_again_is_no_error(self, connector: Connector, put: Put) -> None:
        put(self.key("a.jpg"), b"a")
        (ref,) = connector.enumerate_copies(self.key("a.jpg"))
        assert connector.erase_copy(ref, digest(b"a")) == "deleted"
        assert connector.erase_copy(ref, digest(b"a")) == "already-absent"
        assert connector.enumerate_copies(self.key("a.jpg")), "there is still a place to look at"

    def test_other_bytes_than_the_approved_are_kept(self, connector: Connector, put: Put) -> None:
        put(self.key("a.jpg"), b"approved")
        (ref,) = connector.enumerate_copies(self.key("a.jpg"))
        put(self.key("a.jpg"), b"replaced")
        with pytest.raises(Conflict) as caught:
            connector.erase_copy(ref, digest(b"approved"))
        assert caught.value.code == "content-changed"
        assert connector.open(self.key("a.jpg")) == b"replaced"
        assert connector.probe_copy(ref) == "present"

    def test_looking_again_sees_what_came_back(self, connector: Connector, put: Put, take: Take) -> None:
        put(self.key("b/a.jpg"), b"a")
        (ref,) = connector.enumerate_copies(self.key("b/a.jpg"))
        assert connector.probe_copy(ref) == "present"
        take(self.key("b/a.jpg"))
        assert connector.probe_copy(ref) == "absent"
        put(self.key("b/a.jpg"), b"again")
        assert connector.probe_copy(ref) == "present"

    def test_without_leave_nothing_is_erased(self, locked: Connector, put: Put) -> None:
        put(self.key("a.jpg"), b"a")
        with pytest.raises(NotAllowed):
            locked.erase_copy(locked.enumerate_copies(self.key("a.jpg"))[0], digest(b"a"))
        assert locked.open(self.key("a.jpg")) == b"a"
        check = locked.check()
        assert (check.readable, check.erasable) == (True, False)
        assert any("not allowed" in note for note in check.notes)

    @pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "a//b", "./a", "", "a/", "a\0b", ".."])
    def test_keys_cannot_lead_out(self, connector: Connector, key: str) -> None:
        for call in (
            connector.open,
            connector.enumerate_copies,
            connector.probe_copy,
            lambda ref: connector.erase_copy(ref, digest(b"")),
        ):
            with pytest.raises(BadInput):
                call(key)

    def test_a_store_that_is_away_says_so(self, connector: Connector, put: Put, take_away: Callable[[], None]) -> None:
        put(self.key("a.jpg"), b"a")
        (ref,) = connector.enumerate_copies(self.key("a.jpg"))
        take_away()
        for call in (
            connector.check,
            connector.count,
            lambda: list(connector.list()),
            lambda: list(connector.list(after=self.key("a"))),
            lambda: connector.open(self.key("a.jpg")),
            lambda: connector.probe_copy(ref),
            lambda: connector.erase_copy(ref, digest(b"a")),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                call()
            assert caught.value.sentence.endswith(".")

    def test_a_store_that_goes_while_it_is_listed_does_not_look_shorter(
        self, connector: Connector, filled: list[str], take_away: Callable[[], None]
    ) -> None:
        listing = connector.list()
        next(listing)
        take_away()
        with pytest.raises(StoreUnavailable):
            list(listing)


class FolderContract(ConnectorContract):
    """For stores that are a folder, the fixture `root`."""

    @pytest.fixture
    def settings(self, root: Path) -> dict[str, Any]:
        return {"folder": str(root)}

    @pytest.fixture
    def take_away(self, root: Path) -> Callable[[], None]:
        return lambda: shutil.move(root, root.with_name("elsewhere"))


class TableContract(ConnectorContract):
    """For stores that are a table in a SQLite file, the fixture `file`."""

    @pytest.fixture
    def take_away(self, file: File) -> Callable[[], None]:
        return lambda: shutil.move(file.path, file.path.with_name("elsewhere"))

    @pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a//b", "' OR 1=1 --", "", "a%", '"; DROP TABLE numbered'])
    def test_keys_cannot_lead_out(self, connector: Connector, put: Put, key: str) -> None:  # type: ignore[override]
        """A key is only ever a value that is compared: it leads nowhere."""
        put("a.jpg", b"a")
        with pytest.raises(NotFound):
            connector.open(key)
        assert connector.erase_copy(key, digest(b"a")) == "already-absent"
        assert connector.probe_copy(key) == "absent"
        assert connector.open("a.jpg") == b"a"


def approved(database: Database, store: Store, keys: Collection[str] = ()) -> str:
    """The id of an approved erasure of photographs of the store: those with `keys`, or all. There must be one."""
    with database.writing() as session:
        asker, approver = make_account(session, "asker"), make_account(session, "approver")
        case = make_case(session, state="fulfilling")
        case.rights[0].decision = "grant"
        search = Search(case_id=case.id, created_at=clock.now(), finished_at=clock.now(), coverage={}, candidates=1)
        session.add(search)
        session.flush()
        live = select(Image.id).where(Image.store_id == store.id, Image.state == "live")
        images = session.scalars(live.where(Image.key.in_(keys)) if keys else live).all()
        assert images, "nothing was found in the store"
        for image in images:
            found = Candidate(case_id=case.id, search_id=search.id, image_id=image, evidence=["face"])
            found.state = "confirmed"
            session.add(found)
        session.flush()
        erasure = plans.plan_erasure(session, session.get_one(Case, case.id), "deletion", asker)
        plans.approve(session, erasure, approver, erasure.plan_digest)
        session.get_one(Erasure, erasure.id).run_after = clock.now()
        return erasure.id
