"""Putting staged tables in place, in one transaction, and undoing that."""

from __future__ import annotations

import json
from collections.abc import Sequence

from duckdb import DuckDBPyConnection as Cursor

from wayfare.core.errors import Refused
from wayfare.core.ports import Mode
from wayfare.core.tables import Identity, Index, Table
from wayfare.systems.databases.duckdb import catalog, dialect, fill, types
from wayfare.systems.databases.duckdb.dialect import quote
from wayfare.systems.databases.duckdb.fill import Place
from wayfare.systems.databases.duckdb.records import FILL, Records


def publish(cursor: Cursor, run: str, tables: Sequence[Table], mode: Mode) -> None:
    staged = staged_names(cursor, run)
    waiting = [t for t in tables if dialect.staged(run, t).name in staged]  # the others are in place already
    there = {fill.place(t): t for t in catalog.tables(cursor)}
    replaced = [there[fill.place(t)] for t in waiting if fill.place(t) in there and mode is Mode.REPLACE]
    _nobody_else_refers_to(replaced, there)
    records = Records(cursor, run)
    for old in reversed(fill.parents_first(replaced)):
        _set_aside(cursor, run, records, old, there)
        del there[fill.place(old)]
    for table in fill.parents_first(waiting):
        if fill.place(table) in there:
            _join(cursor, run, table, there[fill.place(table)], merge=mode is Mode.MERGE)
        else:
            there[fill.place(table)] = _put_in_place(cursor, run, records, table, there)
        cursor.execute(f"DROP TABLE {dialect.path(dialect.staged(run, table))}")


def _nobody_else_refers_to(replaced: Sequence[Table], there: dict[Place, Table]) -> None:
    """DuckDB neither renames nor drops a table while another one's foreign key holds on to it."""
    gone = {fill.place(t) for t in replaced}
    for table in there.values():
        for key in table.foreign_keys:
            if fill.place(table) not in gone and fill.parent(table, key) in gone:
                raise Refused(
                    f"a foreign key of {table.label} refers to {key.parent}, which can then not be replaced.",
                    where=table.label,
                    remedy=f"Copy {table.name} too, use --mode merge, or drop that foreign key.",
                )


def staged_names(cursor: Cursor, run: str) -> set[str]:
    rows = cursor.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ?",
        [dialect.schema(run)],
    ).fetchall()
    return {row[0] for row in rows}


def _join(cursor: Cursor, run: str, table: Table, existing: Table, *, merge: bool) -> None:
    source = dialect.path(dialect.staged(run, table))
    columns = [c.name for c in table.written]
    if merge:
        for statement in dialect.merge(table, source, columns, _indexed(existing)):
            cursor.execute(statement)
    else:
        cursor.execute(dialect.append(table, source, columns))
    for column in table.columns:
        have = existing.column(column.name).identity if column.name in {c.name for c in existing.columns} else None
        if column.identity and have and have.increment > 0:
            _advance(cursor, table, have, column.identity.next)


def _indexed(table: Table) -> frozenset[str]:
    """The columns in an index of any kind; a foreign key has one too."""
    groups = [index.columns for index in table.indexes] + [key.columns for key in table.foreign_keys]
    return frozenset(name for group in groups for name in group)


def _advance(cursor: Cursor, table: Table, have: Identity, wanted: int) -> None:
    """DuckDB cannot set a sequence, only draw from it."""
    if have.next < wanted:
        draws = -(-(wanted - have.next) // have.increment)
        name = dialect.literal(dialect.place(table.namespace, have.sequence))
        cursor.execute(f"SELECT max(nextval({name})) FROM range({draws})").fetchall()


def _put_in_place(cursor: Cursor, run: str, records: Records, table: Table, there: dict[Place, Table]) -> Table:
    if table.namespace:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.namespace)}")
    sequences = {c.name: _sequence(cursor, records, table, c.name, c.identity) for c in table.columns if c.identity}
    possible = fill.possible_keys(table, there)
    fill.create_and_fill(cursor, possible, dialect.path(dialect.staged(run, table)), sequences)
    records.done(undo=f"DROP TABLE {dialect.path(table)}")
    indexes = [i for i in table.indexes if not i.constraint and _can_be(i, table)]
    for statement in (*(dialect.create_index(table, i) for i in indexes), *dialect.comments(table)):
        cursor.execute(statement)
    return table


def _can_be(index: Index, table: Table) -> bool:
    """An index over a list or an interval is left out, which shows when the copy's structure is compared."""
    return all(types.can_be_indexed(table.column(c)) for c in index.columns)


def _sequence(cursor: Cursor, records: Records, table: Table, column: str, identity: Identity) -> str:
    """A new sequence under a free name: a replaced table's own is kept for as long as the table can come back."""
    taken = {
        row[0].lower()
        for row in cursor.execute(
            "SELECT sequence_name FROM duckdb_sequences() WHERE schema_name = ?",
            [table.namespace or dialect.DEFAULT_NAMESPACE],
        ).fetchall()
    }
    base = f"{table.name}_{column}_seq"
    name = next(n for n in (base, *(f"{base}{i}" for i in range(1, len(taken) + 2))) if n.lower() not in taken)
    cursor.execute(dialect.create_sequence(table.namespace, name, identity))
    path = dialect.place(table.namespace, name)
    records.done(undo=f"DROP SEQUENCE {path}")
    return path


def _set_aside(cursor: Cursor, run: str, records: Records, old: Table, there: dict[Place, Table]) -> None:
    """Rename it, or, where other tables' foreign keys hold on to it, copy its rows and drop it."""
    for index in old.indexes:
        if not index.constraint:
            cursor.execute(f"DROP INDEX {dialect.place(old.namespace, index.name)}")
            records.done(undo=index.definition)
    if _in_foreign_keys(old, there):
        _copy_aside(cursor, run, records, old)
    else:
        name = f"{dialect.schema(run)} {old.name}"
        renamed = dialect.place(old.namespace, name)
        cursor.execute(f"ALTER TABLE {dialect.path(old)} RENAME TO {quote(name)}")
        records.done(f"ALTER TABLE {renamed} RENAME TO {quote(old.name)}", f"DROP TABLE {renamed}")
    for column in old.columns:
        if column.identity and _used_once(cursor, column.identity.sequence):
            records.done(forget=f"DROP SEQUENCE IF EXISTS {dialect.place(old.namespace, column.identity.sequence)}")


def _in_foreign_keys(old: Table, there: dict[Place, Table]) -> bool:
    at = fill.place(old)
    return bool(old.foreign_keys) or any(fill.parent(t, k) == at for t in there.values() for k in t.foreign_keys)


def _copy_aside(cursor: Cursor, run: str, records: Records, old: Table) -> None:
    name = f"wayfare old {old.namespace}.{old.name}"
    copied = dialect.place(dialect.schema(run), name)
    (definition,) = cursor.execute(
        "SELECT sql FROM duckdb_tables() "
        "WHERE database_name = current_database() AND schema_name = ? AND table_name = ?",
        [old.namespace, old.name],
    ).fetchone() or ("",)
    columns = dialect.listed([c.name for c in old.written])
    cursor.execute(f"CREATE TABLE {copied} AS SELECT {columns} FROM {dialect.path(old)}")
    cursor.execute(f"DROP TABLE {dialect.path(old)}")
    for statement in reversed(dialect.comments(old)):
        records.done(undo=statement)
    records.done(undo=FILL + json.dumps([old.namespace, old.name, name]))
    records.done(undo=definition)


def _used_once(cursor: Cursor, sequence: str) -> bool:
    (count,) = cursor.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE column_default LIKE 'nextval(%' AND contains(column_default, ?)",
        [sequence.replace("'", "''").replace('"', '""')],
    ).fetchone() or (0,)
    return bool(sequence and count <= 1)


def discard(cursor: Cursor, run: str) -> None:
    """Take every recorded step back, the last one first."""
    if not staged_names(cursor, run):
        return
    for undo in Records(cursor, run).undos():
        if undo.startswith(FILL):
            _put_back(cursor, run, *json.loads(undo[len(FILL) :]))
        else:
            cursor.execute(undo)
    cursor.execute(f"DROP SCHEMA {quote(dialect.schema(run))} CASCADE")


def _put_back(cursor: Cursor, run: str, namespace: str, name: str, copied: str) -> None:
    table = next(t for t in catalog.tables(cursor) if (t.namespace, t.name) == (namespace, name))
    inner = [k for k in table.foreign_keys if fill.parent(table, k) == fill.place(table)]
    fill.fill(cursor, table, dialect.place(dialect.schema(run), copied), inner)


def finish(cursor: Cursor, run: str) -> None:
    if not staged_names(cursor, run):
        return
    for forget in Records(cursor, run).forgets():
        cursor.execute(forget)
    cursor.execute(f"DROP SCHEMA {quote(dialect.schema(run))} CASCADE")
