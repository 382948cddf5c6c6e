"""A statement that refuses to run within a transaction, such as CREATE INDEX CONCURRENTLY, and its entry after it.

What is built concurrently waits without holding anybody up, so it may wait long. Anything else goes the ladder. What a
failure leaves behind, an INVALID index, is dropped again, so that the statement can be carried out once more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import closing

import psycopg

from wayfare.core.changes import Carried, Entry, Policy, ended_now
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.errors import classifying
from wayfare.systems.databases.postgresql.schema import halves, history
from wayfare.systems.databases.postgresql.schema.blockers import busy
from wayfare.systems.databases.postgresql.schema.carry import TRY_AGAIN, Failed, execute, wanted
from wayfare.systems.databases.postgresql.schema.interrupting import interruptible, stop_if
from wayfare.systems.databases.postgresql.schema.ladder import rung
from wayfare.systems.databases.postgresql.schema.progress import telling
from wayfare.systems.databases.postgresql.schema.refusals import refusal, where
from wayfare.systems.databases.postgresql.schema.settings import lock_timeout, prepare

CLEAR_MS = 1000  # for dropping a half, which waits for the same transactions as the build did
GENTLE = frozenset({Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.REINDEX, Kind.DETACH_PARTITION})


def carry(
    connections: Connections, fence: int, statements: Sequence[Statement], entry: Entry, policy: Policy
) -> Carried:
    """The one statement, then its entry. Raises as `Held.carry` does."""
    (statement,) = statements
    began, tries = time.monotonic(), 0
    with closing(connections.own()) as connection:
        while True:
            policy.stopping()
            stop_if(policy)
            waited = time.monotonic() - began
            way = rung(waited, policy.lock_wait_seconds_max, policy.ladder_ms, known=False)
            gentle = statement.kind in GENTLE
            queue_ms = round((policy.lock_wait_seconds_max - waited) * 1000) if gentle else way.queue_ms
            tries += 1
            at_work = time.monotonic()
            try:
                rows = _once(connections, connection, fence, statement, policy, queue_ms)
            except Failed as failed:
                stop_if(policy, failed.error)
                waited = time.monotonic() - began
                if not isinstance(failed.error, TRY_AGAIN):
                    raise refusal(failed.error, statement) from failed.error
                if failed.half_left or waited >= policy.lock_wait_seconds_max:
                    raise busy(connections, wanted(statements, policy), waited, where(statement)) from failed.error
                time.sleep(random.uniform(*way.pause_seconds))  # noqa: S311 – not a secret: so that two keep apart
                continue
            seconds = time.monotonic() - at_work
            _record(connection, fence, entry)
            return Carried(seconds, tries, max(0.0, time.monotonic() - began - seconds), rows)


def _once(
    connections: Connections, connection: Connection, fence: int, statement: Statement, policy: Policy, queue_ms: int
) -> int:
    """One try: rows changed. Raises Failed; what it left behind is gone by then."""
    with classifying():
        with connection.transaction():
            history.check_fence(connection, fence)
            before = halves.invalid(connection, statement)
            of_that_name = halves.of_its_name(connection, statement)
        prepare(connection, fence, policy.statement_seconds_max, local=False)
        lock_timeout(connection, queue_ms, local=False)
    try:
        _drop(connection, statement, before - of_that_name)  # one that an earlier try had to leave
        with (
            telling(connections, connection, [statement], policy.progress),
            interruptible(connection, policy.interrupted),
        ):
            return execute(connection, statement)
    except Failed as failed:
        if not connection.closed:
            with classifying():
                connection.execute("set statement_timeout = 0")
                lock_timeout(connection, CLEAR_MS, local=False)
            _clear(connection, statement, before - of_that_name, failed)
        raise


def _drop(connection: Connection, statement: Statement, but: frozenset[int]) -> None:
    try:
        halves.remove(connection, statement, but)
    except psycopg.Error as error:
        raise Failed(statement, error) from error


def _clear(connection: Connection, statement: Statement, but: frozenset[int], failed: Failed) -> None:
    """Whoever made the build wait makes the drop wait too; then the half stays until the next try or `outcome`."""
    try:
        _drop(connection, statement, but)
    except Failed as second:
        if not isinstance(second.error, TRY_AGAIN):
            raise
        failed.half_left = True


def _record(connection: Connection, fence: int, entry: Entry) -> None:
    with classifying(), connection.transaction():
        connection.execute("set local role none")
        history.check_fence(connection, fence)
        history.keep(connection, ended_now(entry))
