"""Connections: made with PyMySQL (login, TLS, control statements) and kept for reuse."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import pymysql
from pymysql.constants import CLIENT

from wayfare.core.address import Address
from wayfare.core.errors import Invalid, Unreachable
from wayfare.kernel.stream import connected, keep_alive
from wayfare.systems.databases.mysql import options
from wayfare.systems.databases.mysql.errors import classified

IDLE_MAX = 4
BUFFER_BYTES = 4 << 20
# Values must come and go as they are, whatever the server's defaults: zero dates and 0 in a numbering column included.
# Errors stay errors (strict). The network timeouts are long because a reader may wait for a slow writer.
_SETTINGS = (
    "time_zone='+00:00', sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION',"
    " net_write_timeout=3600, net_read_timeout=3600, wait_timeout=28800, innodb_lock_wait_timeout=60,"
    " lock_wait_timeout=60, sql_select_limit=DEFAULT"
)
# These need a privilege on some servers, or do not exist; the work goes on without them.
_WISHES = (
    "explicit_defaults_for_timestamp=1",
    "innodb_strict_mode=0",  # or tables of hundreds of texts cannot be made, however short the texts are
    "information_schema_stats_expiry=0",
    "max_statement_time=0",
    "sql_require_primary_key=0",
    "max_error_count=65535",
)

Connection: TypeAlias = Any  # PyMySQL's, whose wire-level methods carry no types


class Connections:
    """A few idle connections to one address. Thread-safe; a connection in use belongs to one thread."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.options = options.parse(address)
        if not address.database:
            raise Invalid("the URL names no database.", where="url", remedy="mysql://user@host:3306/database")
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """A connection in autocommit mode. It is reused only when the block ends well."""
        connection = self._take()
        try:
            yield connection
        except BaseException as error:
            drop(connection)
            if isinstance(error, Unreachable):
                error.by(self.address.url())
            raise
        self._give(connection)

    def open(self) -> Connection:
        """A new connection that the caller owns and drops."""
        address = self.address
        with classified(address.url()):
            connection = pymysql.connect(
                defer_connect=True,
                host=address.host or "localhost",
                port=address.port or options.PORT,
                user=address.user or None,
                password=address.password.reveal(),
                database=address.database,
                unix_socket=self.options.unix_socket or None,
                charset="utf8mb4",
                autocommit=True,
                # The server may be told that lines will be sent (by `write`), but must never ask the driver for a file:
                # with `local_infile` any server could have any file of this machine.
                client_flag=CLIENT.FOUND_ROWS | CLIENT.LOCAL_FILES,
                connect_timeout=options.CONNECT_SECONDS_MAX,
                read_timeout=options.CONNECT_SECONDS_MAX,  # of a server that takes the call and says nothing
                **self.options.tls(address.host),
            )
            connection.connect(self._socket())
            try:
                self._prepare(connection)
            except BaseException:
                drop(connection)
                raise
        return connection

    def _socket(self) -> socket.socket | None:
        """None for a socket of this machine, which PyMySQL opens by itself."""
        if self.options.unix_socket:
            return None
        host, port = self.address.host or "localhost", self.address.port or options.PORT
        try:
            wire = connected(self.address.resolved(host, port), port, options.CONNECT_SECONDS_MAX)
        except OSError as error:
            remedy = "Is the server running, and may this machine reach it?"
            message = f"{host}:{port} cannot be connected to: {error}."
            raise Unreachable(message, where=self.address.url(), remedy=remedy) from error
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return wire

    def _prepare(self, connection: Connection) -> None:
        connection._read_timeout = None  # later a reader may wait for a slow writer
        wire = connection._sock
        wire.settimeout(None)
        if wire.family != socket.AF_UNIX:
            for side in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                wire.setsockopt(socket.SOL_SOCKET, side, BUFFER_BYTES)
            keep_alive(wire)
        run(connection, f"SET SESSION {_SETTINGS}")
        for wish in _WISHES:
            with contextlib.suppress(pymysql.MySQLError), connection.cursor() as cursor:
                cursor.execute(f"SET SESSION {wish}")

    def _take(self) -> Connection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if alive(connection):
                    return connection
                drop(connection)
        return self.open()

    def _give(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        drop(connection)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            drop(connection)


def alive(connection: Connection) -> bool:
    """Does it answer, within the time that connecting may take?"""
    connection._read_timeout = options.CONNECT_SECONDS_MAX
    try:
        connection.ping(reconnect=False)  # which older drivers do by themselves: a new connection has another view
    except (pymysql.MySQLError, OSError):
        return False
    connection._read_timeout = None
    return True


def has_news(connection: Connection) -> bool:
    """Did something arrive on an idle connection? Then the server, or the network, has most likely ended it."""
    poll = select.poll()  # unlike select(), it takes any file number
    poll.register(connection._sock, select.POLLIN)
    return bool(poll.poll(0))


def drop(connection: Connection) -> None:
    """Close without a word to the server: it undoes whatever was not committed."""
    with contextlib.suppress(pymysql.MySQLError, OSError):
        connection._force_close()


def run(connection: Connection, sql: str) -> int:
    """Execute one statement; how many rows it found or changed."""
    with classified(), connection.cursor() as cursor:
        return int(cursor.execute(sql))


def rows(connection: Connection, sql: str) -> Sequence[tuple[Any, ...]]:
    with classified(), connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def records(connection: Connection, sql: str) -> Sequence[Mapping[str, Any]]:
    """The same by the names of their columns, for what each version tells more of."""
    with classified(), connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def value(connection: Connection, sql: str) -> Any:
    """The first column of the first row, or None."""
    found = rows(connection, sql)
    return found[0][0] if found else None
