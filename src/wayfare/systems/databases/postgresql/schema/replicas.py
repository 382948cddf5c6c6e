"""The place of a server among copies of itself, and how far a copy is."""

from __future__ import annotations

import time
from collections.abc import Sequence

from wayfare.core.changes import Part
from wayfare.core.errors import Invalid
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.schema.settings import AT_WORK

# A subscriber is also who only has the subscription: its worker may be away for a moment.
_PART = """
select pg_is_in_recovery(),
  exists(select from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())),
  exists(select from pg_stat_replication) or exists(select from pg_replication_slots where slot_type = 'physical')
"""
# The last transaction is old where nothing happens on the primary: who is connected and has replayed all is not behind.
_LAG = """
select case when not pg_is_in_recovery() then 0
  when exists(select from pg_stat_wal_receiver) and pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() then 0
  else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) end::float8
"""
_SUBSCRIBER_LAG = """
select coalesce(max(extract(epoch from clock_timestamp() - latest_end_time)), 0)::float8
from pg_stat_subscription where received_lsn is distinct from latest_end_lsn
"""
_LAGS = f"""
select lag, case when lag > subscribed then received end from (
  select greatest(({_LAG}), subscribed)::float8 lag, subscribed, pg_last_wal_receive_lsn()::text received
  from (select ({_SUBSCRIBER_LAG})::float8 subscribed) s) l
"""
LOOK_AGAIN_SECONDS = 0.25
_HERE = "case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end"
_LONG = f"""
select format('process %%s (%%s, user %%s) for %%s s: %%s', pid, coalesce(nullif(application_name, ''),
  'no application name'), usename, round(extract(epoch from clock_timestamp() - xact_start)),
  left(regexp_replace(query, '\\s+', ' ', 'g'), 200))
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
  and xact_start < clock_timestamp() - make_interval(secs => %s)
  and application_name <> 'wayfare lock' and application_name not like '{AT_WORK}%%'
order by xact_start
"""
# Those on other databases hold up a concurrent build only by their snapshots, so they are not told.


def part(connections: Connections) -> Part:
    with connections.use("replication") as connection:
        row = connection.execute(_PART).fetchone()
    assert row
    standby, subscribes, replicates = row
    if standby:
        return Part.STANDBY
    if subscribes:
        return Part.SUBSCRIBER
    return Part.PRIMARY if replicates else Part.ALONE


def pooled(connections: Connections) -> bool:
    """The number that libpq was told at the beginning is the pooler's own invention, not the server process's."""
    with connections.use() as connection:
        return connection.info.backend_pid != _one(connection, "select pg_backend_pid()")


def position(connections: Connections) -> str:
    """ "0/1A2B3C4": of the log that is written; on a standby, of what is replayed."""
    with connections.use() as connection:
        return str(_one(connection, f"select ({_HERE})::text"))


def reached(connections: Connections, position: str) -> bool:
    """A server that is no standby has what it wrote itself. Raises Invalid for what is no position."""
    left, _, right = position.partition("/")
    if not (_is_hexadecimal(left) and _is_hexadecimal(right)):
        raise Invalid(f"{position!r} is no position of PostgreSQL's log.", where="position")
    with connections.use() as connection:
        row = connection.execute(f"select ({_HERE}) >= %s::pg_lsn", (position,)).fetchone()
        return bool(row and row[0])


def _is_hexadecimal(text: str) -> bool:
    return 0 < len(text) <= 8 and all(character in "0123456789abcdefABCDEF" for character in text)


def lag_seconds(connections: Connections) -> float:
    """Of a standby, or of a subscriber's last worker; the primary's clock and ours should agree."""
    with connections.use() as connection:
        rows = connection.execute(_LAGS).fetchall()
        lag, received = max(0.0, float(rows[0][0])), rows[0][1]
        if lag < LOOK_AGAIN_SECONDS or received is None:
            return lag
        # After a quiet time the last transaction is old, and whatever arrives next looks as late as that for a moment.
        time.sleep(LOOK_AGAIN_SECONDS)
        return 0.0 if _one(connection, f"select pg_last_wal_replay_lsn() >= '{received}'::pg_lsn") else lag


def connections(connections: Connections) -> int:
    """Clients of this database, whoever they are."""
    query = (
        "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    )
    with connections.use() as connection:
        return int(str(_one(connection, query)))


def long_queries(connections: Connections, seconds: float) -> Sequence[str]:
    """Of this database, the oldest first; ours are left out."""
    with connections.use() as connection:
        return [row[0] for row in connection.execute(_LONG, (seconds,)).fetchall()]


def _one(connection: Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
