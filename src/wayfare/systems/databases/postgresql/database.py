"""PostgreSQL as a database of Wayfare: the ports, each one step away from where it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import CARRIED, Chunk, Facts, Mode, Parcel, Snapshot, Ticket
from wayfare.core.switches import Switch
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.postgresql import change, dialect, publish, read, relay, stage, types, write
from wayfare.systems.databases.postgresql.catalog import BEGIN_CATALOG, Catalog
from wayfare.systems.databases.postgresql.connect import Connections
from wayfare.systems.databases.postgresql.schema import switching
from wayfare.systems.databases.postgresql.schema.port import PostgreSQLSchema
from wayfare.systems.databases.postgresql.snapshot import ExportedSnapshot

VERSION_MIN = 120_000


class PostgreSQL:
    system = types.SYSTEM
    name_bytes_max = dialect.NAME_BYTES_MAX
    has_namespaces = True
    default_namespace = dialect.DEFAULT_NAMESPACE
    folds_case = False
    carries = CARRIED

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connections = Connections(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connections.close()

    def check(self) -> Facts:
        with self._connections.use() as connection:
            number = connection.info.server_version
            row = connection.execute("show server_version").fetchone()
        version = f"PostgreSQL {str(row[0]).split()[0] if row else number // 10_000}"
        if number < VERSION_MIN:
            message = f"{version} is older than 12, the oldest version that is tested."
            return Facts(version, (Finding("postgresql_old", Severity.WARNING, message),))
        return Facts(version)

    def tables(self) -> Sequence[Table]:
        with self._connections.transaction(begin=BEGIN_CATALOG) as connection:
            return Catalog(connection).tables()

    def views(self) -> Sequence[View]:
        with self._connections.transaction(begin=BEGIN_CATALOG) as connection:
            return Catalog(connection).views()

    def sequences(self) -> Sequence[NamedSequence]:
        with self._connections.transaction(begin=BEGIN_CATALOG) as connection:
            return Catalog(connection).sequences()

    def create_views(self, views: Sequence[View]) -> Sequence[Finding]:
        return change.create_views(self._connections, views)

    def create_sequences(self, sequences: Sequence[NamedSequence]) -> None:
        change.create_sequences(self._connections, sequences)

    def draft(self, table: Table) -> Sequence[str]:
        return dialect.draft(table)

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        return read.split(self._connections, table, rows_per_chunk, view)

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        return read.read(self._connections, table, chunk, view)

    def land(self, column: Column) -> Landing:
        return types.land(column)

    def snapshot(self) -> Snapshot:
        return ExportedSnapshot(self._connections)

    def staged(self, run: str, table: Table) -> Table:
        return stage.staged(run, table)

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        stage.stage(self._connections, run, tables)

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        return write.write(self._connections, ticket, table, batches)

    def sends(self, table: Table) -> Sequence[str]:
        return relay.sends(table)

    def receives(self, source: Table, landed: Table) -> Sequence[str]:
        return relay.receives(landed)

    def send(self, table: Table, chunk: Chunk, form: str, view: str = "") -> Iterator[Parcel]:
        return relay.send(self._connections, table, chunk, form, view)

    def receive(self, ticket: Ticket, table: Table, form: str, parcels: Iterable[Parcel]) -> int:
        return relay.receive(self._connections, ticket, table, form, parcels)

    def seal(self, run: str, table: Table) -> None:
        stage.seal(self._connections, run, table)

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        publish.publish(self._connections, run, tables, mode)

    def finish(self, run: str) -> None:
        publish.finish(self._connections, run)

    def discard(self, run: str) -> None:
        publish.discard(self._connections, run)

    def execute(self, sql: str) -> pa.Table:
        return change.execute(self._connections, sql)

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        return change.delete(self._connections, table, keys)

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        change.add_columns(self._connections, table, columns)

    def schema(self) -> PostgreSQLSchema:
        return PostgreSQLSchema(self._connections)

    def takes_writes(self) -> bool:
        return switching.takes_writes(self._connections)

    def writing(self) -> PostgreSQLSchema:
        return PostgreSQLSchema(self._connections.writing())

    def switch(self) -> Switch | None:
        return switching.switch(self._connections)
