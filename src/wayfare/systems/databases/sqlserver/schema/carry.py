"""Statements carried out together: one transaction with their entry, so nothing is ever committed and not recorded.

Nearly all DDL of SQL Server is transactional. A runner that is killed takes its transaction with it: COMMIT is a batch
of its own, which nobody sends any more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import closing

from wayfare.core.changes import Carried, Entry, Policy, ended_now
from wayfare.core.errors import Busy, Refused, Unreachable, WayfareError
from wayfare.core.statements import Kind, Statement, refuse_what_ends_a_transaction
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.drivers import Connection
from wayfare.systems.databases.sqlserver.errors import classified
from wayfare.systems.databases.sqlserver.schema import history, transactions
from wayfare.systems.databases.sqlserver.schema.blockers import busy
from wayfare.systems.databases.sqlserver.schema.ladder import Rung, rung
from wayfare.systems.databases.sqlserver.schema.refusals import refusal, where
from wayfare.systems.databases.sqlserver.schema.settings import OWN_MS, lock_timeout, ours, prepare

ROWS_ONLY = frozenset({Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.SELECT, Kind.SET})


class Failed(Exception):
    """A statement, and what the server said about it: for this folder only."""

    def __init__(self, statement: Statement, error: WayfareError) -> None:
        super().__init__(str(error))
        self.statement = statement
        self.error = error


def carry(
    connections: Connections, fence: int, statements: Sequence[Statement], entry: Entry, policy: Policy
) -> Carried:
    """All of them and the entry, or nothing. Raises as `Held.carry` does."""
    refuse_what_ends_a_transaction(statements, alone="Carry it out alone: write GO before and after it.")
    began, tries, worked = time.monotonic(), 0, 0.0
    with closing(connections.open()) as connection:  # a script may change its settings, so nobody gets it afterwards
        with classified():
            prepare(connection)
        while True:
            policy.stopping()
            begun = time.monotonic()
            way = rung(begun - began, policy.lock_wait_seconds_max, policy.ladder_ms, worked)
            tries += 1
            try:
                seconds, rows = _once(connection, fence, statements, entry, policy, way)
            except Failed as failed:
                worked = time.monotonic() - begun
                if not isinstance(failed.error, Busy):
                    raise refusal(failed.error, failed.statement) from failed.error
                waited = time.monotonic() - began
                if waited >= policy.lock_wait_seconds_max:
                    raise busy(connections, failed.statement, waited, tries) from failed.error
                time.sleep(random.uniform(*way.pause_seconds))  # noqa: S311 – not a secret: so that two keep apart
                continue
            return Carried(seconds, tries, begun - began, rows)


def _once(
    connection: Connection,
    fence: int,
    statements: Sequence[Statement],
    entry: Entry,
    policy: Policy,
    way: Rung,
) -> tuple[float, int]:
    """One try: seconds of the statements, and rows changed. Raises Failed."""
    patient = all(s.kind in ROWS_ONLY for s in statements)  # nobody queues behind who waits for rows
    with classified():
        lock_timeout(connection, OWN_MS)
    with transactions.transaction(connection):
        with classified():
            history.check_fence(connection, fence)
            lock_timeout(connection, round(policy.lock_wait_seconds_max * 1000) if patient else way.queue_ms)
        began, rows = time.monotonic(), 0
        for statement in statements:
            rows += _within(connection, statement, policy.statement_seconds_max)
        seconds = time.monotonic() - began
        with classified():
            ours(connection)
            history.keep(connection, ended_now(entry))
    return seconds, rows


def _within(connection: Connection, statement: Statement, seconds_max: float) -> int:
    """As `execute`, and the transaction is still ours afterwards."""
    rows = execute(connection, statement, seconds_max)
    with classified():
        still = transactions.open_still(connection)
    if not still:
        raise transactions.ended(where(statement))
    return rows


def execute(connection: Connection, statement: Statement, seconds_max: float = 0.0) -> int:
    """Rows that it changed. Raises Failed with the classified error."""
    began = time.monotonic()
    try:
        with classified():
            connection.limit(seconds_max)
            try:
                return connection.run(statement.text)
            finally:
                connection.limit(0)
    except Unreachable as error:
        if seconds_max and time.monotonic() - began >= seconds_max:
            connection.close()  # it stands in the middle of an answer
            late = Refused(
                f"it took longer than {seconds_max:g} seconds.",
                where=where(statement),
                remedy="Allow it more time, or do it in parts.",
            )
            raise late from error
        raise Failed(statement, error) from error
    except WayfareError as error:
        raise Failed(statement, error) from error
