"""How ClickHouse would hold a column of any system. Pure: the same answer always.

Exact beats pretty: where a ClickHouse type would change some values (an Array cannot be NULL, JSON is normalised, an
Enum refuses new labels), the column lands as text that keeps every one of them, and the reason says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from wayfare.core.landing import NO_LIMITS, Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.clickhouse.native import base, parse
from wayfare.systems.databases.clickhouse.types import SYSTEM, arrow_decimal, kind_of, listable

_EPOCH = dt.date(1970, 1, 1)
_FIRST_DAY = (dt.date(1900, 1, 1) - _EPOCH).days
_LAST_DAY = (dt.date(2299, 12, 31) - _EPOCH).days
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_DATES = Limits(low=_FIRST_DAY, high=_LAST_DAY, infinity=False)
_TIME_SECONDS_MAX = 999 * 3600 + 59 * 60 + 59

_AS_TEXT = {
    Meaning.NUMBER: "a number without declared digits is kept as text; name a Decimal(p, s) with --map for arithmetic.",
    Meaning.JSON: "JSON is kept as text, character for character; ClickHouse's JSON type would reorder and retype it.",
    Meaning.ENUM: "labels are kept as LowCardinality(String), which takes new ones without a change of the table; "
    "ask for an Enum16 with --map.",
    Meaning.SET: "a set is kept as its labels, joined by commas.",
    Meaning.INTERVAL: "an interval is kept as ISO 8601 text; ClickHouse's have one unit each.",
    Meaning.BITS: "a bit string is kept as text of 0 and 1.",
    Meaning.TIME_ZONED: "a time with zone is kept as text; ClickHouse has no such type.",
    Meaning.OTHER: "this type is unknown to ClickHouse and kept as the source's text.",
}
_BYTES_REASON = "ClickHouse has one type for text and bytes: String. The bytes are kept; read them as binary."
_NULLABLE_LIST = (
    "an Array cannot be NULL, and NULL would become []: kept as JSON text. Declare the column NOT NULL, or ask for an "
    "Array with --map."
)
_DEEP_LIST = "arrays of this element are kept as JSON text; ask for another type with --map."
# Of our own types: written back from the text they travel as, these would not come out the same.
_NOT_WRITTEN_BACK = frozenset({"Tuple", "Map", "Nested", "Object", "Variant", "Dynamic"})


def land(column: Column) -> Landing:
    if column.origin == SYSTEM and column.native:
        return _own(column)
    if column.meaning in _AS_TEXT and not pa.types.is_list(column.type):
        native = "LowCardinality(String)" if column.meaning is Meaning.ENUM else "String"
        return _landing(column, native, Verdict.WIDENED, _AS_TEXT[column.meaning])
    for holds, lands in _RULES:
        if holds(column.type):
            return lands(column)
    return Landing(column, Verdict.IMPOSSIBLE, f"{column.type} has no place in ClickHouse; cast it in the source.")


def element_native(kind: pa.DataType, meaning: Meaning) -> str:
    """The type of an Array's elements, or of a column, for an Arrow type that `listable` allows."""
    native = land(Column("", kind, meaning=meaning)).column.native
    return base(native)


def _own(column: Column) -> Landing:
    """A column of ClickHouse's own keeps its type; its limits are those of the values' way, not of the type."""
    name = parse(base(column.native)).name
    if name == "AggregateFunction":
        reason = "the states of an aggregate function are read as their results; aggregate in the source instead."
        return Landing(replace(column, native="String"), Verdict.LOSSY, reason)
    kind = kind_of(column.native)
    travels = (kind.type, kind.meaning) == (column.type, column.meaning)
    if name in _NOT_WRITTEN_BACK or name.startswith("Interval") or (name == "Array" and kind.meaning is Meaning.JSON):
        return _landing(column, "String", Verdict.WIDENED, f"{name} is written as the text it is read as.")
    if name == "Time":
        return _landing(column, "Time64(6)", Verdict.WIDENED, "Time is written as Time64(6), which holds its times.")
    if not travels and column.type != pa.binary():
        return land(replace(column, origin="", native=""))
    return Landing(replace(column, origin=SYSTEM))


def _landing(
    column: Column, native: str, verdict: Verdict = Verdict.EXACT, reason: str = "", limits: Limits = NO_LIMITS
) -> Landing:
    return Landing(replace(column, native=native, origin=SYSTEM), verdict, reason, limits)


def _plain(column: Column) -> Landing:
    return _landing(column, _PLAIN[column.type])


def _binary(column: Column) -> Landing:
    return _landing(column, "String", Verdict.WIDENED, _BYTES_REASON)


def _fixed_binary(column: Column) -> Landing:
    if column.meaning is Meaning.UUID:
        return _landing(column, "UUID")
    return _landing(column, f"FixedString({column.type.byte_width})", Verdict.WIDENED, _BYTES_REASON)


def _decimal(column: Column) -> Landing:
    precision, scale = column.type.precision, column.type.scale
    limits = Limits(nan=False, infinity=False)
    if scale < 0:
        wide = replace(column, type=arrow_decimal(min(precision - scale, 76), 0))
        reason = "ClickHouse's decimals have no negative scale: the zeros are written out."
        return _landing(wide, f"Decimal({wide.type.precision}, 0)", Verdict.WIDENED, reason, limits)
    return _landing(column, f"Decimal({max(precision, scale, 1)}, {scale})", limits=limits)


def _date(column: Column) -> Landing:
    return _landing(column, "Date32", limits=_DATES)


def _time(column: Column) -> Landing:
    high = _TIME_SECONDS_MAX * _TICKS[column.type.unit] + _TICKS[column.type.unit] - 1
    return _landing(column, f"Time64({_DIGITS[column.type.unit]})", limits=Limits(low=-high, high=high))


def _timestamp(column: Column) -> Landing:
    unit = column.type.unit
    ticks = 86_400 * _TICKS[unit]
    high = min((_LAST_DAY + 1) * ticks - 1, 2**63 - 2)
    zone = ", 'UTC'" if column.type.tz else ""
    limits = Limits(low=_FIRST_DAY * ticks, high=high, infinity=False)
    return _landing(column, f"DateTime64({_DIGITS[unit]}{zone})", limits=limits)


def _list(column: Column) -> Landing:
    kind = column.type.value_type
    as_text = replace(column, type=pa.string(), meaning=Meaning.JSON, length=None)
    if not listable(kind, column.meaning):
        return _landing(as_text, "String", Verdict.WIDENED, _DEEP_LIST)
    if column.nullable:
        return _landing(as_text, "String", Verdict.WIDENED, _NULLABLE_LIST)
    element = land(replace(column, type=kind, nullable=True))
    native = f"Array(Nullable({base(element.column.native)}))"
    return _landing(
        replace(column, type=pa.list_(element.column.type)), native, element.verdict, element.reason, element.limits
    )


_PLAIN = {
    pa.bool_(): "Bool",
    **{getattr(pa, f"{sign.lower()}int{b}")(): f"{sign}Int{b}" for sign in ("", "U") for b in (8, 16, 32, 64)},
    pa.float32(): "Float32",
    pa.float64(): "Float64",
    pa.string(): "String",
}
_RULES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Column], Landing]], ...] = (
    (_PLAIN.__contains__, _plain),
    (pa.types.is_binary, _binary),
    (pa.types.is_fixed_size_binary, _fixed_binary),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_date32, _date),
    (pa.types.is_time64, _time),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_list, _list),
)
