"""The right to change a schema: an advisory lock of a transaction that stays open, on a connection of its own.

A transaction's lock holds through a pooler, which gives a connection's lock to two. It is only ever tried, never
waited for: who waits inside pg_advisory_lock() holds up concurrent index builds. The transaction is READ COMMITTED and
idle, so it has no snapshot, and index builds do not wait for it. When the runner dies, its connection ends, and so
does the lock.

The row beside it is for people, and for the fence: a number that grows with every holder, and is asked for in every
write's transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import psycopg

from wayfare.core.changes import LOCK_TABLE, Carried, Entry, Holder, Policy
from wayfare.core.errors import LockLost, WayfareError
from wayfare.core.statements import Statement
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.errors import classifying
from wayfare.systems.databases.postgresql.schema import alone, carry
from wayfare.systems.databases.postgresql.schema import history as revisions
from wayfare.systems.databases.postgresql.schema.settings import AT_WORK

KEY = 0x0077_6179_6661_7265  # "wayfare"
ROW_WAIT_MS = 50  # for the row of the last holder, while its last transaction ends

_TRY = f"begin isolation level read committed; set local idle_in_transaction_session_timeout = 0;\
 set local application_name = 'wayfare lock'; select pg_try_advisory_xact_lock({KEY})"
_IS_HELD = f"""
select exists(select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and classid::int8 = {KEY >> 32} and objid::int8 = {KEY & 0xFFFF_FFFF})
  or exists(select from pg_stat_activity where datname = current_database() and application_name = %s
    and state in ('active', 'idle in transaction'))
"""


def lock(connections: Connections, by: str) -> Held | None:
    """None when another holds it, or when the last holder's last transaction is not over yet. Never waits.

    Who asks again and again does so on the same connection: to begin and end one costs a server more than the answer.
    """
    connection = connections.own()
    try:
        with classifying(LOCK_TABLE):
            fence = _fence(connections, by) if _won(connection) else None
            if fence is None:
                connection.execute("rollback")
    except BaseException:
        connection.close()
        raise
    if fence is None:
        connections.give_back(connection)
        return None
    return Held(connections, connection, fence)


def _won(connection: Connection) -> bool:
    cursor = connection.execute(_TRY)
    while cursor.nextset():
        pass  # the last of them has the answer
    row = cursor.fetchone()
    return bool(row and row[0])


def _fence(connections: Connections, by: str) -> int | None:
    """The row is written on another connection: the one of the lock must stay idle."""
    with connections.use(LOCK_TABLE) as connection:
        connection.execute("begin")
        connection.execute(f"set local lock_timeout = {ROW_WAIT_MS}")
        try:
            revisions.create(connection)
            fence = revisions.hold(connection, by)
        except psycopg.errors.LockNotAvailable:
            connection.execute("rollback")
            return None
        connection.execute("commit")
        return fence


def holder(connections: Connections) -> Holder | None:
    """Without taking it. `alive` is False where a row was left by a runner that is gone."""
    with connections.use(LOCK_TABLE) as connection:
        found = revisions.holder(connection)
        if found is None:
            return None
        by, fence, since = found
        row = connection.execute(_IS_HELD, (f"{AT_WORK}{fence}",)).fetchone()
    return Holder(by, fence, since, alive=bool(row and row[0]))


class Held:
    """The lock, held. Thread-safe: `alive` may be asked while `carry` works."""

    def __init__(self, connections: Connections, connection: Connection, fence: int) -> None:
        self.fence = fence
        self._connections = connections
        self._lock = connection
        self._closing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """The row first: it must not say that we hold what another may have. A row that stays is told as dead."""
        with self._closing:
            if self._lock.closed:
                return
            with contextlib.suppress(WayfareError), self._connections.transaction(LOCK_TABLE) as connection:
                revisions.let_go(connection, self.fence)
            with contextlib.suppress(psycopg.Error):
                self._lock.execute("rollback")  # a connection that is only closed ends later than we return
            self._lock.close()

    def alive(self) -> bool:
        """Ask over the connection of the lock itself."""
        try:
            self._lock.execute("select 1")
        except psycopg.Error:
            return False
        return True

    def keep(self, entry: Entry) -> None:
        """Repeatable: it makes or replaces."""
        with self._writing() as connection:
            revisions.keep(connection, entry)

    def forget(self, history: str, version: str) -> None:
        """Repeatable."""
        with self._writing() as connection:
            revisions.forget(connection, history, version)

    def carry(self, statements: Sequence[Statement], entry: Entry, policy: Policy) -> Carried:
        """See `core.changes`. Not repeatable by itself: whoever calls asks for the history or the outcome first."""
        self._check()
        by_itself = len(statements) == 1 and statements[0].alone
        way: Callable[..., Carried] = alone.carry if by_itself else carry.carry
        return way(self._connections, self.fence, statements, entry, policy)

    def _check(self) -> None:
        if not self.alive():
            raise LockLost(
                "the connection that held the lock of the schema is gone.",
                where=LOCK_TABLE,
                remedy="Take the lock again, and look at the history first.",
            )

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        self._check()
        with self._connections.use(LOCK_TABLE) as connection:
            connection.execute("begin")
            prepare_entry(connection, self.fence)
            yield connection
            connection.execute("commit")


def prepare_entry(connection: Connection, fence: int) -> None:
    """What begins the transaction of an entry that is kept by itself."""
    connection.execute("set local lock_timeout = 10000")
    revisions.check_fence(connection, fence)
