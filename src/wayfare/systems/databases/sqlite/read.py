"""Rows of one chunk as batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH, Chunk
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.sqlite import blocks, dialect, values
from wayfare.systems.databases.sqlite.dialect import quote
from wayfare.systems.databases.sqlite.files import Files, only_asked

SHOWN_CHARACTERS = 40

Row = tuple[Any, ...]


def plainly(files: Files, what: str, table: Table, chunk: Chunk) -> Iterator[pa.RecordBatch]:
    """Without the native kernel. Raises Refused for a value that its column's type cannot express, naming the row."""
    in_blocks = blocks.suits(table, chunk)
    with files.reader(what, blocks.attach if in_blocks else only_asked) as connection:
        read = _by_blocks if in_blocks else _by_rows
        seen = 0
        try:
            for batch in read(connection, table, chunk):
                yield batch
                seen += batch.num_rows
        except _MisfitIn as misfit:
            raise refused(connection, table, chunk, misfit.column, seen + misfit.row) from misfit


def _by_blocks(connection: sqlite3.Connection, table: Table, chunk: Chunk) -> Iterator[pa.RecordBatch]:
    gathered = blocks.Blocks(connection, table, chunk, [_expression(c) for c in table.written])
    for _ in gathered:
        yield _batch(table, gathered.columns())


def _by_rows(connection: sqlite3.Connection, table: Table, chunk: Chunk) -> Iterator[pa.RecordBatch]:
    for rows in _gathered(connection.execute(*statement(table, chunk))):
        if table.written:
            yield _batch(table, _columns(table, rows))
        else:
            yield pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))


def _columns(table: Table, rows: Sequence[Row]) -> Iterator[tuple[Column, Callable[[], pa.Array]]]:
    for column, stored in zip(table.written, zip(*rows, strict=True), strict=True):
        yield column, partial(values.to_arrow, column, stored)


def statement(table: Table, chunk: Chunk) -> tuple[str, list[int | str]]:
    return dialect.select(table, chunk, ", ".join(map(_expression, table.written)) or "1")


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
    size = 1
    while block := cursor.fetchmany(min(size, ROWS_PER_BATCH - len(rows))):
        weight = sum(_weight(r) for r in block) if size < blocks.BLOCK_ROWS_MAX else _weight(block[0]) * len(block)
        rows += block
        held += weight
        size = blocks.following(size, weight)
        if len(rows) >= ROWS_PER_BATCH or held >= BATCH_BYTES_MAX:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


def _weight(row: Row) -> int:
    return sum(len(v) for v in row if type(v) is str or type(v) is bytes)


class _MisfitIn(Exception):
    def __init__(self, column: Column, row: int) -> None:
        super().__init__(column.name, row)
        self.column, self.row = column, row


def _batch(table: Table, columns: Iterable[tuple[Column, Callable[[], pa.Array]]]) -> pa.RecordBatch:
    arrays = []
    for column, converted in columns:
        try:
            arrays.append(converted())
        except values.Misfit as misfit:
            raise _MisfitIn(column, misfit.index) from misfit
    return pa.RecordBatch.from_arrays(arrays, schema=table.arrow())


def refused(connection: sqlite3.Connection, table: Table, chunk: Chunk, column: Column, position: int) -> Refused:
    """What to say of the value in the n-th row of a chunk."""
    connection.text_factory = lambda stored: str(stored, "utf-8", "backslashreplace")
    at = f" LIMIT 1 OFFSET {position}"
    by = dialect.rowid(tuple(c.name for c in table.columns))
    names = dialect.listed(table.key) if "without_rowid" in dict(table.hints) or not by else by
    sql, parameters = dialect.select(table, chunk, f"{quote(column.name)}, {names}")
    value, *address = connection.execute(sql + at, parameters).fetchone() or (None, "?")
    shown = repr(value)
    shown = shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"
    meant = f" ({column.meaning})" if column.meaning is not Meaning.PLAIN else ""
    return Refused(
        f"{shown} in row {names} {', '.join(map(repr, address))} is no {column.type}{meant}.",
        where=f"{table.label}.{column.name}",
        remedy="Mend that value, or map the column to text with --map.",
    )
