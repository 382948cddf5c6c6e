"""DuckDB's types ↔ Arrow, and how a column of any system lands here."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa

from wayfare.core.landing import NO_LIMITS, Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning

SYSTEM = "duckdb"
FINITE_DAYS = 2**31 - 2  # DuckDB's infinities are ± (2**31 - 1) days and ± (2**63 - 1) ticks
FINITE_TICKS = 2**63 - 2
MICROSECONDS_LEAST = -9_223_372_022_400_000_000  # 290309-12-22 (BC), the first TIMESTAMP
DAY_MICROSECONDS = 86_400_000_000

_SIMPLE: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIME_NS": pa.time64("ns"),
    "TIMESTAMP_S": pa.timestamp("s"),
    "TIMESTAMP_MS": pa.timestamp("ms"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "TIMESTAMPTZ_NS": pa.timestamp("ns", "UTC"),
    "HUGEINT": pa.decimal256(39, 0),
    "UHUGEINT": pa.decimal256(39, 0),
}
_NATIVE = {t: name for name, t in _SIMPLE.items() if not pa.types.is_decimal(t)}
_MEANT: dict[str, tuple[pa.DataType, Meaning]] = {
    "UUID": (pa.binary(16), Meaning.UUID),
    "JSON": (pa.string(), Meaning.JSON),
    "INTERVAL": (pa.string(), Meaning.INTERVAL),
    "BIT": (pa.string(), Meaning.BITS),
    "BIGNUM": (pa.string(), Meaning.NUMBER),
    "TIME WITH TIME ZONE": (pa.string(), Meaning.TIME_ZONED),
    "VARIANT": (pa.string(), Meaning.JSON),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_NESTED = re.compile(r"(STRUCT|MAP|UNION|TUPLE)\b")
_UNORDERED = re.compile(r".*\]|(STRUCT|MAP|UNION|TUPLE)\b.*|INTERVAL|VARIANT", re.DOTALL)
_ARRAY = re.compile(r"(.*)\[\d*\]", re.DOTALL)


def column(name: str, native: str) -> Column:
    """`native` as duckdb_columns() spells it."""
    kind, meaning, labels = _kind(native)
    return Column(name, kind, meaning=meaning, native=native, origin=SYSTEM, labels=labels)


def _kind(native: str) -> tuple[pa.DataType, Meaning, tuple[str, ...]]:
    if array := _ARRAY.fullmatch(native):
        element, meaning, labels = _kind(array[1])
        return pa.list_(element), meaning, labels
    if native in _SIMPLE:
        return _SIMPLE[native], Meaning.PLAIN, ()
    if native in _MEANT:
        return *_MEANT[native], ()
    if decimal := _DECIMAL.fullmatch(native):
        return pa.decimal128(int(decimal[1]), int(decimal[2])), Meaning.PLAIN, ()
    if native.startswith("ENUM("):
        return pa.string(), Meaning.ENUM, tuple(label.replace("''", "'") for label in _LABEL.findall(native))
    if _NESTED.match(native):
        return pa.string(), Meaning.JSON, ()
    return pa.string(), Meaning.OTHER, ()


def can_be_indexed(column: Column) -> bool:
    return not _UNORDERED.fullmatch(column.native)


def land(column: Column) -> Landing:
    """How DuckDB holds that column. Total: everything has a form here, at worst as text."""
    if column.origin == SYSTEM and column.native:
        return Landing(column)
    landing = _land(column)
    return replace(landing, column=replace(landing.column, origin=SYSTEM))


def _land(c: Column) -> Landing:
    t = c.type
    if pa.types.is_list(t):
        return _land_list(c)
    if pa.types.is_decimal(t):
        return _land_decimal(c)
    if c.meaning is Meaning.UUID:
        return Landing(replace(c, native="UUID"))
    if pa.types.is_fixed_size_binary(t):
        return Landing(replace(c, type=pa.binary(), native="BLOB"))
    if pa.types.is_string(t):
        return _land_text(c)
    if pa.types.is_timestamp(t) and t.tz:
        finer = pa.timestamp("ns" if t.unit == "ns" else "us", "UTC")
        return Landing(replace(c, type=finer, native=_NATIVE[finer]), limits=limits(t))
    return Landing(replace(c, native=_NATIVE[t]), limits=limits(t))


def limits(t: pa.DataType) -> Limits:
    """What DuckDB's type of that name can hold."""
    if pa.types.is_date32(t):
        return Limits(low=-FINITE_DAYS, high=FINITE_DAYS)
    if pa.types.is_time64(t):
        day = DAY_MICROSECONDS * (1000 if t.unit == "ns" else 1)
        return Limits(low=0, high=day)  # 24:00:00 is a time; MySQL's beyond a day are not
    if pa.types.is_timestamp(t) and t.unit == "ns":
        return Limits(low=-FINITE_TICKS, high=FINITE_TICKS)
    if pa.types.is_timestamp(t):
        divisor = {"s": 10**6, "ms": 10**3, "us": 1}[t.unit]
        return Limits(low=-(-MICROSECONDS_LEAST // divisor), high=FINITE_TICKS // divisor)
    return NO_LIMITS


def _land_list(c: Column) -> Landing:
    element = replace(c, type=c.type.value_type)
    inner = _land(element)
    native = f"{inner.column.native}[]"
    return replace(inner, column=replace(inner.column, type=pa.list_(inner.column.type), native=native))


def _land_decimal(c: Column) -> Landing:
    precision, scale = c.type.precision, c.type.scale
    if precision <= 38:
        return Landing(replace(c, native=f"DECIMAL({precision},{scale})"))
    if scale == 0:
        number = replace(c, type=pa.string(), meaning=Meaning.NUMBER, native="BIGNUM")
        return Landing(number, Verdict.WIDENED, "DuckDB's decimals have 38 digits at most: it becomes BIGNUM.")
    text = replace(c, type=pa.string(), meaning=Meaning.NUMBER, native="VARCHAR")
    return Landing(text, Verdict.WIDENED, "DuckDB's decimals have 38 digits at most: its digits are kept as text.")


_PLAINER = {
    Meaning.NUMBER: "DuckDB has no decimals of any precision: their digits are kept as text; --map gives a precision.",
    Meaning.SET: "DuckDB has no sets: labels become text, joined by commas.",
    Meaning.TIME_ZONED: "DuckDB would print times with a zone in another form: they are kept as text.",
    Meaning.OTHER: "DuckDB has no such type: its text form is kept.",
}


def _land_text(c: Column) -> Landing:
    if c.meaning is Meaning.ENUM and c.labels:
        labels = ", ".join("'" + label.replace("'", "''") + "'" for label in c.labels)
        return Landing(replace(c, native=f"ENUM({labels})"))
    natives = {Meaning.JSON: "JSON", Meaning.INTERVAL: "INTERVAL", Meaning.BITS: "BIT"}
    landed = replace(c, native=natives.get(c.meaning, "VARCHAR"))
    if reason := _PLAINER.get(c.meaning):
        return Landing(landed, Verdict.WIDENED, reason)
    return Landing(landed)
