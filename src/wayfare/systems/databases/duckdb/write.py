"""Staging tables, and chunks written into them once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from wayfare.core.ports import Ticket
from wayfare.core.tables import Table
from wayfare.systems.databases.duckdb import dialect, rows

_STREAM = "wayfare_batches"


def stage(cursor: duckdb.DuckDBPyConnection, run: str, tables: Sequence[Table]) -> None:
    for statement in dialect.records(run):
        cursor.execute(statement)
    for table in tables:
        cursor.execute(dialect.create_bare(dialect.staged(run, table)))


def recorded(cursor: duckdb.DuckDBPyConnection, ticket: Ticket) -> int | None:
    """The rows of a chunk that is in already."""
    row = cursor.execute(
        f"SELECT row_count FROM {dialect.ledger(ticket.run)} WHERE staged = ? AND chunk = ?",
        [ticket.table, ticket.chunk],
    ).fetchone()
    return int(row[0]) if row else None


class Source:
    """Batches on their way into DuckDB, which would swallow the exception that ends them."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.error: BaseException | None = None
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                self.rows += batch.num_rows
                yield batch
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


def insert(cursor: duckdb.DuckDBPyConnection, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    """Stream the batches into the table. Raises what `batches` raises."""
    schema = pa.schema([pa.field(c.name, rows.stored_type(c.type)) for c in table.written])
    source = Source(rows.prepared(batches, table, schema))
    reader = pa.RecordBatchReader.from_batches(schema, source)
    names = dialect.listed([c.name for c in table.written])
    values = ", ".join(rows.inserted(c) for c in table.written)
    cursor.register(_STREAM, reader)
    try:
        cursor.execute(f"INSERT INTO {dialect.path(table)} ({names}) SELECT {values} FROM {_STREAM}")
    except duckdb.Error as error:
        if source.error is not None:
            raise source.error from error
        raise
    return source.rows


def write(cursor: duckdb.DuckDBPyConnection, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    if (done := recorded(cursor, ticket)) is not None:
        return done
    count = insert(cursor, table, batches)
    entry: list[Any] = [ticket.table, ticket.chunk, count]
    cursor.execute(f"INSERT INTO {dialect.ledger(ticket.run)} VALUES (?, ?, ?)", entry)
    return count


def delete(cursor: duckdb.DuckDBPyConnection, table: Table, keys: pa.RecordBatch) -> int:
    wanted = table.only(frozenset(table.key))
    schema = pa.schema([pa.field(c.name, rows.stored_type(c.type)) for c in wanted.written])
    ordered = keys.select([c.name for c in wanted.written])
    cursor.register(_STREAM, pa.Table.from_batches(list(rows.prepared([ordered], wanted, schema)), schema))
    values = ", ".join(f"{rows.inserted(c)} AS {dialect.quote(c.name)}" for c in wanted.written)
    same = " AND ".join(f"t.{dialect.quote(k)} = k.{dialect.quote(k)}" for k in table.key)
    sql = f"DELETE FROM {dialect.path(table)} t USING (SELECT {values} FROM {_STREAM}) k WHERE {same}"
    (count,) = cursor.execute(sql).fetchone() or (0,)
    return int(count)
