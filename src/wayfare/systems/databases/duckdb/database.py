"""A DuckDB file as source and target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import duckdb
import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import Busy, Refused
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import CARRIED, Chunk, Facts, Mode, Ticket, chunks_at
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.duckdb import catalog, dialect, instance, options, publish, rows, types, write
from wayfare.systems.databases.duckdb.errors import LimitLifted

NAME_BYTES_MAX = 1_000  # DuckDB itself sets no limit
WIDE_ROW_BYTES = 16 << 10


class Hold:
    """A snapshot: while it is held, nobody writes to the file."""

    shared = True
    everywhere = True

    def __init__(self, held: instance.Instance) -> None:
        self.token = str(held.path)
        self._held: instance.Instance | None = held
        held.hold()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None


class DuckdbDatabase:
    system = types.SYSTEM
    name_bytes_max = NAME_BYTES_MAX
    has_namespaces = True
    default_namespace = dialect.DEFAULT_NAMESPACE
    folds_case = True
    carries = CARRIED - {
        *("partial_index", "foreign_key_action", "foreign_key_mixed", "foreign_key_abroad", "foreign_key_circle")
    }

    def __init__(self, address: Address) -> None:
        self.address = address
        self._instance = instance.acquire(options.parse(address))
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._open:
            self._open = False
            instance.give_back(self._instance)

    def check(self) -> Facts:
        with self._reading() as cursor:
            (version,) = cursor.execute("SELECT version()").fetchone() or ("",)
        return Facts(f"DuckDB {version.removeprefix('v')}")

    def vacant(self) -> bool:
        return self._instance.vacant()

    def snapshot(self) -> Hold:
        return Hold(self._instance)

    def tables(self) -> Sequence[Table]:
        with self._reading("reading the catalog") as cursor:
            return catalog.tables(cursor)

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        with self._reading(f"splitting {table.label}") as cursor:
            sql = f"SELECT count(*), max(rowid) FROM {dialect.path(table)}"
            count, last = cursor.execute(sql).fetchone() or (0, 0)
        parts = -(-count // max(rows_per_chunk, 1))
        if parts < 2:
            return [Chunk(rows_estimate=count)]
        return chunks_at("rowid", [(last + 1) * i // parts for i in range(1, parts)], count // parts)

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        sql = f"SELECT {', '.join(map(rows.selected, table.written))} FROM {dialect.path(table)}"
        sql += dialect.where(table, chunk)
        began = False
        try:
            for batch in self._stream(sql, table):
                began = True
                yield batch
        except LimitLifted:
            if began:
                raise
            yield from self._stream(sql, table)

    def _stream(self, sql: str, table: Table) -> Iterator[pa.RecordBatch]:
        with self._reading(f"reading {table.label}") as cursor:
            reader = cursor.sql(sql).to_arrow_reader(rows.VECTOR_ROWS)
            try:
                yield from rows.gathered(reader, table)
            finally:
                reader.close()

    def land(self, column: Column) -> Landing:
        return types.land(column)

    def staged(self, run: str, table: Table) -> Table:
        return dialect.staged(run, table)

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        with self._instance.transaction("staging", create=True) as cursor:
            write.stage(cursor, run, tables)

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        try:
            with self._instance.transaction(f"writing {table.label}") as cursor:
                return write.write(cursor, ticket, table, self._watched(batches))
        except (Busy, Refused):
            done = self._recorded(ticket)  # another attempt may have won
            if done is None:
                raise
            return done

    def seal(self, run: str, table: Table) -> None:
        """Nothing yet: DuckDB cannot give a table constraints later, so `publish` fills one that has them."""

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        try:
            self._publish(run, tables, mode)
        except LimitLifted:  # indexes must fit in memory while they are made
            self._publish(run, tables, mode)

    def _publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        with self._instance.transaction("publishing") as cursor:
            publish.publish(cursor, run, tables, mode)

    def finish(self, run: str) -> None:
        with self._instance.transaction("finishing") as cursor:
            publish.finish(cursor, run)

    def discard(self, run: str) -> None:
        if self._instance.vacant():
            return
        with self._instance.transaction("discarding") as cursor:
            publish.discard(cursor, run)

    def draft(self, table: Table) -> Sequence[str]:
        return dialect.draft(table)

    def views(self) -> Sequence[View]:
        with self._reading("reading the views") as cursor:
            return catalog.views(cursor)

    def sequences(self) -> Sequence[NamedSequence]:
        with self._reading("reading the sequences") as cursor:
            return catalog.sequences(cursor)

    def create_views(self, views: Sequence[View]) -> Sequence[Finding]:
        findings = []
        for view in views:
            try:
                with self._instance.transaction() as cursor:
                    cursor.execute(dialect.create_view(view))
            except Refused as error:
                message = f"the view cannot be created: {error.message}. Its text is {view.definition}"
                findings.append(Finding("view_failed", Severity.WARNING, message, view.label, "Create it by hand."))
        return findings

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        with self._instance.transaction(f"deleting from {table.label}") as cursor:
            return write.delete(cursor, table, keys)

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        with self._instance.transaction(f"adding columns to {table.label}") as cursor:
            for column in columns:
                cursor.execute(dialect.add_column(table, column))

    def execute(self, sql: str) -> pa.Table:
        with self._instance.transaction(create=True) as cursor:
            relation = cursor.sql(sql)
            return relation.to_arrow_table() if relation is not None else pa.table({})

    def _watched(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Wide rows need memory, as DuckDB works on 2,048 of them at a time."""
        for batch in batches:
            if batch.num_rows and batch.nbytes // batch.num_rows > WIDE_ROW_BYTES:
                self._instance.lift()
            yield batch

    @contextmanager
    def _reading(self, what: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        with self._instance.classified(what), self._instance.cursor() as cursor:
            yield cursor

    def _recorded(self, ticket: Ticket) -> int | None:
        with self._reading() as cursor:
            return write.recorded(cursor, ticket)
