"""How a server's queries fare: its own statistics, and who waits for a lock now."""

from __future__ import annotations

import time

from wayfare.core.changes import Query, Sample, Waiting
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection

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
_STATUS = (
    "SHOW GLOBAL STATUS WHERE variable_name IN ('Threads_running', 'Threads_connected', 'Com_commit', 'Com_rollback')"
)


def sample(connection: Connection) -> Sample:
    """Raises Unavailable where the server does not count."""
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
    waiting = tuple(Waiting(str(text or ""), float(seconds)) for text, seconds in link.rows(connection, _WAITING))
    status = {str(name).lower(): int(number) for name, number in link.rows(connection, _STATUS)}
    return Sample(
        time.monotonic(),
        queries,
        waiting,
        status.get("threads_running", 0),
        status.get("threads_connected", 0),
        status.get("com_commit", 0),
        status.get("com_rollback", 0),
    )
