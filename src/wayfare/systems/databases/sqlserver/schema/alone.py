"""A statement that refuses to run within a transaction: it commits by itself, and its entry follows.

They are those about full-text indexes and catalogs, and index builds that can be resumed
(https://learn.microsoft.com/sql/t-sql/language-elements/transactions-transact-sql, and RESUMABLE of CREATE INDEX).
While one is at work its connection holds an application lock, so that everybody can see, without further rights, that
it is still at work, also when its runner is gone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import closing

from wayfare.core.changes import Carried, Entry, Policy, ended_now
from wayfare.core.errors import Busy, Refused
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.drivers import Connection
from wayfare.systems.databases.sqlserver.errors import classified
from wayfare.systems.databases.sqlserver.schema import applocks, history
from wayfare.systems.databases.sqlserver.schema.blockers import busy
from wayfare.systems.databases.sqlserver.schema.carry import Failed, execute
from wayfare.systems.databases.sqlserver.schema.ladder import rung
from wayfare.systems.databases.sqlserver.schema.refusals import refusal, where
from wayfare.systems.databases.sqlserver.schema.settings import OWN_MS, lock_timeout, ours, prepare
from wayfare.systems.databases.sqlserver.schema.transactions import transaction

RESOURCE = "wayfare at work"


def at_work(connection: Connection) -> bool:
    return not applocks.free(connection, RESOURCE)


def carry(
    connections: Connections, fence: int, statements: Sequence[Statement], entry: Entry, policy: Policy
) -> Carried:
    """Raises as `Held.carry` does."""
    (statement,) = statements
    if len(statement.actions) > 1:
        why = "this batch holds a statement that refuses to run within a transaction, and others."
        raise Refused(why, where=where(statement), remedy="Write GO before and after that one.")
    began, tries = time.monotonic(), 0
    with closing(connections.open()) as connection:
        _begin(connection, fence, where(statement))
        while True:
            policy.stopping()
            begun = time.monotonic()
            way = rung(begun - began, policy.lock_wait_seconds_max, policy.ladder_ms)
            tries += 1
            try:
                lock_timeout(connection, way.queue_ms)
                rows = execute(connection, statement, policy.statement_seconds_max)
            except Failed as failed:
                if not isinstance(failed.error, Busy):
                    raise refusal(failed.error, statement) from failed.error
                waited = time.monotonic() - began
                if waited >= policy.lock_wait_seconds_max:
                    raise busy(connections, statement, waited, tries) from failed.error
                time.sleep(random.uniform(*way.pause_seconds))  # noqa: S311 – not a secret: so that two keep apart
                continue
            seconds = time.monotonic() - begun
            _written_down(connection, fence, entry)
            return Carried(seconds, tries, begun - began, rows)


def _begin(connection: Connection, fence: int, place: str) -> None:
    with classified():
        prepare(connection)
        lock_timeout(connection, OWN_MS)
        with transaction(connection):
            history.check_fence(connection, fence)
        if not applocks.take(connection, RESOURCE):
            raise Busy(
                "the statement of a runner that is gone is still at work.",
                where=place,
                remedy="Wait for its end: the server shows it in sys.dm_exec_requests.",
            )


def _written_down(connection: Connection, fence: int, entry: Entry) -> None:
    with classified():
        ours(connection)
        with transaction(connection):
            history.check_fence(connection, fence)
            history.keep(connection, ended_now(entry))
        applocks.release(connection, RESOURCE)
