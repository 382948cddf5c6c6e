"""Arrow batches → the bytes of a COPY … FROM STDIN: binary and native where all columns can be, else CSV."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.tables import Table
from wayfare.systems.databases.postgresql import text
from wayfare.systems.databases.postgresql.dialect import full_name, names
from wayfare.systems.databases.postgresql.kinds import Kind, Writing, writing
from wayfare.systems.databases.postgresql.library import STATUS_ROOM, library
from wayfare.systems.databases.postgresql.wire import BUFFER_BYTES

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


class Source(ctypes.Structure):
    """`source` of _native.c."""


Source._fields_ = [
    ("kind", ctypes.c_int32),
    ("scale", ctypes.c_int32),
    ("element", ctypes.c_uint32),
    ("first", ctypes.c_int64),
    ("valid", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
    ("offsets", ctypes.c_void_p),
    ("bytes", ctypes.c_void_p),
    ("child", ctypes.POINTER(Source)),
]


class Encoder:
    """How one table's rows are written. `statement` and the bytes of `start`, `encode` and `end` belong together."""

    def __init__(self, table: Table) -> None:
        self.table = table
        ways = [writing(c) for c in table.written]
        self._ways: list[Writing] | None = None
        if library() is not None and all(ways):
            self._ways = [w for w in ways if w]
        self._buffer = bytearray(BUFFER_BYTES)

    @property
    def statement(self) -> str:
        columns = names(tuple(c.name for c in self.table.written))
        form = "csv" if self._ways is None else "binary"
        return f"copy {full_name(self.table)} ({columns}) from stdin (format {form})"

    @property
    def start(self) -> bytes:
        return b"" if self._ways is None else HEADER

    @property
    def end(self) -> bytes:
        return b"" if self._ways is None else TRAILER

    def encode(self, batch: pa.RecordBatch) -> Iterator[memoryview]:
        """Pieces of about BUFFER_BYTES; each is valid until the next is asked for."""
        if self._ways is None:
            yield memoryview(text.csv(batch, self.table))
        else:
            yield from self._binary(batch, self._ways)

    def _binary(self, batch: pa.RecordBatch, ways: Sequence[Writing]) -> Iterator[memoryview]:
        keep: list[Source] = []  # structures that others point to
        sources = (Source * len(ways))(*(source_of(a, w, keep) for a, w in zip(batch.columns, ways, strict=True)))
        row, status, where = ctypes.c_int64(0), ctypes.c_int(), ctypes.c_int()
        while row.value < batch.num_rows:
            size = library().wf_pg_encode(
                sources,
                len(ways),
                row,
                batch.num_rows,
                ctypes.addressof(ctypes.c_char.from_buffer(self._buffer)),
                len(self._buffer),
                status,
                where,
            )
            if size:
                yield memoryview(self._buffer)[:size]
            elif status.value == STATUS_ROOM:
                self._buffer = bytearray(2 * len(self._buffer))
            elif status.value:
                raise self._refused(where.value, ways)

    def _refused(self, where: int, ways: Sequence[Writing]) -> Refused:
        column = self.table.written[where]
        kind = ways[where].kind
        wrong = {Kind.NUMBER: "not a number", Kind.BITS: "not a bit string"}.get(kind, "out of PostgreSQL's range")
        return Refused(f"a value of {self.table.label}.{column.name} is {wrong}.", where=column.name)


def source_of(array: pa.Array, way: Writing, keep: list[Source]) -> Source:
    """An Arrow array's buffers, as the encoder reads them."""
    buffers, first, kind = array.buffers(), array.offset, array.type
    found = Source(kind=way.kind, scale=way.scale, element=way.oid, first=first)
    if buffers[0] is not None and array.null_count:
        found.valid = buffers[0].address
    if pa.types.is_list(kind):
        assert way.element
        child = source_of(array.values, way.element, keep)
        keep.append(child)
        found.child = ctypes.pointer(child)
        found.offsets = buffers[1].address + 4 * first
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        found.offsets = buffers[1].address + 4 * first
        found.bytes = buffers[2].address if buffers[2] is not None else None
    elif pa.types.is_boolean(kind):
        found.data = buffers[1].address
    else:
        found.data = buffers[1].address + kind.bit_width // 8 * first
    return found
