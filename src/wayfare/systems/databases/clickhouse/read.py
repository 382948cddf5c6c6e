"""Reading: one SELECT a chunk, streamed; and where to cut a table into chunks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from wayfare.core.errors import NotFound, Refused
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH, WHOLE, Chunk, chunks_at
from wayfare.core.tables import Table
from wayfare.systems.databases.clickhouse.catalog import column_types, rows
from wayfare.systems.databases.clickhouse.dialect import ATTEMPT, literal, plain_names, quote, text_literal
from wayfare.systems.databases.clickhouse.ledger import Ledger
from wayfare.systems.databases.clickhouse.native import bare, base, parse
from wayfare.systems.databases.clickhouse.port import Engine
from wayfare.systems.databases.clickhouse.select import expression, fit

_STAGED = re.compile(r"^wayfare_([0-9a-z]{16})_")
_SAMPLES_A_CUT = 20
_SAMPLES_MAX = 20_000
_INTEGERS = frozenset(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256))
_CUT_AS_TEXT = frozenset({"String", "Date", "Date32", "DateTime", "DateTime64", "UUID"})
_MOMENTS = frozenset({"DateTime", "DateTime64"})
# Blocks of at most a batch's rows, ended earlier where rows are long.
_BLOCKS = f"SETTINGS max_block_size = {ROWS_PER_BATCH}, preferred_block_size_bytes = {BATCH_BYTES_MAX // 2}"


def read(engine: Engine, table: Table, chunk: Chunk) -> Iterator[pa.RecordBatch]:
    """See `Database.read`."""
    actual = _types(engine, table)
    columns = table.written
    selected = ", ".join(expression(c, actual[c.name]) for c in columns)
    sql = f"SELECT {selected} FROM {quote(table.name)}{_where(engine, table, chunk, actual)} {_BLOCKS}"
    for block in engine.query(sql):
        arrays = [
            fit(array, column, actual[column.name], f"{table.label}.{column.name}")
            for array, column in zip(block.columns, columns, strict=True)
        ]
        yield from _cut(pa.RecordBatch.from_arrays(arrays, schema=table.arrow()))


def split(engine: Engine, table: Table, rows_per_chunk: int) -> Sequence[Chunk]:
    """Ranges of the first column that the table is sorted by, cut where a sample of its values says.

    Any cut is correct; the sample only decides how even the chunks are. NULLs belong to the first range.
    """
    actual = _types(engine, table)
    by = _sorted_by(engine, table)
    cuts = max(table.rows_estimate or _count(engine, table), 0) // max(rows_per_chunk, 1)
    if not cuts or not by or by not in actual:
        return [WHOLE]
    return chunks_at(by, _bounds(engine, table, by, base(actual[by]), cuts), rows_per_chunk)


def _types(engine: Engine, table: Table) -> Mapping[str, str]:
    actual = column_types(engine, table.name)
    if not actual:
        raise NotFound(f"there is no table {table.label}.", where=engine.where)
    if missing := [c.name for c in table.written if c.name not in actual]:
        raise Refused(f"{table.label} has no column {', '.join(missing)}.", where=engine.where)
    return actual


def _where(engine: Engine, table: Table, chunk: Chunk, actual: Mapping[str, str]) -> str:
    terms = []
    if chunk.by:
        terms += _range(chunk, actual[chunk.by])
    if chunk.cursor:
        terms += _cursor(chunk, actual[chunk.cursor])
    if (staged := _STAGED.match(table.name)) and ATTEMPT in actual:
        terms.append(Ledger(engine, staged[1]).committed(table.name))
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def _range(chunk: Chunk, actual: str) -> list[str]:
    name = quote(chunk.by)
    terms = [] if chunk.low is None else [f"{name} >= {literal(chunk.low)}"]
    if chunk.high is not None:
        below = f"{name} < {literal(chunk.high)}"
        terms.append(f"({below} OR {name} IS NULL)" if chunk.low is None and bare(actual)[1] else below)
    return terms


def _cursor(chunk: Chunk, actual: str) -> list[str]:
    name, kind = quote(chunk.cursor), base(actual)
    bounds = ((">", chunk.after), ("<=", chunk.upto))
    return [f"{name} {sign} {_cursor_literal(value, kind)}" for sign, value in bounds if value is not None]


def _cursor_literal(value: int | str, kind: str) -> str:
    """Text for a timestamp is ISO 8601, of which ClickHouse's comparison understands only some."""
    if isinstance(value, str) and parse(kind).name in _MOMENTS:
        return f"parseDateTime64BestEffort({text_literal(value)}, 9, 'UTC')"
    return literal(value)


def _sorted_by(engine: Engine, table: Table) -> str:
    sql = "SELECT sorting_key AS k FROM system.tables WHERE database = currentDatabase() AND name = "
    found = rows(engine, sql + text_literal(table.name))
    key = (plain_names(found[0]["k"]) if found else None) or table.key
    return key[0] if key else ""


def _count(engine: Engine, table: Table) -> int:
    return int(rows(engine, f"SELECT count() AS n FROM {quote(table.name)}")[0]["n"])


def _bounds(engine: Engine, table: Table, by: str, kind: str, cuts: int) -> Sequence[int | str]:
    """Values at even ranks of a sample, without repeats, in the column's own order."""
    name = parse(kind).name
    if name not in _INTEGERS | _CUT_AS_TEXT:
        return []
    size = min((cuts + 1) * _SAMPLES_A_CUT, _SAMPLES_MAX)
    sample = f"arraySort(groupArraySample({size}, 1)(assumeNotNull({quote(by)})))"
    known = f" WHERE {quote(by)} IS NOT NULL"
    sql = f"SELECT arrayMap(x -> toString(x), {sample}) AS s FROM {quote(table.name)}{known}"
    found = rows(engine, sql)
    values: list[str] = found[0]["s"] if found else []
    picked = list(dict.fromkeys(values[len(values) * i // (cuts + 1)] for i in range(1, cuts + 1))) if values else []
    return [int(v) for v in picked] if name in _INTEGERS else list(picked)


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """In parts that keep to the limits of a batch."""
    parts = max(-(-batch.num_rows // ROWS_PER_BATCH), -(-batch.nbytes // BATCH_BYTES_MAX), 1)
    if parts == 1:
        if batch.num_rows:
            yield batch
        return
    step = max(1, -(-batch.num_rows // parts))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)
