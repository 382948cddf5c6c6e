"""One consistent view for several connections. Neither MySQL nor MariaDB hands a snapshot on, so it is made by a lock.

While nobody may write to the database's tables, a few connections begin their transactions; then the lock goes, after
some milliseconds, and all of them see the same state. The token names this set within this process: a reader borrows
one connection and gives it back. In another process the token is unknown: there a chunk is read in a view of its own.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from wayfare.core.errors import Busy, Forbidden, Refused, Unreachable, WayfareError
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.dialect import quote

READERS = 8
BORROW_SECONDS_MAX = 600
_BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT"

_PROCESS = secrets.token_hex(8)
_open: dict[str, SharedView] = {}
_lock = threading.Lock()


class SharedView:
    """A `Snapshot`: connections that began at one moment. `shared` is False where the lock was not allowed."""

    everywhere = False

    def __init__(self, connections: Connections, readers: int = READERS) -> None:
        self.token = f"{_PROCESS}:{secrets.token_hex(8)}"
        self.shared = True
        self._address = connections.address
        self._free: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._all: list[Connection] = []
        try:
            self._begin(connections, readers)
        except BaseException:
            self._drop_all()
            raise
        with _lock:
            _open[self.token] = self

    def _begin(self, connections: Connections, readers: int) -> None:
        for _ in range(readers):
            self._all.append(connections.open())
        with contextlib.closing(_Lock(connections)) as lock:
            self.shared = lock.held
            for connection in self._all:
                link.run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                link.run(connection, _BEGIN)
                self._free.put(connection)

    @contextmanager
    def borrow(self) -> Iterator[Connection]:
        """A connection that sees this view. One that breaks is not replaced: a later one would see another state."""
        try:
            connection = self._free.get(timeout=BORROW_SECONDS_MAX)
        except queue.Empty as error:
            raise Busy("no connection of the snapshot became free.", where="source") from error
        try:
            yield connection
        except Unreachable as error:
            link.drop(connection)  # nobody has to wait for an answer
            error.by(self._address.url())
            raise
        finally:
            if link.alive(connection):
                self._free.put(connection)
            else:
                self._lose(connection)

    def _lose(self, connection: Connection) -> None:
        link.drop(connection)
        with _lock:
            self._all.remove(connection)
            if not self._all:
                _open.pop(self.token, None)

    def alive(self) -> bool:
        """Idle connections on which something arrived are looked at: the server said goodbye, or the network did."""
        for connection in self._idle():
            if not link.has_news(connection) or link.alive(connection):
                self._free.put(connection)
            else:
                self._lose(connection)
        with _lock:
            return bool(self._all)

    def _idle(self) -> list[Connection]:
        """Those that nobody has borrowed; taken, so that nobody does."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._free.get_nowait())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with _lock:
            _open.pop(self.token, None)
        self._drop_all()

    def _drop_all(self) -> None:
        for connection in self._all:
            link.drop(connection)


def find(token: str, server: str) -> SharedView | None:
    """None for a token of another process. Raises Unreachable when the view has ended: a later one differs."""
    with _lock:
        found = _open.get(token)
    if found is None and token.startswith(_PROCESS):
        remedy = "The same command goes on, with a new snapshot."
        raise Unreachable("the snapshot has ended: its connections broke.", where=server, remedy=remedy)
    return found


class _Lock:
    """READ locks on all tables of the database, which writers wait for; none where that is not allowed."""

    def __init__(self, connections: Connections) -> None:
        self._connection = connections.open()
        self.held = False
        try:
            found = link.rows(self._connection, "SHOW FULL TABLES WHERE table_type = 'BASE TABLE'")
            link.run(self._connection, "SET SESSION lock_wait_timeout=10")
            if found:
                names = ", ".join(f"{quote(str(row[0]))} READ" for row in found)
                link.run(self._connection, f"LOCK TABLES {names}")
            self.held = True
        except (Forbidden, Refused, Busy):
            self.held = False  # `check` has said what is missing
        except WayfareError:
            link.drop(self._connection)
            raise

    def close(self) -> None:
        with contextlib.suppress(WayfareError):
            link.run(self._connection, "UNLOCK TABLES")
        link.drop(self._connection)
