"""Do all values keep the promise of their column's declaration? Asked in SQL, for where the native kernel is missing.

The answer may be no although they do (a date with a T in it): then they are looked at one by one. It is never yes
when they do not, but for text that is not UTF-8, which `read` refuses.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.sqlite.dialect import quote
from wayfare.systems.databases.sqlite.types import FLOAT_DIGITS

_SIX_DIGITS = "[0-9]" * 6


def broken(table: Table, part: Sequence[str] = ()) -> str:
    """A SELECT that gives a row when some value may not fit; of the rows that meet the conditions of `part`."""
    doubts = " OR ".join(f"NOT ({kept(c)})" for c in table.columns)
    conditions = " AND ".join([*part, f"({doubts or 'false'})"])
    return f"SELECT 1 FROM {quote(table.name)} WHERE {conditions} LIMIT 1"


def kept(column: Column) -> str:
    """An expression that is true for NULL and for values that surely fit."""
    x = quote(column.name)
    return f"{x} IS NULL OR {_kept(x, column)}"


def _kept(x: str, column: Column) -> str:
    t = column.type
    if pa.types.is_boolean(t):
        return f"(typeof({x}) = 'integer' AND {x} IN (0, 1))"
    if pa.types.is_decimal128(t) and t.scale <= FLOAT_DIGITS:
        return _decimal(x, t.precision, t.scale)
    if pa.types.is_date32(t):
        return f"(typeof({x}) = 'text' AND {x} = date({x}, '+0 days'))"
    if pa.types.is_timestamp(t) and t.unit == "us" and not t.tz:
        whole = f"substr({x}, 1, 19)"
        rest = f"length({x}) = 19 OR (length({x}) = 26 AND substr({x}, 20) GLOB '.{_SIX_DIGITS}')"
        return f"(typeof({x}) = 'text' AND {whole} = datetime({whole}, '+0 days') AND ({rest}))"
    if column.meaning is Meaning.NUMBER:
        return f"typeof({x}) IN ('integer', 'real')"
    if column.meaning is Meaning.OTHER:
        return "false"
    storage = _STORAGE.get(t)
    return f"typeof({x}) = '{storage}'" if storage else "false"


_STORAGE = {pa.int64(): "integer", pa.float64(): "real", pa.string(): "text", pa.binary(): "blob"}


def _decimal(x: str, precision: int, scale: int) -> str:
    """values.py tells why digits / 10**scale = x proves the digits."""
    limit = 10 ** min(FLOAT_DIGITS - scale, precision - scale)
    power = 10**scale
    digits = f"CAST({x} * {power}.0 + ({x} >= 0) - 0.5 AS INTEGER)"
    return f"(typeof({x}) IN ('integer', 'real') AND abs({x}) < {limit} AND {digits} / {power}.0 = {x})"
