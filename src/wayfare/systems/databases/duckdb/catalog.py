"""What DuckDB's catalog says of tables, views and sequences."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Sequence, Table, View
from wayfare.systems.databases.duckdb import types
from wayfare.systems.databases.duckdb.dialect import OURS, literal, path, quote

_HERE = "database_name = current_database() AND NOT internal"
_NEXTVAL = re.compile(r"(?:CAST\()?\(*nextval\('((?:[^']|'')*)'\)\)*(?: AS \w+\))?", re.IGNORECASE)
_OURS_ASIDE = re.compile(r"wayfare_[a-z0-9]{16} .*", re.DOTALL)  # what `publish` set aside, beside what replaced it

_WIDTH = 8  # of what points to a text

Place = tuple[str, str]
Row = dict[str, Any]


def _rows(cursor: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    cursor.execute(sql)
    names = [d[0] for d in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _grouped(rows: list[Row]) -> dict[Place, list[Row]]:
    groups: dict[Place, list[Row]] = defaultdict(list)
    for row in rows:
        groups[(row["schema_name"], row["table_name"])].append(row)
    return groups


def tables(cursor: duckdb.DuckDBPyConnection) -> list[Table]:
    listed = _rows(
        cursor, f"SELECT * FROM duckdb_tables() WHERE {_HERE} AND NOT temporary ORDER BY schema_name, table_name"
    )
    columns = _grouped(_rows(cursor, f"SELECT * FROM duckdb_columns() WHERE {_HERE} ORDER BY column_index"))
    constraints = _grouped(
        _rows(
            cursor,
            "SELECT * FROM duckdb_constraints() WHERE database_name = current_database() ORDER BY constraint_index",
        )
    )
    indexes = _grouped(
        _rows(cursor, "SELECT * FROM duckdb_indexes() WHERE database_name = current_database() ORDER BY index_name")
    )
    numbers = _sequences(cursor)
    return [
        replace(table, bytes_estimate=_bytes(cursor, table))
        for row in listed
        if not OURS.fullmatch(row["schema_name"]) and not _OURS_ASIDE.fullmatch(row["table_name"])
        for at in [(row["schema_name"], row["table_name"])]
        for table in [_table(row, columns[at], constraints[at], indexes[at], numbers)]
    ]


def _bytes(cursor: duckdb.DuckDBPyConnection, table: Table) -> int:
    """As they will travel: texts by the statistics of their segments, the rest by width."""
    if not table.rows_estimate:
        return 0
    fixed = sum(_WIDTH if is_wide(c.type) else c.type.bit_width // 8 or 1 for c in table.columns) * table.rows_estimate
    (texts,) = cursor.execute(
        "SELECT coalesce(sum(TRY_CAST(stats.total_string_length AS BIGINT)), 0) "
        f"FROM pragma_storage_info({literal(path(table))})"
    ).fetchone() or (0,)
    return int(fixed + texts)


def is_wide(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_list(kind))


def _table(
    row: Row, columns: list[Row], constraints: list[Row], indexes: list[Row], numbers: dict[str, Identity]
) -> Table:
    said: dict[str, list[Row]] = defaultdict(list)
    for constraint in constraints:
        said[constraint["constraint_type"]].append(constraint)
    key = tuple(said["PRIMARY KEY"][0]["constraint_column_names"]) if said["PRIMARY KEY"] else ()
    unique = [
        Index(c["constraint_name"], tuple(c["constraint_column_names"]), unique=True, constraint=True)
        for c in said["UNIQUE"]
    ]
    made = tuple(_column(c, numbers) for c in columns)
    return Table(
        row["table_name"],
        made,
        key,
        namespace=row["schema_name"],
        indexes=(*unique, *(_index(i, made) for i in indexes)),
        foreign_keys=tuple(_foreign_key(c, row["schema_name"]) for c in said["FOREIGN KEY"]),
        checks=tuple(Check(c["constraint_name"], _bare(c["expression"])) for c in said["CHECK"]),
        comment=row["comment"] or "",
        rows_estimate=row["estimated_size"] or 0,
        origin=types.SYSTEM,
    )


def _column(row: Row, numbers: dict[str, Identity]) -> Column:
    default = "" if row["is_generated"] else row["column_default"] or ""
    column = replace(
        types.column(row["column_name"], row["data_type"]),
        nullable=bool(row["is_nullable"]),
        default="" if default.upper() in {"NULL", "CAST('NULL' AS VARCHAR)"} else default,
        generated=_computed(row) if row["is_generated"] else "",
        comment=row["comment"] or "",
    )
    if (numbered := _NEXTVAL.fullmatch(default)) and (identity := numbers.get(_sequence_key(numbered[1]))):
        return replace(column, identity=identity, default="")
    return column


def _computed(row: Row) -> str:
    """DuckDB casts the expression to the column's type and shows that; given back, it would be cast once more."""
    text, ending = str(row["generation_expression"]), f" AS {row['data_type']})"
    inner = f"({text[5 : -len(ending)]})"
    wrapped = text.startswith("CAST(") and text.endswith(ending) and _bare(inner) != inner
    return _bare(inner) if wrapped else text


def _sequence_key(text: str) -> str:
    """`orders_seq`, `main.orders_seq` and `"main"."orders_seq"` are the same."""
    parts = re.findall(r'"((?:[^"]|"")*)"|([^."]+)', text.replace("''", "'"))
    names = [quoted.replace('""', '"') or plain for quoted, plain in parts]
    return ".".join(quote(n) for n in (["main", *names] if len(names) == 1 else names[-2:]))


def _sequences(cursor: duckdb.DuckDBPyConnection) -> dict[str, Identity]:
    rows = _rows(cursor, "SELECT * FROM duckdb_sequences() WHERE database_name = current_database()")
    return {
        f"{quote(r['schema_name'])}.{quote(r['sequence_name'])}": Identity(
            _next(r), r["increment_by"], sequence=r["sequence_name"]
        )
        for r in rows
    }


def _next(row: Row) -> int:
    return int(row["start_value"] if row["last_value"] is None else row["last_value"] + row["increment_by"])


def _index(row: Row, columns: tuple[Column, ...]) -> Index:
    """DuckDB gives the parts as text: a list of SQL expressions, each quoted again where it has quotes itself."""
    spelled = {quote(c.name): c.name for c in columns} | {c.name: c.name for c in columns}
    sql = row["sql"].rstrip(";")
    parts = _parts(sql)
    names = tuple(spelled[p] for p in parts if p in spelled)
    whole = len(names) == len(parts)
    return Index(
        row["index_name"],
        names if whole else (),
        unique=bool(row["is_unique"]),
        expression="" if whole else ", ".join(parts),
        definition=sql,
        comment=row["comment"] or "",
    )


def _parts(sql: str) -> list[str]:
    """What stands in the last parentheses of `CREATE INDEX … ON … (…)`, cut at its outer commas."""
    words = re.findall(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^'"(),]+|.""", sql, re.DOTALL)
    depth, parts, current = 0, [], ""
    for word in words:
        depth -= word == ")"
        if (depth == 1 and word == ",") or (depth == 0 and word == ")"):
            parts.append(current.strip())
            current = ""
        elif depth >= 1:
            current += word
        depth += word == "("
    return [_bare(p) for p in parts]


def _bare(expression: str) -> str:
    """Without one pair of parentheses around the whole."""
    if not (expression.startswith("(") and expression.endswith(")")):
        return expression
    depth = 0
    for word in re.findall(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^'"()]+|.""", expression[:-1], re.DOTALL):
        depth += (word == "(") - (word == ")")
        if depth == 0:
            return expression
    return expression[1:-1]


def _foreign_key(row: Row, namespace: str) -> ForeignKey:
    return ForeignKey(
        row["constraint_name"],
        tuple(row["constraint_column_names"]),
        row["referenced_table"],
        tuple(row["referenced_column_names"]),
        parent_namespace=namespace,
    )


def views(cursor: duckdb.DuckDBPyConnection) -> list[View]:
    rows = _rows(
        cursor, f"SELECT * FROM duckdb_views() WHERE {_HERE} AND NOT temporary ORDER BY schema_name, view_name"
    )
    return [
        View(r["view_name"], _definition(r["sql"]), r["schema_name"], types.SYSTEM, comment=r["comment"] or "")
        for r in rows
        if not OURS.fullmatch(r["schema_name"])
    ]


def _definition(sql: str) -> str:
    """The SELECT: what follows the first AS outside quotes."""
    for match in re.finditer(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\bAS\b""", sql, re.IGNORECASE):
        if match.group().upper() == "AS":
            return sql[match.end() :].strip().rstrip(";")
    return sql


def sequences(cursor: duckdb.DuckDBPyConnection) -> list[Sequence]:
    """Those that no column's default uses."""
    used = {
        _sequence_key(found[1])
        for row in _rows(
            cursor, f"SELECT column_default FROM duckdb_columns() WHERE {_HERE} AND column_default IS NOT NULL"
        )
        if (found := _NEXTVAL.fullmatch(row["column_default"]))
    }
    rows = _rows(
        cursor, "SELECT * FROM duckdb_sequences() WHERE database_name = current_database() ORDER BY sequence_name"
    )
    return [
        Sequence(r["sequence_name"], r["schema_name"], _next(r), r["increment_by"])
        for r in rows
        if f"{quote(r['schema_name'])}.{quote(r['sequence_name'])}" not in used
    ]
