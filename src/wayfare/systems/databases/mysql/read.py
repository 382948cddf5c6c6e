"""Reading a chunk: one SELECT in the binary protocol, decoded into batches or, for a like system, into lines."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import Parcel
from wayfare.core.tables import LOSS_ALLOWED, Table
from wayfare.kernel.hashing import rows_digest
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import decode, encode, errors
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.native import Halt, Progress, library
from wayfare.systems.databases.mysql.slots import column_of, line_kinds, slot
from wayfare.systems.databases.mysql.wire import Stream

PARCEL_BYTES = 1 << 20


def batches(stream: Stream, table: Table) -> Iterator[pa.RecordBatch]:
    """The rows of `dialect.select` as batches of the table's schema."""
    allowed = frozenset(dict(table.hints).get(LOSS_ALLOWED, "").split(","))
    if not table.written:  # a row of nothing but computed columns is still a row
        raise Refused("this table has no column that carries data.", where=table.label)
    slots = [
        slot(column, field, table.label, column.name in allowed)
        for column, field in zip(table.written, stream.fields, strict=True)
    ]
    return decode.batches(stream, slots, table.label)


def result(connection: Connection, sql: str) -> pa.Table:
    """Any statement's rows, in the types the server gives them."""
    try:
        stream = Stream(connection, sql)
    except Refused as error:
        if not error.__cause__ or errors.number(error.__cause__) != errors.UNSUPPORTED_IN_PREPARED:
            raise
        link.run(connection, sql)  # statements that cannot be prepared have no rows
        return pa.table({})
    with stream:
        columns = [column_of(field) for field in stream.fields]
        slots = [slot(column, field, "result") for column, field in zip(columns, stream.fields, strict=True)]
        schema = pa.schema([(c.name, c.type) for c in columns])
        return pa.Table.from_batches(list(decode.batches(stream, slots, "result")) if slots else [], schema)


def lines(stream: Stream, table: Table) -> Iterator[Parcel]:
    """The rows as lines of LOAD DATA, with their digest. In the native part nothing passes through Arrow."""
    found = library()
    yield from _natively(found, stream, table) if found else _by_batches(stream, table)


def _by_batches(stream: Stream, table: Table) -> Iterator[Parcel]:
    for batch in batches(stream, table):
        rows = encode.rows(batch, table.written, table.label)
        digest = rows_digest(pa.RecordBatch.from_arrays([rows], names=["line"]))
        yield Parcel(encode.content(rows), len(rows), digest.sums)


def _natively(found: ctypes.CDLL, stream: Stream, table: Table) -> Iterator[Parcel]:
    kinds = (ctypes.c_int32 * len(stream.fields))(*line_kinds(stream.fields))
    out, to = _room()
    while not stream.done:
        status = found.wf_my_lines(stream.window, kinds, len(kinds), out.ctypes.data, len(out), to)
        if status == Halt.LONG_PACKET:
            payload = stream.packet()
            while status := found.wf_my_row_line(
                payload, len(payload), kinds, len(kinds), out.ctypes.data, len(out), to
            ):
                _must_be_room(status, table)
                if to.bytes:
                    yield _parcel(out, to)
                    _, to = _room()
                out = np.empty(max(len(out), 2 * len(payload) + PARCEL_BYTES), np.uint8)
        elif status == Halt.OTHER_PACKET:
            stream.end()
        elif status == Halt.MORE:
            if to.bytes < PARCEL_BYTES:
                stream.fill()
                continue
        else:
            _must_be_room(status, table)
            if not to.bytes:
                out = np.empty(2 * len(out), np.uint8)
                continue
        if to.bytes:
            yield _parcel(out, to)
            out, to = _room()


def _room() -> tuple[npt.NDArray[np.uint8], Progress]:
    return np.empty(2 * PARCEL_BYTES, np.uint8), Progress(bytes_max=PARCEL_BYTES)


def _must_be_room(status: int, table: Table) -> None:
    if status != Halt.ROOM:
        raise Refused("a packet of rows does not hold what the server announced.", where=table.label)


def _parcel(out: npt.NDArray[np.uint8], to: Progress) -> Parcel:
    return Parcel(out.data[: to.bytes], int(to.row), (int(to.digest[0]), int(to.digest[1])))
