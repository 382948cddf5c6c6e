"""How the database's queries fare, by pg_stat_statements; and who waits for a lock, which that does not see.

(A client that waited 3 s behind a lock was recorded with 2 ms there.)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import psycopg

from wayfare.core.changes import Query, Sample, Waiting
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.schema.settings import AT_WORK

TEXT_MAX = 4000  # characters of a query: enough to find the tables that it names

# What we ask ourselves is left out.
_QUERIES = f"""
select s.queryid::text, left(min(s.query), {TEXT_MAX}), sum(s.calls)::int8, sum(s.total_exec_time)::float8,
  sum(s.calls * (s.stddev_exec_time ^ 2 + s.mean_exec_time ^ 2))::float8
from {{namespace}}.pg_stat_statements s
where s.dbid = (select oid from pg_database where datname = current_database()) and s.queryid is not null
  and s.query not like '%pg\\_stat\\_%'
group by s.queryid
"""
EXEC_TIMES = (1, 8)  # from this version of the extension on planning is counted apart, and the columns are called so
_WAITING = f"""
select left(a.query, {TEXT_MAX}), extract(epoch from clock_timestamp() - coalesce(l.since, a.query_start))::float8,
  array(select case when b.application_name = '' then b.pid::text else b.application_name end
    from unnest(pg_blocking_pids(a.pid)) p join pg_stat_activity b on b.pid = p),
  a.backend_type = 'client backend' and a.application_name not like 'wayfare%'
    and exists(select from unnest(pg_blocking_pids(a.pid)) p join pg_stat_activity b on b.pid = p
      where b.application_name like '{AT_WORK}%')
from pg_stat_activity a left join lateral (
  select min((to_jsonb(k) ->> 'waitstart')::timestamptz) since from pg_locks k where k.pid = a.pid and not k.granted) l
  on true
where a.datname = current_database() and a.wait_event_type = 'Lock' and a.application_name not like '{AT_WORK}%'
order by 2 desc
"""
_COUNTS = """
select (select count(*) from pg_stat_activity where datname = current_database() and state = 'active'
    and backend_type = 'client backend' and pid <> pg_backend_pid())::int,
  d.numbackends, d.xact_commit::int8, d.xact_rollback::int8
from pg_stat_database d where d.datname = current_database()
"""


def sample(connections: Connections) -> Sample:
    """One look. Raises Unavailable where queries are not counted."""
    with connections.use("pg_stat_statements") as connection:
        at = time.monotonic()
        queries = _queries(connection)
        waiters = waiting(connection)
        row = connection.execute(_COUNTS).fetchone()
    active, number, commits, rollbacks = row or (0, 0, 0, 0)
    return Sample(at, queries, tuple(waiters), active, number, commits, rollbacks)


def waiting(connection: Connection) -> Sequence[Waiting]:
    """Longest first. Wayfare's own reading, such as the study of another change, is patient: none that waits behind us.

    Servers before 14 do not tell since when a lock is waited for: there it is since the query began.
    """
    found = connection.execute(_WAITING.encode()).fetchall()
    return [Waiting(query, seconds, tuple(by), behind) for query, seconds, by, behind in found]


def _queries(connection: Connection) -> Mapping[str, Query]:
    found = connection.execute(
        "select extnamespace::regnamespace::text, extversion from pg_extension where extname = 'pg_stat_statements'"
    ).fetchone()
    if found is None:
        raise _unavailable(connection)
    query = _QUERIES.format(namespace=found[0])
    if tuple(int(part) for part in found[1].split(".")) < EXEC_TIMES:
        query = query.replace("_exec_time", "_time")
    try:
        rows = connection.execute(query.encode()).fetchall()
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise _unavailable(connection) from error
    return {row[0]: Query(row[1], row[2], row[3], row[4]) for row in rows}


def _unavailable(connection: Connection) -> Unavailable:
    row = connection.execute("select current_setting('pg_stat_statements.max', true)").fetchone()
    loaded = bool(row and row[0])  # a setting of its own is there once the library is
    preload = "" if loaded else "set shared_preload_libraries = 'pg_stat_statements', restart the server, and "
    return Unavailable(
        "the server does not count this database's queries.",
        where="pg_stat_statements",
        remedy=f"To have them watched, {preload}say in this database: CREATE EXTENSION pg_stat_statements.",
    )
