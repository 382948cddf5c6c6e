"""Rows read many at a time, for where the native kernel is missing.

Python's sqlite3 hands over row by row, each value an object, and lets go of the interpreter for each row: beside
other threads that costs more than the reading. So SQLite itself puts the rows of a batch into a table in memory, as
they are stored; the pages of that table are taken over whole, and decoded column by column. A column whose values
are not all of the usual storage is asked for from that same table by sqlite3, and converted by `values`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH, Chunk
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.sqlite import dialect, values
from wayfare.systems.databases.sqlite.dialect import listed, quote
from wayfare.systems.databases.sqlite.records import Field, fields

SCRATCH = "wayfare_scratch"
PAGE_BYTES = 65_536
BLOCK_ROWS_MAX = 1024
BLOCK_BYTES = 4 << 20
IMAGE_BYTES_MAX = 2 * BATCH_BYTES_MAX  # above it, rows are so large that nothing is gained

_ROWS = f"{SCRATCH}.rows"
_ROWID_MAX = 2**63 - 1


def suits(table: Table, chunk: Chunk) -> bool:
    """Can its rows be read block after block, each going on behind the last row id?"""
    numbered = dialect.by_rowid(table)
    return bool(numbered and table.written and not chunk.cursor and hasattr(sqlite3.Connection, "serialize"))


def following(rows: int, weight: int) -> int:
    """How many rows to take at once after so many have weighed so much."""
    return min(BLOCK_ROWS_MAX, rows * 2) if weight < BLOCK_BYTES else max(1, rows // 8)


def attach(connection: sqlite3.Connection) -> None:
    """The table in memory. It takes its encoding from the file."""
    connection.execute(f"ATTACH ':memory:' AS {SCRATCH}")
    for setting in (f"page_size = {PAGE_BYTES}", "journal_mode = OFF", "auto_vacuum = INCREMENTAL"):
        connection.execute(f"PRAGMA {SCRATCH}.{setting}").fetchall()


class Blocks:
    """The rows of one chunk, batch after batch."""

    def __init__(self, connection: sqlite3.Connection, table: Table, chunk: Chunk, expressions: Sequence[str]) -> None:
        self._connection, self._table = connection, table
        self._by = dialect.by_rowid(table)
        self._chunk = replace(chunk, by=self._by)
        self._expressions = ", ".join([quote(self._by), *expressions])
        self._names = tuple(c.name for c in table.written)
        self._size = 1
        connection.execute(f"CREATE TABLE {_ROWS} ({listed(self._names)})")
        self._root = self._number(f"SELECT rootpage FROM {SCRATCH}.sqlite_master")
        self._utf8 = connection.execute("PRAGMA encoding").fetchone()[0] == "UTF-8"

    def __iter__(self) -> Iterator[int]:
        """The number of rows of each batch: `columns` speaks of them until the next is asked for."""
        while rows := self._fill():
            yield rows
            self._connection.execute(f"DELETE FROM {_ROWS}")
            self._connection.execute(f"PRAGMA {SCRATCH}.incremental_vacuum").fetchall()

    def columns(self) -> Iterator[tuple[Column, Callable[[], pa.Array]]]:
        """Each column, with a function that gives its values or raises values.Misfit."""
        found = self._fields()
        for i, column in enumerate(self._table.written):
            yield column, partial(self._array, column, found[i] if found else None)

    def _array(self, column: Column, field: Field | None) -> pa.Array:
        array = decoded(column, field) if field else None
        return values.to_arrow(column, self._stored(column)) if array is None else array

    def _fields(self) -> Sequence[Field] | None:
        if not self._utf8 or self._used() > IMAGE_BYTES_MAX:
            return None
        return fields(self._connection.serialize(name=SCRATCH), self._root, len(self._names))

    def _stored(self, column: Column) -> list[Any]:
        sql = f"SELECT {quote(column.name)} FROM {_ROWS} ORDER BY {quote(self._by)}"
        return [value for (value,) in self._connection.execute(sql)]

    def _fill(self) -> int:
        """Rows until there are enough for a batch."""
        rows, held = 0, self._used()
        while rows < ROWS_PER_BATCH and held < BATCH_BYTES_MAX:
            added = self._add(min(self._size, ROWS_PER_BATCH - rows))
            if not added:
                break
            rows, before, held = rows + added, held, self._used()
            self._size = following(self._size, held - before)
        return rows

    def _add(self, count: int) -> int:
        rows, parameters = dialect.select(self._table, self._chunk, self._expressions)
        sql = f"INSERT INTO {_ROWS} ({listed((self._by, *self._names))}) {rows} LIMIT {count}"
        added = self._connection.execute(sql, parameters).rowcount
        if added:
            last = self._number(f"SELECT max({quote(self._by)}) FROM {_ROWS}")
            ended = added < count or last == _ROWID_MAX
            self._chunk = replace(self._chunk, low=last, high=last) if ended else replace(self._chunk, low=last + 1)
        return added

    def _used(self) -> int:
        """Bytes of the table in memory."""
        pages = self._number(f"PRAGMA {SCRATCH}.page_count") - self._number(f"PRAGMA {SCRATCH}.freelist_count")
        return pages * PAGE_BYTES

    def _number(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchone()[0])


def decoded(column: Column, field: Field) -> pa.Array | None:
    """None where the values must be looked at one by one."""
    try:
        return _decoded(column, field)
    except pa.ArrowException:
        return None  # some value does not fit, or is not UTF-8: the slow way finds out which


def _decoded(column: Column, field: Field) -> pa.Array | None:
    t = column.type
    if column.meaning in (Meaning.NUMBER, Meaning.UUID):
        return _digits(field) if column.meaning is Meaning.NUMBER and field.are(int) else None
    if pa.types.is_decimal128(t) and field.are(int, float):
        return values.decimals(t, field.doubles() + field.integers(), *field.validity())
    if pa.types.is_integer(t) and field.are(int):
        return _fixed(pa.int64(), field, field.integers()).cast(t)
    if pa.types.is_float64(t) and field.are(float):
        return _fixed(t, field, field.doubles())
    if pa.types.is_boolean(t) and field.are(int):
        found = field.integers()
        return _fixed(t, field, np.packbits(found, bitorder="little")) if ((found | 1) == 1).all() else None
    if pa.types.is_binary(t) and field.are(bytes):
        return field.variable(t)
    if t.id in values.TEXTUAL and field.are(str):
        text = field.variable(pa.string())
        text.validate(full=True)
        return values.from_text(t, text)
    return None


def _digits(field: Field) -> pa.Array:
    return _fixed(pa.int64(), field, field.integers()).cast(pa.string())


def _fixed(kind: pa.DataType, field: Field, content: Any) -> pa.Array:
    valid, count = field.validity()
    return pa.Array.from_buffers(kind, len(field.kinds), [valid, pa.py_buffer(np.ascontiguousarray(content))], count)
