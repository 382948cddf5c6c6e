"""What _native.c does, with numpy and Arrow's own functions: for machines without a compiler.

Rows are decoded column by column: every row has a position, and each column moves all positions on at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.kernel.buffers import Slot
from wayfare.kernel.gather import Octets, Places, everywhere, gathered
from wayfare.systems.databases.mysql.slots import NULL_DATES, Kind
from wayfare.systems.databases.mysql.wire import ROW_HEAD_BYTES, Packets

Flags: TypeAlias = npt.NDArray[np.bool_]

_MALFORMED = "a packet of rows does not hold what the server announced."
_LENGTH_BYTES = {0xFC: 2, 0xFD: 3, 0xFE: 8}
_EPOCH = 719_468
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


class _Rows:
    """A group of row packets in one piece of memory. `at` is where the next value of each row begins."""

    def __init__(self, packets: Sequence[Packets], columns: int) -> None:
        joined = b"".join([*(p.data for p in packets), bytes(16)])  # so that wide gathers at the end stay inside
        self.data: Octets = np.frombuffer(joined, np.uint8)
        firsts = np.cumsum([0, *(len(p.data) for p in packets)])[:-1]
        ends = [np.array(p.ends, np.int64) + first for p, first in zip(packets, firsts, strict=True)]
        self.ends: Places = np.concatenate(ends)
        self.starts = np.concatenate(([0], self.ends[:-1])) + ROW_HEAD_BYTES
        self.at = self.starts + (columns + 9) // 8
        if (self.at > self.ends).any():
            raise Refused(_MALFORMED)

    def nulls(self, column: int) -> Flags:
        bit = column + 2
        found: Flags = np.not_equal(self.data[self.starts + (bit >> 3)] >> (bit & 7) & 1, 0)
        return found

    def take(self, places: Places, width: int) -> Octets:
        """`width` bytes from each place, as an array of shape (len(places), width)."""
        found: Octets = everywhere(self.data, f"V{width}")[places].view(np.uint8).reshape(len(places), width)
        return found

    def number(self, places: Places, width: int) -> Places:
        """The little-endian integer of `width` bytes at each place."""
        found = np.zeros(len(places), np.int64)
        for i in range(width):
            found |= self.data[places + i].astype(np.int64) << (8 * i)
        return found


def decode(packets: Sequence[Packets], slots: Sequence[Slot]) -> tuple[list[pa.Array | None], list[int]]:
    """One array a slot, of type `slot.decoded`, and how many of its values were no dates and became NULL.

    None, and nothing more, where a value is no date and may not become NULL. There is a packet at least.
    """
    rows = _Rows(packets, len(slots))
    arrays: list[pa.Array | None] = []
    lost: list[int] = []
    for index, slot in enumerate(slots):
        nulls = rows.nulls(index)
        array, gone = _column(rows, slot, nulls)
        arrays.append(array)
        lost.append(gone)
        if array is None:
            return arrays, lost
        if (rows.at > rows.ends).any():
            raise Refused(_MALFORMED)
    if (rows.at != rows.ends).any():
        raise Refused(_MALFORMED)
    return arrays, lost


def _column(rows: _Rows, slot: Slot, nulls: Flags) -> tuple[pa.Array | None, int]:
    there = np.flatnonzero(~nulls)
    if slot.kind in (Kind.FIXED1, Kind.FIXED2, Kind.FIXED4, Kind.FIXED8):
        return _fixed(rows, slot, nulls, there), 0
    if slot.kind in (Kind.VARIABLE, Kind.DECIMAL):
        lengths = _lengths(rows, there)
        text = _variable(rows, nulls, there, lengths, pa.binary() if slot.kind is Kind.VARIABLE else pa.string())
        rows.at[there] += lengths
        return text.view(slot.decoded) if slot.kind is Kind.VARIABLE else text.cast(slot.decoded), 0
    sizes = rows.data[rows.at[there]].astype(np.int64)
    places = rows.at[there] + 1
    rows.at[there] += 1 + sizes
    if slot.kind is Kind.TIME:
        values, wrong = _times(rows, places, sizes), np.zeros(len(places), np.bool_)
    else:
        values, wrong = _moments(rows, places, sizes, dates=slot.kind is Kind.DATE)
    if wrong.any():
        if slot.scale != NULL_DATES:
            return None, 0
        nulls = nulls.copy()
        nulls[there[wrong]] = True
        values[wrong] = 0
    width = np.int32 if slot.kind is Kind.DATE else np.int64
    out = np.zeros(len(nulls), width)
    out[there] = values.astype(width)
    return _array(slot.decoded, nulls, [pa.py_buffer(out)]), int(wrong.sum())


def _array(kind: pa.DataType, nulls: Flags, buffers: list[pa.Buffer]) -> pa.Array:
    count = int(nulls.sum())
    valid = pa.py_buffer(np.packbits(~nulls, bitorder="little")) if count else None
    return pa.Array.from_buffers(kind, len(nulls), [valid, *buffers], count)


def _fixed(rows: _Rows, slot: Slot, nulls: Flags, there: Places) -> pa.Array:
    width = 1 << (slot.kind - Kind.FIXED1)
    out = np.zeros((len(nulls), width), np.uint8)
    out[there] = rows.take(rows.at[there], width)
    rows.at[there] += width
    return _array(slot.decoded, nulls, [pa.py_buffer(out)])


def _lengths(rows: _Rows, there: Places) -> Places:
    """The length-encoded integers at the rows' places, which move behind them."""
    places = rows.at[there]
    first = rows.data[places]
    lengths, skip = first.astype(np.int64), np.ones(len(there), np.int64)
    for mark, width in _LENGTH_BYTES.items():
        long = np.flatnonzero(first == mark)
        lengths[long] = rows.number(places[long] + 1, width)
        skip[long] = 1 + width
    rows.at[there] += skip
    if (rows.at[there] + lengths > rows.ends[there]).any() or (lengths < 0).any():
        raise Refused(_MALFORMED)
    found: Places = lengths
    return found


def _variable(rows: _Rows, nulls: Flags, there: Places, lengths: Places, kind: pa.DataType) -> pa.Array:
    sizes = np.zeros(len(nulls), np.int64)
    sizes[there] = lengths
    offsets, content = gathered(rows.data, rows.at, sizes)
    return _array(kind, nulls, [pa.py_buffer(offsets), pa.py_buffer(content)])


def _moments(rows: _Rows, places: Places, sizes: Places, dates: bool) -> tuple[Places, Flags]:
    """Days, or microseconds, since 1970; and which of them are no dates."""
    year, month, day = (np.where(sizes >= 4, rows.number(places + at, n), 0) for at, n in ((0, 2), (2, 1), (3, 1)))
    leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _MONTH_DAYS[np.clip(month, 1, 12) - 1] + leap
    wrong = (month < 1) | (month > 12) | (day < 1) | (day > last)
    values = _days(year, month, day)
    if dates:
        return values, wrong
    clock = np.zeros(len(places), np.int64)
    for at, seconds in ((4, 3600), (5, 60), (6, 1)):
        clock += np.where(sizes >= 7, rows.number(places + at, 1), 0) * seconds
    micros = np.where(sizes >= 11, rows.number(places + 7, 4), 0)
    return (values * 86_400 + clock) * 1_000_000 + micros, wrong


def _days(year: Places, month: Places, day: Places) -> Places:
    """Howard Hinnant's days_from_civil; numpy's division rounds down already."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    days: Places = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH
    return days


def _times(rows: _Rows, places: Places, sizes: Places) -> Places:
    days = np.where(sizes >= 8, rows.number(places + 1, 4), 0)
    seconds = days * 86_400
    for at, unit in ((5, 3600), (6, 60), (7, 1)):
        seconds += np.where(sizes >= 8, rows.number(places + at, 1), 0) * unit
    micros = np.where(sizes >= 12, rows.number(places + 8, 4), 0)
    values = seconds * 1_000_000 + micros
    return np.where((sizes >= 8) & (rows.data[places] == 1), -values, values)
