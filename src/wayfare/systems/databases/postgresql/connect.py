"""Connections to one server: opened when needed, kept for the next use, dropped after any failure."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

from wayfare.core.address import Address
from wayfare.core.errors import Unreachable
from wayfare.kernel.stream import stall_seconds
from wayfare.systems.databases.postgresql.errors import classifying, login_failed
from wayfare.systems.databases.postgresql.options import parameters, places

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

IDLE_MAX = 8

# Text forms must not depend on the server's settings. A source behind row-level security must fail, not give a part.
_SETTINGS = """
set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; set timezone = 'UTC'; set extra_float_digits = 1;
set bytea_output = 'hex'; set statement_timeout = 0; set lock_timeout = 0;
set idle_in_transaction_session_timeout = 0; set row_security = off; set standard_conforming_strings = on;
set client_min_messages = warning; set xmloption = content
"""


class Connections:
    """Thread-safe. A connection is in autocommit; whoever opens a transaction on it also ends it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._parameters = parameters(address)
        self.stall_seconds = stall_seconds(address.options)
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._writing: Connections | None = None

    def writing(self) -> Connections:
        """Others to the same database, which write also where that is read-only by default. Closed with these.

        It is said when they connect, as RESET ALL goes back to that.
        """
        with self._lock:
            if self._writing is None:
                said = f"{self.address.options.get('options', '')} -c default_transaction_read_only=off".strip()
                address = replace(self.address, options={**self.address.options, "options": said})
                self._writing = Connections(address)
            return self._writing

    @contextmanager
    def use(self, where: str = "") -> Iterator[Connection]:
        """A connection for a while. `where` names what is worked on, in errors."""
        connection = self._take() or self._open()
        try:
            with classifying(where):
                yield connection
        except BaseException as error:
            connection.close()  # its state is unknown, and a query may still be running on it
            if isinstance(error, Unreachable):
                error.by(self.address.url())
            raise
        self.give_back(connection)

    @contextmanager
    def transaction(self, where: str = "", begin: str = "begin") -> Iterator[Connection]:
        """The same, within a transaction that is committed at the end."""
        with self.use(where) as connection:
            connection.execute(begin)
            yield connection
            connection.execute("commit")

    def own(self) -> Connection:
        """A connection that belongs to the caller alone, who closes it or gives it back. Raises as `use` does."""
        return self._take() or self._open()

    def anew(self) -> Connection:
        """The same, begun now: an older one keeps the settings of the database as they were then."""
        return self._open()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            writing = self._writing
        if writing:
            writing.close()
        for connection in idle:
            connection.close()

    def _take(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not connection.closed and not _has_news(connection):
                return connection
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """One's own, which has no settings but those of all. It is kept, or closed."""
        clean = not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE
        with self._lock:
            if clean and not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> Connection:
        parameters = {**self._parameters, **places(self.address)}
        try:
            connection = psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)
        except psycopg.Error as error:
            raise login_failed(error, self.address.url()) from error
        with classifying():
            connection.execute(_SETTINGS)
        return connection


def _has_news(connection: Connection) -> bool:
    """An idle connection on which something arrived: the server said goodbye, or the network did."""
    return readable(connection.fileno())


def readable(descriptor: int) -> bool:
    """Is there something to read now? By poll: select cannot look at descriptors above 1,023, which services have."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
