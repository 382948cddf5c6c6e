"""Rows into a table with all its constraints. Foreign keys decide in which order that can be done, and whether."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import duckdb

from wayfare.core.tables import ForeignKey, Table
from wayfare.systems.databases.duckdb import dialect
from wayfare.systems.databases.duckdb.dialect import quote

LEVELS_MAX = 100  # of a tree in one table; deeper ones lose the foreign key to themselves

Place = tuple[str, str]


def place(table: Table) -> Place:
    return (table.namespace or dialect.DEFAULT_NAMESPACE).lower(), table.name.lower()


def parent(table: Table, key: ForeignKey) -> Place:
    return (key.parent_namespace or table.namespace or dialect.DEFAULT_NAMESPACE).lower(), key.parent.lower()


def parents_first(tables: Iterable[Table]) -> list[Table]:
    """In an order in which foreign keys hold; among tables in a circle, as they come."""
    waiting = {place(t): t for t in tables}
    ordered: list[Table] = []
    while waiting:
        ready = [
            at
            for at, t in waiting.items()
            if not any(parent(t, k) in waiting and parent(t, k) != at for k in t.foreign_keys)
        ]
        for at in ready or list(waiting)[:1]:
            ordered.append(waiting.pop(at))
    return ordered


def possible_keys(table: Table, there: dict[Place, Table]) -> Table:
    """Without the foreign keys that DuckDB cannot have: to a table that comes later (a circle), to columns without a
    primary key or UNIQUE, or of another type. What is left out shows when the copy's structure is compared."""
    known = there | {place(table): table}
    return replace(table, foreign_keys=tuple(k for k in table.foreign_keys if _possible(table, k, known)))


def _possible(table: Table, key: ForeignKey, known: dict[Place, Table]) -> bool:
    to = known.get(parent(table, key))
    if to is None or parent(table, key)[0] != place(table)[0]:
        return False
    uniques = [to.key, *(i.columns for i in to.indexes if i.constraint)]
    if key.parent_columns not in uniques:
        return False
    pairs = zip(key.columns, key.parent_columns, strict=True)
    return all(table.column(c).native == to.column(p).native for c, p in pairs)


def create_and_fill(
    cursor: duckdb.DuckDBPyConnection, table: Table, source: str, sequences: dict[str, str] | None = None
) -> None:
    cursor.execute(dialect.create_table(table, sequences))
    inner = [k for k in table.foreign_keys if parent(table, k) == place(table)]
    if fill(cursor, table, source, inner):
        return
    rest = tuple(k for k in table.foreign_keys if k not in inner)
    cursor.execute(f"DROP TABLE {dialect.path(table)}")
    create_and_fill(cursor, replace(table, foreign_keys=rest), source, sequences)


def fill(cursor: duckdb.DuckDBPyConnection, table: Table, source: str, inner: Sequence[ForeignKey]) -> bool:
    """False when foreign keys of the table to itself cannot be satisfied row after row: circles, very deep trees.

    DuckDB checks them against the rows of earlier statements, so a tree goes in level by level.
    """
    columns = [c.name for c in table.written]
    if not inner:
        cursor.execute(dialect.append(table, source, columns))
        return True
    if not table.key:
        return False
    target = dialect.path(table)
    (total,) = cursor.execute(f"SELECT count(*) FROM {source}").fetchone() or (0,)
    inserted = 0
    for level in range(LEVELS_MAX):
        ready = " AND ".join(_ready(k, target, first=level == 0) for k in inner)
        new = "" if level == 0 else f" AND NOT EXISTS (SELECT 1 FROM {target} f WHERE {_equal('f', 's', table.key)})"
        names = dialect.listed(columns)
        sql = f"INSERT INTO {target} ({names}) SELECT {names} FROM {source} s WHERE {ready}{new}"
        (count,) = cursor.execute(sql).fetchone() or (0,)
        inserted += count
        if inserted == total or not count:
            break
    return bool(inserted == total)


def _ready(key: ForeignKey, target: str, *, first: bool) -> str:
    unset = " OR ".join(f"s.{quote(c)} IS NULL" for c in key.columns)
    if first:
        return f"({unset})"
    pairs = " AND ".join(f"f.{quote(p)} = s.{quote(c)}" for c, p in zip(key.columns, key.parent_columns, strict=True))
    return f"({unset} OR EXISTS (SELECT 1 FROM {target} f WHERE {pairs}))"


def _equal(one: str, other: str, columns: Sequence[str]) -> str:
    return " AND ".join(f"{one}.{quote(c)} = {other}.{quote(c)}" for c in columns)
