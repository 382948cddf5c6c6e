"""Row packets → RecordBatches: natively from the receive buffer, else in numpy. Both give the same batches."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import NoReturn

import numpy as np
import pyarrow as pa

from wayfare.core.errors import LossRefused, Refused
from wayfare.core.losses import with_losses
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH
from wayfare.kernel.buffers import Layout, Slot
from wayfare.systems.databases.mysql import fallback
from wayfare.systems.databases.mysql.native import Halt, Progress, library
from wayfare.systems.databases.mysql.wire import HEADER_BYTES, LONG_PACKET, Packets, Stream

MALFORMED = "a packet of rows does not hold what the server announced."


def batches(stream: Stream, slots: Sequence[Slot], table: str) -> Iterator[pa.RecordBatch]:
    """All rows of the stream. Raises LossRefused, naming the column of `table`, for what is no date."""
    found = library()
    rows = _native(found, stream, slots, table) if found else _numpy(stream, slots, table)
    yield from rows


class _Filling:
    """One batch on its way, with what was lost in it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lost = np.zeros(len(layout.slots), np.int64)
        self.columns = layout.columns()
        self.to = Progress(rows_max=ROWS_PER_BATCH, bytes_max=BATCH_BYTES_MAX, lost=self._lost.ctypes.data)

    def batch(self) -> pa.RecordBatch:
        return with_losses(self.columns.batch(self.to.row), _lost(self._layout.slots, self._lost.tolist()))


def _lost(slots: Sequence[Slot], counts: Sequence[int]) -> dict[str, int]:
    return {slot.name: count for slot, count in zip(slots, counts, strict=True) if count}


def _native(found: ctypes.CDLL, stream: Stream, slots: Sequence[Slot], table: str) -> Iterator[pa.RecordBatch]:
    layout, count = Layout(slots), len(slots)
    filling = _Filling(layout)
    while not stream.done:
        status = found.wf_my_decode(stream.window, filling.columns.pointer, count, filling.to)
        if status == Halt.FULL:
            yield filling.batch()
            filling = _Filling(layout)
        elif status == Halt.MORE:
            stream.fill()
        elif status == Halt.LONG_PACKET:
            if filling.to.row:  # a long row begins a batch; the next row, if any, finds it full
                yield filling.batch()
                filling = _Filling(layout)
            _long_row(found, stream, filling, slots, table)
        else:
            _other(status, stream, filling, slots, table)
    if filling.to.row:
        yield filling.batch()


def _long_row(found: ctypes.CDLL, stream: Stream, filling: _Filling, slots: Sequence[Slot], table: str) -> None:
    payload = stream.packet()
    while status := found.wf_my_row(payload, len(payload), filling.columns.pointer, len(slots), filling.to):
        _other(status, stream, filling, slots, table)


def _other(status: int, stream: Stream, filling: _Filling, slots: Sequence[Slot], table: str) -> None:
    to = filling.to
    if status == Halt.ROOM:
        filling.columns.grow(to.column, to.needed)
    elif status == Halt.OTHER_PACKET:
        stream.end()
    elif status == Halt.NO_DATE:
        no_date(f"{table}.{slots[to.column].name}")
    else:
        raise Refused(MALFORMED, where=table)


def no_date(where: str) -> NoReturn:
    remedy = f"Correct it in the source, or allow its loss with --allow-loss {where}: then it becomes NULL."
    raise LossRefused("it holds a zero or impossible date, such as 0000-00-00.", where=where, remedy=remedy)


def _numpy(stream: Stream, slots: Sequence[Slot], table: str) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(s.name, s.type, True) for s in slots])
    for packets in _row_groups(stream):
        decoded, lost = fallback.decode(packets, slots)
        if decoded and decoded[-1] is None:
            no_date(f"{table}.{slots[len(decoded) - 1].name}")
        arrays = [slot.finish(a) if slot.finish else a for slot, a in zip(slots, decoded, strict=True)]
        yield with_losses(pa.RecordBatch.from_arrays(arrays, schema=schema), _lost(slots, lost))


def _row_groups(stream: Stream) -> Iterator[list[Packets]]:
    """The packets of rows, in the groups that become batches."""
    group: list[Packets] = []
    rows, room = 0, BATCH_BYTES_MAX
    while not stream.done:
        if not group or room > 0:
            taken = stream.take_rows(ROWS_PER_BATCH - rows, room)
            group += [taken] if taken.ends else []
            rows, room = rows + len(taken.ends), room - len(taken.data)
        if group and (rows >= ROWS_PER_BATCH or room <= 0 or stream.next_length() > room):
            yield group
            group, rows, room = [], 0, BATCH_BYTES_MAX
        elif stream.next_length() == LONG_PACKET:
            group.append(Packets.of(stream.packet()))
            rows, room = rows + 1, room - len(group[-1].data)
        elif stream.size > HEADER_BYTES and stream.pending[HEADER_BYTES] != 0:
            stream.end()
        else:
            stream.fill()
    if group:
        yield group
