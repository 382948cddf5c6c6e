"""How a column of any system would stand in Zoho CRM, as a field. Pure; nothing is written there as yet."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from wayfare.core.landing import Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.zoho.types import SYSTEM, TEXTS

TEXT_MAX = 255
AREA_MAX = 50_000
DIGITS_MAX = 16
_KINDS: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.int16(): "integer",
    pa.int8(): "integer",
    pa.date32(): "date",
    TEXTS: "multiselectpicklist",
}


def land(column: Column) -> Landing:
    """The field that would take it; IMPOSSIBLE where Zoho has none that keeps every value."""
    if column.origin == SYSTEM:
        return Landing(column)
    if column.meaning is Meaning.PLAIN:
        if pa.types.is_string(column.type):
            return _text(column)
        if pa.types.is_decimal128(column.type) and column.type.precision <= DIGITS_MAX:
            digits = f"{column.type.precision},{column.type.scale}"
            return Landing(_field(column, f"double({digits})"))
        if column.type in _KINDS:
            return Landing(_field(column, _KINDS[column.type]))
    reason = f"Zoho CRM has no field that keeps every value of {column.native or column.type}; leave it out."
    return Landing(_field(column, "textarea"), Verdict.IMPOSSIBLE, reason)


def _text(column: Column) -> Landing:
    if column.length is not None and column.length <= TEXT_MAX:
        return Landing(_field(column, "text"))
    # In bytes, as a character has up to four of them and nothing tells which of the two Zoho counts.
    limits = Limits(characters_max=AREA_MAX, bytes_max=AREA_MAX)
    return Landing(_field(column, "textarea"), limits=limits)


def _field(column: Column, native: str) -> Column:
    return replace(column, native=native, origin=SYSTEM, default="", generated="", identity=None)
