"""One SQL Server database: read as a source, and changed in its schema."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import Refused
from wayfare.core.landing import Landing
from wayfare.core.losses import with_losses
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH, Chunk, Facts
from wayfare.core.ports import Snapshot as SnapshotPort
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.sqlserver import catalog, dialect, facts, landing, queries, refine, select, split
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.errors import classified
from wayfare.systems.databases.sqlserver.schema.port import SqlServerSchema
from wayfare.systems.databases.sqlserver.snapshot import VIEW, OwnViews
from wayfare.systems.databases.sqlserver.types import SYSTEM

_ROWS_OF_LONG_VALUES = 256


class SqlServer:
    """Connects at first use. Thread-safe: every call takes a connection of its own."""

    system = SYSTEM
    default_namespace = dialect.DEFAULT_NAMESPACE

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connections = Connections(address)
        self._server: facts.Server | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connections.close()

    # ---- looking

    def check(self) -> Facts:
        unforced = [row["name"] for row in self._ask(queries.UNFORCED)]
        return facts.told(self.server(), self.tables(), unforced)

    def server(self) -> facts.Server:
        with self._lock:
            if self._server is None:
                self._server = facts.server(self._ask)
            return self._server

    def tables(self) -> Sequence[Table]:
        with self._connections.use() as connection:
            return catalog.tables(connection.rows)

    def refine(self, table: Table) -> Table:
        return refine.refined(self._ask, table) if refine.doubted(table) else table

    def views(self) -> Sequence[View]:
        with self._connections.use() as connection:
            return catalog.views(connection.rows)

    def sequences(self) -> Sequence[NamedSequence]:
        return catalog.sequences(self._ask, self.server().major)

    def land(self, column: Column) -> Landing:
        return landing.land(column)

    # ---- reading

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        with self._connections.use(view) as connection:
            return split.chunks(connection.rows, table, rows_per_chunk)

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        if not table.written:
            raise Refused("this table has no column that carries data.", where=table.label)
        parts = select.parts(table)
        statement = select.statement(table, chunk, parts)
        wires = [wire for part in parts for wire in part.wires]
        with self._connections.use(view) as connection, classified(table.label):
            for arrays in connection.batches(statement, wires, _rows_at_once(table)):
                yield _batch(table, parts, arrays)

    def snapshot(self) -> SnapshotPort:
        return OwnViews(VIEW if self.server().snapshots else "")

    def execute(self, sql: str) -> pa.Table:
        with self._connections.use() as connection:
            return connection.table(sql)

    def schema(self) -> SqlServerSchema:
        return SqlServerSchema(self._connections)

    def _ask(self, sql: str) -> list[dict[str, Any]]:
        with self._connections.use() as connection:
            return connection.rows(sql)


def _batch(table: Table, parts: Sequence[select.Part], arrays: Sequence[pa.Array]) -> pa.RecordBatch:
    columns, lost, at = [], {}, 0
    for column, part in zip(table.written, parts, strict=True):
        array, count = part.make(arrays[at : at + len(part.wires)])
        at += len(part.wires)
        columns.append(array)
        if count:
            lost[column.name] = count
    return with_losses(pa.RecordBatch.from_arrays(columns, schema=table.arrow()), lost)


def _rows_at_once(table: Table) -> int:
    """Few of them where single values have no limit: a driver that gathers by rows must not gather gigabytes."""
    if table.rows_estimate and table.bytes_estimate:
        width = max(table.bytes_estimate // table.rows_estimate, 1)
        fitting = max(min(ROWS_PER_BATCH, BATCH_BYTES_MAX // width), 1)
    else:
        fitting = ROWS_PER_BATCH
    unbounded = any(_unbounded(c) for c in table.written)
    return min(fitting, _ROWS_OF_LONG_VALUES) if unbounded else fitting


def _unbounded(column: Column) -> bool:
    return column.length is None and (pa.types.is_string(column.type) or pa.types.is_binary(column.type))
