"""Where to cut a table so that its chunks can be read side by side: ranges of the first column of its key.

Integers that lie densely are cut evenly, which costs one look at both ends of the index. Anything else is stepped along
in order, which reads the key once. Physical places (%%physloc%%) are no bounds: rows move between them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from wayfare.core.ports import WHOLE, Chunk, chunks_at
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.sqlserver import dialect
from wayfare.systems.databases.sqlserver.dialect import quote
from wayfare.systems.databases.sqlserver.types import MOMENTS, spelling

CHUNKS_MAX = 4_096
SPARSE = 4  # more keys possible than rows there, by this factor: even ranges would be uneven chunks
TEXT_BOUND_CHARACTERS_MAX = 450

Bound = int | str
Ask = Callable[[str], list[dict[str, Any]]]


def chunks(ask: Ask, table: Table, rows_per_chunk: int) -> Sequence[Chunk]:
    by = next((c for c in table.leading_columns if dialect.splittable(c)), None)
    if by is None or rows_per_chunk < 1 or 0 < table.rows_estimate <= rows_per_chunk:
        return [WHOLE]
    cuts = _integer_cuts(ask, table, by, rows_per_chunk) if pa.types.is_integer(by.type) else None
    if cuts is None:
        cuts = _steps(ask, table, by, rows_per_chunk)
    if not cuts:
        return [WHOLE]
    estimate = max(table.rows_estimate // (len(cuts) + 1), 1)
    return chunks_at(by.name, cuts, estimate)


def _integer_cuts(ask: Ask, table: Table, by: Column, rows: int) -> list[Bound] | None:
    """None for keys with so many gaps that they had better be stepped along."""
    name = quote(by.name)
    ends = ask(f"SELECT MIN({name}) AS low, MAX({name}) AS high FROM {dialect.named(table)}")[0]
    if ends["low"] is None:
        return []
    low, high = int(ends["low"]), int(ends["high"])
    count = table.rows_estimate or high - low + 1
    if high - low + 1 > SPARSE * count:
        return None
    pieces = min(-(-count // rows), CHUNKS_MAX, high - low + 1)
    return [low + (high - low + 1) * i // pieces for i in range(1, pieces)]


def _steps(ask: Ask, table: Table, by: Column, rows: int) -> list[Bound]:
    """Every so many rows along the key, the value that is there. All rows of one value stay in one chunk."""
    name = quote(by.name)
    step = max(rows, table.rows_estimate // CHUNKS_MAX + 1)
    numbered = f"SELECT {name} AS k, ROW_NUMBER() OVER (ORDER BY {name}) AS n FROM {dialect.named(table)}"
    found = ask(f"SELECT {_shown('k', by)} AS k FROM ({numbered}) AS numbered WHERE n % {step:d} = 0 ORDER BY n")
    values = [row["k"] if isinstance(row["k"], str) else int(row["k"]) for row in found]
    cuts = [v for v, _ in itertools.groupby(values)]
    return cuts if all(isinstance(c, int) or len(c) <= TEXT_BOUND_CHARACTERS_MAX for c in cuts) else []


def _shown(name: str, by: Column) -> str:
    """A key as a bound: an integer, or text that `dialect.bound` reads back."""
    if pa.types.is_integer(by.type):
        return name
    base = spelling(by.native).base
    if base in MOMENTS:
        return f"CONVERT(nvarchar(40), {name}, 121)"
    if base == "date":
        return f"CONVERT(nvarchar(40), {name}, 23)"
    return f"CONVERT(nvarchar(4000), {name})"
