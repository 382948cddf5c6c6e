"""SQLite's declared types ↔ Arrow, and how a column of any system lands here.

A declared type is a wish: SQLite only derives an affinity from its letters (https://www.sqlite.org/datatype3.html).
NUMERIC affinity turns '1.10' into 1.1 and digits beyond 15 into a float. So what must be kept digit by digit is
declared as `…_TEXT`: DECIMAL_TEXT(38,10), NUMBER_TEXT, JSON_TEXT. The word TEXT gives such a column text affinity,
and the word before it tells its meaning when the table is read again.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa

from wayfare.core.landing import NO_LIMITS, Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning

SYSTEM = "sqlite"
FLOAT_DIGITS = 15  # decimals of so many digits survive being stored as a double (DBL_DIG)
INTEGER_MAX = 2**63 - 1
FIRST_DAY, LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31: what ISO text with four-digit years can say
FRACTION_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}

_DECLARED = re.compile(r"\s*([^()]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?[^)]*\))?\s*([^()]*)$")
_INTEGERS = frozenset(
    ["INT", "INTEGER", "TINYINT", "SMALLINT", "MEDIUMINT", "BIGINT", "INT2", "INT4", "INT8", "SERIAL", "BIGSERIAL"]
)
_BOOLEANS = frozenset(("BOOLEAN", "BOOL", "BIT"))
_DECIMALS = frozenset(("DECIMAL", "NUMERIC", "NUMBER", "DEC", "MONEY", "SMALLMONEY"))
_NAIVE = frozenset(("DATETIME", "TIMESTAMP", "DATETIME2", "SMALLDATETIME", "TIMESTAMP WITHOUT TIME ZONE"))
_ZONED = frozenset(("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "DATETIMEOFFSET"))
_UUIDS = frozenset(("UUID", "GUID", "UNIQUEIDENTIFIER"))
_MEANINGS = {
    "JSON": Meaning.JSON,
    "INTERVAL": Meaning.INTERVAL,
    "BITS": Meaning.BITS,
    "TIMETZ": Meaning.TIME_ZONED,
    "TIME WITH TIME ZONE": Meaning.TIME_ZONED,
}


def column(name: str, declared: str) -> Column:
    """What a declared type promises; `refine` looks whether the values keep it."""
    kind, meaning, length = _promise(declared)
    return Column(name, kind, meaning=meaning, length=length, native=declared, origin=SYSTEM)


def _promise(declared: str) -> tuple[pa.DataType, Meaning, int | None]:
    match = _DECLARED.match(declared)
    words, first, second, tail = match.groups() if match else (declared, None, None, "")
    word = " ".join(f"{words} {tail}".upper().split()).removesuffix("_TEXT")
    size = int(first) if first else None
    if word in _DECIMALS:
        return (*_decimal(size, int(second or 0)), None)
    if word in _BOOLEANS:
        return pa.bool_(), Meaning.PLAIN, None
    if word == "DATE":
        return pa.date32(), Meaning.PLAIN, None
    if word in _NAIVE or word in _ZONED:
        return pa.timestamp(_unit(size), "UTC" if word in _ZONED else None), Meaning.PLAIN, None
    if word in {"TIME", "TIME WITHOUT TIME ZONE"}:
        return pa.time64("ns" if _unit(size) == "ns" else "us"), Meaning.PLAIN, None
    if word in _UUIDS:
        return pa.binary(16), Meaning.UUID, None
    if word in _MEANINGS:
        return pa.string(), _MEANINGS[word], size if word == "BITS" else None
    return _affinity(word, size)


def _affinity(word: str, size: int | None) -> tuple[pa.DataType, Meaning, int | None]:
    """SQLite's own five rules, in their order."""
    if "INT" in word:
        return pa.int64(), Meaning.PLAIN, None
    if any(w in word for w in ("CHAR", "CLOB", "TEXT")):
        return pa.string(), Meaning.PLAIN, size
    if "BLOB" in word or "BINARY" in word or word in {"BYTEA", "IMAGE"}:
        return pa.binary(), Meaning.PLAIN, size
    if any(w in word for w in ("REAL", "FLOA", "DOUB")):
        return pa.float64(), Meaning.PLAIN, None
    if not word or word == "ANY":
        return pa.string(), Meaning.OTHER, None
    return pa.string(), Meaning.NUMBER, None


def _decimal(precision: int | None, scale: int) -> tuple[pa.DataType, Meaning]:
    if precision is None or not 0 < precision <= 76 or not 0 <= scale <= precision:
        return pa.string(), Meaning.NUMBER
    return (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale), Meaning.PLAIN


def _unit(digits: int | None) -> str:
    if digits is None:
        return "us"
    return "s" if digits == 0 else "ms" if digits <= 3 else "us" if digits <= 6 else "ns"


def land(column: Column) -> Landing:
    """How SQLite holds that column. Total: everything has a form here, at worst as text."""
    if column.origin == SYSTEM and column.native:
        return Landing(column)
    landing = _land(column)
    landed = replace(landing.column, origin=SYSTEM)
    return replace(landing, column=landed)


def _land(c: Column) -> Landing:
    t = c.type
    if pa.types.is_boolean(t):
        return _exact(c, "BOOLEAN")
    if pa.types.is_integer(t):
        limits = Limits(high=INTEGER_MAX) if t == pa.uint64() else NO_LIMITS
        return _exact(replace(c, type=pa.int64()), "INTEGER", limits)
    if pa.types.is_floating(t):
        return _land_float(c)
    if pa.types.is_decimal(t):
        return _land_decimal(c)
    if pa.types.is_date32(t):
        return _exact(c, "DATE", Limits(low=FIRST_DAY, high=LAST_DAY, infinity=False))
    if pa.types.is_timestamp(t):
        return _land_timestamp(c)
    if pa.types.is_time64(t):
        return _exact(c, "TIME(9)" if t.unit == "ns" else "TIME")
    if pa.types.is_list(t):
        landed = replace(c, type=pa.string(), meaning=Meaning.JSON, length=None)
        return _widened(landed, "JSON_TEXT", "SQLite has no arrays: they become JSON text.")
    if pa.types.is_fixed_size_binary(t):
        return _exact(c, "UUID") if c.meaning is Meaning.UUID else _exact(replace(c, type=pa.binary()), "BLOB")
    if pa.types.is_binary(t):
        return _exact(c, "BLOB" if c.length is None else f"VARBINARY_BLOB({c.length})")
    return _land_text(c)


def _land_float(c: Column) -> Landing:
    limits = Limits(nan=False)  # SQLite stores NaN as NULL
    if c.type == pa.float64():
        return _exact(c, "REAL", limits)
    return _widened(replace(c, type=pa.float64()), "REAL", "SQLite's only float has double precision.", limits)


def _land_decimal(c: Column) -> Landing:
    spelled = f"({c.type.precision},{c.type.scale})"
    if c.type.precision <= FLOAT_DIGITS:
        return _exact(c, "DECIMAL" + spelled)
    return _widened(
        c,
        "DECIMAL_TEXT" + spelled,
        f"SQLite would round decimals of more than {FLOAT_DIGITS} digits: their digits are kept as text.",
    )


def _land_timestamp(c: Column) -> Landing:
    ticks = 10 ** FRACTION_DIGITS[c.type.unit]
    low, high = FIRST_DAY * 86_400 * ticks, (LAST_DAY + 1) * 86_400 * ticks - 1
    limits = Limits(low=max(low, 1 - 2**63), high=min(high, 2**63 - 2), infinity=False)
    name = "TIMESTAMPTZ" if c.type.tz else "TIMESTAMP"
    return _exact(c, name if c.type.unit == "us" else f"{name}({FRACTION_DIGITS[c.type.unit]})", limits)


_TEXTS = {
    Meaning.JSON: "JSON_TEXT",
    Meaning.NUMBER: "NUMBER_TEXT",
    Meaning.INTERVAL: "INTERVAL",
    Meaning.TIME_ZONED: "TIMETZ",
}
_PLAINER = {
    Meaning.NUMBER: "SQLite has no decimals of any precision: their digits are kept as text.",
    Meaning.ENUM: "SQLite has no enumerations: labels become text that is not checked.",
    Meaning.SET: "SQLite has no sets: labels become text, joined by commas.",
    Meaning.INTERVAL: "SQLite has no intervals: they become ISO 8601 text.",
    Meaning.BITS: "SQLite has no bit strings: they become text of 0 and 1.",
    Meaning.TIME_ZONED: "SQLite has no time with a zone: it becomes text.",
    Meaning.OTHER: "SQLite has no such type: its text form is kept.",
}


def _land_text(c: Column) -> Landing:
    if c.meaning is Meaning.BITS:
        native = f"BITS_TEXT({c.length})" if c.length else "BITS_TEXT"
    elif c.meaning in _TEXTS:
        native = _TEXTS[c.meaning]
    else:
        native = f"VARCHAR({c.length})" if c.length and c.meaning is Meaning.PLAIN else "TEXT"
    reason = _PLAINER.get(c.meaning, "")
    return _widened(c, native, reason) if reason else _exact(c, native)


def _exact(c: Column, native: str, limits: Limits = NO_LIMITS) -> Landing:
    return Landing(replace(c, native=native), limits=limits)


def _widened(c: Column, native: str, reason: str, limits: Limits = NO_LIMITS) -> Landing:
    return Landing(replace(c, native=native), Verdict.WIDENED, reason, limits)
