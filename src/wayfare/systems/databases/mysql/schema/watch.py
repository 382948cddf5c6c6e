"""How a server's queries fare: its own statistics, and who waits for a lock now."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from itertools import groupby

from wayfare.core.changes import Query, Sample, Waiting
from wayfare.core.errors import Forbidden, Unavailable
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import literal
from wayfare.systems.databases.mysql.schema.carry import MARK
from wayfare.systems.databases.mysql.server import Server

_PICOSECONDS_PER_MS = 1e9
# The statistics have no sum of squares. The mean's square is the least it can be: it says nothing of the spread.
_QUERIES = (
    "SELECT digest, digest_text, count_star, sum_timer_wait "
    "FROM performance_schema.events_statements_summary_by_digest WHERE schema_name = DATABASE() AND digest IS NOT NULL"
)
_WAITING = (
    "SELECT info, time FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE() "
    f"AND state LIKE 'Waiting for%lock' AND COALESCE(info, '') NOT LIKE {literal(MARK + '%')}"
)
_CHANGES = f"SELECT info FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE {literal(MARK + ' %')}"
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
# Who waits for a row is "Updating" for the list of processes; InnoDB knows better. Its times are in the machine's zone.
_ROWS_WAITING = (
    "SELECT w.trx_mysql_thread_id, w.trx_query, "
    "TIMESTAMPDIFF(SECOND, CONVERT_TZ(w.trx_wait_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP()), "
    "b.trx_mysql_thread_id, b.trx_query "
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
    status = {str(name).lower(): int(number) for name, number in link.rows(connection, _STATUS)}
    return Sample(
        time.monotonic(),
        queries,
        tuple(waiting(connection, server)),
        status.get("threads_running", 0),
        status.get("threads_connected", 0),
        status.get("com_commit", 0),
        status.get("com_rollback", 0),
    )


def waiting(connection: Connection, server: Server) -> Sequence[Waiting]:
    """Who waits for a table, and who for a row; longest first."""
    found = [*_tables_waiting(connection), *_rows_waiting(connection, server)]
    return sorted(found, key=lambda one: -one.seconds)


def _tables_waiting(connection: Connection) -> Sequence[Waiting]:
    """Who holds the table is told nowhere that is always switched on. So whoever names a table that a change of ours
    names too, while that is at work, is taken to wait behind it.
    """
    found = [(str(text or ""), float(seconds)) for text, seconds in link.rows(connection, _WAITING)]
    changes = [str(text) for (text,) in link.rows(connection, _CHANGES)] if found else []
    named = _words(" ".join(changes)) & {str(name) for (name,) in link.rows(connection, _TABLES)} if changes else set()
    return [Waiting(text, seconds, (), bool(named & _words(text))) for text, seconds in found]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w$]+", text))


def _rows_waiting(connection: Connection, server: Server) -> Sequence[Waiting]:
    waits, waiter, blocker = _MARIA if server.maria else _MYSQL
    try:
        found = link.rows(connection, _ROWS_WAITING.format(waits=waits, waiter=waiter, blocker=blocker))
    except Forbidden:
        return []
    told = []
    for (_, text, seconds), group in groupby(found, key=lambda row: tuple(row[:3])):
        blockers = {str(process): str(query or "").startswith(MARK) for *_, process, query in group}
        told.append(Waiting(str(text or ""), float(seconds or 0), tuple(blockers), any(blockers.values())))
    return told
