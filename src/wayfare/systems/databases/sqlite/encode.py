"""Arrow → the values SQLite stores; what `values.to_arrow` reads back as the same."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.sqlite.types import FIRST_DAY, FRACTION_DIGITS, LAST_DAY


class Unfit(ValueError):
    """SQLite cannot store this value of the column as it is."""


def from_arrow(column: Column, array: pa.Array) -> list[Any]:
    """Raises Unfit, saying what is wrong with the value."""
    t = column.type
    if pa.types.is_floating(t):
        if pc.any(pc.is_nan(array)).as_py():
            raise Unfit("NaN, which SQLite would store as NULL")
        return list(array.to_pylist())
    if pa.types.is_decimal(t):
        return _digits(array)
    if pa.types.is_date32(t):
        return _dates(array)
    if pa.types.is_timestamp(t):
        return _moments(array)
    if pa.types.is_time64(t):
        return _clocks(array)
    if column.meaning is Meaning.UUID and pa.types.is_fixed_size_binary(t):
        return [None if v is None else _dashed(v.hex()) for v in array.to_pylist()]
    if t == pa.uint64() and pc.any(pc.greater(array, 2**63 - 1)).as_py():
        raise Unfit("an integer beyond 2^63 - 1")
    return list(array.to_pylist())


def _digits(array: pa.Array) -> list[Any]:
    text = array.cast(pa.string())
    if pc.any(pc.match_substring(text, "E")).as_py():  # Arrow spells small ones 1E-9
        return [None if v is None else f"{v:f}" for v in array.to_pylist()]
    return list(text.to_pylist())


def _dates(array: pa.Array) -> list[Any]:
    _within(array.cast(pa.int32()), FIRST_DAY, LAST_DAY)
    return list(array.cast(pa.string()).to_pylist())


def _moments(array: pa.Array) -> list[Any]:
    unit, zoned = array.type.unit, array.type.tz is not None
    ticks_per_day = 86_400 * 10 ** FRACTION_DIGITS[unit]
    low, high = FIRST_DAY * ticks_per_day, (LAST_DAY + 1) * ticks_per_day - 1
    _within(array.cast(pa.int64()), max(low, 1 - 2**63), min(high, 2**63 - 2))
    text = array.cast(pa.timestamp(unit)).cast(pa.string())
    return list((pc.binary_join_element_wise(text, "+00:00", "") if zoned else text).to_pylist())


def _within(numbers: pa.Array, low: int, high: int) -> None:
    reach = pc.min_max(numbers).as_py()
    if reach["min"] is not None and (reach["min"] < low or reach["max"] > high):
        raise Unfit("a moment before the year 1 or after the year 9999")


def _clocks(array: pa.Array) -> list[Any]:
    digits = FRACTION_DIGITS[array.type.unit]
    ticks = array.cast(pa.int64())
    reach = pc.min_max(ticks).as_py()
    if reach["min"] is None or (reach["min"] >= 0 and reach["max"] < 86_400 * 10**digits):
        return list(array.cast(pa.string()).to_pylist())
    return [None if v is None else _clock(v, digits) for v in ticks.to_pylist()]


def _clock(ticks: int, digits: int) -> str:
    seconds, fraction = divmod(abs(ticks), 10**digits)
    sign = "-" if ticks < 0 else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:0{digits}}"


def _dashed(hexes: str) -> str:
    return f"{hexes[:8]}-{hexes[8:12]}-{hexes[12:16]}-{hexes[16:20]}-{hexes[20:]}"
