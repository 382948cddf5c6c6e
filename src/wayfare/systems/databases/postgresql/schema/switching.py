"""Who takes writes: a database that is read-only by default, and its clients' end.

`default_transaction_read_only` of the database is what libpq (`target_session_attrs=read-write`), pgjdbc and Npgsql
look at when they choose among several servers. A session keeps what it found when it began, so those that are older
than the setting are ended. Measured on PostgreSQL 18: a subscription's worker applies rows all the same.

All of it goes over one connection that holds an advisory lock. When the connection is gone, so is the lock, and whoever
had it cannot change anything any more; what it had begun is over before anybody else gets the lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Self

from wayfare.core.errors import Busy, Invalid, Unreachable
from wayfare.core.findings import Finding
from wayfare.core.switches import Counter, Feed, Offered
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import quote
from wayfare.systems.databases.postgresql.errors import classifying
from wayfare.systems.databases.postgresql.schema import feeds, obstacles
from wayfare.systems.databases.postgresql.schema.lock import KEY
from wayfare.systems.databases.postgresql.schema.names import NOT_OURS_ESCAPED, texts
from wayfare.systems.databases.postgresql.schema.replicas import pooled

SWITCH_KEY = KEY + 1
SETTING = "default_transaction_read_only"
LOOK_SECONDS = 0.02
ENDS_IDLE = 140_000  # from this version on, a server may end who does nothing for long
STATISTICS_AT_ONCE = 150_000  # from this version on, what a process counted can be read once it has ended
STATISTICS_SECONDS = 1.1  # … before, the collector wrote them down so late

_SETTING = f"""
select split_part(c, '=', 2) from pg_db_role_setting s, unnest(s.setconfig) c
where s.setrole = 0 and s.setdatabase = (select oid from pg_database where datname = current_database())
  and split_part(c, '=', 1) = '{SETTING}'
"""
_END = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
  and backend_start <= %s
"""
# Who is still beginning may have read the setting of before, and is no client in the list yet: it holds this lock on
# the database until its beginning is over.
_BEGINNING = """
select count(*) from pg_locks where locktype = 'object' and classid = 'pg_database'::regclass
  and objid = (select oid from pg_database where datname = current_database()) and mode = 'RowExclusiveLock'
  and pid <> pg_backend_pid()
"""
_WRITTEN = r"""
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8 from pg_stat_user_tables
where relname not like '\_wayfare\_%%'
"""
_SEQUENCES = f"""
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S' and c.relpersistence <> 't' and {NOT_OURS_ESCAPED} order by 1
"""
SEQUENCES_AT_ONCE = 200


def takes_writes(connections: Connections) -> bool:
    with closing(connections.anew()) as connection, classifying():
        return texts(connection, f"select current_setting('{SETTING}')") == ["off"]


def switch(connections: Connections) -> Switch | None:
    """None when another has the right. Raises Invalid behind a pooler, which keeps connections, and mixes them up."""
    if pooled(connections):
        told = "a pooler stands between, which keeps connections that a switch has to end."
        remedy = "Register the server itself; applications may use the pooler on."
        raise Invalid(told, where=connections.address.url(), remedy=remedy)
    connection = connections.writing().own()
    try:
        with classifying():
            won = connection.execute(f"select pg_try_advisory_lock({SWITCH_KEY})").fetchone()
            connection.execute("set application_name = 'wayfare switch'")
            if connection.info.server_version >= ENDS_IDLE:
                connection.execute("set idle_session_timeout = 0")
    except BaseException:
        connection.close()
        raise
    if not won or not won[0]:
        connection.close()
        return None
    return Switch(connection, connections.address.url())


class Switch:
    """The right, held. For one thread at a time."""

    def __init__(self, connection: Connection, server: str) -> None:
        self._connection = connection
        self._server = server
        self._settled: Any = None  # the server's time after the last freeze or thaw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()  # and the lock with it

    @contextmanager
    def _use(self, where: str = "") -> Iterator[Connection]:
        try:
            with classifying(where):
                yield self._connection
        except Unreachable as error:
            error.by(self._server)
            raise

    def obstacles(self) -> Sequence[Finding]:
        with self._use() as connection:
            return obstacles.obstacles(connection)

    def setting(self) -> str:
        with self._use() as connection:
            return "".join(texts(connection, _SETTING))

    def freeze(self) -> None:
        with self._use() as connection:
            if texts(connection, _SETTING) != ["on"]:
                connection.execute(self._alter(f"set {SETTING} = on"))
            self._settle(connection)

    def thaw(self, setting: str = "") -> None:
        with self._use() as connection:
            connection.execute(self._alter(f"set {SETTING} = off" if setting == "off" else f"reset {SETTING}"))
            self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        row = connection.execute("select clock_timestamp()").fetchone()
        self._settled = row[0] if row else None

    def _alter(self, what: str) -> bytes:
        return f"alter database {quote(self._connection.info.dbname)} {what}".encode()

    def end_others(self, seconds_max: float) -> int:
        """Each is counted once: what is asked again has gone by the second look, mostly."""
        with self._use() as connection:
            first = connection.execute(_END, (self._settled,)).fetchall()
            gone = self._until(lambda: self._none_left(connection), seconds_max)
        if not gone:
            told = f"clients are still there {seconds_max:.0f} s after they were ended."
            raise Busy(told, where="pg_stat_activity", remedy="Look at what they do, and end them there.")
        return len(first)

    def _none_left(self, connection: Connection) -> bool:
        beginning = texts(connection, _BEGINNING)
        return not connection.execute(_END, (self._settled,)).fetchall() and beginning == ["0"]

    def _until(self, done: Callable[[], bool], seconds_max: float) -> bool:
        deadline = time.monotonic() + seconds_max
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def written(self) -> int:
        with self._use() as connection:
            if connection.info.server_version < STATISTICS_AT_ONCE:
                time.sleep(STATISTICS_SECONDS)
            return int(texts(connection, _WRITTEN)[0])

    def sequences(self) -> Mapping[str, Counter]:
        found: dict[str, Counter] = {}
        with self._use() as connection:
            names = texts(connection, _SEQUENCES)
            for start in range(0, len(names), SEQUENCES_AT_ONCE):
                part = names[start : start + SEQUENCES_AT_ONCE]
                query = " union all ".join(f"select {i}, last_value, is_called from {n}" for i, n in enumerate(part))
                rows = connection.execute(query.encode()).fetchall()
                found |= {part[place]: Counter(value, called) for place, value, called in rows}
        return found

    def set_sequences(self, counters: Mapping[str, Counter]) -> Sequence[str]:
        with self._use() as connection:
            here = set(texts(connection, _SEQUENCES))
            for name, counter in counters.items():
                if name in here:
                    values = (name, counter.value, counter.called)
                    connection.execute("select setval(%s::regclass, %s, %s)", values)
        return [name for name in counters if name not in here]

    def feeds(self) -> Sequence[Feed]:
        with self._use("pg_subscription") as connection:
            return feeds.feeds(connection)

    def feed(self, on: bool, seconds_max: float = 30.0) -> None:
        with self._use("pg_subscription") as connection:
            feeds.feed(connection, on)
            if on or self._until(lambda: not feeds.at_work(connection), seconds_max):
                return
        told = f"a subscription's worker is still there {seconds_max:.0f} s after it was disabled."
        raise Busy(told, where="pg_subscription", remedy="Look at what it does, in the server's log.")

    def arrived(self) -> Mapping[str, bool]:
        with self._use("pg_subscription_rel") as connection:
            return feeds.arrived(connection)

    def offered(self, publications: Collection[str]) -> Sequence[Offered]:
        with self._use("pg_publication_tables") as connection:
            return feeds.offered(connection, publications)

    def large_objects(self) -> int:
        with self._use() as connection:
            return int(texts(connection, "select count(*) from pg_largeobject_metadata")[0])

    def mark(self) -> str:
        with self._use() as connection:
            return texts(connection, "select pg_logical_emit_message(true, 'wayfare', '')::text")[0]

    def confirmed(self, slot: str, position: str) -> bool:
        with self._use("pg_replication_slots") as connection:
            return feeds.confirmed(connection, slot, position)
