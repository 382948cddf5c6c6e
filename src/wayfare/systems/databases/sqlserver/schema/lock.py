"""The right to change a schema: an application lock (sp_getapplock) of a connection that stays open.

It belongs to the session, not to a transaction: an idle transaction that stays open for the length of a change is
what administrators look for and end, and XACT_ABORT would take the lock with the first error. Poolers of SQL Server
live in the client, so a connection is ours alone. Nobody waits for it. It is given back by sp_releaseapplock, before
the connection is closed, because a server may take its time to see that; and when the runner dies, its connection
ends, and so does the lock.

The row beside it is for people, and for the fence: a number that grows with every holder, and is asked for in every
write's transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

from wayfare.core.changes import LOCK_TABLE, Carried, Entry, Holder, Policy
from wayfare.core.errors import Busy, LockLost, Unreachable, WayfareError
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.drivers import Connection
from wayfare.systems.databases.sqlserver.errors import classified
from wayfare.systems.databases.sqlserver.schema import alone, applocks, carry
from wayfare.systems.databases.sqlserver.schema import history as revisions
from wayfare.systems.databases.sqlserver.schema.settings import OWN_MS, lock_timeout, prepare
from wayfare.systems.databases.sqlserver.schema.transactions import transaction

RESOURCE = "wayfare"
ROW_WAIT_MS = 50  # for the row of the last holder, while its last transaction ends


def lock(connections: Connections, by: str) -> Held | None:
    """None when another holds it, or when the last holder's last transaction is not over yet. Never waits."""
    connection = connections.open()
    try:
        with classified(LOCK_TABLE):
            prepare(connection)
            fence = _fence(connection, by) if applocks.take(connection, RESOURCE) else None
    except BaseException:
        connection.close()
        raise
    if fence is None:
        connection.close()
        return None
    return Held(connections, connection, fence)


def _fence(connection: Connection, by: str) -> int | None:
    lock_timeout(connection, ROW_WAIT_MS)
    try:
        with classified(LOCK_TABLE), transaction(connection):
            revisions.create(connection)
            fence = revisions.hold(connection, by)
    except Busy:
        applocks.release(connection, RESOURCE)
        return None
    lock_timeout(connection, OWN_MS)
    return fence


def holder(connections: Connections) -> Holder | None:
    """Without taking it. `alive` is False where a row was left by a runner that is gone."""
    with connections.use() as connection, classified(LOCK_TABLE):
        found = revisions.holder(connection)
        if found is None:
            return None
        free = applocks.free(connection, RESOURCE)
    by, fence, since = found
    return Holder(by, fence, since, alive=not free)


class Held:
    """The lock, held. Thread-safe: `alive` may be asked while `carry` works."""

    def __init__(self, connections: Connections, connection: Connection, fence: int) -> None:
        self.fence = fence
        self._connections = connections
        self._lock = connection
        self._turn = threading.RLock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """The row first: it must not say that we hold what another may have. A row that stays is told as dead."""
        with self._turn:
            if self._closed:
                return
            self._closed = True
            with suppress(WayfareError), classified(LOCK_TABLE):
                lock_timeout(self._lock, ROW_WAIT_MS)
                revisions.let_go(self._lock, self.fence)
            with suppress(WayfareError), classified(LOCK_TABLE):
                applocks.release(self._lock, RESOURCE)
            self._lock.close()

    def alive(self) -> bool:
        """Ask over the connection of the lock itself."""
        with self._turn, suppress(WayfareError), classified(LOCK_TABLE):
            return not self._closed and applocks.ours(self._lock, RESOURCE)
        return False

    def keep(self, entry: Entry) -> None:
        """Repeatable: it makes or replaces."""
        revisions.acceptable(entry)
        with self._writing() as connection:
            revisions.keep(connection, entry)

    def forget(self, history: str, version: str) -> None:
        """Repeatable."""
        with self._writing() as connection:
            revisions.forget(connection, history, version)

    def carry(self, statements: Sequence[Statement], entry: Entry, policy: Policy) -> Carried:
        """See `core.changes`. Not repeatable by itself: whoever calls asks for the history or the outcome first."""
        revisions.acceptable(entry)
        self._check()
        by_itself = len(statements) == 1 and statements[0].alone
        way: Callable[..., Carried] = alone.carry if by_itself else carry.carry
        return way(self._connections, self.fence, statements, entry, policy)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction on the connection of the lock: gone with it, the write would be too."""
        with self._turn:
            self._check()
            try:
                with classified(LOCK_TABLE), transaction(self._lock):
                    revisions.check_fence(self._lock, self.fence)
                    yield self._lock
            except Unreachable as error:
                raise _lost() from error

    def _check(self) -> None:
        if not self.alive():
            raise _lost()


def _lost() -> LockLost:
    return LockLost(
        "the connection that held the lock of the schema is gone.",
        where=LOCK_TABLE,
        remedy="Take the lock again, and look at the history first.",
    )
