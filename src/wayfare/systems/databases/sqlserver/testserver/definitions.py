"""Statements that define something: carried out in DuckDB as far as rows need it, and written into the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import duckdb
from sqlglot import exp, parse_one

from wayfare.systems.databases.sqlserver.testserver import ddl, translate
from wayfare.systems.databases.sqlserver.testserver.catalog import Catalog
from wayfare.systems.databases.sqlserver.testserver.databases import Databases, quoted
from wayfare.systems.databases.sqlserver.testserver.types import of_result
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

_PART = r"(?:\[(?:[^\]]|\]\])+\]|\w+)"
_NAME = rf"({_PART}(?:\s*\.\s*{_PART})*)"
_STRING = re.compile(r"(?:@(\w+)\s*=\s*)?N?'((?:[^']|'')*)'")


@dataclass(frozen=True, slots=True)
class Place:
    cursor: duckdb.DuckDBPyConnection
    catalog: Catalog
    databases: Databases
    database: str


def carry_out(
    text: str, cursor: duckdb.DuckDBPyConnection, catalog: Catalog, databases: Databases, database: str
) -> None:
    """Raises SqlError for what is not understood."""
    place = Place(cursor, catalog, databases, database)
    for pattern, act in _ACTS:
        if found := pattern.match(text):
            act(place, text, found)
            return
    raise SqlError(102, f"Incorrect syntax near '{text[:60]}'.", 15)


def parts(name: str) -> tuple[str, str]:
    """The schema (dbo by default) and name of a dotted name."""
    found = [p.strip("[]").replace("]]", "]") if p.startswith("[") else p for p in re.findall(_PART, name)]
    return (found[-2] if len(found) > 1 else "dbo", found[-1])


def _full(schema: str, name: str) -> str:
    return f"{quoted(schema or 'dbo')}.{quoted(name)}"


def _create_table(place: Place, text: str, found: re.Match[str]) -> None:
    table = ddl.create_table(text)
    place.catalog.schema(table.schema)
    if place.catalog.object(table.schema, table.name) is not None:
        raise SqlError(2714, f"There is already an object named '{table.name}' in the database.")
    columns = [_column(column) for column in table.columns]
    for key in table.keys:
        if key.primary:
            columns.append(f"PRIMARY KEY ({', '.join(quoted(c) for c, _ in key.columns)})")
    place.cursor.execute(f"CREATE TABLE {_full(table.schema, table.name)} ({', '.join(columns)})")
    if any(c.computed for c in table.columns):
        described = place.cursor.execute(f"DESCRIBE {_full(table.schema, table.name)}").fetchall()
        for column, (_, kind, *_) in zip(table.columns, described, strict=True):
            if column.computed:
                column.kind = of_result(kind)
    place.catalog.add_table(table)


def _column(column: ddl.ColumnDdl) -> str:
    name = quoted(column.name)
    if column.computed:
        return f"{name} AS ({translate.expression(column.computed)})"
    default = f" DEFAULT {_default(column.default)}" if column.default else ""
    if column.kind.name == "timestamp":
        default = " DEFAULT unhex(printf('%016X', nextval('sys.rowversions')))"
    return f"{name} {column.kind.storage}{'' if column.nullable else ' NOT NULL'}{default}"


def _default(text: str) -> str:
    if re.search(r"(?i)next\s+value\s+for", text):
        return "NULL"  # nobody inserts by it
    return translate.expression(text)


def _alter_table(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[1])
    place.catalog.table(schema, name)
    rest = re.sub(r"(?is)^\s*with\s+(?:no)?check\s+", "", text[found.end() :])
    table = ddl.TableDdl(schema, name)
    ddl.add_constraint(re.sub(r"(?is)^\s*add\s+", "", rest), table)
    place.catalog.add_constraints(table)


def _switch_constraint(place: Place, text: str, found: re.Match[str]) -> None:
    """ALTER TABLE … NOCHECK CONSTRAINT: it is there, and not enforced."""
    _, name = parts(found[2])
    for kind in ("foreign_keys", "check_constraints"):
        place.catalog.run(f"UPDATE sys.{kind} SET is_disabled = true, is_not_trusted = true WHERE name = ?", name)


def _create_index(place: Place, text: str, found: re.Match[str]) -> None:
    tree = parse_one(re.sub(r"(?i)\b(non)?clustered\s+(columnstore\s+)?", "", text), read="tsql")
    table = tree.find(exp.Table)
    assert table is not None
    columns = [(o.this.name, bool(o.args.get("desc"))) for o in tree.find_all(exp.Ordered)]
    parameters = tree.find(exp.IndexParameters)
    included = tuple(i.name for i in (parameters.args.get("include") or [])) if parameters else ()
    where = re.search(r"(?is)\bwhere\b(.*)$", text)
    number = place.catalog.table(table.db, table.name)
    if re.search(r"(?i)\bcolumnstore\b", text):
        named = tuple(c for c, _ in columns)
        place.catalog.add_index(number, tree.this.name, [], included=named, method=(6, "NONCLUSTERED COLUMNSTORE"))
        return
    clause = f"({where[1].strip()})" if where else None
    place.catalog.add_index(
        number, tree.this.name, columns, unique=bool(tree.args.get("unique")), included=included, where=clause
    )


def _create_view(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name, select, columns = translate.view_select(text)
    tree = parse_one(select, read="tsql")
    body = translate.to_duckdb(tree, translate.Scope.of(tree, place.catalog.declared))
    place.cursor.execute(f"CREATE VIEW {_full(schema, name)}{columns} AS {body}")
    number = place.catalog.new_object(place.catalog.schema(schema), name, "V", "VIEW")
    place.catalog.run("INSERT INTO sys.sql_modules VALUES (?, ?)", number, text)


def _create_schema(place: Place, text: str, found: re.Match[str]) -> None:
    _, name = parts(found[1])
    place.cursor.execute(f"CREATE SCHEMA {quoted(name)}")
    place.catalog.run("INSERT INTO sys.schemas SELECT ?, max(schema_id) + 1, 1 FROM sys.schemas", name)


def _create_sequence(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[1])
    start, step = (re.search(rf"(?i){words}\s+(-?\d+)", text) for words in (r"start\s+with", r"increment\s+by"))
    first, by = (int(m[1]) if m else 1 for m in (start, step))
    number = place.catalog.new_object(place.catalog.schema(schema), name, "SO", "SEQUENCE_OBJECT")
    values = (name, number, place.catalog.schema(schema), first, by, first)
    place.catalog.run("INSERT INTO sys.sequences VALUES (?, ?, ?, ?, ?, ?, NULL, false)", *values)


def _restart_sequence(place: Place, text: str, found: re.Match[str]) -> None:
    _, name = parts(found[1])
    place.catalog.run(
        "UPDATE sys.sequences SET current_value = ?, last_used_value = NULL WHERE name = ?", int(found[2]), name
    )


def _create_database(place: Place, text: str, found: re.Match[str]) -> None:
    place.databases.create(parts(found[1])[1])


def _drop_database(place: Place, text: str, found: re.Match[str]) -> None:
    place.databases.drop(parts(found[1])[1])


def _alter_database(place: Place, text: str, found: re.Match[str]) -> None:
    name = place.database if found[1].lower() == "current" else parts(found[1])[1]
    if switch := re.search(r"(?i)allow_snapshot_isolation\s+(on|off)", text):
        place.databases.allow_snapshots(name, allowed=switch[1].lower() == "on")


def _drop(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[3])
    number = place.catalog.object(schema, name)
    if number is None:
        if found[2]:
            return
        raise SqlError(3701, f"Cannot drop the {found[1].lower()} '{name}', because it does not exist.", 11)
    place.cursor.execute(f"DROP {found[1]} {_full(schema, name)}")
    place.catalog.forget(number)


def _describe(place: Place, text: str, found: re.Match[str]) -> None:
    """sp_addextendedproperty name, value, SCHEMA, …, TABLE, …, COLUMN, …"""
    order = ("name", "value", "level0type", "level0name", "level1type", "level1name", "level2type", "level2name")
    given = {(m[1] or order[i]).lower(): m[2].replace("''", "'") for i, m in enumerate(_STRING.finditer(text))}
    number = place.catalog.table(given.get("level0name", "dbo"), given["level1name"])
    column = place.catalog.column(number, given["level2name"]) if "level2name" in given else 0
    place.catalog.run(
        "INSERT INTO sys.extended_properties VALUES (1, ?, ?, ?, ?)", number, column, given["name"], given["value"]
    )


def _reseed(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[1].replace("''", "'"))
    sql = "UPDATE sys.identity_columns SET last_value = ? WHERE object_id = ?"
    place.catalog.run(sql, int(found[2]), place.catalog.table(schema, name))


def _nothing(place: Place, text: str, found: re.Match[str]) -> None:
    """Said by drivers and scripts, and of no consequence here."""


_ACTS: tuple[tuple[re.Pattern[str], Callable[[Place, str, re.Match[str]], None]], ...] = tuple(
    (re.compile("(?is)^" + pattern), act)
    for pattern, act in (
        (r"create\s+table\s", _create_table),
        (rf"alter\s+table\s+{_NAME}\s+nocheck\s+constraint\s+{_NAME}", _switch_constraint),
        (rf"alter\s+table\s+{_NAME}", _alter_table),
        (r"create\s+(?:unique\s+)?(?:non)?(?:clustered\s+)?(?:columnstore\s+)?index\s", _create_index),
        (r"create\s+(?:or\s+alter\s+)?view\s", _create_view),
        (rf"create\s+schema\s+{_NAME}", _create_schema),
        (rf"create\s+sequence\s+{_NAME}", _create_sequence),
        (rf"alter\s+sequence\s+{_NAME}\s+restart\s+with\s+(-?\d+)", _restart_sequence),
        (rf"create\s+database\s+{_NAME}", _create_database),
        (rf"drop\s+database\s+{_NAME}", _drop_database),
        (rf"alter\s+database\s+{_NAME}", _alter_database),
        (rf"drop\s+(table|view)\s+(if\s+exists\s+)?{_NAME}", _drop),
        (r"exec(?:ute)?\s+(?:sys\.)?sp_addextendedproperty\b", _describe),
        (r"dbcc\s+checkident\s*\(\s*N?'((?:[^']|'')+)'\s*,\s*reseed\s*,\s*(-?\d+)", _reseed),
        (r"exec(?:ute)?\s+sp_(?:reset_connection|setapprole|datatype_info)", _nothing),
    )
)
