"""How a column of any system would stand in SQL Server. Pure.

The adapter cannot write yet; tests make their tables by these answers, and a target would begin with them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa

from wayfare.core.landing import NO_LIMITS, Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.sqlserver.types import SYSTEM

_EPOCH = dt.date(1970, 1, 1)
_DAY_LOW, _DAY_HIGH = (dt.date(1, 1, 1) - _EPOCH).days, (dt.date(9999, 12, 31) - _EPOCH).days
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 7}
_INT64 = 2**63
_NVARCHAR_MAX = 4_000  # UTF-16 units
_VARBINARY_MAX = 8_000
_FINITE = Limits(infinity=False, nan=False)

_PLAIN: dict[pa.DataType, str] = {
    pa.bool_(): "bit",
    pa.uint8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
}
_WIDER: dict[pa.DataType, tuple[pa.DataType, str]] = {
    pa.int8(): (pa.int16(), "smallint"),
    pa.uint16(): (pa.int32(), "int"),
    pa.uint32(): (pa.int64(), "bigint"),
    pa.uint64(): (pa.decimal128(20, 0), "decimal(20,0)"),
}
_AS_TEXT = {
    Meaning.JSON: "SQL Server before 2025 has no JSON type; kept as its text.",
    Meaning.NUMBER: "SQL Server's decimals end at 38 digits; kept as text. Use --map to choose a decimal.",
    Meaning.ENUM: "SQL Server has no enumerations; kept as text.",
    Meaning.SET: "SQL Server has no sets; kept as text.",
    Meaning.INTERVAL: "SQL Server has no intervals; kept as ISO 8601 text.",
    Meaning.BITS: "SQL Server has no bit strings; kept as text.",
    Meaning.TIME_ZONED: "SQL Server has no times with a zone; kept as text.",
}


def land(column: Column) -> Landing:
    if column.origin == SYSTEM and column.native:
        return Landing(column)
    kind = column.type
    if column.meaning is Meaning.UUID and pa.types.is_fixed_size_binary(kind):
        return _as(column, "uniqueidentifier")
    if column.meaning is not Meaning.PLAIN:
        reason = _AS_TEXT.get(column.meaning, f"SQL Server has no {column.native or 'such type'}; kept as its text.")
        return _as(column, _text(column.length), Verdict.WIDENED, reason)
    if kind in _PLAIN:
        return _as(column, _PLAIN[kind])
    if kind in _WIDER:
        wider, native = _WIDER[kind]
        reason = f"SQL Server has no {kind}; the next wider type holds all its values."
        return _as(replace(column, type=wider), native, Verdict.WIDENED, reason)
    if pa.types.is_floating(kind):
        return _as(column, "real" if pa.types.is_float32(kind) else "float", limits=_FINITE)
    if pa.types.is_string(kind):
        return _as(column, _text(column.length))
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _binary(column)
    return _measured(column)


def _measured(column: Column) -> Landing:
    kind = column.type
    if pa.types.is_decimal(kind):
        return _decimal(column)
    if pa.types.is_date(kind):
        return _as(column, "date", limits=Limits(low=_DAY_LOW, high=_DAY_HIGH, infinity=False))
    if pa.types.is_time(kind):
        return _finer(column, "time", Limits(high=86_400 * _PER_SECOND[kind.unit] - 1))
    if pa.types.is_timestamp(kind):
        per = _PER_SECOND[kind.unit]
        low = max(_DAY_LOW * 86_400 * per, -_INT64 + 1)
        limits = Limits(low=low, high=min((_DAY_HIGH + 1) * 86_400 * per - 1, _INT64 - 2), infinity=False)
        return _finer(column, "datetimeoffset" if kind.tz else "datetime2", limits)
    return Landing(column, Verdict.IMPOSSIBLE, f"SQL Server has no type for {kind}. Choose another with --map.")


def _as(
    column: Column, native: str, verdict: Verdict = Verdict.EXACT, reason: str = "", limits: Limits = NO_LIMITS
) -> Landing:
    return Landing(replace(column, native=native, origin=SYSTEM), verdict, reason, limits)


def _finer(column: Column, base: str, limits: Limits) -> Landing:
    native = f"{base}({_DIGITS[column.type.unit]})"
    if column.type.unit == "ns":
        reason = "SQL Server counts in 100 ns: the last two digits of the nanoseconds are cut off."
        return _as(column, native, Verdict.LOSSY, reason, limits)
    return _as(column, native, limits=limits)


def _decimal(column: Column) -> Landing:
    kind = column.type
    if kind.precision <= 38 and 0 <= kind.scale <= kind.precision:
        return _as(column, f"decimal({kind.precision},{kind.scale})")
    text = replace(column, type=pa.string(), meaning=Meaning.NUMBER)
    return _as(text, "nvarchar(100)", Verdict.WIDENED, _AS_TEXT[Meaning.NUMBER])


def _text(length: int | None) -> str:
    """A character may be two units of UTF-16."""
    return f"nvarchar({2 * length})" if length and 2 * length <= _NVARCHAR_MAX else "nvarchar(max)"


def _binary(column: Column) -> Landing:
    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        return _as(replace(column, type=pa.binary(), length=width), f"binary({width})")
    size = column.length if column.length and column.length <= _VARBINARY_MAX else None
    return _as(column, f"varbinary({size or 'max'})")
