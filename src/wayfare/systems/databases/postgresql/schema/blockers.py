"""Who stands in the way of a lock."""

from __future__ import annotations

from collections.abc import Mapping

from wayfare.core.errors import Busy
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.schema.ladder import conflicting, strength
from wayfare.systems.databases.postgresql.schema.names import TOLD, oids

NAMED_MAX = 5
_HOLDERS = f"""
select distinct l.pid, a.application_name, a.usename, a.state, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80),
  to_char(coalesce(a.query_start, a.xact_start) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  {TOLD}, l.mode, extract(epoch from clock_timestamp() - a.xact_start)::float8
from unnest(%s::int8[], %s::text[]) w(oid, mode)
join pg_locks l on l.locktype = 'relation' and l.relation = w.oid::oid and l.mode = w.mode and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
join pg_stat_activity a on a.pid = l.pid
where l.pid <> pg_backend_pid() order by 9 desc nulls last limit {NAMED_MAX}
"""


def blockers(connection: Connection, locks: Mapping[str, str]) -> list[str]:
    """Of locks that are wanted, table → mode, who holds what cannot be held beside: one text each, longest first."""
    places = oids(connection, locks)
    wanted = [
        (places[table], other)
        for table, mode in locks.items()
        if table in places and strength(mode) >= 0
        for other in conflicting(mode)
    ]
    rows = connection.execute(_HOLDERS, ([oid for oid, _ in wanted], [mode for _, mode in wanted])).fetchall()
    return [
        f"process {pid} ({application or 'no application name'}, user {user}, {state}, query of {since}: {query})"
        f" holds {mode} on {table}"
        for pid, application, user, state, query, since, table, mode, _ in rows
    ]


def busy(connections: Connections, locks: Mapping[str, str], waited_seconds: float, where: str) -> Busy:
    """The error when patience has run out; it looks once more who is in the way."""
    with connections.use(where) as connection:
        found = blockers(connection, locks)
    who = "; ".join(found) or "whoever it was is gone by now"
    tables = ", ".join(locks) or "what the statement needs"
    return Busy(
        f"no lock on {tables} in {waited_seconds:.1f} s: {who}.",
        where=where,
        remedy="Wait for those transactions or end them, or allow it more time.",
    )
