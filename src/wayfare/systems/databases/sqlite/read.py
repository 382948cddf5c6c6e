"""Rows of one chunk as batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH, Chunk
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.sqlite import dialect, values
from wayfare.systems.databases.sqlite.dialect import quote

BLOCK_ROWS_MAX = 1024
BLOCK_BYTES = 4 << 20
SHOWN_CHARACTERS = 40

Row = tuple[Any, ...]


def batches(connection: sqlite3.Connection, table: Table, chunk: Chunk) -> Iterator[pa.RecordBatch]:
    """Raises Refused for a value that its column's type cannot express, naming the row."""
    columns = table.written
    sql, parameters = dialect.select(table, chunk, ", ".join(map(_expression, columns)) or "1")
    cursor = connection.execute(sql, parameters)
    seen = 0
    for rows in _gathered(cursor):
        yield _batch(connection, table, chunk, rows, seen)
        seen += len(rows)


def _expression(column: Column) -> str:
    """A text asked for as bytes arrives as the bytes it is stored in, whether they are valid UTF-8 or not."""
    name = quote(column.name)
    if pa.types.is_binary(column.type):
        return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"
    return name


def _gathered(cursor: sqlite3.Cursor) -> Iterator[list[Row]]:
    """Lists of rows that make a batch. The size of each fetch follows the size of the rows that came before."""
    rows: list[Row] = []
    held = 0
    size = 16
    while block := cursor.fetchmany(min(size, ROWS_PER_BATCH - len(rows))):
        weight = sum(_weight(r) for r in block) if size < BLOCK_ROWS_MAX else _weight(block[0]) * len(block)
        rows += block
        held += weight
        size = min(BLOCK_ROWS_MAX, size * 2) if weight < BLOCK_BYTES else max(1, size // 8)
        if len(rows) >= ROWS_PER_BATCH or held >= BATCH_BYTES_MAX:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


def _weight(row: Row) -> int:
    return sum(len(v) for v in row if type(v) is str or type(v) is bytes)


def _batch(
    connection: sqlite3.Connection, table: Table, chunk: Chunk, rows: Sequence[Row], seen: int
) -> pa.RecordBatch:
    columns = table.written
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    arrays = []
    for column, stored in zip(columns, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(values.to_arrow(column, stored))
        except values.Misfit as misfit:
            raise misfits(connection, table, chunk, column, seen + misfit.index, misfit.value) from misfit
    return pa.RecordBatch.from_arrays(arrays, schema=table.arrow())


def misfits(
    connection: sqlite3.Connection, table: Table, chunk: Chunk, column: Column, position: int, value: object
) -> Refused:
    shown = repr(value)
    shown = shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"
    return Refused(
        f"{shown} in row {_address(connection, table, chunk, position)} is no {column.type}"
        + (f" ({column.meaning})." if column.meaning != "plain" else "."),
        where=f"{table.label}.{column.name}",
        remedy="Mend that value, or map the column to text with --map.",
    )


def _address(connection: sqlite3.Connection, table: Table, chunk: Chunk, position: int) -> str:
    """The rowid of the n-th row of a chunk, or its key, as people can look it up."""
    by = dialect.rowid(tuple(c.name for c in table.columns))
    names = dialect.listed(table.key) if "without_rowid" in dict(table.hints) or not by else by
    sql, parameters = dialect.select(table, chunk, names)
    row = connection.execute(f"{sql} LIMIT 1 OFFSET {position}", parameters).fetchone()
    return f"{names} {', '.join(map(repr, row or ('?',)))}"
