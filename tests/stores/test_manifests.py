"""A manifest is taken in as a whole, or refused with the line that is wrong."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Database
from portal.errors import BadManifest
from portal.stores import manifest_files
from portal.stores.manifests import Attached, attach
from portal.tables import Image, ManifestEntry, Store

CSV = b"key,account,source_url,taken_at,age,place\na.jpg,anna,https://www.dating.example/anna,2014-05-01,31,Bonn\n"


@pytest.fixture
def store(database: Database) -> Store:
    with database.writing() as session:
        store = Store(name="okc", kind="folder", settings={"folder": "/x"}, created_at=clock.now())
        session.add(store)
    return store


def entries(session: Session) -> list[ManifestEntry]:
    return list(session.scalars(select(ManifestEntry).order_by(ManifestEntry.key)))


def test_csv_becomes_entries(session: Session, store: Store) -> None:
    assert attach(session, store, "m.csv", CSV) == Attached(rows=1, new=1, changed=0, without_image=1)
    (entry,) = entries(session)
    assert (entry.key, entry.account, entry.taken_at) == ("a.jpg", "anna", "2014-05-01")
    assert entry.source_url == "https://www.dating.example/anna"
    assert entry.source_url_key == "https://dating.example/anna"
    assert entry.attributes == {"age": "31", "place": "Bonn"}


def test_what_spreadsheets_write_is_read(session: Session, store: Store) -> None:
    data = "\ufeffKey;x,Account\r\n".replace(";x", "").encode() + 'a.jpg,"Müller, ""Anna"""\r\n\r\nb.jpg,\r\n'.encode()
    assert attach(session, store, "M.CSV", data).rows == 2
    assert [entry.account for entry in entries(session)] == ['Müller, "Anna"', None]


def test_json_lines_keep_their_kinds_of_values(session: Session, store: Store) -> None:
    rows = [{"key": "a.jpg", "age": 31, "single": True, "note": None}, {"key": "b.jpg", "account": 77}]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    attach(session, store, "m.jsonl", data)
    first, second = entries(session)
    assert first.attributes == {"age": 31, "single": True}
    assert second.account == "77"


def test_attaching_again_updates_and_counts_what_changed(session: Session, store: Store) -> None:
    attach(session, store, "m.csv", CSV + b"b.jpg,ben,,,40,Ulm\n")
    again = attach(session, store, "m.csv", CSV.replace(b"Bonn", b"Mainz") + b"b.jpg,ben,,,40,Ulm\nc.jpg,,,,,\n")
    assert again == Attached(rows=3, new=1, changed=1, without_image=3)
    assert [entry.attributes.get("place") for entry in entries(session)] == ["Mainz", "Ulm", None]


def test_keys_without_a_live_photograph_are_counted(session: Session, store: Store) -> None:
    now = clock.now()
    for key, state in (("a.jpg", "live"), ("b.jpg", "gone")):
        session.add(Image(store_id=store.id, key=key, state=state, first_seen_at=now, last_seen_at=now))
    assert attach(session, store, "m.csv", b"key\na.jpg\nb.jpg\nc.jpg\n").without_image == 2


def test_many_lines_are_taken_in_batches(session: Session, store: Store) -> None:
    data = b"key\n" + b"".join(b"%d.jpg\n" % number for number in range(1203))
    assert attach(session, store, "m.csv", data).new == 1203
    assert attach(session, store, "m.csv", data) == Attached(1203, 0, 0, 1203)


WRONG = {
    "empty": (b"  \n", "empty"),
    "header only": (b"key,account\n", "no lines"),
    "no key column": (b"file;account\na;b\n", "Line 1: there is no column called key"),
    "empty key": (b"key\na.jpg\n \n", "Line 3: the key is empty"),
    "the same key": (b"key,n\na.jpg,1\nb.jpg,2\na.jpg,3\n", "Line 4: the key 'a.jpg' was already on line 2"),
    "the same column": (b"key,Key\na,b\n", "Line 1: the column 'key' is there twice"),
    "too many cells": (b"key,account\na.jpg,anna,x\n", "Line 2: it has 3 cells, the header has 2"),
    "too few cells": (b"key,account\na.jpg\n", "Line 2: it has 1 cells, the header has 2"),
    "open quote": (b'key\na.jpg\n"b.jpg\n', "Line 3: it cannot be read as CSV"),
    "line after a cell with line breaks": (b'key,n\na.jpg,"1\n2\n3"\n,x\n', "Line 5: the key is empty"),
    "formula": (b"key,account\na.jpg,=1+1\n", "Line 2: column 'account': it begins with '='"),
    "formula behind a blank": (b"key,place\na.jpg, @SUM(A1)\n", "Line 2: column 'place': it begins with '@'"),
    "formula with a sign": (b"key,place\na.jpg,-2+3\n", "begins with '-'"),
    "formula with a tab": (b"key,place\na.jpg,\t=1\n", "begins with"),
    "formula in the header": (b"key,=cmd\na.jpg,1\n", "formula"),
    "latin-1": ("key,account\na.jpg,x\nb.jpg,Müller\n".encode("latin-1"), "Line 3: this is not UTF-8. Save"),
    "utf-16": ("key\na.jpg\n".encode("utf-16"), "UTF-16"),
    "zero byte": (b"key\na.jpg\nb\0.jpg\n", "Line 3: there is a zero byte"),
    "long account": (b"key,account\na.jpg," + b"x" * 301, "Line 2: column 'account': longer than 300"),
    "long attribute": (b"key,note\na.jpg," + b"x" * 1001, "Line 2: column 'note': longer than 1000"),
    "huge cell": (b"key,note\na.jpg," + b"x" * 140_000, "Line 2: it cannot be read as CSV"),
    "column without a name": (b"key,\na.jpg,x\n", "column has no name"),
    "bad link": (b"key,source_url\na.jpg,https://a.example/\nb.jpg,nope\n", "Line 3, column source_url: This is not"),
    "private link": (b"key,source_url\na.jpg,http://[::1]/\n", "Line 2, column source_url: .* private address"),
}


@pytest.mark.parametrize(("data", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_csv_is_refused_with_its_line(session: Session, store: Store, data: bytes, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        attach(session, store, "m.csv", data)
    assert session.scalar(select(func.count()).select_from(ManifestEntry)) == 0


WRONG_JSON = {
    "not JSON": (b'{"key": "a"}\n{"key": \n', "Line 2: it is not one JSON object"),
    "not an object": (b'["a"]\n', "Line 1: it is not one JSON object"),
    "nested": (b'{"key": "a", "x": {"y": 1}}\n', "Line 1: column 'x': lists and objects"),
    "name twice": (b'{"key": "a", "key": "b"}\n', "Line 1: .*twice"),
    "not a number": (b'{"key": "a", "x": NaN}\n', "Line 1: .*NaN"),
    "endless number": (b'{"key": "a", "x": 1e999}\n', "Line 1: column 'x': this number is too large"),
    "key is a number": (b'{"key": 7}\n', "Line 1: the key"),
    "no key": (b'{"account": "a"}\n', "Line 1: the key"),
    "half a character": (b'{"key": "a", "x": "\\ud800"}\n', "Line 1: column 'x': half a character"),
    "formula": (b'{"key": "a", "x": "=1+1"}\n', "Line 1: column 'x': it begins with '='"),
    "very deep": (b'{"key": "a", "x": ' + b"[" * 100_000, "Line 1"),
}


@pytest.mark.parametrize(("data", "said"), WRONG_JSON.values(), ids=WRONG_JSON.keys())
def test_wrong_json_lines_are_refused_with_their_line(session: Session, store: Store, data: bytes, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        attach(session, store, "m.jsonl", data)


def test_numbers_with_a_sign_are_no_formulas(session: Session, store: Store) -> None:
    attach(session, store, "m.csv", b"key,lat,lon,share\na.jpg,-33.9,+151.2,-5%\n")
    assert entries(session)[0].attributes == {"lat": "-33.9", "lon": "+151.2", "share": "-5%"}


def test_another_kind_of_file_is_refused(session: Session, store: Store) -> None:
    with pytest.raises(BadManifest, match=r"name\.csv"):
        attach(session, store, "m.xlsx", b"PK")


def test_too_many_lines_are_refused(session: Session, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_files, "MOST_ROWS", 2)
    with pytest.raises(BadManifest, match="Line 4: a manifest may have 2 lines"):
        attach(session, store, "m.csv", b"key\na\nb\nc\n")


def test_nothing_stays_of_a_manifest_that_fails(database: Database, store: Store) -> None:
    good = b"".join(b"%d.jpg\n" % number for number in range(700))
    with pytest.raises(BadManifest), database.writing() as session:
        attach(session, store, "m.csv", b"key\n" + good + b"0.jpg\n")
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ManifestEntry)) == 0
