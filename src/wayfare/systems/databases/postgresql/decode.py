"""COPY BINARY frames → Arrow batches, natively or in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH
from wayfare.kernel.buffers import Layout, Slot
from wayfare.systems.databases.postgresql import fallback
from wayfare.systems.databases.postgresql.kinds import Finish, Kind, shape
from wayfare.systems.databases.postgresql.library import (
    STATUS_CONTROL,
    STATUS_FULL,
    STATUS_MALFORMED,
    STATUS_MORE,
    STATUS_ROOM,
    STATUS_VALUE,
    Progress,
    library,
)
from wayfare.systems.databases.postgresql.wire import Frames


def batches(frames: Frames, slots: Sequence[Slot]) -> Iterator[pa.RecordBatch]:
    """At most ROWS_PER_BATCH rows and about BATCH_BYTES_MAX bytes each."""
    if library() is None:
        yield from fallback.batches(frames, slots)
        return
    layout = Layout(slots)
    decoder = _Decoder(frames, layout)
    while True:
        batch = decoder.next()
        if batch.num_rows:
            yield batch
        if frames.finished:
            return


class _Decoder:
    """Fills one batch after another from the frames."""

    def __init__(self, frames: Frames, layout: Layout) -> None:
        self._frames = frames
        self._layout = layout
        self._library = library()

    def next(self) -> pa.RecordBatch:
        """A batch; empty only at the end of the stream."""
        frames, count = self._frames, len(self._layout.slots)
        columns = self._layout.columns()
        progress = Progress(rows_max=ROWS_PER_BATCH, bytes_max=BATCH_BYTES_MAX)
        while not frames.finished:
            status = self._library.wf_pg_decode(frames.window, columns.pointer, count, progress)
            if status == STATUS_FULL:
                break
            if status == STATUS_CONTROL:
                frames.control()
            elif status == STATUS_MORE:
                frames.more()
            elif status == STATUS_ROOM:
                columns.grow(progress.where, progress.needed)
            else:
                self._refuse(status, progress.where)
        return columns.batch(progress.row)

    def _refuse(self, status: int, where: int) -> None:
        if status == STATUS_MALFORMED:
            raise Refused("the server's COPY stream does not have the columns that were asked for.")
        slot = self._layout.slots[where]
        raise fallback.not_expressible(slot.name, slot.decoded)


def lists(name: str, element: pa.DataType, kind: Kind) -> Finish:
    """Turns a binary array of PostgreSQL arrays into an array of lists."""

    def finish(values: pa.Array) -> pa.Array:
        if library() is None:
            return fallback.lists(values, name, element, kind)
        return _lists(values, Slot(name, element, kind, shape(element)))

    return finish


def _lists(values: pa.Array, slot: Slot) -> pa.Array:
    valid, offsets, content = values.buffers()
    rows = len(values)
    starts = np.zeros(rows + 1, np.int32)
    native: Any = library()
    total = native.wf_pg_count(offsets.address, content.address, rows, starts.ctypes.data)
    if total == STATUS_VALUE:
        raise fallback.not_a_list(slot.name)
    layout = Layout([slot], rows_max=max(total, 1))
    columns = layout.columns()
    if slot.variable:
        columns.grow(0, max(int(values.nbytes), 1))
    status = native.wf_pg_elements(offsets.address, content.address, rows, columns.pointer)
    if status:
        raise fallback.not_expressible(slot.name, slot.type)
    elements = columns.batch(total).column(0)
    parts = [valid if values.null_count else None, pa.py_buffer(starts)]
    return pa.Array.from_buffers(pa.list_(slot.type), rows, parts, values.null_count, children=[elements])
