"""What the file says of its tables and views, without reading rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Table, View
from wayfare.systems.databases.sqlite import declared, density, types
from wayfare.systems.databases.sqlite.declared import Declared
from wayfare.systems.databases.sqlite.dialect import OURS, quote

ROWS_WEIGHED = 50
_WAYS = ("ASC", "DESC")
_VIRTUAL, _STORED = 2, 3  # `hidden` of PRAGMA table_xinfo: 1 is a virtual table's hidden column


def tables(connection: sqlite3.Connection) -> list[Table]:
    listed = connection.execute(
        "SELECT l.name, l.type, l.wr, l.strict, coalesce(m.sql, '') FROM pragma_table_list l "
        "JOIN sqlite_master m ON m.name = l.name AND m.type = 'table' "
        "WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY l.name"
    ).fetchall()
    sequences = _sequences(connection)
    return [
        _estimated(connection, _table(connection, name, sql, _hints(kind, wr, strict), sequences))
        for name, kind, wr, strict, sql in listed
        if not OURS.match(name)
    ]


def _hints(kind: str, without_rowid: int, strict: int) -> list[tuple[str, str]]:
    said = (("virtual", kind == "virtual"), ("without_rowid", without_rowid), ("strict", strict))
    return [(hint, "yes") for hint, holds in said if holds]


def _sequences(connection: sqlite3.Connection) -> dict[str, int]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return {}
    return dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())


def _table(
    connection: sqlite3.Connection, name: str, sql: str, hints: list[tuple[str, str]], sequences: dict[str, int]
) -> Table:
    said = Declared() if ("virtual", "yes") in hints else declared.table(sql)
    rows = connection.execute(
        'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 1', (name,)
    ).fetchall()
    key = tuple(r[0] for r in sorted((r for r in rows if r[4]), key=lambda r: r[4]))
    numbered = _numbered(rows, key, hints)
    if numbered:
        hints.append(("rowid_key", numbered))
        hints += [("autoincrement", "yes")] if said.autoincrement else []
    columns = []
    for column_name, native, not_null, default, _, hidden in rows:
        column = _column(said, column_name, native, default or "")
        required = bool(not_null) or column_name == numbered or (column_name in key and "without_rowid" in dict(hints))
        if column_name == numbered:
            column = replace(column, identity=_identity(connection, name, numbered, sequences), default="")
        columns.append(replace(column, nullable=not required))
        if collation := said.collations.get(column_name.lower()):
            hints.append((f"collate {column_name}", collation))
        if hidden in (_VIRTUAL, _STORED):
            hints.append((f"generated {column_name}", "STORED" if hidden == _STORED else "VIRTUAL"))
    return Table(
        name,
        tuple(columns),
        key,
        indexes=tuple(_indexes(connection, name, said)),
        foreign_keys=tuple(_foreign_keys(connection, name, said)),
        checks=tuple(Check(n or f"{name}_check{i or ''}", e) for i, (n, e) in enumerate(said.checks)),
        comment=said.comment,
        origin=types.SYSTEM,
        hints=tuple(hints),
    )


def _numbered(
    rows: Sequence[tuple[str, str, int, str, int, int]], key: tuple[str, ...], hints: Sequence[tuple[str, str]]
) -> str:
    """The column that is the rowid: a single key declared exactly INTEGER (https://www.sqlite.org/rowidtable.html)."""
    if len(key) != 1 or ("without_rowid", "yes") in hints:
        return ""
    return next((n for n, native, *_ in rows if n == key[0] and native.upper() == "INTEGER"), "")


def _identity(connection: sqlite3.Connection, table: str, column: str, sequences: dict[str, int]) -> Identity:
    (last,) = connection.execute(f"SELECT max({quote(column)}) FROM {quote(table)}").fetchone()
    return Identity(next=max(last or 0, sequences.get(table, 0)) + 1)


def _column(said: Declared, name: str, native: str, default: str) -> Column:
    folded = name.lower()
    native = native.removesuffix(" GENERATED ALWAYS") if folded in said.generated else native
    return replace(
        types.column(name, native),
        default=default if default.upper() != "NULL" else "",
        generated=said.generated.get(folded, ""),
        comment=said.comments.get(folded, ""),
    )


def _indexes(connection: sqlite3.Connection, table: str, said: Declared) -> list[Index]:
    found = []
    listed = connection.execute(
        'SELECT l.name, l."unique", l.origin, m.sql FROM pragma_index_list(?) l '
        "LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name WHERE l.origin <> 'pk' ORDER BY l.seq DESC",
        (table,),
    ).fetchall()
    for name, unique, origin, sql in listed:
        parts = connection.execute(
            'SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno', (name,)
        ).fetchall()
        columns = tuple(n for n, _ in parts if n is not None)
        descending = tuple(bool(d) for _, d in parts)
        if origin == "u":
            own = said.uniques.get(tuple(c.lower() for c in columns)) or f"{table}_{'_'.join(columns)}_key"
            found.append(Index(own, columns, unique=True, constraint=True))
            continue
        text, where = declared.index(sql)
        found.append(
            Index(
                name,
                columns,
                unique=bool(unique),
                descending=descending if any(descending) and len(columns) == len(parts) else (),
                expression=text if len(columns) < len(parts) else "",
                where=where,
                definition=sql,
            )
        )
    return found


def _foreign_keys(connection: sqlite3.Connection, table: str, said: Declared) -> list[ForeignKey]:
    rows = connection.execute(
        'SELECT id, "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq',
        (table,),
    ).fetchall()
    keys: dict[int, ForeignKey] = {}
    for identifier, parent, column, to, on_update, on_delete in rows:
        if identifier in keys:
            key = keys[identifier]
            more = (*key.parent_columns, to) if to else ()
            keys[identifier] = replace(key, columns=(*key.columns, column), parent_columns=more)
            continue
        at = len(keys)  # SQLite lists the last declared key first
        name, late = said.references[at] if at < len(said.references) else ("", False)
        keys[identifier] = ForeignKey(
            name,
            (column,),
            parent,
            (to,) if to else (),
            on_delete="" if on_delete == "NO ACTION" else on_delete,
            on_update="" if on_update == "NO ACTION" else on_update,
            deferrable=late,
        )
    return [_named(connection, table, k) for k in keys.values()]


def _named(connection: sqlite3.Connection, table: str, key: ForeignKey) -> ForeignKey:
    """A key without a name gets one; a key that names no parent columns means the parent's primary key."""
    parent_columns = key.parent_columns or tuple(
        n for (n,) in connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (key.parent,))
    )
    return replace(key, name=key.name or f"{table}_{'_'.join(key.columns)}_fkey", parent_columns=parent_columns)


def _estimated(connection: sqlite3.Connection, table: Table) -> Table:
    """With rows by the density of its keys, and bytes by the width of the first and the last rows."""
    by = density.cut_by(table)
    rows = density.measure(connection, table.name, by).rows if by else 0
    if not rows:
        return table
    names = [quote(c.name) for c in table.columns]
    width = " + ".join(f"CASE WHEN typeof({n}) IN ('text', 'blob') THEN length({n}) ELSE 8 END" for n in names)
    ends = (f"SELECT {width} FROM {quote(table.name)} ORDER BY {quote(by)} {way} LIMIT {ROWS_WEIGHED}" for way in _WAYS)
    weights = [weight for sql in ends for (weight,) in connection.execute(sql)]
    return replace(table, rows_estimate=rows, bytes_estimate=rows * sum(weights) // max(len(weights), 1))


def views(connection: sqlite3.Connection) -> list[View]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY name").fetchall()
    return [
        View(name, declared.view(sql), origin=types.SYSTEM, columns=_view_columns(connection, name))
        for name, sql in rows
    ]


def _view_columns(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    try:
        return tuple(n for (n,) in connection.execute("SELECT name FROM pragma_table_info(?)", (name,)))
    except sqlite3.OperationalError:
        return ()  # a view over a table that is gone: its text is all there is
