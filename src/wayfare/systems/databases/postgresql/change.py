"""Statements beside the copy: SQL of the caller's, rows removed by key, columns and views added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import pyarrow as pa

from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.postgresql import dialect
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import full_name, literal, names, qualified, quote
from wayfare.systems.databases.postgresql.encode import Encoder
from wayfare.systems.databases.postgresql.errors import translated
from wayfare.systems.databases.postgresql.wire import copy_in


def execute(connections: Connections, statement: str) -> pa.Table:
    """Rows as Python values give them to Arrow; what Arrow does not know becomes text."""
    with connections.use() as connection:
        cursor = connection.execute(statement)
        if cursor.description is None:
            return pa.table({})
        rows = cursor.fetchall()
        names = [d.name for d in cursor.description]
    return pa.Table.from_arrays([_array([row[i] for row in rows]) for i in range(len(names))], names=names)


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def delete(connections: Connections, table: Table, keys: pa.RecordBatch) -> int:
    """Remove the rows with those keys: they are copied into a temporary table and joined. Returns the rows removed."""
    columns = tuple(table.column(name) for name in keys.schema.names)
    wanted = Table("wayfare_keys", columns, namespace="pg_temp")
    cast = pa.RecordBatch.from_arrays(
        [a.cast(c.type) for a, c in zip(keys.columns, columns, strict=True)], schema=wanted.arrow()
    )
    matches = " and ".join(f"t.{quote(c.name)} = k.{quote(c.name)}" for c in columns)
    with connections.transaction(table.label) as connection:
        definitions = ", ".join(f"{quote(c.name)} {c.native}" for c in columns)
        connection.execute(f"create temporary table {quote(wanted.name)} ({definitions}) on commit drop")
        encoder = Encoder(wanted)
        with copy_in(connection, encoder.statement) as copy:
            for piece in (encoder.start, *encoder.encode(cast), encoder.end):
                copy.send(piece)
            copy.finish()
        return connection.execute(
            f"delete from {full_name(table)} t using {full_name(wanted)} k where {matches}"
        ).rowcount


def add_columns(connections: Connections, table: Table, columns: Sequence[Column]) -> None:
    """New columns are nullable: the rows that are there have no value for them."""
    with connections.transaction(table.label) as connection:
        for column in columns:
            text = f"alter table {full_name(table)} add column if not exists {quote(column.name)} {column.native}"
            connection.execute(text)
            if column.comment:
                place = f"{full_name(table)}.{quote(column.name)}"
                connection.execute(f"comment on column {place} is {literal(column.comment)}")


def create_sequences(connections: Connections, sequences: Sequence[NamedSequence]) -> None:
    """Create those that are missing, and let each go on at its next value. Repeatable."""
    with connections.transaction() as connection:
        for sequence in sequences:
            name = qualified(sequence.namespace, sequence.name)
            space = quote(sequence.namespace or dialect.DEFAULT_NAMESPACE)
            connection.execute(f"create schema if not exists {space}")
            connection.execute(f"create sequence if not exists {name} increment {sequence.increment}")
            connection.execute("select setval(%s::regclass, %s, false)", (name, sequence.next))


def create_views(connections: Connections, views: Sequence[View]) -> Sequence[Finding]:
    """Views may need each other, in an order nobody told: those that fail are tried again while others succeed."""
    waiting, failed = list(views), dict[str, Finding]()
    while waiting:
        left: list[View] = []
        for view in waiting:
            finding = _create_view(connections, view)
            if finding:
                left.append(view)
                failed[view.label] = finding
        if len(left) == len(waiting):
            return [failed[view.label] for view in left]
        waiting = left
    return []


def _create_view(connections: Connections, view: View) -> Finding | None:
    with connections.use(view.label) as connection:
        try:
            with connection.transaction():
                _define(connection, view)
        except psycopg.Error as error:
            advice = f"Create it by hand; its text is: {view.definition}"
            message = f"this view could not be created: {translated(error).message}"
            return Finding("view_failed", Severity.WARNING, message, view.label, advice)
    return None


def _define(connection: Connection, view: View) -> None:
    space = view.namespace or dialect.DEFAULT_NAMESPACE
    name = qualified(space, view.name)
    connection.execute(f"create schema if not exists {quote(space)}")
    connection.execute(f"set local search_path = {quote(space)}, {quote(dialect.DEFAULT_NAMESPACE)}")
    kind = "materialized view" if view.materialized else "view"
    columns = f" ({names(view.columns)})" if view.columns else ""
    found = connection.execute("select relkind::text from pg_class where oid = to_regclass(%s)", (name,)).fetchone()
    if found and found[0] in ("v", "m"):
        connection.execute(f"drop {'materialized view' if found[0] == 'm' else 'view'} {name}")
    connection.execute(f"create {kind} {name}{columns} as {view.definition}")
    if view.comment:
        connection.execute(f"comment on {kind} {name} is {literal(view.comment)}")
