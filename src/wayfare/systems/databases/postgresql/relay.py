"""COPY streams passed on from server to server, and as neutral lines to others, without a row being parsed in Python.

    pgcopy-binary(integer,text)   the file format of COPY BINARY, cut anywhere
    pgcopy-text(integer,hstore)   the lines of COPY text, for types whose binary form may differ between servers
    lines(int,text)               see core.lines; only sent

A format spells the types of the *landed* columns, so that it is only shared where both sides hold the very same types.
A row's digest is that of one value: the tuple's bytes (count, lengths and fields), or the line with its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.lines import form_of, lines_format
from wayfare.core.ports import Chunk, Parcel, Ticket
from wayfare.core.tables import Column, Meaning, Table
from wayfare.kernel.hashing import rows_digest
from wayfare.systems.databases.postgresql import fallback, types
from wayfare.systems.databases.postgresql.connect import Connections
from wayfare.systems.databases.postgresql.decode import lists
from wayfare.systems.databases.postgresql.dialect import full_name, names, quote
from wayfare.systems.databases.postgresql.kinds import reading
from wayfare.systems.databases.postgresql.library import STATUS_CONTROL, STATUS_MORE, Filling, library
from wayfare.systems.databases.postgresql.read import enter_view, select
from wayfare.systems.databases.postgresql.wire import CopyIn, Frames, copy_out
from wayfare.systems.databases.postgresql.write import once

PARCEL_BYTES = 1 << 20
_NO_DIGEST = (0, 0)
Memory: TypeAlias = npt.NDArray[np.uint8]

# Their binary form is a number that means something else on another server.
_LOCAL = frozenset(
    {
        *("regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator", "regrole", "regnamespace"),
        *("regconfig", "regdictionary", "xid", "cid", "tid"),
    }
)


class Form(IntEnum):
    """Mirrored by _native.c."""

    BINARY = 0
    TEXT = 1
    NEUTRAL = 2


def sends(table: Table) -> list[str]:
    landed = [types.land(column).column for column in table.written]
    neutral = lines_format(table.written)
    return [*_own_formats(landed), *([neutral] if neutral else [])]


def receives(landed: Table) -> list[str]:
    return _own_formats(landed.written)


def _own_formats(columns: Sequence[Column]) -> list[str]:
    spelt = ",".join("enum" if c.meaning is Meaning.ENUM and not _is_list(c) else c.native for c in columns)
    if all(_travels_in_binary(c) for c in columns):
        return [f"pgcopy-binary({spelt})"]
    return [f"pgcopy-text({spelt})"]


def _travels_in_binary(column: Column) -> bool:
    if types.is_builtin(column.native):
        return types.bare(column.native) not in _LOCAL
    return column.meaning is Meaning.ENUM and not _is_list(column)  # an enum's binary form is its label


def _is_list(column: Column) -> bool:
    return bool(pa.types.is_list(column.type))


def form_named(name: str) -> Form:
    for beginning, form in (("pgcopy-binary(", Form.BINARY), ("pgcopy-text(", Form.TEXT), ("lines(", Form.NEUTRAL)):
        if name.startswith(beginning):
            return form
    raise Refused(f"PostgreSQL does not know the format {name}.")


def send(connections: Connections, table: Table, chunk: Chunk, name: str, view: str) -> Iterator[Parcel]:
    form = form_named(name)
    expressions = [neutral(c) if form is Form.NEUTRAL else quote(c.name) for c in table.written]
    option = "binary" if form is Form.BINARY else "text"
    statement = f"copy ({select(table, chunk, expressions)}) to stdout (format {option})"
    with connections.use(table.label) as connection:
        enter_view(connection, view)
        with copy_out(connection, statement, connections.stall_seconds) as frames:
            if library() is None:
                yield from _passed_in_python(frames, form)
            else:
                yield from _passed(frames, form)
        connection.execute("commit")


def receive(connections: Connections, ticket: Ticket, table: Table, name: str, parcels: Iterable[Parcel]) -> int:
    option = "binary" if form_named(name) is Form.BINARY else "text"
    columns = names(tuple(c.name for c in table.written))
    statement = f"copy {full_name(table)} ({columns}) from stdin (format {option})"

    def feed(copy: CopyIn) -> None:
        for parcel in parcels:
            copy.send(parcel.data)

    return once(connections, ticket, table, statement, feed)


def neutral(column: Column) -> str:
    """The expression whose COPY text is the column's form in `core.lines`."""
    form = form_of(column)
    if pa.types.is_list(column.type):
        return f"to_json({quote(column.name)})"
    expression = reading(column, lists).expression
    if form == "bool01":
        return f"{expression}::int"
    if form == "hex":
        return f"encode({expression}, 'hex')"
    if form == "datetimez":
        return f"{expression} at time zone 'UTC'"
    return expression


def _passed(frames: Frames, form: Form) -> Iterator[Parcel]:
    """Frames unwrapped into parcels of about PARCEL_BYTES; each has memory of its own, so it may wait in a queue."""
    native = library()
    memory, filling = _room(PARCEL_BYTES)
    while not frames.finished:
        status = native.wf_pg_pass(frames.window, form, filling)
        if status == STATUS_CONTROL:
            frames.control()
        elif status == STATUS_MORE:
            frames.more()
        else:
            if filling.filled:
                yield _parcel(memory, filling)
            memory, filling = _room(max(PARCEL_BYTES, filling.needed))
    if filling.filled:
        yield _parcel(memory, filling)


def _room(size: int) -> tuple[Memory, Filling]:
    memory = np.empty(size, np.uint8)  # a bytearray would be zeroed first
    return memory, Filling(out=memory.ctypes.data, room=size)


def _parcel(memory: Memory, filling: Filling) -> Parcel:
    return Parcel(memory.data[: filling.filled], filling.rows, (filling.digest[0], filling.digest[1]))


def _passed_in_python(frames: Frames, form: Form) -> Iterator[Parcel]:
    for data, begins, ends in fallback.contents(frames):
        found = [data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        payload = b"".join(found)
        if form is Form.NEUTRAL and (rb"\f" in payload or rb"\v" in payload):
            lines = [_neutral_bytes(line) for line in found]
            yield Parcel(b"".join(lines), len(lines), _digest(b"".join(lines), 0, [len(line) for line in lines]))
            continue
        rows, behind = fallback.tuple_places(data, begins, ends) if form is Form.BINARY else (begins, ends)
        skipped = int(rows[0] - begins[0]) if len(rows) else 0  # the signature; rows after it follow without a gap
        yield Parcel(payload, len(rows), _digest(payload, skipped, behind - rows))


def _digest(payload: bytes, start: int, sizes: Sequence[int] | fallback.Places) -> tuple[int, int]:
    if not len(sizes):
        return _NO_DIGEST
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets + np.int32(start)), pa.py_buffer(payload)]
    rows = pa.Array.from_buffers(pa.binary(), len(sizes), buffers)
    return rows_digest(pa.RecordBatch.from_arrays([rows], names=["row"])).sums


def _neutral_bytes(line: bytes) -> bytes:
    raw = {b"f": b"\f", b"v": b"\v"}
    return re.sub(rb"\\(.)", lambda m: raw.get(m[1], m[0]), line, flags=re.DOTALL)
