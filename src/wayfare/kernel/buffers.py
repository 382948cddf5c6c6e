"""Arrow buffers that a decoder fills, value by value, and that become one RecordBatch without a copy.

The mirror of `columns.h`. A decoder is a C function (or numpy code) that is given `Columns.pointer`, writes values at
row positions, and says when it needs more room:

    layout = Layout([Slot("id", pa.int64(), kind=3), Slot("name", pa.string(), kind=9)])
    columns = layout.columns()
    rows, status = decode(…, columns.pointer, …)      # stops: input used up, batch full, or no room in column i
    columns.grow(i, needed)                           # then decode on; pointers may have moved, the structs know
    yield columns.batch(rows)                         # Arrow owns the memory now: take new columns for the next batch

How the buffers are laid out, for each Arrow type:

    bool                     `data`: one byte a value, 0 or 1 (packed into bits by `batch`)
    string, binary           `offsets` (int32, rows_max + 1, offsets[0] is 0 already) and `bytes`
    any other                `data`: the value as Arrow keeps it, little-endian, `Slot.width` bytes a value
    all                      `valid`: a bit a row, zero before; set where there is a value; count `nulls`

A variable-width NULL must still repeat its offset. A type that a decoder cannot fill directly (a list) travels under a
wire type, usually binary, and `Slot.finish` turns that array into the column's own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import ROWS_PER_BATCH

BYTES_ROOM_MIN = 64 << 10
OFFSET_MAX = 2**31 - 1
ALIGNMENT_BYTES = 64  # more than asked for, so that wide loads and stores at the end of a buffer stay inside it


class WireColumn(ctypes.Structure):
    """`wf_column` of columns.h."""

    _fields_ = (
        ("kind", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("valid", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("bytes", ctypes.c_void_p),
        ("bytes_room", ctypes.c_int64),
        ("nulls", ctypes.c_int64),
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """One column to decode. `kind` and `scale` are for the decoder alone."""

    name: str
    type: pa.DataType  # of the batch's column
    kind: int = 0
    scale: int = 0
    wire: pa.DataType | None = None  # the type decoded into, where it is not `type`
    finish: Callable[[pa.Array], pa.Array] | None = None  # wire → type

    @property
    def decoded(self) -> pa.DataType:
        return self.type if self.wire is None else self.wire

    @property
    def variable(self) -> bool:
        return bool(pa.types.is_string(self.decoded) or pa.types.is_binary(self.decoded))

    @property
    def width(self) -> int:
        """Bytes a value in `data`; 0 for variable width."""
        if self.variable:
            return 0
        return 1 if pa.types.is_boolean(self.decoded) else int(self.decoded.bit_width) // 8


class Layout:
    """The columns of a stream of batches. Remembers how much room the last batch took. For one thread."""

    def __init__(self, slots: Sequence[Slot], rows_max: int = ROWS_PER_BATCH) -> None:
        self.slots = tuple(slots)
        self.rows_max = rows_max
        self.schema = pa.schema([pa.field(s.name, s.type, True) for s in self.slots])
        self.rooms = [BYTES_ROOM_MIN if s.variable else 0 for s in self.slots]

    def columns(self) -> Columns:
        """Fresh memory for one batch."""
        return Columns(self)


class Columns:
    """The buffers of one batch."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._structs = (WireColumn * len(layout.slots))()
        self.pointer = ctypes.cast(self._structs, ctypes.c_void_p)
        self._buffers = [self._allocate(i, slot) for i, slot in enumerate(layout.slots)]

    def __getitem__(self, index: int) -> WireColumn:
        return self._structs[index]

    def _allocate(self, index: int, slot: Slot) -> list[pa.Buffer]:
        """Arrow's own order: validity, then offsets and bytes, or data."""
        struct, rows = self._structs[index], self.layout.rows_max
        struct.kind, struct.scale = slot.kind, slot.scale
        valid = _buffer((rows + 7) // 8)
        ctypes.memset(valid.address, 0, valid.size)
        struct.valid = valid.address
        if not slot.variable:
            data = _buffer(rows * slot.width)
            struct.data = data.address
            return [valid, data]
        offsets, room = _buffer((rows + 1) * 4), self.layout.rooms[index]
        ctypes.memset(offsets.address, 0, 4)
        content = _buffer(room)
        struct.offsets, struct.bytes, struct.bytes_room = offsets.address, content.address, room
        return [valid, offsets, content]

    def grow(self, index: int, needed: int) -> None:
        """Make room for at least `needed` bytes in all in a variable-width column; what is there stays.

        Raises Refused when one batch would hold more than Arrow's offsets can count (a value of 2 GiB).
        """
        if needed > OFFSET_MAX:
            name = self.layout.slots[index].name
            raise Refused("a value of 2 GiB or more cannot be moved.", where=name, remedy="Exclude that column.")
        struct, content = self._structs[index], self._buffers[index][2]
        room = min(max(needed, 2 * struct.bytes_room), OFFSET_MAX)
        content.resize(room + ALIGNMENT_BYTES)
        struct.bytes, struct.bytes_room = content.address, room

    def bytes_used(self, rows: int) -> int:
        """Bytes of variable-width values in the first `rows` rows: end the batch when they pass BATCH_BYTES_MAX."""
        return sum(self._used(i, rows) for i, slot in enumerate(self.layout.slots) if slot.variable)

    def _used(self, index: int, rows: int) -> int:
        return int(ctypes.c_int32.from_address(self._structs[index].offsets + 4 * rows).value)

    def batch(self, rows: int) -> pa.RecordBatch:
        """The first `rows` rows. These columns must not be filled again."""
        arrays = [self._array(i, slot, rows) for i, slot in enumerate(self.layout.slots)]
        if not arrays:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
        return pa.RecordBatch.from_arrays(arrays, schema=self.layout.schema)

    def _array(self, index: int, slot: Slot, rows: int) -> pa.Array:
        nulls, buffers = int(self._structs[index].nulls), self._buffers[index]
        if slot.variable:
            used = self._used(index, rows)
            self.layout.rooms[index] = max(BYTES_ROOM_MIN, used + used // 4)
        if pa.types.is_boolean(slot.decoded):
            octets = np.frombuffer(buffers[1], np.uint8, rows)
            buffers = [buffers[0], pa.py_buffer(np.packbits(octets, bitorder="little"))]
        parts = [buffers[0] if nulls else None, *buffers[1:]]
        array = pa.Array.from_buffers(slot.decoded, rows, parts, nulls)
        return slot.finish(array) if slot.finish else array


def _buffer(size: int) -> pa.Buffer:
    return pa.allocate_buffer(size + ALIGNMENT_BYTES, resizable=True)
