"""The lock of a database's schema: GET_LOCK on a connection of its own, and a row with the fence.

The server gives the lock back when that connection ends, however its process ended. The fence is checked in the
transaction of each of our writes, so that a holder whose connection was lost writes nothing once another took over.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Carried, Entry, Holder, Policy, ended_now
from wayfare.core.errors import Busy, LockLost, WayfareError
from wayfare.core.statements import Statement
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.dialect import literal
from wayfare.systems.databases.mysql.schema import carry, records
from wayfare.systems.databases.mysql.server import Server

# As long as the lock is held, its connection says nothing; and what people write means what it means to any program.
_IDLE_SECONDS_MAX = 2_147_483
_AS_ANY_PROGRAM = (
    "sql_mode = @@GLOBAL.sql_mode",
    "explicit_defaults_for_timestamp = @@GLOBAL.explicit_defaults_for_timestamp",
    "innodb_strict_mode = @@GLOBAL.innodb_strict_mode",
    "sql_require_primary_key = @@GLOBAL.sql_require_primary_key",
)


def name(connections: Connections) -> str:
    """Names of locks are the server's, at most 64 characters, and the same in any case."""
    return "wayfare " + hashlib.sha256(connections.address.database.encode()).hexdigest()[:40]


def take(connections: Connections, server: Server, by: str) -> Lock | None:
    connection = connections.open()
    try:
        if not link.value(connection, f"SELECT GET_LOCK({literal(name(connections))}, 0)"):
            link.drop(connection)
            return None
        if not records.has(connection, LOCK_TABLE):
            link.run(connection, records.CREATE_LOCK)
        link.run(connection, f"SET SESSION wait_timeout = {_IDLE_SECONDS_MAX}, innodb_lock_wait_timeout = 1")
        fence = records.take(connection, by, time.time())
        return Lock(connections, server, connection, fence)
    except Busy:  # the last holder's transaction ends just now
        link.drop(connection)
        return None
    except BaseException:
        link.drop(connection)
        raise


def holder(connections: Connections) -> Holder | None:
    with connections.use() as connection:
        if not records.has(connection, LOCK_TABLE):
            return None
        used = f"IS_USED_LOCK({literal(name(connections))}) IS NOT NULL"
        rows = link.rows(connection, f"SELECT holder, fence, since, {used} FROM {LOCK_TABLE} WHERE id = 1")
    return Holder(rows[0][0], int(rows[0][1]), rows[0][2], alive=bool(rows[0][3])) if rows else None


def own(connections: Connections) -> Connection:
    """A connection on which statements mean what they mean to any program that connects."""
    connection = connections.open()
    for setting in _AS_ANY_PROGRAM:
        with_it = setting.partition(" ")[0]
        if link.rows(connection, f"SHOW VARIABLES LIKE {literal(with_it)}"):
            link.run(connection, f"SET SESSION {setting}")
    return connection


class Lock:
    """A `Held`. Changes go through one connection, so that what a SET sets holds for the next statements."""

    def __init__(self, connections: Connections, server: Server, connection: Connection, fence: int) -> None:
        self.fence = fence
        self._connections = connections
        self._server = server
        self._lock = connection
        self._turn = threading.RLock()
        self._number = int(link.value(connection, "SELECT CONNECTION_ID()"))
        self._work: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """The row stays, for its fence; who is left in it is not alive."""
        with self._turn:
            if self._work is not None:
                link.drop(self._work)
            with contextlib.suppress(WayfareError):  # who is closed without a word ends later than we return
                link.run(self._lock, f"DO RELEASE_LOCK({literal(name(self._connections))})")
            link.drop(self._lock)

    def alive(self) -> bool:
        with self._turn:
            if not link.alive(self._lock):
                return False
            return bool(link.value(self._lock, f"SELECT fence FROM {LOCK_TABLE} WHERE id = 1") == self.fence)

    def keep(self, entry: Entry) -> None:
        records.acceptable(entry)
        with self._writing() as connection:
            records.keep(connection, entry)

    def forget(self, history: str, version: str) -> None:
        with self._writing() as connection:
            records.forget(connection, history, version)

    def carry(self, statements: Sequence[Statement], entry: Entry, policy: Policy) -> Carried:
        """Rows and their entry are one transaction. A change of the schema is committed by the server itself."""
        records.acceptable(entry)
        carry.acceptable(statements)
        if all(carry.keeps_together(s) for s in statements):
            return carry.rows(self._connections, self._writing, statements, entry, policy)
        with self._turn:
            with self._writing():
                pass  # the fence
            runner = carry.Runner(self._connections, self._server, self.working(), self.fence)
            carried = runner.change(statements[0], policy)
            self.keep(ended_now(entry))
        return carried

    def working(self) -> Connection:
        if self._work is None or not link.alive(self._work):
            self._work = own(self._connections)
        return self._work

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that has checked the fence, and keeps the next holder waiting until it ends."""
        with self._turn:
            self._tables()
            connection = self.working()
            link.run(connection, "START TRANSACTION")
            try:
                self._check(connection)
                yield connection
                link.run(connection, "COMMIT")
            except BaseException:
                link.drop(connection)  # the server undoes it; the next statement gets a new connection
                self._work = None
                raise

    def _tables(self) -> None:
        if not link.alive(self._lock):
            raise self._lost("its connection was closed")
        if not records.has(self._lock, REVISIONS_TABLE):
            link.run(self._lock, records.CREATE_REVISIONS)

    def _check(self, connection: Connection) -> None:
        used = f"IS_USED_LOCK({literal(name(self._connections))})"
        found = link.rows(connection, f"SELECT fence, holder, {used} FROM {LOCK_TABLE} WHERE id = 1 FOR UPDATE")
        if not found or int(found[0][0]) != self.fence:
            raise self._lost(f"{found[0][1] if found else 'somebody'} has taken over")
        if found[0][2] != self._number:
            raise self._lost("its connection was closed")

    def _lost(self, why: str) -> LockLost:
        return LockLost(
            f"the lock of the schema of {self._connections.address.database} is lost: {why}.",
            remedy="Look at the status of the change, and run it again.",
        )
