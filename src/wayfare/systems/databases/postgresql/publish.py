"""Putting staged tables in place in one transaction, and taking that back.

A view on a replaced table goes on looking at the table it was made on, wherever that moves. So the views are told
again (CREATE OR REPLACE VIEW with their own text) once the new table stands under the old name, and again when it is
taken back. What cannot be told again (materialized views, foreign keys of tables that are not part of this copy) is
refused before anything moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psycopg

from wayfare.core.errors import Refused
from wayfare.core.ports import Mode
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.postgresql import dialect
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import full_name, qualified, quote
from wayfare.systems.databases.postgresql.errors import translated
from wayfare.systems.databases.postgresql.stage import exists, lock_run, set_next, staged

_VIEWS_ON = """
select distinct n.nspname, v.relname, pg_get_viewdef(v.oid), v.relkind = 'm', v.oid
from pg_depend d join pg_rewrite r on r.oid = d.objid join pg_class v on v.oid = r.ev_class
join pg_namespace n on n.oid = v.relnamespace
where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
  and d.refobjid = to_regclass(%s) and v.oid <> d.refobjid and v.relkind in ('v', 'm')
order by v.oid
"""

_FOREIGN_KEYS_ON = """
select k.conname, n.nspname, c.relname
from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = to_regclass(%s) and k.conparentid = 0
"""

_RIGHTS = """
select c.relowner::regrole::text,
       coalesce(array_agg(a.privilege_type::text) filter (where a.grantee is not null), '{}'),
       coalesce(array_agg(case a.grantee when 0 then 'public' else a.grantee::regrole::text end)
                filter (where a.grantee is not null), '{}')
from pg_class c left join lateral aclexplode(c.relacl) a on a.grantee <> c.relowner
where c.oid = to_regclass(%s) group by 1
"""


def publish(connections: Connections, run: str, tables: Sequence[Table], mode: Mode) -> None:
    with connections.transaction() as connection:
        lock_run(connection, run)
        connection.execute("set local search_path = ''")
        waiting = [t for t in tables if exists(connection, staged(run, t))]
        moving = [t for t in waiting if mode is Mode.REPLACE or not exists(connection, t)]
        if mode is Mode.REPLACE:
            _check_dependants(connection, moving, tables)
            _remember_views(connection, run, moving)
        for table in moving:
            _place(connection, run, table)
        _tell_views(connection, run)
        for table in (t for t in waiting if t not in moving):
            _merge(connection, run, table, mode)
        for table in moving:
            _finish_structure(connection, table)


def _check_dependants(connection: Connection, moving: Sequence[Table], tables: Sequence[Table]) -> None:
    """Raises Refused for what would be left hanging on the replaced tables."""
    together = {(t.namespace or dialect.DEFAULT_NAMESPACE, t.name) for t in tables}
    for table in moving:
        for name, namespace, child in connection.execute(_FOREIGN_KEYS_ON, (full_name(table),)).fetchall():
            if (namespace, child) not in together:
                raise Refused(
                    f"the foreign key {name} of {namespace}.{child} refers to this table, and {child} is not copied.",
                    where=table.label,
                    remedy=f"Copy {child} too, drop that foreign key first, or use --mode merge.",
                )
        for namespace, view, _, materialized, _ in connection.execute(_VIEWS_ON, (full_name(table),)).fetchall():
            if materialized:
                raise Refused(
                    f"the materialized view {namespace}.{view} reads this table and would go on reading the old one.",
                    where=table.label,
                    remedy="Drop it first and create it again afterwards.",
                )


def _remember_views(connection: Connection, run: str, moving: Sequence[Table]) -> None:
    books = qualified(dialect.ledger_schema(run), "repointed")
    for table in moving:
        for namespace, view, text, *_ in connection.execute(_VIEWS_ON, (full_name(table),)).fetchall():
            connection.execute(
                f"insert into {books} (namespace, name, definition) values (%s, %s, %s) on conflict do nothing",
                (namespace, view, text),
            )


def _tell_views(connection: Connection, run: str) -> None:
    """Read the remembered views' text again, so that their tables are those of now."""
    books = qualified(dialect.ledger_schema(run), "repointed")
    for namespace, view, text in connection.execute(
        f"select namespace, name, definition from {books} order by number"
    ).fetchall():
        try:
            connection.execute(f"create or replace view {qualified(namespace, view)} as {text}")
        except psycopg.Error as error:
            remedy = "Drop the view first and create it again afterwards."
            message = f"this view does not fit the new tables: {translated(error).message}"
            raise Refused(message, where=f"{namespace}.{view}", remedy=remedy) from error


def _place(connection: Connection, run: str, table: Table) -> None:
    """Set the old table aside and move the new one to its place, with the old one's owner and rights."""
    ours, replaced = staged(run, table), exists(connection, table)
    connection.execute(f"create schema if not exists {quote(table.namespace or dialect.DEFAULT_NAMESPACE)}")
    if replaced:
        _give_rights(connection, table, ours)
        _move(connection, table, aside(run, table))
    _move(connection, ours, table)
    connection.execute(
        f"insert into {qualified(dialect.ledger_schema(run), 'placed')} values (%s, %s, %s)",
        (table.namespace or dialect.DEFAULT_NAMESPACE, table.name, replaced),
    )


def aside(run: str, table: Table) -> Table:
    """The same table where replaced tables wait."""
    return replace(table, namespace=dialect.staging_schema(run, table.namespace, "wayfare_old"))


def _move(connection: Connection, table: Table, to: Table) -> None:
    schema = quote(to.namespace or dialect.DEFAULT_NAMESPACE)
    if to.namespace.startswith("wayfare_"):
        connection.execute(f"create schema if not exists {schema}")
    try:
        connection.execute(f"alter table {full_name(table)} set schema {schema}")
    except psycopg.Error as error:
        raise translated(error, to.label) from error


def _give_rights(connection: Connection, old: Table, new: Table) -> None:
    found = connection.execute(_RIGHTS, (full_name(old),)).fetchone()
    if not found:
        return
    owner, privileges, grantees = found
    for privilege, grantee in zip(privileges, grantees, strict=True):
        connection.execute(f"grant {privilege} on table {full_name(new)} to {grantee}")
    connection.execute(f"alter table {full_name(new)} owner to {owner}")


def _merge(connection: Connection, run: str, table: Table, mode: Mode) -> None:
    """Move the staged rows into the existing table; the staged table goes in the same transaction."""
    ours = staged(run, table)
    if mode is Mode.MERGE and not table.key:
        remedy = "Give it a primary key, or use --mode append or replace."
        raise Refused("rows can only be merged by a primary key.", where=table.label, remedy=remedy)
    try:
        connection.execute(dialect.insert_from(table, ours, merge=mode is Mode.MERGE))
    except psycopg.Error as error:
        raise translated(error, table.label) from error
    connection.execute(f"drop table {full_name(ours)}")
    for column in table.columns:
        if column.identity:
            set_next(connection, table, column, at_least=True)


def _finish_structure(connection: Connection, table: Table) -> None:
    for column in table.columns:
        if dialect.draws_from_sequence(column):
            _draw_from_sequence(connection, table, column)
    for key in table.foreign_keys:
        try:
            connection.execute(dialect.add_foreign_key(table, key))
        except psycopg.Error as error:
            raise translated(error, f"{table.label}.{key.name}") from error
    for statement in dialect.comments(table):
        connection.execute(statement)
    for column in table.columns:
        if column.identity:
            set_next(connection, table, column, at_least=False)


def _draw_from_sequence(connection: Connection, table: Table, column: Column) -> None:
    """Set a default like nextval('public.numbers'::regclass), with the sequence where it is missing."""
    name = column.default.partition("nextval('")[2].partition("'::regclass")[0].replace("''", "'")
    try:
        if name:
            connection.execute(f"create sequence if not exists {name}")
        connection.execute(dialect.set_default(table, column))
    except psycopg.Error as error:
        raise translated(error, f"{table.label}.{column.name}") from error


_SCHEMAS = "select nspname from pg_namespace where nspname = %s or starts_with(nspname, %s) or starts_with(nspname, %s)"


def finish(connections: Connections, run: str) -> None:
    with connections.transaction() as connection:
        lock_run(connection, run)
        _drop_schemas(connection, run)


def _drop_schemas(connection: Connection, run: str) -> None:
    names = (dialect.ledger_schema(run), f"wayfare_{run}_", f"wayfare_old_{run}_")
    for (name,) in connection.execute(_SCHEMAS, names).fetchall():
        connection.execute(f"drop schema if exists {quote(name)} cascade")


def discard(connections: Connections, run: str) -> None:
    with connections.transaction() as connection:
        lock_run(connection, run)
        connection.execute("set local search_path = ''")
        books = dialect.ledger_schema(run)
        found = connection.execute("select to_regclass(%s)", (qualified(books, "placed"),)).fetchone()
        if found and found[0]:
            _take_back(connection, run)
            created = connection.execute(f"select kind, name from {qualified(books, 'created')}").fetchall()
            _drop_schemas(connection, run)
            _drop_created(connection, created)
        else:
            _drop_schemas(connection, run)


def _take_back(connection: Connection, run: str) -> None:
    """Move what was placed back to the staging schema (to be dropped there), and what it replaced to its place."""
    placed = qualified(dialect.ledger_schema(run), "placed")
    rows = connection.execute(f"select namespace, name, replaced from {placed}").fetchall()
    tables = [(Table(name, (), namespace=namespace), replaced) for namespace, name, replaced in rows]
    for table, _ in tables:
        if exists(connection, table):
            _move(connection, table, staged(run, table))
    for table, replaced in tables:
        if replaced and exists(connection, aside(run, table)):
            _move(connection, aside(run, table), table)
    _tell_views(connection, run)


def _drop_created(connection: Connection, created: Sequence[tuple[str, str]]) -> None:
    """Types and schemas that the run made, unless somebody has begun to use them."""
    for kind, name in sorted(created, reverse=True):  # types before the schemas they are in
        try:
            with connection.transaction():
                connection.execute(f"drop {kind} if exists {name}")
        except psycopg.errors.DependentObjectsStillExist:
            continue
