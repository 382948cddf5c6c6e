"""The native reader: rows of the very SQLite that Python's sqlite3 uses, straight into Arrow buffers.

It needs `_native.c` built and SQLite's functions found in this process; else `blocks.py` serves, and gives the same.
"""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH
from wayfare.core.tables import Column, Meaning
from wayfare.kernel.buffers import Columns, Layout, Slot
from wayfare.kernel.loader import load
from wayfare.systems.databases.sqlite.errors import sort
from wayfare.systems.databases.sqlite.files import Files
from wayfare.systems.databases.sqlite.types import FRACTION_DIGITS

_FUNCTIONS = ("step", "column_type", "column_int64", "column_double", "column_text", "column_blob", "column_bytes")
_INT, _DOUBLE, _BOOL, _TEXT, _NUMBER, _BYTES, _DATE, _NAIVE, _ZONED, _UTC, _TIME, _UUID, _DECIMAL = range(13)
_FULL, _DONE, _ROOM, _MISFIT, _FAILED = range(5)
_OPEN_FLAGS = 0x00000001 | 0x00000040 | 0x00008000  # READONLY, URI, NOMUTEX
_TRANSIENT = ctypes.c_void_p(-1)


class MisfitAt(Exception):
    """The value in this row of the statement's result is not one that the column's type can express."""

    def __init__(self, column: int, row: int) -> None:
        super().__init__(column, row)
        self.column, self.row = column, row


class _Library(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in _FUNCTIONS)


class _Origin(ctypes.Structure):
    _fields_ = (("source", ctypes.c_int32), ("precision", ctypes.c_int32))


@dataclass(frozen=True, slots=True)
class Reader:
    kernel: ctypes.CDLL
    sqlite: ctypes.CDLL
    library: _Library


@lru_cache(maxsize=1)
def reader() -> Reader | None:
    """None when the kernel is not built here, or SQLite's functions cannot be reached."""
    kernel, sqlite = load(__package__ or ""), _sqlite()
    if kernel is None or sqlite is None:
        return None
    kernel.wf_sqlite_fill.restype = ctypes.c_int64
    pointers = (ctypes.cast(getattr(sqlite, f"sqlite3_{name}"), ctypes.c_void_p) for name in _FUNCTIONS)
    return Reader(kernel, sqlite, _Library(*pointers))


def _sqlite() -> ctypes.CDLL | None:
    """The library behind the module `_sqlite3`: in its own file's dependencies, or in the program itself."""
    import _sqlite3

    connection = sqlite3.connect(":memory:")
    (identity,) = connection.execute("SELECT sqlite_source_id()").fetchone()
    connection.close()
    for place in (getattr(_sqlite3, "__file__", None), None):
        try:
            found = ctypes.CDLL(place)
            found.sqlite3_sourceid.restype = ctypes.c_char_p
            if found.sqlite3_sourceid() != identity.encode():
                continue
        except (OSError, AttributeError):
            continue
        found.sqlite3_errmsg.restype = ctypes.c_char_p
        return found
    return None


def slot(column: Column, *, utc_only: bool = False) -> Slot | None:
    """How the kernel decodes a column; None where it cannot."""
    t = column.type
    kind, scale = _kind(column, utc_only)
    return None if kind < 0 else Slot(column.name, t, kind, scale)


def _kind(column: Column, utc_only: bool) -> tuple[int, int]:
    t = column.type
    if pa.types.is_timestamp(t):
        return (_UTC if utc_only else _ZONED) if t.tz else _NAIVE, FRACTION_DIGITS[t.unit]
    if pa.types.is_time64(t):
        return _TIME, FRACTION_DIGITS[t.unit]
    if pa.types.is_decimal128(t):
        return _DECIMAL, t.scale
    if pa.types.is_string(t):
        return _NUMBER if column.meaning is Meaning.NUMBER else _TEXT, 0
    if column.meaning is Meaning.UUID:
        return _UUID, 0
    return _PLAIN.get(t, -1), 0


_PLAIN = {pa.int64(): _INT, pa.float64(): _DOUBLE, pa.bool_(): _BOOL, pa.binary(): _BYTES, pa.date32(): _DATE}


def slots(columns: Sequence[Column]) -> list[Slot] | None:
    """None when the kernel cannot decode one of them."""
    found = [slot(c) for c in columns]
    return None if None in found else [s for s in found if s]


def precision(wanted: Slot) -> int:
    return wanted.type.precision if pa.types.is_decimal(wanted.type) else 0


def batches(
    native: Reader, files: Files, what: str, wanted: Sequence[Slot], sql: str, parameters: Sequence[int | str]
) -> Iterator[pa.RecordBatch]:
    """Raises MisfitAt, and what the file's errors are sorted into."""
    with running(native, files, what, sql, parameters) as statement:
        yield from statement.batches(wanted)


@contextmanager
def running(
    native: Reader, files: Files, what: str, sql: str, parameters: Sequence[int | str] = ()
) -> Iterator[Statement]:
    statement = Statement(native, files, what)
    try:
        statement.run(sql, parameters)
        yield statement
    finally:
        statement.close()


class Statement:
    """A running SELECT on a connection of its own. Raises what `errors.sort` makes of SQLite's codes."""

    def __init__(self, native: Reader, files: Files, what: str) -> None:
        self._native, self._path, self._what = native, files.path, what
        files.present()
        self._connection, self._statement = ctypes.c_void_p(), ctypes.c_void_p()
        sqlite = native.sqlite
        self._expect(sqlite.sqlite3_open_v2(files.uri().encode(), ctypes.byref(self._connection), _OPEN_FLAGS, None))
        sqlite.sqlite3_busy_timeout(self._connection, int(files.busy_seconds * 1000))

    def run(self, sql: str, parameters: Sequence[int | str] = ()) -> None:
        sqlite = self._native.sqlite
        text = sql.encode()
        self._expect(sqlite.sqlite3_prepare_v2(self._connection, text, len(text), ctypes.byref(self._statement), None))
        for i, value in enumerate(parameters, 1):
            if isinstance(value, int):
                code = sqlite.sqlite3_bind_int64(self._statement, i, ctypes.c_int64(value))
            else:
                held = value.encode()
                code = sqlite.sqlite3_bind_text(self._statement, i, held, len(held), _TRANSIENT)
            self._expect(code)

    def close(self) -> None:
        self._native.sqlite.sqlite3_finalize(self._statement)
        self._native.sqlite.sqlite3_close_v2(self._connection)
        self._statement, self._connection = ctypes.c_void_p(), ctypes.c_void_p()

    def batches(self, slots: Sequence[Slot]) -> Iterator[pa.RecordBatch]:
        """Raises MisfitAt."""
        layout = Layout(slots)
        origins = (_Origin * len(slots))(*(_Origin(i, precision(s)) for i, s in enumerate(slots)))
        seen = 0
        status = ctypes.c_int(_FULL)
        while status.value != _DONE:
            columns = layout.columns()
            rows = self._fill(columns, origins, status, seen)
            seen += rows
            if rows:
                yield columns.batch(rows)

    def _fill(self, columns: Columns, origins: object, status: ctypes.c_int, seen: int) -> int:
        where, needed, held, rows = ctypes.c_int(-1), ctypes.c_int64(), ctypes.c_int64(), 0
        while True:
            rows = self._native.kernel.wf_sqlite_fill(
                *(ctypes.byref(self._native.library), self._statement, columns.pointer, origins),
                *(len(columns.layout.slots), ctypes.c_int64(rows), ctypes.c_int64(ROWS_PER_BATCH)),
                *(ctypes.c_int64(BATCH_BYTES_MAX), ctypes.byref(held)),
                *(ctypes.byref(status), ctypes.byref(where), ctypes.byref(needed)),
            )
            if status.value == _ROOM:
                columns.grow(where.value, needed.value)
                continue
            if status.value == _MISFIT:
                raise MisfitAt(where.value, seen + rows)
            if status.value == _FAILED:
                self._fail()
            return int(rows)

    def look(self, slots: Sequence[Slot], sources: Sequence[int]) -> Looked:
        """Which of the slots could hold every value of their source column, and which storage classes each met."""
        columns = Layout(slots, rows_max=1).columns()
        for i, wanted in enumerate(slots):
            if wanted.variable:
                columns[i].bytes_room = 0  # nothing is kept
        count = len(slots)
        fits, met = (ctypes.c_uint8 * count)(*[1] * count), (ctypes.c_int32 * count)()
        origins = (_Origin * count)(*(_Origin(at, precision(s)) for at, s in zip(sources, slots, strict=True)))
        code = self._native.kernel.wf_sqlite_look(
            ctypes.byref(self._native.library), self._statement, columns.pointer, origins, count, fits, met
        )
        if code != sqlite3.SQLITE_DONE:
            self._fail()
        return Looked([bool(f) for f in fits], list(met))

    def _expect(self, code: int) -> None:
        if code != sqlite3.SQLITE_OK:
            self._fail()

    def _fail(self) -> None:
        sqlite = self._native.sqlite
        code = sqlite.sqlite3_extended_errcode(self._connection)
        text = (sqlite.sqlite3_errmsg(self._connection) or b"").decode(errors="replace")
        raise sort(self._path, self._what, code, text)


@dataclass(frozen=True, slots=True)
class Looked:
    fits: Sequence[bool]
    met: Sequence[int]  # bits 1 << storage class: INTEGER 1, REAL 2, TEXT 3, BLOB 4, NULL 5
