"""How a column of any system stands in MySQL: `land`, as tables and small functions. Pure.

Text lands in utf8mb4 under a collation that compares bytes and counts trailing spaces, so that 'a', 'A' and 'a ' stay
three keys. The spelling here is MariaDB's; `dialect` puts in what the server at hand calls it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa

from wayfare.core.landing import NO_LIMITS, Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.mysql.types import (
    DECIMAL_DIGITS_MAX,
    DECIMAL_SCALE_MAX,
    SYSTEM,
    decimal_type,
    labelled,
)

EXACT_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
ASCII = "CHARACTER SET ascii COLLATE ascii_bin"
VARCHAR_MAX = 16_383  # characters of four bytes each that fit into the 65,535 bytes of a row
VARBINARY_MAX = 65_000
BITS_MAX = 64
LABELS_MAX = 65_535
SET_LABELS_MAX = 64
INTERVAL_CHARACTERS = 64
TIME_ZONED_CHARACTERS = 24

_EPOCH = dt.date(1970, 1, 1)
_DAY_LOW = (dt.date(1, 1, 1) - _EPOCH).days
_DAY_HIGH = (dt.date(9999, 12, 31) - _EPOCH).days
_SECOND_LOW = _DAY_LOW * 86_400
_SECOND_HIGH = (_DAY_HIGH + 1) * 86_400 - 1
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FRACTION = {"s": 0, "ms": 3, "us": 6, "ns": 6}
_INT64 = 2**63

_INTEGERS = {
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "tinyint unsigned",
    pa.uint16(): "smallint unsigned",
    pa.uint32(): "int unsigned",
    pa.uint64(): "bigint unsigned",
}


def land(column: Column) -> Landing:
    if column.origin == SYSTEM and column.native:
        return Landing(column)
    return _numbering(_land(column))


def _land(column: Column) -> Landing:
    kind = column.type
    if pa.types.is_list(kind):
        text = replace(column, type=pa.string(), meaning=Meaning.JSON)
        return _as(text, "json", Verdict.WIDENED, "MySQL has no arrays; each becomes a JSON array.")
    if column.meaning is not Meaning.PLAIN:
        return _meant(column)
    if pa.types.is_boolean(kind):
        return _as(column, "tinyint(1)")
    if kind in _INTEGERS:
        return _as(column, _INTEGERS[kind])
    if pa.types.is_floating(kind):
        return _as(column, "float" if pa.types.is_float32(kind) else "double", limits=Limits(infinity=False, nan=False))
    if pa.types.is_decimal(kind):
        return _decimal(column, kind.precision, kind.scale)
    if pa.types.is_date(kind):
        return _as(column, "date", limits=Limits(low=_DAY_LOW, high=_DAY_HIGH, infinity=False))
    if pa.types.is_timestamp(kind):
        return _timestamp(column)
    if pa.types.is_time(kind):
        return _time(column)
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _binary(column)
    if pa.types.is_string(kind):
        return _as(column, _text(column.length))
    return Landing(column, Verdict.IMPOSSIBLE, f"MySQL has no type for {kind}.")


def _as(
    column: Column, native: str, verdict: Verdict = Verdict.EXACT, reason: str = "", limits: Limits = NO_LIMITS
) -> Landing:
    return Landing(replace(column, native=native, origin=SYSTEM), verdict, reason, limits)


def _text(length: int | None) -> str:
    if length and length <= VARCHAR_MAX:
        return f"varchar({length}) {EXACT_TEXT}"
    return f"longtext {EXACT_TEXT}"


def _binary(column: Column) -> Landing:
    """Another system's fixed-size binary is its UUID or a hash: here it is plain bytes of that size."""
    if pa.types.is_fixed_size_binary(column.type):
        return _as(replace(column, length=column.type.byte_width), f"binary({column.type.byte_width})")
    if column.length and column.length <= VARBINARY_MAX:
        return _as(column, f"varbinary({column.length})")
    return _as(column, "longblob")


def _decimal(column: Column, precision: int, scale: int) -> Landing:
    if scale < 0:
        precision, scale = precision - scale, 0
        column = replace(column, type=decimal_type(precision, 0))
    if precision <= DECIMAL_DIGITS_MAX and scale <= DECIMAL_SCALE_MAX:
        return _as(column, f"decimal({precision},{scale})")
    most = f"{DECIMAL_DIGITS_MAX} digits, {DECIMAL_SCALE_MAX} of them after the point"
    reason = f"MySQL's decimals end at {most}; kept as text."
    text = replace(column, type=pa.string(), meaning=Meaning.NUMBER)
    return _as(text, f"varchar({precision + 3}) {ASCII}", Verdict.WIDENED, reason)


def _timestamp(column: Column) -> Landing:
    """DATETIME for instants too, always in UTC: MySQL's TIMESTAMP ends in 2038."""
    unit, zone = column.type.unit, column.type.tz
    per = _PER_SECOND[unit]
    limits = Limits(
        low=max(_SECOND_LOW * per, -_INT64 + 1),
        high=min(_SECOND_HIGH * per + per - 1, _INT64 - 2),
        infinity=False,
    )
    native = f"datetime({_FRACTION[unit]})" if _FRACTION[unit] else "datetime"
    landed = replace(column, type=pa.timestamp("us", zone))
    if unit == "ns":
        reason = (
            "MySQL counts microseconds: the last three digits of the nanoseconds are cut off; use --map to keep them."
        )
        return _as(landed, native, Verdict.LOSSY, reason, limits)
    if zone:
        reason = "kept as DATETIME in UTC, since MySQL's TIMESTAMP ends in 2038."
        return _as(landed, native, Verdict.WIDENED, reason, limits)
    return _as(landed, native, limits=limits)


def _time(column: Column) -> Landing:
    landed = replace(column, type=pa.time64("us"))
    if column.type.unit == "ns":
        reason = (
            "MySQL counts microseconds: the last three digits of the nanoseconds are cut off; use --map to keep them."
        )
        return _as(landed, "time(6)", Verdict.LOSSY, reason)
    return _as(landed, "time(6)")


def _meant(column: Column) -> Landing:
    meaning = column.meaning
    if meaning is Meaning.JSON:
        reason = "MySQL keeps a JSON document parsed (not its spacing and order); MariaDB keeps its text."
        return _as(column, "json", Verdict.WIDENED, reason)
    if meaning is Meaning.UUID:
        return _as(column, f"char(36) {ASCII}", Verdict.WIDENED, "MySQL has no UUID type; kept as its 36 characters.")
    if meaning is Meaning.NUMBER:
        reason = "MySQL has no decimals of any precision; kept as text. Use --map to choose a DECIMAL."
        return _as(column, f"longtext {ASCII}", Verdict.WIDENED, reason)
    if meaning in (Meaning.ENUM, Meaning.SET):
        return _labelled(column)
    if meaning is Meaning.BITS:
        return _bits(column)
    if meaning is Meaning.INTERVAL:
        native = f"varchar({INTERVAL_CHARACTERS}) {ASCII}"
        return _as(column, native, Verdict.WIDENED, "MySQL has no intervals; kept as ISO 8601 text.")
    if meaning is Meaning.TIME_ZONED:
        native = f"varchar({TIME_ZONED_CHARACTERS}) {ASCII}"
        return _as(column, native, Verdict.WIDENED, "MySQL has no times with a zone; kept as text.")
    named = column.native or "this type"
    return _as(column, _text(column.length), Verdict.WIDENED, f"MySQL has no {named}; kept as its text.")


def _labelled(column: Column) -> Landing:
    if column.meaning is Meaning.SET:
        fits = 0 < len(column.labels) <= SET_LABELS_MAX and not any("," in label for label in column.labels)
    else:
        fits = 0 < len(column.labels) <= LABELS_MAX
    # MySQL strips trailing spaces of labels and gives no difference between labels that are then the same.
    if fits and all(label == label.rstrip(" ") and len(label) <= 255 for label in column.labels):
        return _as(column, f"{labelled(column.meaning.value, column.labels)} {EXACT_TEXT}")
    reason = f"these labels cannot be a MySQL {column.meaning.value.upper()}; kept as text."
    return _as(column, _text(column.length), Verdict.WIDENED, reason)


def _bits(column: Column) -> Landing:
    """BIT(n) has a fixed length; bit strings of any length are text, where leading zeros count."""
    fixed = column.length and "varying" not in column.native.lower()
    if fixed and column.length and column.length <= BITS_MAX:
        return _as(column, f"bit({column.length})")
    size = f"varchar({column.length})" if column.length and column.length <= VARCHAR_MAX else "longtext"
    return _as(
        column, f"{size} {ASCII}", Verdict.WIDENED, "MySQL's BIT ends at 64 bits of a fixed number; kept as text."
    )


def _numbering(landing: Landing) -> Landing:
    """AUTO_INCREMENT fills in a number for NULL, so a column that may be NULL cannot have it."""
    column = landing.column
    numbers = pa.types.is_integer(column.type) and column.meaning is Meaning.PLAIN
    if column.identity and (column.nullable or not numbers):
        return replace(landing, column=replace(column, identity=None))
    return landing
