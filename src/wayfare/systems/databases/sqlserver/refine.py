"""What the finest types of time really hold: their default of seven digits is declared far more often than used.

Microseconds are what other systems keep. One look at a table's columns of seven digits settles which of them need
more. A column that needs more, and holds moments beyond the years that nanoseconds reach, can travel only as text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.sqlserver import dialect
from wayfare.systems.databases.sqlserver.dialect import quote
from wayfare.systems.databases.sqlserver.types import FINEST_DIGITS, spelling

Ask = Callable[[str], list[dict[str, Any]]]
_FIRST, _LAST = "1677-09-22", "2262-04-11"


def doubted(table: Table) -> list[Column]:
    return [c for c in table.columns if c.type in _FINEST and spelling(c.native).digits == FINEST_DIGITS]


_FINEST = frozenset({pa.time64("ns"), pa.timestamp("ns"), pa.timestamp("ns", "UTC")})


def refined(ask: Ask, table: Table) -> Table:
    columns = doubted(table)
    if not columns:
        return table
    looks = [look for n, column in enumerate(columns) for look in _looks(n, column)]
    seen = ask(f"SELECT {', '.join(looks)} FROM {dialect.named(table)}")[0]
    settled = {c.name: _settled(c, seen, n) for n, c in enumerate(columns)}
    return replace(table, columns=tuple(settled.get(c.name, c) for c in table.columns))


def _looks(number: int, column: Column) -> list[str]:
    name = quote(column.name)
    looks = [f"MAX(DATEPART(nanosecond, {name}) % 1000) AS fine{number}"]
    if pa.types.is_timestamp(column.type):
        moment = f"CAST(SWITCHOFFSET({name}, '+00:00') AS datetime2(7))" if column.type.tz else name
        beyond = f"{moment} < CAST('{_FIRST}' AS datetime2(7)) OR {moment} >= CAST('{_LAST}' AS datetime2(7))"
        looks.append(f"MAX(CASE WHEN {beyond} THEN 1 ELSE 0 END) AS beyond{number}")
    return looks


def _settled(column: Column, seen: dict[str, Any], number: int) -> Column:
    if not seen[f"fine{number}"]:
        coarser = pa.time64("us") if pa.types.is_time(column.type) else pa.timestamp("us", column.type.tz)
        return replace(column, type=coarser)
    if seen.get(f"beyond{number}"):
        return replace(column, type=pa.string(), meaning=Meaning.OTHER)
    return column
