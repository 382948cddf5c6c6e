"""Statements carried out together: one transaction with their entry, so nothing is ever committed and not recorded.

A runner that is killed takes its transaction with it: the server looks every half second whether its client is there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

import psycopg

from wayfare.core.changes import Carried, Entry, Policy, ended_now
from wayfare.core.statements import Kind, Statement, refuse_what_ends_a_transaction
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import qualified
from wayfare.systems.databases.postgresql.errors import classifying
from wayfare.systems.databases.postgresql.schema import history
from wayfare.systems.databases.postgresql.schema.blockers import busy
from wayfare.systems.databases.postgresql.schema.interrupting import interruptible, stop_if
from wayfare.systems.databases.postgresql.schema.ladder import Rung, mode_in_sql, rung, strength
from wayfare.systems.databases.postgresql.schema.names import oids
from wayfare.systems.databases.postgresql.schema.progress import telling
from wayfare.systems.databases.postgresql.schema.refusals import refusal, where
from wayfare.systems.databases.postgresql.schema.settings import lock_timeout, prepare

ROWS_ONLY = frozenset({Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.COPY, Kind.SELECT, Kind.SET})
_COUNTED = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
TRY_AGAIN = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class Failed(Exception):
    """A statement, and what the driver said about it: for this folder only."""

    def __init__(self, statement: Statement, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.statement = statement
        self.error = error
        self.half_left = False  # an INVALID index that could not be dropped yet


def carry(
    connections: Connections, fence: int, statements: Sequence[Statement], entry: Entry, policy: Policy
) -> Carried:
    """All of them and the entry, or nothing. Raises as `Held.carry` does."""
    refuse_what_ends_a_transaction(statements)
    began, tries = time.monotonic(), 0
    known = any(strength(mode) >= 0 for mode in policy.locks.values())
    with closing(connections.own()) as connection:  # a script may change its settings, so nobody gets it afterwards
        while True:
            policy.stopping()
            stop_if(policy)
            waited = time.monotonic() - began
            way = rung(waited, policy.lock_wait_seconds_max, policy.ladder_ms, known)
            tries += 1
            try:
                seconds, rows = _once(connections, connection, fence, statements, entry, policy, way)
            except Failed as failed:
                with classifying():
                    connection.execute("rollback")
                stop_if(policy, failed.error)
                if not isinstance(failed.error, TRY_AGAIN):
                    raise refusal(failed.error, failed.statement) from failed.error
                waited = time.monotonic() - began
                if waited >= policy.lock_wait_seconds_max:
                    place = where(failed.statement)
                    raise busy(connections, wanted(statements, policy), waited, place) from failed.error
                time.sleep(random.uniform(*way.pause_seconds))  # noqa: S311 – not a secret: so that two keep apart
                continue
            return Carried(seconds, tries, max(0.0, time.monotonic() - began - seconds), rows)


def _once(
    connections: Connections,
    connection: Connection,
    fence: int,
    statements: Sequence[Statement],
    entry: Entry,
    policy: Policy,
    way: Rung,
) -> tuple[float, int]:
    """One try: seconds of the statements, and rows changed. Raises Failed."""
    with classifying():
        connection.execute("begin isolation level read committed")
        prepare(connection, fence, policy.statement_seconds_max)
        lock_timeout(connection, 10_000)
        history.check_fence(connection, fence)
        patient = all(s.kind in ROWS_ONLY for s in statements)  # nobody queues behind who waits for rows
        lock_timeout(connection, round(policy.lock_wait_seconds_max * 1000) if patient else way.queue_ms)
    if statements:
        _take(connection, policy.locks, way, statements[0])
    began, rows = time.monotonic(), 0
    with telling(connections, connection, statements, policy.progress), interruptible(connection, policy.interrupted):
        for statement in statements:
            rows += execute(connection, statement)
    seconds = time.monotonic() - began
    with classifying():
        connection.execute("set local role none; set local statement_timeout = 0")  # a script may have become another
        history.keep(connection, ended_now(entry))
        _commit(connection, statements)
    return seconds, rows


def _take(connection: Connection, locks: Mapping[str, str], way: Rung, first: Statement) -> None:
    """Lock what is known to be locked, the strongest first. Raises Failed, saying the first statement."""
    places = oids(connection, locks) if locks else {}
    try:
        for table, mode in sorted(locks.items(), key=lambda item: (-strength(item[1]), item[0])):
            if strength(mode) >= 0 and table in places:
                name = _lockable(connection, places[table])
                if name:
                    nowait = " nowait" if way.polls else ""
                    connection.execute(f"lock table only {name} in {mode_in_sql(mode)} mode{nowait}")
    except psycopg.Error as error:
        raise Failed(first, error) from error


def _lockable(connection: Connection, oid: int) -> str:
    """The quoted name; "" for what LOCK TABLE does not take, such as a materialized view."""
    row = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.oid = %s and c.relkind in ('r', 'p')",
        (oid,),
    ).fetchone()
    return qualified(row[0], row[1]) if row else ""


def execute(connection: Connection, statement: Statement) -> int:
    """Rows that it changed. Raises Failed with the driver's error."""
    try:
        if statement.kind is Kind.COPY and statement.rows:
            with connection.cursor() as cursor:
                with cursor.copy(statement.text.encode()) as copy:
                    copy.write(statement.rows)
                return max(cursor.rowcount, 0)
        cursor = connection.execute(statement.text.encode())
    except psycopg.Error as error:
        raise Failed(statement, error) from error
    return max(cursor.rowcount, 0) if (cursor.statusmessage or "").startswith(_COUNTED) else 0


def _commit(connection: Connection, statements: Sequence[Statement]) -> None:
    """A deferred constraint speaks only now, about no statement in particular: the last is named."""
    try:
        connection.execute("commit")
    except psycopg.Error as error:
        if statements and not connection.closed:
            raise Failed(statements[-1], error) from error
        raise


def wanted(statements: Sequence[Statement], policy: Policy) -> Mapping[str, str]:
    """The locks that are known, or else the strongest on all that is named: only to tell who is in the way."""
    return policy.locks or {table: "AccessExclusiveLock" for s in statements for table in s.tables}
