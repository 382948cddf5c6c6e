"""What _native.c decodes, in numpy.

Where C goes tuple after tuple, this goes column after column over many tuples at once: only the walk over the frames is
a Python loop.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH
from wayfare.kernel.buffers import Slot
from wayfare.kernel.gather import Octets, everywhere, gathered
from wayfare.systems.databases.postgresql.kinds import Kind, shape
from wayfare.systems.databases.postgresql.wire import FRAME, Frames

Places: TypeAlias = npt.NDArray[np.int64]

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
DAYS_TO_2000 = 10_957
TICKS_TO_2000 = 946_684_800_000_000
NUMERIC_NEGATIVE = 0x4000
_SLACK = bytes(8)  # so that reading eight bytes at the last field stays inside
_HEADER = struct.Struct("!HhHH")
_NOWHERE = np.zeros(0, np.int64)
_FAST_DIGITS_MAX = 18  # of a decimal that int64 arithmetic holds
_TENS = 10 ** np.arange(_FAST_DIGITS_MAX + 1, dtype=np.int64)
_GREAT_TENS = 10.0 ** np.arange(_FAST_DIGITS_MAX + 2)


def not_expressible(column: str, kind: pa.DataType) -> Refused:
    if pa.types.is_decimal(kind):
        message = f"a stored number is NaN, infinite or does not fit {kind}."
        remedy = "Map the column to NUMBER with --map, or exclude it."
    else:
        message = f"a stored value lies beyond what {kind} can express."
        remedy = "Map the column to text with --map, or exclude it."
    return Refused(message, where=column, remedy=remedy)


def not_a_list(column: str) -> Refused:
    message = "a stored array has several dimensions or does not begin at 1, which a list cannot say."
    return Refused(message, where=column, remedy="Map the column to text with --map.")


def contents(frames: Frames, columns: int = 0) -> Iterator[tuple[bytes, Places, Places]]:
    """Bytes, and where in them the content of each frame begins and ends. Ends with the stream.

    Frames that hold tuples of so many `columns` are found faster.
    """
    unpack = FRAME.unpack_from
    while not frames.finished:
        data = bytes(frames.view())
        begins, ends = _run_of_tuples(data, columns)
        place, size, control = int(ends[-1]) if len(ends) else 0, len(data), False
        more: list[tuple[int, int]] = []
        while place + 5 <= size:
            kind, length = unpack(data, place)
            control = kind != b"d"
            if control or place + 1 + length > size:
                break
            more.append((place + 5, place + 1 + length))
            place += 1 + length
        frames.start += place
        if place:
            rest = np.array(more, np.int64).reshape(-1, 2)
            yield data[:place] + _SLACK, np.append(begins, rest[:, 0]), np.append(ends, rest[:, 1])
        if control:
            frames.control()
        else:
            frames.more()


def _run_of_tuples(data: bytes, columns: int) -> tuple[Places, Places]:
    """The contents of the frames at the start of the data, as far as all of them can be told by their first bytes.

    What looks like a frame's begin may lie within a value. So only those count that follow one another without a gap,
    from the first one on.
    """
    octets = np.frombuffer(data, np.uint8)
    first, second = divmod(columns, 256)
    found = np.flatnonzero(octets[6:] == second)  # the rarest of them, as a rule
    found = found[(octets[found] == ord("d")) & (octets[found + 5] == first)]
    if not columns or not len(found) or found[0]:
        return _NOWHERE, _NOWHERE
    ends = found + 1 + _int32(octets, found + 1)
    gaps = np.flatnonzero(ends[:-1] != found[1:])
    count = int(gaps[0]) + 1 if len(gaps) else len(found)
    count -= int(not found[count - 1] + 7 <= ends[count - 1] <= len(data))
    return found[:count] + 5, ends[:count]


def tuple_places(data: bytes, begins: Places, ends: Places) -> tuple[Places, Places]:
    """Where each tuple lies: behind the file's signature in the first frame; the trailer is left out."""
    if data.startswith(SIGNATURE, begins[0]):
        begins = begins.copy()
        begins[0] += 19 + int.from_bytes(data[begins[0] + 15 : begins[0] + 19], "big")
    octets = np.frombuffer(data, np.uint8)
    tuples = (begins + 2 <= ends) & (octets[begins] < 0x80)
    return begins[tuples], ends[tuples]


def batches(frames: Frames, slots: Sequence[Slot]) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(s.name, s.type, True) for s in slots])
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for data, begins, ends in contents(frames, len(slots)):
        starts = tuple_places(data, begins, ends)[0] + 2  # behind the field count
        for first in range(0, len(starts), ROWS_PER_BATCH):
            batch = _batch(data, starts[first : first + ROWS_PER_BATCH], slots, schema)
            if waiting and (rows + batch.num_rows > ROWS_PER_BATCH or size + len(data) > BATCH_BYTES_MAX):
                yield _joined(waiting)
                waiting, rows, size = [], 0, 0
            waiting.append(batch)
            rows, size = rows + batch.num_rows, size + len(data)
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def _batch(data: bytes, place: Places, slots: Sequence[Slot], schema: pa.Schema) -> pa.RecordBatch:
    octets = np.frombuffer(data, np.uint8)
    count = len(place)
    arrays: list[pa.Array] = []
    for slot in slots:
        lengths = _int32(octets, place)
        values = place + 4
        place = values + np.maximum(lengths, 0)
        array = column(octets, values, lengths, slot)
        arrays.append(slot.finish(array) if slot.finish else array)
    if not slots:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _int32(octets: Octets, places: Places) -> Places:
    return everywhere(octets, ">i4")[places].astype(np.int64)


def column(octets: Octets, places: Places, lengths: Places, slot: Slot) -> pa.Array:
    """One column's array, from where its fields lie."""
    nulls = lengths < 0
    count = int(nulls.sum())
    valid = pa.py_buffer(np.packbits(~nulls, bitorder="little")) if count else None
    kind = Kind(slot.kind)
    if kind in (Kind.BYTES, Kind.JSONB):
        skip = int(kind is Kind.JSONB)
        sizes = np.where(nulls, 0, lengths - skip)
        offsets, content = gathered(octets, places + skip, sizes)
        return pa.Array.from_buffers(
            slot.decoded, len(places), [valid, pa.py_buffer(offsets), pa.py_buffer(content)], count
        )
    safe = np.where(nulls, 0, places)
    buffer = _fixed(octets, safe, nulls, slot, kind)
    return pa.Array.from_buffers(slot.decoded, len(places), [valid, buffer], count)


def _fixed(octets: Octets, places: Places, nulls: npt.NDArray[np.bool_], slot: Slot, kind: Kind) -> pa.Buffer:
    if kind is Kind.BOOL:
        return pa.py_buffer(np.packbits(octets[places] * ~nulls, bitorder="little"))
    if kind is Kind.UUID:
        return pa.py_buffer(everywhere(octets, "V16")[places])
    if kind in (Kind.DECIMAL128, Kind.DECIMAL256):
        return _decimals(octets, places, nulls, slot)
    word = {Kind.I16: ">i2", Kind.I32: ">i4", Kind.DATE: ">i4"}.get(kind, ">i8")
    values = everywhere(octets, word)[places]
    values = values.astype(values.dtype.newbyteorder("="))
    values[nulls] = 0
    if kind is Kind.DATE:
        values = _shifted(values, DAYS_TO_2000, slot)
    elif kind is Kind.TIMESTAMP:
        values = _shifted(values, TICKS_TO_2000, slot)
    return pa.py_buffer(values)


def _shifted(values: npt.NDArray[Any], by: int, slot: Slot) -> npt.NDArray[Any]:
    """From PostgreSQL's epoch to Arrow's; the ends of the range are the infinities in both."""
    limits = np.iinfo(values.dtype)
    infinite = (values == limits.max) | (values == limits.min)
    if by == TICKS_TO_2000 and bool(((values >= limits.max - by) & ~infinite).any()):
        raise not_expressible(slot.name, slot.type)
    return np.where(infinite, values, values + np.where(infinite, 0, by).astype(values.dtype))


def _decimals(octets: Octets, places: Places, nulls: npt.NDArray[np.bool_], slot: Slot) -> pa.Buffer:
    width = slot.width
    precision, scale = slot.scale >> 16, slot.scale & 0xFFFF
    if precision > _FAST_DIGITS_MAX or width != 16:
        return _wide_decimals(octets, places, nulls, slot)
    short = everywhere(octets, ">i2")
    counts, weights = short[places].astype(np.int64), short[places + 2].astype(np.int64)
    signs = short[places + 4]
    present = ~nulls
    counts = np.where(nulls, 0, counts)
    if bool((((signs != 0) & (signs != NUMERIC_NEGATIVE)) & present).any()):
        raise not_expressible(slot.name, slot.decoded)
    values = np.zeros(len(places), np.int64)
    for group in range(int(counts.max(initial=0))):
        has = counts > group
        digit = np.where(has, short[np.where(has, places + 8 + 2 * group, 0)].astype(np.int64), 0)
        exponent = np.where(has, 4 * (weights - group) + scale, 0)
        below = _TENS[np.clip(-exponent, 0, 4)]
        bad = (digit % below != 0) | (
            digit * _GREAT_TENS[np.clip(exponent, 0, _FAST_DIGITS_MAX + 1)] >= 10.0**precision
        )
        if bool(bad.any()):
            raise not_expressible(slot.name, slot.decoded)
        values += digit // below * _TENS[np.clip(exponent, 0, _FAST_DIGITS_MAX)]
    values = np.where((signs == NUMERIC_NEGATIVE) & present, -values, values)
    return pa.py_buffer(np.stack([values, values >> 63], axis=1))


def _wide_decimals(octets: Octets, places: Places, nulls: npt.NDArray[np.bool_], slot: Slot) -> pa.Buffer:
    data, width = octets.tobytes(), slot.width
    parts: list[bytes] = []
    for place, null in zip(places.tolist(), nulls.tolist(), strict=True):
        value = 0 if null else _integer(data, place, slot)
        parts.append(value.to_bytes(width, "little", signed=True))
    return pa.py_buffer(b"".join(parts))


def _integer(data: bytes, place: int, slot: Slot) -> int:
    precision, scale = slot.scale >> 16, slot.scale & 0xFFFF
    count, weight, sign, _ = _HEADER.unpack_from(data, place)
    groups = struct.unpack_from(f"!{count}H", data, place + 8)
    whole: int = 0
    for group in groups:
        whole = whole * 10_000 + group
    exponent = 4 * (weight - count + 1) + scale
    rest = 0
    if exponent >= 0:
        whole *= 10**exponent
    else:
        whole, rest = divmod(whole, 10**-exponent)
    if sign not in (0, NUMERIC_NEGATIVE) or rest or whole >= 10**precision:
        raise not_expressible(slot.name, slot.decoded)
    return -whole if sign else whole


def lists(values: pa.Array, name: str, element: pa.DataType, kind: Kind) -> pa.Array:
    """Binary PostgreSQL arrays as lists: a walk over the elements, then the columns' own decoding."""
    valid, offsets_buffer, content_buffer = values.buffers()
    data = (content_buffer.to_pybytes() if content_buffer else b"") + _SLACK
    offsets = np.frombuffer(offsets_buffer, np.int32, len(values) + 1).tolist()
    starts: list[int] = [0]
    places: list[int] = []
    lengths: list[int] = []
    for begin, end in itertools.pairwise(offsets):
        if end > begin:
            _walk(data, begin, name, places, lengths)
        starts.append(len(places))
    slot = Slot(name, element, kind, shape(element))
    octets = np.frombuffer(data, np.uint8)
    elements = column(octets, np.array(places, np.int64), np.array(lengths, np.int64), slot)
    parts = [valid if values.null_count else None, pa.py_buffer(np.array(starts, np.int32))]
    return pa.Array.from_buffers(pa.list_(element), len(values), parts, values.null_count, children=[elements])


def _walk(data: bytes, begin: int, name: str, places: list[int], lengths: list[int]) -> None:
    dimensions = int.from_bytes(data[begin : begin + 4], "big")
    if dimensions == 0:
        return
    count, lower = struct.unpack_from("!ii", data, begin + 12)
    if dimensions > 1 or lower != 1:
        raise not_a_list(name)
    place = begin + 20
    for _ in range(count):
        (length,) = struct.unpack_from("!i", data, place)
        places.append(place + 4)
        lengths.append(length)
        place += 4 + max(length, 0)
