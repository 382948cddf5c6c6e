"""Row packets → RecordBatches: natively from the receive buffer, else in numpy. Both give the same batches."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import NoReturn

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH
from wayfare.kernel.buffers import Columns, Layout, Slot
from wayfare.systems.databases.mysql import fallback
from wayfare.systems.databases.mysql.native import Halt, Progress, library
from wayfare.systems.databases.mysql.wire import HEADER_BYTES, LONG_PACKET, Stream

NO_DATE_REMEDY = "Correct it in the source, or allow its loss with --allow-loss: then it becomes NULL."


def batches(stream: Stream, slots: Sequence[Slot], table: str) -> Iterator[pa.RecordBatch]:
    """All rows of the stream. Raises Refused, naming the column of `table`, for what is no date."""
    found = library()
    rows = _native(found, stream, slots, table) if found else _numpy(stream, slots, table)
    yield from rows


def _native(found: ctypes.CDLL, stream: Stream, slots: Sequence[Slot], table: str) -> Iterator[pa.RecordBatch]:
    layout, count = Layout(slots), len(slots)
    columns, to = layout.columns(), _progress()
    while not stream.done:
        status = found.wf_my_decode(stream.window, columns.pointer, count, to)
        if status == Halt.FULL:
            yield columns.batch(to.row)
            columns, to = layout.columns(), _progress()
        elif status == Halt.MORE:
            stream.fill()
        elif status == Halt.LONG_PACKET:
            if to.row:  # a long row begins a batch; the next row, if any, finds it full
                yield columns.batch(to.row)
                columns, to = layout.columns(), _progress()
            _long_row(found, stream, columns, to, slots, table)
        else:
            _other(status, stream, columns, to, slots, table)
    if to.row:
        yield columns.batch(to.row)


def _progress() -> Progress:
    return Progress(rows_max=ROWS_PER_BATCH, bytes_max=BATCH_BYTES_MAX)


def _long_row(
    found: ctypes.CDLL, stream: Stream, columns: Columns, to: Progress, slots: Sequence[Slot], table: str
) -> None:
    payload = stream.packet()
    while status := found.wf_my_row(payload, len(payload), columns.pointer, len(slots), to):
        _other(status, stream, columns, to, slots, table)


def _other(status: int, stream: Stream, columns: Columns, to: Progress, slots: Sequence[Slot], table: str) -> None:
    if status == Halt.ROOM:
        columns.grow(to.column, to.needed)
    elif status == Halt.OTHER_PACKET:
        stream.end()
    elif status == Halt.NO_DATE:
        no_date(f"{table}.{slots[to.column].name}")
    else:
        raise Refused("a packet of rows does not hold what the server announced.", where=table)


def no_date(where: str) -> NoReturn:
    raise Refused("it holds a zero or impossible date, such as 0000-00-00.", where=where, remedy=NO_DATE_REMEDY)


def _numpy(stream: Stream, slots: Sequence[Slot], table: str) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(s.name, s.type, True) for s in slots])
    for payloads in _row_groups(stream):
        arrays = []
        for slot, array in zip(slots, fallback.decode(payloads, slots), strict=True):
            if array is None:
                no_date(f"{table}.{slot.name}")
            arrays.append(slot.finish(array) if slot.finish else array)
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _row_groups(stream: Stream) -> Iterator[list[bytes | bytearray]]:
    """The payloads of rows, without their header byte, in the groups that become batches."""
    group: list[bytes | bytearray] = []
    room = BATCH_BYTES_MAX
    while not stream.done:
        if not group or room > 0:
            taken = stream.take_rows(ROWS_PER_BATCH - len(group), room)
            group += taken
            room -= sum(map(len, taken))
        if group and (len(group) >= ROWS_PER_BATCH or room <= 0 or stream.next_length() > room):
            yield group
            group, room = [], BATCH_BYTES_MAX
        elif stream.next_length() == LONG_PACKET:
            group.append(stream.packet()[1:])
            room -= len(group[-1])
        elif stream.size > HEADER_BYTES and stream.pending[HEADER_BYTES] != 0:
            stream.end()
        else:
            stream.fill()
    if group:
        yield group
