"""One MySQL or MariaDB database."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

import pyarrow as pa
import pymysql

from wayfare.core.address import Address
from wayfare.core.errors import Refused, WayfareError
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import CARRIED, Chunk, Facts, Mode, Parcel, Ticket
from wayfare.core.ports import Snapshot as SnapshotPort
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.mysql import (
    catalog,
    definition,
    dialect,
    landing,
    privileges,
    read,
    relay,
    wire,
    write,
)
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import server as servers
from wayfare.systems.databases.mysql import snapshot as snapshots
from wayfare.systems.databases.mysql import split as splitting
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.dialect import quote
from wayfare.systems.databases.mysql.ledger import staged_name
from wayfare.systems.databases.mysql.server import Server
from wayfare.systems.databases.mysql.stage import Staging
from wayfare.systems.databases.mysql.types import SYSTEM

NAME_BYTES_MAX = 64


class MySql:
    """Connects at first use. Thread-safe: every call takes a connection of its own."""

    system = SYSTEM
    name_bytes_max = NAME_BYTES_MAX
    has_namespaces = False
    default_namespace = ""
    folds_case = True  # names of columns always, of tables on some platforms
    carries = CARRIED - {"partial_index"}

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connections = Connections(address)
        self._server: Server | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connections.close()

    # ---- looking

    def check(self) -> Facts:
        server = self.server()
        with self._connections.use() as connection:
            return Facts(server.printed, tuple(privileges.findings(connection, server)))

    def server(self) -> Server:
        with self._lock:
            if self._server is None:
                with self._connections.use() as connection:
                    self._server = servers.ask(connection)
            return self._server

    def tables(self) -> Sequence[Table]:
        server = self.server()
        with self._connections.use() as connection:
            return catalog.tables(connection, server, booleans=self._connections.options.booleans)

    def views(self) -> Sequence[View]:
        with self._connections.use() as connection:
            return catalog.views(connection)

    def sequences(self) -> Sequence[NamedSequence]:
        with self._connections.use() as connection:
            return catalog.sequences(connection)

    def land(self, column: Column) -> Landing:
        return landing.land(column)

    def draft(self, table: Table) -> Sequence[str]:
        return definition.statements(table, self._server or servers.ANY_SERVER)

    # ---- reading

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        with self._reader(view) as connection:
            return splitting.chunks(connection, table, rows_per_chunk)

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        with self._rows(dialect.select(table, chunk), table, view) as stream:
            yield from read.batches(stream, table)

    def snapshot(self) -> SnapshotPort:
        return snapshots.SharedView(self._connections)

    def execute(self, sql: str) -> pa.Table:
        with self._connections.use() as connection:
            return read.result(connection, sql)

    @contextmanager
    def _reader(self, view: str) -> Iterator[Connection]:
        shared = snapshots.find(view) if view else None
        with shared.borrow() if shared else self._connections.use() as connection:
            yield connection

    @contextmanager
    def _rows(self, sql: str, table: Table, view: str) -> Iterator[wire.Stream]:
        """The rows of a SELECT. Left early, the connection is given up, or led to the end where it holds a snapshot."""
        with self._reader(view) as connection:
            try:
                stream = wire.Stream(connection, sql)
            except Refused as error:
                raise Refused(error.message, where=table.label, remedy=error.remedy) from error
            with stream:
                try:
                    yield stream
                finally:
                    if view and not stream.done:
                        with contextlib.suppress(WayfareError, pymysql.MySQLError, OSError):
                            wire.drain(stream, self._kill)

    def _kill(self, thread: int) -> None:
        with self._connections.use() as connection:
            link.run(connection, f"KILL QUERY {thread:d}")

    # ---- writing

    def staged(self, run: str, table: Table) -> Table:
        return replace(table, name=staged_name(run, table.name))

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        with self._staging(run) as staging:
            staging.stage(tables)

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        server = self.server()
        with self._connections.use() as connection:
            return write.once(connection, ticket, lambda c: write.load_batches(c, server, table, batches))

    def seal(self, run: str, table: Table) -> None:
        with self._staging(run) as staging:
            staging.seal(table)

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        with self._staging(run) as staging:
            staging.publish(tables, mode)

    def finish(self, run: str) -> None:
        with self._staging(run) as staging:
            staging.finish()

    def discard(self, run: str) -> None:
        with self._staging(run) as staging:
            staging.discard()

    @contextmanager
    def _staging(self, run: str) -> Iterator[Staging]:
        """On a connection that is not used again: it does not look at foreign keys."""
        server = self.server()
        connection = self._connections.open()
        try:
            yield Staging(connection, server, run)
        finally:
            link.drop(connection)

    # ---- relays

    def sends(self, table: Table) -> Sequence[str]:
        return relay.sends(table)

    def receives(self, source: Table, landed: Table) -> Sequence[str]:
        return relay.receives(source, landed) if self._server is None or self._server.local_infile else ()

    def send(self, table: Table, chunk: Chunk, form: str, view: str = "") -> Iterator[Parcel]:
        with self._rows(dialect.select(relay.readable(table), chunk), table, view) as stream:
            yield from read.lines(stream, table)

    def receive(self, ticket: Ticket, table: Table, form: str, parcels: Iterable[Parcel]) -> int:
        with self._connections.use() as connection:
            like = form.startswith(relay.OWN)
            return write.once(connection, ticket, lambda c: write.load_parcels(c, table, parcels, like))

    # ---- changing

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        with self._connections.use() as connection:
            return write.delete(connection, table, keys)

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        have = {c.name.lower() for t in self.tables() if t.name == table.name for c in t.columns}
        new = [c for c in columns if c.name.lower() not in have]
        if new:
            with self._connections.use() as connection:
                link.run(connection, definition.add_columns(table, new, self.server()))

    def create_views(self, views: Sequence[View]) -> Sequence[Finding]:
        findings = []
        with self._connections.use() as connection:
            for view in views:
                try:
                    link.run(connection, f"CREATE OR REPLACE VIEW {quote(view.name)} AS {view.definition}")
                except WayfareError as error:
                    message = f"the view could not be made: {error.message} Its text is: {view.definition}"
                    findings.append(Finding("view_not_made", Severity.WARNING, message, view.label, "Make it by hand."))
        return findings
