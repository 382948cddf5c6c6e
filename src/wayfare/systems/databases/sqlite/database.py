"""An SQLite file as source and target.

One consistent view: while a copy reads, `snapshot` holds the file's write lock (BEGIN IMMEDIATE). Readers go on, in
this and in other processes; other programs' writes wait, or fail as busy, until the copy has been read. SQLite
offers nothing finer to several connections. `?snapshot=off` leaves writers alone and the view to luck; a file that
may not be written to needs no lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Self

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.findings import Finding
from wayfare.core.landing import Landing
from wayfare.core.ports import CARRIED, WHOLE, Chunk, Facts, Mode, Ticket, chunks_at
from wayfare.core.tables import Column, Table, View
from wayfare.systems.databases.sqlite import (
    catalog,
    density,
    dialect,
    native,
    options,
    read,
    refine,
    stage,
    types,
    views,
)
from wayfare.systems.databases.sqlite.files import Files, WriteLock
from wayfare.systems.databases.sqlite.schema.port import SqliteSchema

NAME_BYTES_MAX = 1_000  # SQLite itself sets no limit


class SqliteDatabase:
    """A file is opened for each call: that costs SQLite a tenth of a millisecond, and leaves nothing to share."""

    system = types.SYSTEM
    name_bytes_max = NAME_BYTES_MAX
    has_namespaces = False
    default_namespace = ""
    folds_case = True
    carries = CARRIED

    def __init__(self, address: Address) -> None:
        self.address = address
        self._options = options.parse(address)
        self._files = Files(self._options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def check(self) -> Facts:
        with self._files.reader():
            return Facts(f"SQLite {sqlite3.sqlite_version}")

    def vacant(self) -> bool:
        return self._files.vacant()

    def schema(self) -> SqliteSchema:
        return SqliteSchema(self._files, self._options.lease_seconds)

    def snapshot(self) -> WriteLock:
        return self._files.hold_writers(self._options.snapshot)

    def refine(self, table: Table) -> Table:
        return refine.refine(self._files, table)

    def tables(self) -> Sequence[Table]:
        with self._files.reader("reading the catalog") as connection:
            return catalog.tables(connection)

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        by = density.cut_by(table)
        if not by:
            return [WHOLE]
        with self._files.reader(f"splitting {table.label}") as connection:
            found = density.measure(connection, table.name, by)
        cuts = found.cuts(rows_per_chunk)
        if not cuts:
            return [Chunk(rows_estimate=found.rows)]
        return chunks_at(by, cuts, found.rows // (len(cuts) + 1))

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        slots = native.slots(table.written)
        reader = native.reader() if slots else None
        what = f"reading {table.label}"
        if reader is None or slots is None:
            yield from read.plainly(self._files, what, table, chunk)
            return
        try:
            yield from native.batches(reader, self._files, what, slots, *read.statement(table, chunk))
        except native.MisfitAt as misfit:
            with self._files.reader(what) as connection:
                raise read.refused(connection, table, chunk, table.written[misfit.column], misfit.row) from misfit

    def land(self, column: Column) -> Landing:
        return types.land(column)

    def staged(self, run: str, table: Table) -> Table:
        return replace(table, name=dialect.staged_name(run, table.name))

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        with self._files.writer("staging", create=True) as connection:
            stage.stage(connection, run, tables)

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        with self._files.writer(f"writing {table.label}") as connection:
            return stage.write(connection, ticket, table, batches)

    def seal(self, run: str, table: Table) -> None:
        with self._files.writer(f"indexing {table.label}") as connection:
            staged = dialect.staged_name(run, table.name)
            if stage.has_table(connection, staged):
                stage.index(connection, table, staged)

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        with self._files.writer("publishing") as connection:
            stage.publish(connection, run, tables, mode)

    def finish(self, run: str) -> None:
        with self._files.writer("finishing") as connection:
            stage.finish(connection, run)

    def discard(self, run: str) -> None:
        if not self._files.path.exists():
            return
        with self._files.writer("discarding") as connection:
            stage.discard(connection, run)

    def draft(self, table: Table) -> Sequence[str]:
        return dialect.draft(table)

    def views(self) -> Sequence[View]:
        with self._files.reader("reading the views") as connection:
            return catalog.views(connection)

    def create_views(self, wanted: Sequence[View]) -> Sequence[Finding]:
        with self._files.writer("creating views") as connection:
            return views.create(connection, wanted)

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        with self._files.writer(f"deleting from {table.label}") as connection:
            return stage.delete(connection, table, keys)

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        with self._files.writer(f"adding columns to {table.label}") as connection:
            stage.add_columns(connection, table, columns)

    def execute(self, sql: str) -> pa.Table:
        with self._files.writer(create=True) as connection:
            cursor = connection.execute(sql)
            names = [d[0] for d in cursor.description or ()]
            rows = cursor.fetchall() if names else []
        return pa.table({n: [r[i] for r in rows] for i, n in enumerate(names)})
