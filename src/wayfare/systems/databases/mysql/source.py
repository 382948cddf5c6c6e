"""A database as a source: looking at it and reading from it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import pyarrow as pa
import pymysql

from wayfare.core.address import Address
from wayfare.core.errors import Refused, WayfareError
from wayfare.core.landing import Landing
from wayfare.core.ports import Chunk, Facts
from wayfare.core.ports import Snapshot as SnapshotPort
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.mysql import (
    catalog,
    dialect,
    landing,
    privileges,
    read,
    wire,
)
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import server as servers
from wayfare.systems.databases.mysql import snapshot as snapshots
from wayfare.systems.databases.mysql import split as splitting
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.server import Server
from wayfare.systems.databases.mysql.types import SYSTEM


class Source:
    """Connects at first use. Thread-safe: every call takes a connection of its own."""

    system = SYSTEM

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
        shared = snapshots.find(view, self.address.url()) if view else None
        with shared.borrow() if shared else self._connections.use() as connection:
            yield connection

    @contextmanager
    def _rows(self, sql: str, table: Table, view: str) -> Iterator[wire.Stream]:
        """The rows of a SELECT. Left early, the connection is given up, or led to the end where it holds a snapshot."""
        with self._reader(view) as connection:
            try:
                stream = wire.Stream(connection, sql, self._connections.options.stall_seconds)
            except Refused as error:
                raise Refused(error.message, where=table.label, remedy=error.remedy) from error
            with stream:
                try:
                    yield stream
                finally:
                    if view and not stream.done and not stream.broken:
                        with contextlib.suppress(WayfareError, pymysql.MySQLError, OSError):
                            wire.drain(stream, self._kill)

    def _kill(self, thread: int) -> None:
        with self._connections.use() as connection:
            link.run(connection, f"KILL QUERY {thread:d}")
