"""A copy built beside the real tables and then put in place: every step is one transaction, DDL included."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.ports import Mode, Ticket
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.sqlite import declared, dialect, encode
from wayfare.systems.databases.sqlite.dialect import aside, ledger, quote


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE", (name,)
    ).fetchone()
    return found is not None


def stage(connection: sqlite3.Connection, run: str, tables: Sequence[Table]) -> None:
    for statement in dialect.ours(run):
        connection.execute(statement)
    for table in tables:
        name = dialect.staged_name(run, table.name)
        if not has_table(connection, name):
            connection.execute(dialect.create_table(table, name))


def recorded(connection: sqlite3.Connection, ticket: Ticket) -> int | None:
    """The rows of a chunk that is in already."""
    row = connection.execute(
        f"SELECT row_count FROM {ledger(ticket.run)} WHERE staged = ? AND chunk = ?", (ticket.table, ticket.chunk)
    ).fetchone()
    return int(row[0]) if row else None


def write(connection: sqlite3.Connection, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    """Inside a write transaction, so no other attempt can come between the look into the ledger and the entry."""
    if (done := recorded(connection, ticket)) is not None:
        return done
    count = 0
    for batch in batches:
        insert(connection, table, batch)
        count += batch.num_rows
    connection.execute(f"INSERT INTO {ledger(ticket.run)} VALUES (?, ?, ?)", (ticket.table, ticket.chunk, count))
    return count


def insert(connection: sqlite3.Connection, table: Table, batch: pa.RecordBatch) -> None:
    columns = table.written
    if not columns:
        raise Refused("SQLite has no tables without columns.", where=table.label)
    lists = []
    for column, array in zip(columns, batch.columns, strict=True):
        try:
            lists.append(encode.from_arrow(column, array))
        except encode.Unfit as unfit:
            where = f"{table.label}.{column.name}"
            raise Refused(
                f"there is {unfit}.", where=where, remedy=f"Allow the loss with --allow-loss {where}."
            ) from unfit
    names = dialect.listed(tuple(c.name for c in columns))
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})", zip(*lists, strict=True))


def index(connection: sqlite3.Connection, table: Table, name: str) -> None:
    """Create the indexes of `table` that `name` lacks. Index names are shared by the whole file: one that a table to be
    replaced still holds has to wait for `publish`."""
    taken = {
        n.lower() for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('index', 'table')")
    }
    for wanted in table.indexes:
        if not wanted.constraint and wanted.name.lower() not in taken:
            connection.execute(dialect.create_index(wanted, name))


def publish(connection: sqlite3.Connection, run: str, tables: Sequence[Table], mode: Mode) -> None:
    for table in tables:
        staged = dialect.staged_name(run, table.name)
        if not has_table(connection, staged):
            continue  # in place already
        if mode is not Mode.REPLACE and has_table(connection, table.name):
            connection.execute(dialect.move_rows(table, staged, merge=mode is Mode.MERGE))
            connection.execute(f"DROP TABLE {quote(staged)}")
        else:
            _put_in_place(connection, run, table, staged)
        _continue_numbers(connection, table)


def _put_in_place(connection: sqlite3.Connection, run: str, table: Table, staged: str) -> None:
    """The new table also gets the triggers of the one it replaces, which did not fire for what was copied."""
    triggers = _set_aside(connection, run, table.name)
    connection.execute(f"ALTER TABLE {quote(staged)} RENAME TO {quote(table.name)}")
    index(connection, table, table.name)
    for trigger in triggers:
        connection.execute(trigger)


def _set_aside(connection: sqlite3.Connection, run: str, name: str) -> list[str]:
    """Rename the table to be replaced. Its indexes and triggers are dropped, as their names are needed, and remembered.

    Gives the statements of its triggers.
    """
    old = dialect.aside_name(run, name)
    replaced = has_table(connection, name)
    statements = []
    if replaced:
        statements = connection.execute(
            "SELECT type, name, sql FROM sqlite_master "
            "WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name = ? COLLATE NOCASE",
            (name,),
        ).fetchall()
        for kind, named, _ in statements:
            connection.execute(f"DROP {kind} {quote(named)}")
        connection.execute(f"ALTER TABLE {quote(name)} RENAME TO {quote(old)}")
    restore = "\0".join(sql for _, _, sql in statements)
    connection.execute(
        f"INSERT OR IGNORE INTO {aside(run)} VALUES (?, ?, ?)", (name, old if replaced else None, restore)
    )
    return [sql for kind, _, sql in statements if kind == "trigger"]


def _continue_numbers(connection: sqlite3.Connection, table: Table) -> None:
    numbered = dialect.numbers_itself(table)
    if not numbered or not numbered.identity or not _has_sequence(connection, table.name):
        return
    last = numbered.identity.next - 1
    changed = connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table.name)
    ).rowcount
    if not changed:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))


def _has_sequence(connection: sqlite3.Connection, name: str) -> bool:
    row = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE", (name,)
    ).fetchone()
    return row is not None and declared.table(row[0]).autoincrement


def discard(connection: sqlite3.Connection, run: str) -> None:
    """Put back what was replaced, then forget."""
    if has_table(connection, f"wayfare_{run}_aside"):
        for name, old, restore in connection.execute(f"SELECT name, old, restore FROM {aside(run)}").fetchall():
            connection.execute(f"DROP TABLE IF EXISTS {quote(name)}")
            if old:
                connection.execute(f"ALTER TABLE {quote(old)} RENAME TO {quote(name)}")
            for statement in restore.split("\0") if restore else ():
                connection.execute(statement)
        connection.execute(f"DROP TABLE {aside(run)}")
    finish(connection, run)


def finish(connection: sqlite3.Connection, run: str) -> None:
    """Drop everything that carries the run's name: staged tables, ledger, and what was set aside."""
    prefix = f"wayfare_{run}_"
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        if name.startswith(prefix):
            connection.execute(f"DROP TABLE {quote(name)}")


def delete(connection: sqlite3.Connection, table: Table, keys: pa.RecordBatch) -> int:
    lists = [encode.from_arrow(table.column(k), keys.column(k)) for k in table.key]
    return connection.executemany(dialect.delete(table), zip(*lists, strict=True)).rowcount


def add_columns(connection: sqlite3.Connection, table: Table, columns: Sequence[Column]) -> None:
    have = {n for (n,) in connection.execute("SELECT lower(name) FROM pragma_table_info(?)", (table.name,))}
    for column in columns:
        if column.name.lower() not in have:
            connection.execute(dialect.add_column(table, column))
