"""A store that is a folder of Parquet files with columns of pictures, as Hugging Face datasets have them.

A key is `file.parquet/column/name`: the name is the path that stands beside a picture's bytes. Where there is none, or
several pictures of a column share it, the first half of the SHA-256 of the bytes makes the name, so that it stays the
same when rows before it go. With the last picture of a row the row goes; before that, its cell becomes empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from portal.stores.archives import Archives
from portal.stores.connector import Texts
from portal.stores.shards import plain_name

# Rows that are looked at in one go.
ROWS = 64
# Bytes of a row group, unpacked, up to which it is read as a whole. A larger one is not looked at.
LARGEST_GROUP = 2 << 30
MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
NAMED_BY = 16


@dataclass(frozen=True)
class Cell:
    """Where a picture lies, and its SHA-256 and size in bytes."""

    group: int
    row: int
    column: str
    digest: bytes
    size: int


@dataclass
class Table:
    """The pictures of one file by their names; the same bytes under the same path are one object in several rows."""

    cells: dict[str, list[Cell]] = field(default_factory=dict)
    columns: Texts = field(default_factory=list)
    damaged: str = ""
    problems: Texts = field(default_factory=list)
    held: tuple[tuple[int, str], Any] | None = None
    """The part of a column that was read last: pictures are mostly opened in the order of their rows."""

    def problem(self) -> str:
        return self.damaged or "; ".join(self.problems)

    def pictures(self) -> Texts:
        return sorted(self.cells)

    def holds(self, name: str) -> bool:
        return name in self.cells

    def size(self, name: str) -> int:
        return self.cells[name][0].size

    def going_with(self, names: set[str]) -> set[str]:
        return names


class Parquet(Archives):
    """Connector to a folder of Parquet files. Settings: `folder`, an absolute path. See `Connector` for the methods."""

    ENDING = ".parquet"
    BROKEN = (pa.ArrowException,)

    def _notes(self, others: Texts) -> Texts:
        row = "With the last picture of a row the whole row goes, with its texts and labels."
        return [*super()._notes(others), row]

    def _look_into(self, file: BinaryIO, size: int) -> Table:
        table = Table()
        try:
            opened = _opened(file)
            _look_at_columns(opened.schema_arrow, table)
            if any(_group(opened, number).total_byte_size > LARGEST_GROUP for number in range(opened.num_row_groups)):
                table.problems.append(f"a group of rows in it is larger than {LARGEST_GROUP >> 30} gigabytes")
                return table
            _name(list(_cells(opened, table)), table)
        except pa.ArrowException:
            table.damaged = "it is cut off, or no Parquet file"
        except OSError as problem:
            # Arrow says so, too, when the file is none: without the number that a disk's errors have.
            if problem.errno is not None:
                raise
            table.damaged = "it is cut off, or no Parquet file"
        return table

    def _version(self, file: BinaryIO, contents: Table, name: str) -> str:
        return contents.cells[name][0].digest.hex()[:32]

    def _bytes(self, file: BinaryIO, contents: Table, name: str) -> bytes:
        cell = contents.cells[name][0]
        if contents.held is None or contents.held[0] != (cell.group, cell.column):
            read = _opened(file).read_row_group(cell.group, columns=[cell.column], use_threads=False)
            contents.held = ((cell.group, cell.column), read.column(cell.column))
        found = _bytes_and_path(contents.held[1][cell.row].as_py())[0]
        assert found is not None
        return found

    def _digest(self, file: BinaryIO, contents: Table, name: str) -> bytes:
        return hashlib.sha256(self._bytes(file, contents, name)).digest()

    def _copy_without(self, file: BinaryIO, target: BinaryIO, contents: Table, size: int, names: set[str]) -> None:
        opened = _opened(file)
        going = [cell for name in names for cell in contents.cells[name]]
        staying: dict[tuple[int, int], int] = {}
        for cells in contents.cells.values():
            for cell in cells:
                staying[cell.group, cell.row] = staying.get((cell.group, cell.row), 0) + 1
        for cell in going:
            staying[cell.group, cell.row] -= 1
        with pq.ParquetWriter(target, opened.schema_arrow, compression=_compression(opened)) as writer:
            for group in range(opened.num_row_groups):
                here = [cell for cell in going if cell.group == group]
                rows = opened.read_row_group(group, use_threads=False)
                kept = _without(rows, here, {row for (at, row), left in staying.items() if at == group and not left})
                if len(kept):
                    writer.write_table(kept, row_group_size=len(kept))

    def _seen(self, file: BinaryIO, names: set[str]) -> set[str]:
        """Goes through the rows as a dataset, where `_look_into` goes through the groups of a file."""
        fragment = pyarrow.dataset.ParquetFileFormat().make_fragment(pa.PythonFile(file, "r"))
        table = Table()
        _look_at_columns(fragment.physical_schema, table)
        seen: set[str] = set()
        for batch in fragment.to_batches(columns=table.columns, batch_size=ROWS, use_threads=False):
            for column in table.columns:
                for value in batch.column(column):
                    data, path = _bytes_and_path(value.as_py())
                    if data is not None:
                        seen |= names & set(_names(column, path, hashlib.sha256(data).digest()))
        return seen


def _opened(file: BinaryIO) -> Any:
    file.seek(0)
    return pq.ParquetFile(pa.PythonFile(file, "r"))


def _group(opened: Any, number: int) -> Any:
    return opened.metadata.row_group(number)


def _look_at_columns(schema: Any, table: Table) -> None:
    """Which columns may hold pictures. Lists of pictures are not looked at, and said to be there."""
    for column in schema:
        if _is_picture(column.type) or _is_bytes(column.type):
            table.columns.append(column.name)
        elif pa.types.is_nested(column.type) and "bytes: " in str(column.type):
            table.problems.append(f"the column {column.name} holds several pictures in a row, which are not opened")
    if not table.columns and not table.problems:
        table.problems.append("it has no column of pictures")


def _is_picture(kind: Any) -> bool:
    """Hugging Face's image feature: bytes, and a path beside them."""
    if not pa.types.is_struct(kind):
        return False
    place = kind.get_field_index("bytes")
    return place >= 0 and _is_bytes(kind.field(place).type)


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _cells(opened: Any, table: Table) -> Iterator[tuple[str | None, Cell]]:
    """Each picture, with its path if it has one."""
    elsewhere = 0
    for group in range(opened.num_row_groups):
        row = 0
        for batch in opened.iter_batches(ROWS, row_groups=[group], columns=table.columns, use_threads=False):
            for column in table.columns:
                plain = not _is_picture(batch.schema.field(column).type)
                for number, value in enumerate(batch.column(column)):
                    data, path = _bytes_and_path(value.as_py())
                    if data is None:
                        elsewhere += bool(path)
                    # A column of plain bytes may hold anything: only what begins as a picture does is one.
                    elif not plain or data.startswith(MAGIC) or data[4:8] == b"ftyp":
                        yield path, Cell(group, row + number, column, hashlib.sha256(data).digest(), len(data))
            row += len(batch)
    if elsewhere:
        table.problems.append(f"{elsewhere} pictures in it are only named, and lie elsewhere")


def _bytes_and_path(value: Any) -> tuple[bytes | None, str | None]:
    if isinstance(value, dict):
        return value["bytes"], value.get("path")
    return value, None


def _name(found: list[tuple[str | None, Cell]], table: Table) -> None:
    digests: dict[str, set[bytes]] = {}
    for path, cell in found:
        digests.setdefault(_names(cell.column, path, cell.digest)[0], set()).add(cell.digest)
    for path, cell in found:
        short, long = _names(cell.column, path, cell.digest)
        table.cells.setdefault(short if len(digests[short]) == 1 else long, []).append(cell)


def _names(column: str, path: str | None, digest: bytes) -> tuple[str, str]:
    """The name of a picture whose path is its own, and that of one which shares it."""
    marked = digest.hex()[:NAMED_BY]
    plain = plain_name(path) if path else None
    column = plain_name(column.replace("/", "-")) or "column"
    return f"{column}/{plain or marked}", f"{column}/{plain or marked}~{marked}"


def _without(rows: Any, going: list[Cell], empty: set[int]) -> Any:
    """The table without the cells that go, and without rows whose last picture went."""
    for column in {cell.column for cell in going}:
        gone = {cell.row for cell in going if cell.column == column} - empty
        if gone:
            mask = pa.array([row in gone for row in range(len(rows))])
            place, kind = rows.schema.get_field_index(column), rows.schema.field(column)
            emptied = pc.if_else(mask, pa.scalar(None, kind.type), rows.column(column))
            rows = rows.set_column(place, kind, emptied)
    return rows.filter(pa.array([row not in empty for row in range(len(rows))], pa.bool_()))


def _compression(opened: Any) -> dict[str, str] | str:
    """As the columns were packed."""
    if not opened.num_row_groups:
        return "snappy"
    columns = [_group(opened, 0).column(place) for place in range(opened.metadata.num_columns)]
    return {one.path_in_schema: "none" if one.compression == "UNCOMPRESSED" else one.compression for one in columns}
