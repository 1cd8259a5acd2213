"""Pictures that somebody else holds: read by a manifest, asked of their holder, and looked at until they are gone."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import workers
from portal import clock, fetching
from portal.config import Config
from portal.db import Database
from portal.erasure import certificate, resuming, verifying
from portal.errors import BadInput, BadManifest, Conflict, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.fetching import child
from portal.lineage import records
from portal.notices import answering, making
from portal.stores import Asked, Connector, adding
from portal.stores.http_manifest import HttpManifest
from portal.tables import Certificate, ErasureItem, ManifestEntry, Notice, Scan, Store
from tests.fakes import drawn_jpeg
from tests.fetching.serving import HOST, PUBLIC, Answer, make_certificate, page, redirect, to_here, website
from tests.fetching.test_fetching import PROGRAM
from tests.stores.contract import ConnectorContract, Put, Take, approved, digest

GONE = page(b"", status=410)


@dataclass
class Holder:
    """A website on this machine, what it serves, and the manifest that names it."""

    port: int
    ca: Path
    manifest: Path
    pages: dict[str, Answer]
    asked: list[str]
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, key: str, data: bytes, **more: Any) -> None:
        place = "/" + quote(key)
        self.pages[place] = page(data, "image/jpeg")
        line = {"key": key, "url": f"https://{HOST}{place}", "sha256": digest(data).hex(), "size": len(data)}
        self.lines[key] = {**line, **more}
        self.write("".join(json.dumps(one) + "\n" for one in self.lines.values()))

    def take(self, key: str) -> None:
        self.pages["/" + quote(key)] = GONE

    def write(self, text: str) -> None:
        self.manifest.write_text(text)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"), HOST)


@pytest.fixture
def holder(ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Holder]:
    """The fetcher runs in this process, with this website as its only world."""
    pages: dict[str, Answer] = {}
    asked: list[str] = []
    (tmp_path / "held.jsonl").write_text("")
    with website(ca, pages, asked) as port:
        way = child.Way(lambda _host: [PUBLIC], to_here(port, []), ssl.create_default_context(cafile=str(ca)))
        monkeypatch.setattr(fetching, "fetch", lambda link, hosts, most: child.fetch(link, hosts, most, way))
        yield Holder(port, ca, tmp_path / "held.jsonl", pages, asked)


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, holder_hosts=HOST)


@pytest.fixture
def settings(holder: Holder) -> dict[str, Any]:
    return {"manifest": str(holder.manifest)}


@pytest.fixture
def connector(settings: dict[str, Any]) -> Connector:
    return HttpManifest("held", {**settings, "hosts": [HOST]}, may_erase=True)


@pytest.fixture
def put(holder: Holder) -> Put:
    return holder.put


@pytest.fixture
def take(holder: Holder) -> Take:
    return holder.take


@pytest.fixture
def add(database: Database, settings: dict[str, Any]) -> Callable[[], Store]:
    def add() -> Store:
        with database.writing() as session:
            vision = records.add_recipient(session, "Vision Ltd", "privacy@vision.example")
            return adding.add_store(session, "kit", "http-manifest", settings, may_erase=True, holder_id=vision.id)

    return add


@pytest.fixture
def asked_for(database: Database, add: Callable[[], Store], scan: Callable[[Store], Scan]) -> Callable[[], str]:
    """Add the store, scan it, approve that all goes, and carry that out; the erasure's id."""

    def asked_for() -> str:
        store = add()
        scan(store)
        erasure_id = approved(database, store)
        workers.carry_out(database, "erasing", erasure_id)
        return erasure_id

    return asked_for


def answer_all(database: Database, erasure_id: str, result: str = "erased") -> None:
    with database.writing() as session:
        for notice in session.scalars(select(Notice).filter_by(erasure_id=erasure_id)):
            answering.answer(session, notice, result, "Done today.")


def look_again(database: Database, erasure_id: str) -> int:
    with database.writing() as session:
        going = resuming.resume(session)
    if going:
        workers.carry_out(database, "erasing", erasure_id)
    return going


def kinds(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Certificate.kind).order_by(Certificate.number)))


class TestContract(ConnectorContract):
    """What only the holder can do is asked of them here; a certificate counts when it says that all is gone."""

    KIND = "http-manifest"
    holder: Holder

    def make(self, settings: dict[str, Any], may_erase: bool = True) -> Connector:
        return HttpManifest("held", {**settings, "hosts": [HOST]}, may_erase)

    @pytest.fixture
    def settings(self, holder: Holder) -> dict[str, Any]:
        return {"manifest": str(holder.manifest)}

    @pytest.fixture(autouse=True)
    def known(self, holder: Holder) -> None:
        self.holder = holder

    def see_to(self, database: Database, erasure_id: str) -> None:
        """The holder does what they were asked to, and says so."""
        with database.reading() as session:
            if not session.scalar(select(func.count()).where(ErasureItem.result == Asked.code)):
                return
        for key in self.holder.lines:
            self.holder.take(key)
        answer_all(database, erasure_id)
        look_again(database, erasure_id)

    def holder_of(self, session: Session) -> str | None:
        return records.add_recipient(session, "Vision Ltd", "privacy@vision.example").id

    @pytest.fixture
    def take_away(self, holder: Holder) -> Callable[[], None]:
        return holder.manifest.unlink

    def certificates(self, database: Database) -> int:
        return kinds(database).count("full")

    def test_photographs_go_from_the_store_to_the_certificate(
        self, connector: Connector, put: Put, certified: Callable[[], int]
    ) -> None:
        put("a.jpg", drawn_jpeg(1))
        put("b.jpg", drawn_jpeg(2))
        assert certified() == 1
        for found in connector.list():
            with pytest.raises(NotFound):
                connector.open(found.key)

    def test_an_empty_store_lists_nothing(self, connector: Connector) -> None:
        """An empty manifest is taken for a mistake: all pictures would look gone."""
        for call in (lambda: list(connector.list()), connector.count):
            with pytest.raises(StoreUnavailable, match="empty"):
                call()

    def test_checking_touches_nothing(self, connector: Connector, filled: list[str]) -> None:
        check = connector.check()
        assert (check.readable, check.listable, check.writable, check.erasable) == (True, True, False, True)
        assert check.sample == filled[:12]
        assert "holder is asked" in check.notes[0]

    def test_erases_the_approved_bytes_and_nothing_else(self, connector: Connector, filled: list[str]) -> None:
        """The holder is asked, and nothing is said to be gone while it is served."""
        with pytest.raises(Asked):
            connector.erase_copy("a.jpg", digest(b"a.jpg"))
        assert connector.probe_copy("a.jpg") == "present"
        assert [found.key for found in connector.list()] == filled

    def test_erasing_again_is_no_error(self, connector: Connector, put: Put) -> None:
        put("a.jpg", b"a")
        self.holder.take("a.jpg")
        assert [connector.erase_copy("a.jpg", digest(b"a")) for _ in range(2)] == ["already-absent"] * 2
        assert connector.enumerate_copies("a.jpg") == ["a.jpg"]

    def test_other_bytes_than_the_approved_are_kept(self, connector: Connector, put: Put) -> None:
        put("a.jpg", b"approved")
        for other in (b"replaced", b"longer than what was approved"):
            self.holder.put("a.jpg", other, sha256=digest(b"approved").hex(), size=len(b"approved"))
            with pytest.raises(Conflict) as caught:
                connector.erase_copy("a.jpg", digest(b"approved"))
            assert caught.value.code == "content-changed"
        assert connector.probe_copy("a.jpg") == "present"


def test_the_certificate_is_partial_until_the_holder_has_done_it(
    database: Database, holder: Holder, asked_for: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.put("a.jpg", drawn_jpeg(1), account="anna")
    erasure_id = asked_for()
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ManifestEntry)) == 0, "the portal's own line is gone"
        notice = session.scalars(select(Notice)).one()
        facts = making.facts_of(session, notice)
        assert (facts["received"][0]["what"], facts["photographs"]) == ("photographs", 1)
    assert kinds(database) == [], "the holder has not been heard yet"
    answer_all(database, erasure_id, "erased")
    assert kinds(database) == ["partial"]
    assert look_again(database, erasure_id) == 1, "an answer is a reason to look at once"
    assert kinds(database) == ["partial"], "they said so, and serve it all the same"
    assert look_again(database, erasure_id) == 0, "only once, and then day by day"
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=2))
    assert look_again(database, erasure_id) == 1
    assert kinds(database) == ["partial"], "nothing has changed, so no certificate is issued for it"
    holder.take("a.jpg")
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=4))
    assert look_again(database, erasure_id) == 1
    assert look_again(database, erasure_id) == 0
    assert kinds(database) == ["partial", "full"]
    with database.writing() as session:
        first, second = session.scalars(select(Certificate).order_by(Certificate.number))
        (item,) = [one for one in verifying.items_of(certificate.file_of(session, first)) if one["kind"] == "image"]
        assert (item["state"], item["result"]) == ("residual", "asked-of-holder")
        (item,) = [one for one in verifying.items_of(certificate.file_of(session, second)) if one["kind"] == "image"]
        assert (item["state"], item["result"]) == ("verified", "already-absent")


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (page(b"others"), ObjectUnreadable, "digest-differs"),
        (page(b"x" * 10_000_000), TooLarge, "too-large"),
        (redirect(f"https://{HOST}/elsewhere"), ObjectUnreadable, "redirect"),
        (page(b"", status=500), ObjectUnreadable, "error"),
        (page(b"", status=404), NotFound, "not-found"),
        (page(b"no gzip", Content_Encoding="gzip"), ObjectUnreadable, "unreachable"),
    ],
)
def test_what_a_holder_answers(
    holder: Holder, connector: Connector, answer: Answer, error: type[Exception], code: str
) -> None:
    holder.put("a", b"approved")
    holder.pages["/a"] = answer
    with pytest.raises(error) as caught:
        connector.open("a")
    assert getattr(caught.value, "code", "") == code
    assert holder.asked == [f"{HOST}/a"], "no redirect is followed"


GOOD = {"key": "a", "url": f"https://{HOST}/a", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": f"https://me:secret@{HOST}/a"}, "column url: This link has a name or password"),
        ({"url": f"http://{HOST}/a"}, "column url: the address must begin with https"),
        ({"url": f"https://{HOST}:8443/a"}, "column url: the address must begin with https"),
        ({"url": "https://127.0.0.1/a"}, "private address"),
        ({"url": "https://[::1]/a"}, "private address"),
        ({"url": "https://elsewhere.example/a"}, r"elsewhere\.example"),
        ({"url": f"https://{HOST}/" + "a" * 10_000_000}, "longer than 2000"),
        ({"url": ""}, "column url: it is empty"),
        ({"sha256": "abc"}, "column sha256"),
        ({"size": -1}, "column size"),
        ({"size": 10**12}, "column size"),
        ({"key": "../a"}, "column key"),
        ({"note": "x" * 10_000_000}, "longer than 1000"),
    ],
)
def test_a_line_that_cannot_be_is_named(holder: Holder, changes: dict[str, Any], said: str) -> None:
    holder.write(json.dumps({**GOOD, "key": "first"}) + "\n" + json.dumps({**GOOD, **changes}) + "\n")
    with pytest.raises(BadManifest, match=said) as caught:
        HttpManifest.clean({"manifest": str(holder.manifest), "hosts": [HOST]})
    assert caught.value.sentence.startswith("Line 2")
    assert len(caught.value.sentence) < 300
    assert holder.asked == []


def test_a_key_is_the_address_where_none_is_given_and_a_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "held.csv"
    path.write_text(f"url,sha256,account\nhttps://{HOST}/2014/a.jpg?s=1,{'0' * 64},anna\n")
    store = HttpManifest("held", {"manifest": str(path), "hosts": [HOST]}, may_erase=False)
    assert [found.key for found in store.list()] == [f"{HOST}/2014/a.jpg?s=1"]
    assert [line.account for line in store.described()] == ["anna"]
    path.write_text("url,sha256\n" + "x" * 10_000_000)
    with pytest.raises(BadManifest, match="Line 2"):
        HttpManifest.clean({"manifest": str(path), "hosts": [HOST]})


def test_a_line_that_went_leaves_nobody_to_ask(holder: Holder, connector: Connector) -> None:
    holder.put("a", b"a")
    holder.put("b", b"b")
    del holder.lines["a"]
    holder.put("b", b"b")
    for call in (connector.probe_copy, lambda ref: connector.erase_copy(ref, digest(b"a"))):
        with pytest.raises(ObjectUnreadable) as caught:
            call("a")
        assert caught.value.code == "line-missing"


def test_nobody_is_asked_unless_the_installation_allows_it(
    database: Database, config: Config, holder: Holder, settings: dict[str, Any]
) -> None:
    holder.put("a", b"a")
    with pytest.raises(BadInput, match="EFFACE_HOLDER_HOSTS"):
        adding.try_out(replace(config, holder_hosts=""), "held", "http-manifest", {**settings, "hosts": [HOST]}, True)
    with database.writing() as session:
        with pytest.raises(BadInput, match="who holds"):
            adding.add_store(session, "held", "http-manifest", settings, may_erase=True)
        with pytest.raises(NotFound, match="recipient"):
            adding.add_store(session, "held", "http-manifest", settings, may_erase=True, holder_id="nobody")
        with pytest.raises(BadInput, match="Only photographs"):
            adding.add_store(session, "f", "folder", {"folder": "/tmp"}, False, holder_id="nobody")
    assert holder.asked == []


def test_the_process_apart_brings_the_bytes_and_refuses_what_is_inside(
    ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: dict[str, Answer] = {"/a": page(b"\xff\xd8\n\0picture", "image/jpeg")}
    with website(ca, pages, []) as port:
        program = tmp_path / "program.py"
        program.write_text(PROGRAM.format(child=str(fetching.CHILD), port=port, public=PUBLIC, ca=str(ca), seconds=5.0))
        fetch = partial(fetching.fetch, program=program)
        assert fetch(f"https://{HOST}/a", [HOST], 1000) == ("fetched", b"\xff\xd8\n\0picture")
        assert fetch(f"https://{HOST}/a", [HOST], 5) == ("too-big", b"")
    assert fetching.fetch("https://127.0.0.1/a", ["127.0.0.1"], 1000) == ("private-address", b"")
