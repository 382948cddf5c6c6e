"""Connections to one address, a few of them kept for reuse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wayfare.core.address import Address
from wayfare.core.errors import Unreachable
from wayfare.systems.databases.sqlserver import options, snapshot
from wayfare.systems.databases.sqlserver.drivers import Connection, open_connection
from wayfare.systems.databases.sqlserver.errors import classified

IDLE_MAX = 4


class Connections:
    """Thread-safe; a connection in use belongs to one thread."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.options = options.parse(address)
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def use(self, view: str = "") -> Iterator[Connection]:
        """A connection that reads row versions where `view` asks for them. Reused only when the block ends well."""
        connection = self._take()
        try:
            with classified():
                connection.rows(snapshot.SNAPSHOT if view else snapshot.READ_COMMITTED)
                yield connection
        except BaseException as error:
            connection.close()
            if isinstance(error, Unreachable):
                error.by(self.address.url())
            raise
        self._give(connection)

    def open(self) -> Connection:
        """A new connection that the caller owns."""
        with classified(self.address.url()):
            connection = open_connection(self.options)
        with classified(self.address.url()):
            connection.rows(f"SET LOCK_TIMEOUT {options.LOCK_SECONDS_MAX * 1000}")
        return connection

    def _take(self) -> Connection:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is None:
            return self.open()
        try:
            with classified():
                idle.rows("SELECT 1 AS here")
        except Unreachable:  # it was idle for long; whether the server is down, the next one will say
            idle.close()
            return self.open()
        return idle

    def _give(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
