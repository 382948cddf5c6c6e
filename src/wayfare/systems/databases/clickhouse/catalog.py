"""What is in a database, from ClickHouse's `system` tables. No rows are read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from wayfare.core.tables import Check, Column, Index, Table, View
from wayfare.systems.databases.clickhouse.dialect import plain_names, text_literal
from wayfare.systems.databases.clickhouse.native import bare, unescape
from wayfare.systems.databases.clickhouse.port import Engine
from wayfare.systems.databases.clickhouse.types import SYSTEM, kind_of

Row = dict[str, Any]
_OURS = "match(name, '^wayfare_[0-9a-z]{16}_')"
_TABLES = f"""
SELECT name, engine, engine_full, sorting_key, partition_key, comment,
       ifNull(total_rows, 0) AS rows, ifNull(total_bytes, 0) AS bytes,
       if(position(create_table_query, ' CONSTRAINT ') > 0, formatQuery(create_table_query), '') AS statement
FROM system.tables
WHERE database = currentDatabase() AND NOT is_temporary AND NOT startsWith(name, '.inner') AND NOT {_OURS}
  AND engine NOT IN ('View', 'MaterializedView', 'LiveView', 'WindowView', 'Dictionary')
ORDER BY name"""
_COLUMNS = f"""
SELECT table AS owner, name AS column, type, default_kind AS kind, default_expression AS expression, comment
FROM system.columns WHERE database = currentDatabase() AND NOT {_OURS.replace("name", "table")}
ORDER BY table, position"""
_INDEXES = """
SELECT table AS owner, name AS index, type_full, expr, granularity
FROM system.data_skipping_indices WHERE database = currentDatabase() ORDER BY table, name"""
_VIEWS = f"""
SELECT name, engine, as_select, comment, currentDatabase() AS here FROM system.tables
WHERE database = currentDatabase() AND engine IN ('View', 'MaterializedView') AND NOT {_OURS} ORDER BY name"""
_GENERATED = frozenset({"MATERIALIZED", "ALIAS"})
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_PRIMARY_KEY = re.compile(r"\bPRIMARY KEY (.*?) (?:ORDER BY|SAMPLE BY|TTL|SETTINGS)\b", re.DOTALL)
_CONSTRAINT = re.compile(r"^\s*CONSTRAINT (`(?:[^`\\]|\\.)*`|\w+) CHECK (.*?),?$", re.MULTILINE)


def rows(engine: Engine, sql: str) -> list[Row]:
    return [row for batch in engine.query(sql) for row in batch.to_pylist()]


def tables(engine: Engine) -> Sequence[Table]:
    columns, indexes = _by_table(rows(engine, _COLUMNS)), _by_table(rows(engine, _INDEXES))
    return [_table(row, columns[row["name"]], indexes[row["name"]]) for row in rows(engine, _TABLES)]


def views(engine: Engine) -> Sequence[View]:
    """Definitions name their tables without the database, so that they mean the same in another."""
    return [
        View(
            name=row["name"],
            definition=_without_database(row["as_select"], row["here"]),
            origin=SYSTEM,
            materialized=row["engine"] == "MaterializedView",
            comment=row["comment"],
        )
        for row in rows(engine, _VIEWS)
    ]


def column_types(engine: Engine, table: str) -> Mapping[str, str]:
    """The type of each column that the table has now; empty when there is no such table."""
    where = f"database = currentDatabase() AND table = {text_literal(table)}"
    return {r["name"]: r["type"] for r in rows(engine, f"SELECT name, type FROM system.columns WHERE {where}")}


def identities(engine: Engine, names: Sequence[str]) -> Mapping[str, str]:
    """What stays with a table through renames and exchanges: its UUID. Only of those tables that exist.

    The embedded engine's own database is an overlay that hides UUIDs: there it is read from the folder of the data.
    Empty in databases of old engines, whose tables have none.
    """
    wanted = ", ".join(text_literal(n) for n in names)
    folder = "extract(arrayStringConcat(data_paths), '[0-9a-f]{8}-[0-9a-f-]{27}')"
    sql = (
        f"SELECT name, if(uuid = toUUIDOrZero(''), {folder}, toString(uuid)) AS id FROM system.tables "
        f"WHERE database = currentDatabase() AND name IN ({wanted})"
    )
    return {r["name"]: r["id"] for r in rows(engine, sql)}


def _by_table(found: Sequence[Row]) -> defaultdict[str, list[Row]]:
    sorted_out: defaultdict[str, list[Row]] = defaultdict(list)
    for row in found:
        sorted_out[row["owner"]].append(row)
    return sorted_out


def _table(row: Row, columns: Sequence[Row], indexes: Sequence[Row]) -> Table:
    hints = {"engine": row["engine"], "order_by": row["sorting_key"], "partition_by": row["partition_key"]}
    return Table(
        name=row["name"],
        columns=tuple(_column(c) for c in columns if c["kind"] != "EPHEMERAL"),
        key=_declared_key(row["engine_full"]),
        indexes=tuple(_index(i) for i in indexes),
        checks=tuple(_checks(row["statement"])),
        comment=row["comment"],
        rows_estimate=int(row["rows"]),
        bytes_estimate=int(row["bytes"]),
        origin=SYSTEM,
        hints=tuple((name, value) for name, value in hints.items() if value),
    )


def _column(row: Row) -> Column:
    native, nullable = bare(row["type"])
    kind = kind_of(native)
    computed = row["kind"] in _GENERATED
    return Column(
        name=row["column"],
        type=kind.type,
        nullable=nullable,
        meaning=kind.meaning,
        native=native,
        origin=SYSTEM,
        length=kind.length,
        labels=kind.labels,
        default=row["expression"] if row["kind"] == "DEFAULT" else "",
        generated=row["expression"] if computed else "",
        comment=row["comment"],
    )


def _index(row: Row) -> Index:
    method = f"{row['type_full']} GRANULARITY {row['granularity']}"
    text = row["expr"]
    columns = plain_names(text[1:-1] if text.startswith("(") and text.endswith(")") else text)
    return Index(row["index"], columns or (), method=method, expression="" if columns else row["expr"])


def _declared_key(engine_full: str) -> tuple[str, ...]:
    """The columns of an explicit PRIMARY KEY clause. ORDER BY alone sorts rows and says nothing of their identity."""
    found = _PRIMARY_KEY.search(engine_full)
    if not found:
        return ()
    text = found[1].strip()
    return plain_names(text[1:-1] if text.startswith("(") and text.endswith(")") else text) or ()


def _checks(statement: str) -> list[Check]:
    """The CHECK constraints of a formatted CREATE TABLE, which puts each on a line of its own."""
    return [
        Check(unescape(name[1:-1]) if name.startswith("`") else name, expression)
        for name, expression in _CONSTRAINT.findall(statement)
    ]


def _without_database(definition: str, database: str) -> str:
    prefix = re.compile(rf"(?<![\w`.])(?:`{re.escape(database)}`|{re.escape(database)})\.(?=[\w`])")
    pieces, end = [], 0
    for literal in _STRING.finditer(definition):
        pieces += [prefix.sub("", definition[end : literal.start()]), literal[0]]
        end = literal.end()
    return "".join([*pieces, prefix.sub("", definition[end:])])
