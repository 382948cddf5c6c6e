"""Building a copy beside the real tables, and putting it in place.

A run has its own schemas, which nobody else looks at:

    wayfare_<run>               the ledger of chunks, and what was done: types created, tables placed, views repointed
    wayfare_<run>_<schema>      the staged tables of one schema, under their final names
    wayfare_old_<run>_<schema>  the tables they replaced, until `finish`

Tables move between schemas by ALTER TABLE … SET SCHEMA, which takes their indexes and sequences along and copies
nothing; so publishing any number of tables is one short transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psycopg

from wayfare.core.errors import Refused
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.postgresql import dialect
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import full_name, literal, qualified, quote
from wayfare.systems.databases.postgresql.errors import translated
from wayfare.systems.databases.postgresql.types import is_builtin

INDEX_MEMORY = "512MB"  # of the server's, while an index is built


def staged(run: str, table: Table) -> Table:
    return replace(table, namespace=dialect.staging_schema(run, table.namespace))


def exists(connection: Connection, table: Table) -> bool:
    found = connection.execute("select to_regclass(%s)", (full_name(table),)).fetchone()
    return bool(found and found[0])


def lock_run(connection: Connection, run: str) -> None:
    """One at a time for this run, until the transaction ends: CREATE … IF NOT EXISTS alone may collide."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"wayfare {run}",))


def stage(connections: Connections, run: str, tables: Sequence[Table]) -> None:
    with connections.transaction() as connection:
        lock_run(connection, run)
        _create_books(connection, run)
        for table in tables:
            _create_types(connection, run, table)
            ours = staged(run, table)
            connection.execute(f"create schema if not exists {quote(ours.namespace)}")
            if not exists(connection, ours):
                _create(connection, ours, table)


def _create(connection: Connection, ours: Table, table: Table) -> None:
    try:
        connection.execute(dialect.create_table(ours))
        for column in ours.columns:
            if dialect.numbers_itself_by_default(column):
                for statement in dialect.owned_sequence(ours, column):
                    connection.execute(statement)
    except psycopg.errors.UndefinedObject as error:
        remedy = "Create that type on the target first (CREATE EXTENSION, CREATE TYPE), or map the column with --map."
        raise Refused(f"{error.diag.message_primary}.", where=table.label, remedy=remedy) from error
    except psycopg.Error as error:
        raise translated(error, table.label) from error


def _create_books(connection: Connection, run: str) -> None:
    schema = quote(dialect.ledger_schema(run))
    connection.execute(f"create schema if not exists {schema}")
    for text in (
        "ledger (label text, chunk int, attempt int, written int8 not null, primary key (label, chunk))",
        "created (kind text, name text, primary key (kind, name))",
        "placed (namespace text, name text, replaced bool not null, primary key (namespace, name))",
        "repointed (number serial, namespace text, name text, definition text, primary key (namespace, name))",
    ):
        connection.execute(f"create table if not exists {schema}.{text}")


def _create_types(connection: Connection, run: str, table: Table) -> None:
    """Enumerations live in their own schema, since the tables end there too. One with the same labels is used."""
    for column in table.columns:
        if column.meaning is Meaning.ENUM and column.labels and not is_builtin(column.native):
            _create_enum(connection, run, table, column)


def _create_enum(connection: Connection, run: str, table: Table, column: Column) -> None:
    name = column.native.removesuffix("[]")
    found = connection.execute(
        "select array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder)"
        " from (select to_regtype(%s) as oid) t where t.oid is not null",
        (name,),
    ).fetchone()
    if found is None:
        schema = _schema_of(name)
        if schema:
            _create_schema(connection, run, schema)
        connection.execute(dialect.create_enum(name, column.labels))
        _note(connection, run, "type", name)
    elif tuple(found[0]) != column.labels:
        raise Refused(
            f"the target has a type {name} with other labels: {', '.join(found[0])}.",
            where=f"{table.label}.{column.name}",
            remedy="Rename or alter that type on the target, or map the column to text with --map.",
        )


def _schema_of(name: str) -> str:
    """The quoted schema of a qualified name as format_type prints it; empty without one."""
    quoted = False
    for place, character in enumerate(name):
        quoted ^= character == '"'
        if character == "." and not quoted:
            return name[:place]
    return ""


def _create_schema(connection: Connection, run: str, quoted: str) -> None:
    found = connection.execute("select to_regnamespace(%s)", (quoted,)).fetchone()
    if not (found and found[0]):
        connection.execute(f"create schema if not exists {quoted}")
        _note(connection, run, "schema", quoted)


def _note(connection: Connection, run: str, kind: str, name: str) -> None:
    books = qualified(dialect.ledger_schema(run), "created")
    connection.execute(f"insert into {books} values (%s, %s) on conflict do nothing", (kind, name))


def seal(connections: Connections, run: str, table: Table) -> None:
    """Each statement commits by itself, so that a second attempt goes on where the first one stopped."""
    ours = staged(run, table)
    with connections.use(table.label) as connection:
        if not exists(connection, ours):
            return  # published already
        connection.execute(f"set maintenance_work_mem = {literal(INDEX_MEMORY)}")
        if ours.key and not _has_primary_key(connection, ours):
            connection.execute(dialect.primary_key(ours))
        for index in ours.indexes:
            name = _free_name(connection, ours, index.name)
            if name:
                connection.execute(dialect.create_index(ours, index, name))
                if index.comment:
                    place = qualified(ours.namespace, name)
                    connection.execute(f"comment on index {place} is {literal(index.comment)}")
        for check in ours.checks:
            name = dialect.shortened(check.name)
            if not _has_constraint(connection, ours, name):
                connection.execute(dialect.add_check(ours, check, name))
        connection.execute(f"analyze {full_name(ours)}")
        connection.execute("reset maintenance_work_mem")


def _has_primary_key(connection: Connection, table: Table) -> bool:
    found = connection.execute(
        "select exists (select from pg_index where indrelid = to_regclass(%s) and indisprimary)", (full_name(table),)
    ).fetchone()
    return bool(found and found[0])


def _has_constraint(connection: Connection, table: Table, name: str) -> bool:
    found = connection.execute(
        "select exists (select from pg_constraint where conrelid = to_regclass(%s) and conname = %s)",
        (full_name(table), name),
    ).fetchone()
    return bool(found and found[0])


def _free_name(connection: Connection, table: Table, wanted: str) -> str:
    """A name for an index; "" when this table has it already.

    PostgreSQL keeps index names per schema, others per table: where another table's index is in the way, the table's
    name goes in front.
    """
    for name in (dialect.shortened(wanted), dialect.shortened(f"{table.name}_{wanted}")):
        found = connection.execute(
            "select coalesce((select indrelid from pg_index where indexrelid = c.oid) = to_regclass(%s), false)"
            " from pg_class c where c.relname = %s and c.relnamespace = to_regnamespace(%s)",
            (full_name(table), name, quote(table.namespace)),
        ).fetchone()
        if found is None:
            return name
        if found[0]:
            return ""
    raise Refused(f"two indexes would be called {wanted}.", where=table.label, remedy="Rename one on the source.")


def set_next(connection: Connection, table: Table, column: Column, *, at_least: bool) -> None:
    """Let the column's sequence go on at the identity's next value; `at_least`: never backwards."""
    assert column.identity
    found = connection.execute("select pg_get_serial_sequence(%s, %s)", (full_name(table), column.name)).fetchone()
    if not found or not found[0]:
        return
    current = connection.execute(
        f"select last_value + case when is_called then {column.identity.increment} else 0 end from {found[0]}"
    ).fetchone()
    following = column.identity.next
    if at_least and current:
        pick = max if column.identity.increment > 0 else min
        following = pick(following, int(current[0]))
    connection.execute("select setval(%s::regclass, %s, false)", (found[0], following))
