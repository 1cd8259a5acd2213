"""Parquet files as a store: rows that stay keep their values, and a file that is none costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from portal.cli import efface
from portal.db import Database
from portal.errors import Conflict, ObjectUnreadable, StoreUnavailable
from portal.stores.parquet import Parquet
from portal.tables import Scan, Store
from tests.fakes import drawn_jpeg
from tests.stores.contract import FolderContract, Put, Take, digest

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
Row = tuple[str | None, bytes | None]


def written(path: Path, rows: list[Row], **more: Any) -> None:
    """A file with the columns `image` and `label`, as Hugging Face writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = pa.array(
        [None if data is None and name is None else {"bytes": data, "path": name} for name, data in rows], IMAGE
    )
    table = pa.table({"image": images, "label": pa.array(range(len(rows)), pa.int64())})
    table = table.replace_schema_metadata({"huggingface": '{"info": {}}'})
    draft = path.with_name(".new")
    pq.write_table(table, draft, **more)
    draft.rename(path)


def read(path: Path) -> list[Row]:
    return [(one["path"], one["bytes"]) for one in pq.read_table(path).column("image").to_pylist() if one]


@pytest.fixture
def connector(root: Path) -> Parquet:
    return Parquet("hub", {"folder": str(root)}, may_erase=True)


class TestContract(FolderContract):
    KIND = "parquet"
    PREFIX = "x/one.parquet/image/"

    @pytest.fixture
    def put(self, root: Path) -> Put:
        def put(key: str, data: bytes) -> None:
            path, name = root / "x/one.parquet", key.removeprefix(self.PREFIX)
            kept = [row for row in read(path) if row[0] != name] if path.exists() else []
            written(path, [*kept, (name, data)], row_group_size=4)

        return put

    @pytest.fixture
    def take(self, root: Path) -> Take:
        def take(key: str) -> None:
            path = root / "x/one.parquet"
            written(path, [row for row in read(path) if row[0] != key.removeprefix(self.PREFIX)])

        return take


def test_what_stays_keeps_its_values_its_schema_and_its_packing(connector: Parquet, root: Path) -> None:
    rows: list[Row] = [(f"{n:02}.jpg", bytes([n]) * (n * 97)) for n in range(20)]
    written(root / "t.parquet", rows, row_group_size=8, compression={"image.bytes": "zstd", "label": "gzip"})
    (root / "t.parquet").chmod(0o640)
    before = pq.read_table(root / "t.parquet")
    gone = {"t.parquet/image/03.jpg": digest(rows[3][1] or b""), "t.parquet/image/09.jpg": digest(rows[9][1] or b"")}
    assert set(connector.erase_together(gone).values()) == {"deleted"}
    after = pq.ParquetFile(root / "t.parquet")
    assert after.read().equals(before.take([n for n in range(20) if n not in {3, 9}]))
    assert after.schema_arrow.equals(before.schema, check_metadata=True)
    assert after.metadata.row_group(0).column(0).compression == "ZSTD"
    assert [after.metadata.row_group(n).num_rows for n in range(3)] == [7, 7, 4]
    assert (root / "t.parquet").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in root.iterdir()] == ["t.parquet"]


def test_a_picture_without_a_path_keeps_its_key_when_rows_before_it_go(connector: Parquet, root: Path) -> None:
    written(root / "t.parquet", [(None, b"one"), (None, b"two"), ("../../etc/passwd", b"three")])
    keys = {connector.open(found.key): found.key for found in connector.list()}
    assert set(keys) == {b"one", b"two", b"three"}
    assert connector.erase_copy(keys[b"one"], digest(b"one")) == "deleted"
    assert {connector.open(found.key): found.key for found in connector.list()} == {
        data: key for data, key in keys.items() if data != b"one"
    }


def test_pictures_that_share_a_path_are_apart_and_the_same_bytes_are_one(connector: Parquet, root: Path) -> None:
    written(root / "t.parquet", [("a.jpg", b"one"), ("a.jpg", b"two"), ("a.jpg", b"one"), ("b.jpg", b"three")])
    first, second, third = (found.key for found in connector.list())
    assert third == "t.parquet/image/b.jpg"
    one = next(key for key in (first, second) if connector.open(key) == b"one")
    assert connector.erase_copy(one, digest(b"one")) == "deleted"
    assert connector.probe_copy(one) == "absent"
    assert read(root / "t.parquet") == [("a.jpg", b"two"), ("b.jpg", b"three")]


def test_a_row_goes_with_its_last_picture(connector: Parquet, root: Path) -> None:
    image, depth = ({"bytes": data, "path": "1.png"} for data in (b"\x89PNG image", b"\x89PNG depth"))
    pq.write_table(
        pa.table({"image": pa.array([image], IMAGE), "depth": pa.array([depth], IMAGE), "n": [7]}), root / "t.parquet"
    )
    assert [found.key for found in connector.list()] == ["t.parquet/depth/1.png", "t.parquet/image/1.png"]
    assert connector.erase_copy("t.parquet/image/1.png", digest(b"\x89PNG image")) == "deleted"
    assert pq.read_table(root / "t.parquet").to_pylist() == [{"image": None, "depth": depth, "n": 7}]
    assert connector.erase_copy("t.parquet/depth/1.png", digest(b"\x89PNG depth")) == "deleted"
    assert pq.read_table(root / "t.parquet").to_pylist() == []


def test_plain_bytes_are_pictures_where_they_begin_as_one(connector: Parquet, root: Path) -> None:
    picture = drawn_jpeg(1)
    pq.write_table(pa.table({"raw": [picture, b"a sentence", None]}), root / "t.parquet")
    (found,) = connector.list()
    assert connector.open(found.key) == picture


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"label": [1, 2]}, "no column of pictures"),
        ({"frames": pa.array([[{"bytes": b"x", "path": None}]], pa.list_(IMAGE))}, "frames holds several pictures"),
        ({"image": pa.array([{"bytes": None, "path": "far/1.jpg"}], IMAGE)}, "1 pictures in it are only named"),
    ],
)
def test_another_schema_is_named(connector: Parquet, root: Path, table: dict[str, Any], why: str) -> None:
    pq.write_table(pa.table(table), root / "t.parquet")
    assert [found.key for found in connector.list()] == ["t.parquet"]
    with pytest.raises(ObjectUnreadable, match=why):
        connector.open("t.parquet")


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-9], lambda data: b"PAR1" + data[40:], lambda data: b"", lambda data: data[:50]]
)
def test_in_a_damaged_file_nothing_is_erased(connector: Parquet, root: Path, spoil: Callable[[bytes], bytes]) -> None:
    written(root / "t.parquet", [("a.jpg", b"a" * 500)])
    spoiled = spoil((root / "t.parquet").read_bytes())
    (root / "t.parquet").write_bytes(spoiled)
    assert [found.key for found in connector.list()] == ["t.parquet"]
    with pytest.raises((StoreUnavailable, Conflict)):
        connector.erase_copy("t.parquet/image/a.jpg", digest(b"a" * 500))
    with pytest.raises(StoreUnavailable):
        connector.probe_copy("t.parquet/image/a.jpg")
    assert (root / "t.parquet").read_bytes() == spoiled


def test_a_file_that_has_another_schema_by_now_is_never_called_erased(connector: Parquet, root: Path) -> None:
    written(root / "t.parquet", [("a.jpg", b"a" * 500)])
    assert [found.key for found in connector.list()] == ["t.parquet/image/a.jpg"]
    pq.write_table(pa.table({"picture": pa.array([{"bytes": b"a" * 500, "path": "a.jpg"}], IMAGE)}), root / "t.parquet")
    connector.erase_copy("t.parquet/image/a.jpg", digest(b"a" * 500))
    assert [found.key for found in connector.list()] == ["t.parquet/picture/a.jpg"], "what is there now is seen anew"
    pq.write_table(pa.table({"image": [1, 2]}), root / "t.parquet")
    assert [found.key for found in connector.list()] == ["t.parquet"]
    with pytest.raises(ObjectUnreadable, match="no column of pictures"):
        connector.open("t.parquet")


@pytest.mark.migrated
def test_photographs_in_a_table_are_scanned(
    database: Database, root: Path, scan: Callable[[Store], Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(root / "t.parquet", [("1.jpg", drawn_jpeg(1)), ("2.jpg", drawn_jpeg(2)), ("no.jpg", drawn_jpeg())])
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    added = CliRunner().invoke(efface, ["store", "add", "hub", "--parquet", str(root)])
    assert added.exit_code == 0, added.output
    with database.reading() as session:
        store = session.scalars(select(Store)).one()
    done = scan(store)
    assert (done.seen, done.faces, done.faceless) == (3, 2, 1)
