"""What one statement does, told by the server itself: files that change, scans, locks, objects that come and go.

Everything is read from within the statement's own transaction: a relation with another relfilenode was written anew,
one whose count of sequential scans grew was read whole, and what is in pg_locks for us was locked by it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import psycopg

from wayfare.core.changes import Blocks, Measured
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.schema.carry import Failed, execute
from wayfare.systems.databases.postgresql.schema.ladder import strength
from wayfare.systems.databases.postgresql.schema.names import NOT_OURS, TOLD

RUN_SECONDS_MAX = 600
GENTLE = "ShareUpdateExclusiveLock"
STRONGEST = "AccessExclusiveLock"
TABLES = frozenset("rpmf")
INDEXES = frozenset("iI")
ALONE = frozenset({Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.REINDEX, Kind.VACUUM, Kind.DETACH_PARTITION, Kind.REFRESH})
# What all databases of a server share. (pg_shdepend is written by every CREATE.)
_SHARED = ("pg_authid", "pg_auth_members", "pg_database", "pg_tablespace", "pg_db_role_setting", "pg_shdescription",
           "pg_shseclabel", "pg_parameter_acl", "pg_subscription", "pg_replication_origin")  # fmt: skip
_REACHES_OUT = """
select c.relname from pg_locks l join pg_class c on c.oid = l.relation
where l.pid = pg_backend_pid() and l.mode = 'RowExclusiveLock' and c.relname = any(%s)
"""

_RELATIONS = f"""
select c.oid::int8, {TOLD}, c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0)::int8,
  coalesce(s.seq_scan, 0)::int8, coalesce(i.indrelid, 0)::int8
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_xact_all_tables s on s.relid = c.oid left join pg_index i on i.indexrelid = c.oid
where {NOT_OURS} and c.relkind <> 't'
"""
_OTHERS = """
select 'function ' || p.oid::regprocedure::text from pg_proc p where pronamespace not in (
  'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
union all select 'type ' || t.oid::regtype::text from pg_type t where typtype in ('e', 'd', 'r')
  and typnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
union all select 'schema ' || nspname from pg_namespace where nspname !~ '^pg_'
union all select 'extension ' || extname from pg_extension
union all select 'trigger ' || tgname || ' on ' || tgrelid::regclass::text from pg_trigger where not tgisinternal
union all select 'policy ' || polname || ' on ' || polrelid::regclass::text from pg_policy
"""
_LOCKS = """
select relation::int8, mode from pg_locks
where pid = pg_backend_pid() and granted and locktype = 'relation'
  and database = (select oid from pg_database where datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Relation:
    name: str
    kind: str  # as in pg_class
    file: int  # 0: it has none of its own
    scans: int  # of this transaction
    of: int  # an index's table, else 0


@dataclass(frozen=True, slots=True)
class Look:
    """All that is there at one moment."""

    relations: Mapping[int, Relation] = field(default_factory=dict)
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Trace:
    """What a statement did to the clone, and what is only asked of it here."""

    measured: Measured
    rows: int = 0
    code: str = ""  # SQLSTATE of the refusal


def look(connection: Connection) -> Look:
    rows = connection.execute(_RELATIONS).fetchall()
    relations = {row[0]: Relation(*row[1:]) for row in rows}
    return Look(relations, frozenset(row[0] for row in connection.execute(_OTHERS).fetchall()))


def together(connection: Connection, statement: Statement) -> Trace:
    """Carry it out in a transaction of its own, and keep it. A refusal leaves everything as it was."""
    connection.execute("begin isolation level read committed")
    connection.execute("set local max_parallel_maintenance_workers = 0; set local row_security = on")
    connection.execute(f"set local statement_timeout = '{RUN_SECONDS_MAX}s'")
    before, log = look(connection), _log_position(connection)
    began = time.perf_counter()
    try:
        rows = execute(connection, statement)
        seconds = time.perf_counter() - began
        found = _told(before, look(connection), _locks(connection), seconds, _log_bytes(connection, log))
        outside = [row[0] for row in connection.execute(_REACHES_OUT, (list(_SHARED),)).fetchall()]
        found = _as_with_rows(found, statement)
        settings = _local_settings(connection) if statement.kind is Kind.SET else {}
        if outside:
            connection.execute("rollback")
            why = f"it changes what all databases of the server share ({', '.join(outside)}): it was tried, and undone."
            return Trace(replace(found, error=why), rows)
        connection.execute("commit")
    except (Failed, psycopg.Error) as failure:
        error = failure.error if isinstance(failure, Failed) else failure
        seconds = time.perf_counter() - began
        connection.execute("rollback")
        return Trace(Measured(seconds, error=_words(error)), 0, error.sqlstate or "")
    for name, value in settings.items():
        connection.execute("select set_config(%s, %s, false)", (name, value))
    return Trace(found, rows)


def _as_with_rows(found: Measured, statement: Statement) -> Measured:
    """Where a table with rows makes a difference that is known. Pure."""
    if statement.kind is Kind.TRUNCATE:
        return replace(found, rewrites=(), rebuilds=())  # new files, but nothing is written to them
    checked = {str(a.details.get("references", "")) for a in statement.actions if a.kind is Kind.ADD_FOREIGN_KEY}
    parents = {table for table in found.locks if _is_called(table, checked)}
    if found.scans and parents:  # an empty parent is looked up by its index, a large one is read whole
        return replace(found, scans=tuple(sorted({*found.scans, *parents})))
    return found


def alone(connection: Connection, statement: Statement) -> Trace:
    """One that refuses to run within a transaction. Its locks are gone when it is over, but those are known."""
    if statement.kind not in ALONE:
        why = "it reaches beyond one database, or nobody knows what it does: it is not rehearsed."
        return Trace(Measured(0.0, error=why))
    connection.execute("set max_parallel_maintenance_workers = 0")
    before, log = look(connection), _log_position(connection)
    began = time.perf_counter()
    try:
        execute(connection, statement)
    except Failed as failure:
        return Trace(
            Measured(time.perf_counter() - began, error=_words(failure.error)), 0, failure.error.sqlstate or ""
        )
    seconds = time.perf_counter() - began
    after = look(connection)
    named = _named(statement, before)
    rewritten = {oid for oid in named if oid in after.relations and _moved(before, after, oid)}
    locks = {(oid, STRONGEST if oid in rewritten else GENTLE) for oid in named}
    found = _told(before, after, locks, seconds, _log_bytes(connection, log))
    read = tuple(before.relations[oid].name for oid in sorted(named)) if _reads(statement) else ()
    return Trace(replace(found, scans=tuple(sorted({*found.scans, *read}))))


def _named(statement: Statement, before: Look) -> set[int]:
    """The tables it is about, by name, or by the name of an index."""
    names = {n for a in statement.actions for n in (a.table, a.name) if n}
    by_name = {oid: r for oid, r in before.relations.items() if _is_called(r.name, names)}
    return {r.of or oid for oid, r in by_name.items() if r.of or r.kind in TABLES}


def _is_called(name: str, names: set[str]) -> bool:
    return name in names or name.rpartition(".")[2] in names or f"public.{name}" in names


def _reads(statement: Statement) -> bool:
    return statement.kind in (Kind.CREATE_INDEX, Kind.REINDEX, Kind.VACUUM)


def _moved(before: Look, after: Look, oid: int) -> bool:
    return before.relations[oid].file != after.relations[oid].file


def _told(before: Look, after: Look, locks: Iterable[tuple[int, str]], seconds: float, log_bytes: int) -> Measured:
    """The difference of two looks, in words. Pure."""
    there = before.relations
    moved = {oid for oid in there if oid in after.relations and _moved(before, after, oid)}
    tables = {oid for oid in moved if there[oid].kind in TABLES}
    indexes = {oid for oid in moved if there[oid].kind in INDEXES and there[oid].of not in tables}
    scanned = {oid for oid in there if oid in after.relations and after.relations[oid].scans > there[oid].scans}
    held = strongest((there[oid].name, mode) for oid, mode in locks if oid in there and there[oid].kind in TABLES)
    ours = {*after.relations} - {*there}
    gone = {*there} - {*after.relations}
    return Measured(
        seconds,
        locks=held,
        blocks={table: blocks(mode) for table, mode in held.items()},
        rewrites=_names(there, tables),
        rebuilds=_names(there, indexes),
        scans=_names(there, scanned),
        creates=(*_names(after.relations, ours), *sorted(after.others - before.others)),
        drops=(*_names(there, gone), *sorted(before.others - after.others)),
        log_bytes=log_bytes,
    )


def strongest(locks: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By table, sorted. Pure."""
    found: dict[str, str] = {}
    for table, mode in sorted(locks, key=lambda lock: (lock[0], strength(lock[1]))):
        found[table] = mode
    return found


def blocks(mode: str) -> Blocks:
    """What others cannot do on a table with that lock. Pure."""
    if mode == STRONGEST:
        return Blocks.EVERYTHING
    if strength(mode) >= strength("ShareLock"):
        return Blocks.WRITES
    return Blocks.SCHEMA_CHANGES if mode == GENTLE else Blocks.NOTHING


def _names(relations: Mapping[int, Relation], oids: Iterable[int]) -> tuple[str, ...]:
    return tuple(sorted(relations[oid].name for oid in oids))


def _locks(connection: Connection) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in connection.execute(_LOCKS).fetchall()]


def _log_position(connection: Connection) -> str:
    row = connection.execute("select pg_current_wal_insert_lsn()::text").fetchone()
    return str(row[0]) if row else "0/0"


def _log_bytes(connection: Connection, since: str) -> int:
    """Of the whole server: what others wrote meanwhile is in it."""
    row = connection.execute(
        "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s::pg_lsn)::int8", (since,)
    ).fetchone()
    return int(row[0]) if row else 0


def _local_settings(connection: Connection) -> dict[str, str]:
    """What SET LOCAL said must hold for the next statement too, as it will when they are one transaction."""
    rows = connection.execute("select name, setting from pg_settings where source = 'session'").fetchall()
    ours = {"statement_timeout", "max_parallel_maintenance_workers", "row_security"}
    return {name: value for name, value in rows if name not in ours}


def _words(error: psycopg.Error) -> str:
    said = error.diag.message_primary or " ".join(str(error).split())
    detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
    return f"{said}.{detail} (SQLSTATE {error.sqlstate})"


def seconds_of(connection: Connection, query: str) -> float:
    began = time.perf_counter()
    connection.execute(query.encode())
    return time.perf_counter() - began
