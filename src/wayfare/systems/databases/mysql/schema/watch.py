"""How a server's queries fare: its own statistics, and who waits for a lock now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

from wayfare.core.changes import Query, Sample, Waiting
from wayfare.core.errors import Forbidden, Unavailable
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.server import Server

_PICOSECONDS_PER_MS = 1e9
# The statistics have no sum of squares. The mean's square is the least it can be: it says nothing of the spread.
_QUERIES = (
    "SELECT digest, digest_text, count_star, sum_timer_wait "
    "FROM performance_schema.events_statements_summary_by_digest WHERE schema_name = DATABASE() AND digest IS NOT NULL"
)
_WAITING = (
    "SELECT info, time FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE() "
    "AND state LIKE 'Waiting for%lock'"
)
# Who waits for a row is "Updating" for the list of processes; InnoDB knows better. Its times are in the machine's zone.
_ROWS_WAITING = (
    "SELECT w.trx_mysql_thread_id, w.trx_query, "
    "TIMESTAMPDIFF(SECOND, CONVERT_TZ(w.trx_wait_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP()), b.trx_mysql_thread_id "
    "FROM {waits} l JOIN information_schema.innodb_trx w ON w.trx_id = l.{waiter} "
    "JOIN information_schema.innodb_trx b ON b.trx_id = l.{blocker} "
    "JOIN information_schema.processlist p ON p.id = w.trx_mysql_thread_id WHERE p.db = DATABASE() "
    "ORDER BY w.trx_wait_started, w.trx_mysql_thread_id, b.trx_mysql_thread_id"
)
_MARIA = ("information_schema.innodb_lock_waits", "requesting_trx_id", "blocking_trx_id")
_MYSQL = ("performance_schema.data_lock_waits", "REQUESTING_ENGINE_TRANSACTION_ID", "BLOCKING_ENGINE_TRANSACTION_ID")
_STATUS = (
    "SHOW GLOBAL STATUS WHERE variable_name IN ('Threads_running', 'Threads_connected', 'Com_commit', 'Com_rollback')"
)


def sample(connection: Connection, server: Server) -> Sample:
    """Raises Unavailable where the server does not count.

    Without the right PROCESS nobody is seen who waits for a row. Who is in the way of a change is not told here.
    """
    if not link.value(connection, "SELECT @@performance_schema"):
        raise Unavailable(
            "the server does not count its queries.",
            remedy="Start it with performance_schema=ON (MariaDB's default is OFF).",
        )
    queries = {
        str(digest): Query(
            str(text), int(calls), total / _PICOSECONDS_PER_MS, (total / _PICOSECONDS_PER_MS) ** 2 / calls
        )
        for digest, text, calls, total in ((d, t, c, float(w)) for d, t, c, w in link.rows(connection, _QUERIES))
        if calls
    }
    tables = [Waiting(str(text or ""), float(seconds)) for text, seconds in link.rows(connection, _WAITING)]
    status = {str(name).lower(): int(number) for name, number in link.rows(connection, _STATUS)}
    return Sample(
        time.monotonic(),
        queries,
        (*tables, *_rows_waiting(connection, server)),
        status.get("threads_running", 0),
        status.get("threads_connected", 0),
        status.get("com_commit", 0),
        status.get("com_rollback", 0),
    )


def _rows_waiting(connection: Connection, server: Server) -> Sequence[Waiting]:
    waits, waiter, blocker = _MARIA if server.maria else _MYSQL
    try:
        found = link.rows(connection, _ROWS_WAITING.format(waits=waits, waiter=waiter, blocker=blocker))
    except Forbidden:
        return []
    return [
        Waiting(str(text or ""), float(seconds or 0), tuple(dict.fromkeys(str(row[3]) for row in group)))
        for (_, text, seconds), group in groupby(found, key=lambda row: tuple(row[:3]))
    ]
