"""Statements that define something: carried out in DuckDB as far as rows need it, and written into the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp, parse_one

from wayfare.systems.databases.sqlserver.testserver import altering, ddl, translate
from wayfare.systems.databases.sqlserver.testserver.databases import quoted
from wayfare.systems.databases.sqlserver.testserver.place import NAME, PART, Place, full, parts
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

_STRING = re.compile(r"(?:@(\w+)\s*=\s*)?N?'((?:[^']|'')*)'")
# https://learn.microsoft.com/sql/t-sql/language-elements/transactions-transact-sql
_NOT_WITHIN = re.compile(
    r"(?is)^(?:(?:create|alter|drop)\s+(?:database|fulltext\s+(?:index|catalog))\b|(?:create|alter)\b.*\bindex\b.*"
    r"\bresumable\s*=\s*on\b)"
)


def carry_out(place: Place, text: str, *, within: bool) -> None:
    """`within` a transaction of the client's. Raises SqlError for what is not understood."""
    if within and _NOT_WITHIN.match(text):
        raise SqlError(574, f"{' '.join(text.split()[:2]).upper()} statement cannot be used inside a user transaction.")
    for pattern, act in _ACTS:
        if found := pattern.match(text):
            act(place, text, found)
            return
    raise SqlError(102, f"Incorrect syntax near '{text[:60]}'.", 15)


def _create_table(place: Place, text: str, found: re.Match[str]) -> None:
    table = ddl.create_table(text)
    place.catalog.schema(table.schema)
    place.lock(table.schema, table.name, "Sch-M")
    for foreign in table.foreign:
        place.lock(*foreign.parent, "Sch-M")
    if place.catalog.object(table.schema, table.name) is not None:
        raise SqlError(2714, f"There is already an object named '{table.name}' in the database.")
    columns = [altering.defined(column) for column in table.columns]
    for key in table.keys:
        if key.primary:
            columns.append(f"PRIMARY KEY ({', '.join(quoted(c) for c, _ in key.columns)})")
    place.cursor.execute(f"CREATE TABLE {full(table.schema, table.name)} ({', '.join(columns)})")
    altering.of_computed(place, table)
    place.catalog.add_table(table)


def _create_index(place: Place, text: str, found: re.Match[str]) -> None:
    tree = parse_one(re.sub(r"(?i)\b(non)?clustered\s+(columnstore\s+)?", "", text), read="tsql")
    table = tree.find(exp.Table)
    assert table is not None
    columns = [(o.this.name, bool(o.args.get("desc"))) for o in tree.find_all(exp.Ordered)]
    parameters = tree.find(exp.IndexParameters)
    included = tuple(i.name for i in (parameters.args.get("include") or [])) if parameters else ()
    where = re.search(r"(?is)\bwhere\b(.*)$", text)
    place.lock(table.db, table.name, "S")  # offline: others go on reading
    number = place.catalog.table(table.db, table.name)
    unique = bool(tree.args.get("unique"))
    if re.search(r"(?i)\bcolumnstore\b", text):
        named = tuple(c for c, _ in columns)
        place.catalog.add_index(number, tree.this.name, [], included=named, method=(6, "NONCLUSTERED COLUMNSTORE"))
        return
    clause = f"({where[1].strip()})" if where else None
    if unique and not where:
        _look_for_duplicates(place, (table.db, table.name), tree.this.name, [c for c, _ in columns])
    place.catalog.add_index(number, tree.this.name, columns, unique=unique, included=included, where=clause)


def _look_for_duplicates(place: Place, table: tuple[str, str], index: str, columns: list[str]) -> None:
    listed = ", ".join(map(quoted, columns))
    sql = f"SELECT 1 FROM {full(*table)} GROUP BY {listed} HAVING count(*) > 1"
    if place.cursor.execute(sql).fetchone():
        text = "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name"
        raise SqlError(1505, f"{text} '{table[0] or 'dbo'}.{table[1]}' and the index name '{index}'.")


def _drop_index(place: Place, text: str, found: re.Match[str]) -> None:
    """DROP INDEX [IF EXISTS] name ON table."""
    schema, name = parts(found[3])
    place.lock(schema, name, "Sch-M")
    number = place.catalog.table(schema, name)
    sql = "SELECT index_id FROM sys.indexes WHERE object_id = ? AND lower(name) = lower(?)"
    index = place.catalog.one(sql, number, parts(found[2])[1])
    if index is not None:
        place.catalog.forget_index(number, int(index))
    elif not found[1]:
        label = f"{name}.{parts(found[2])[1]}"
        raise SqlError(3701, f"Cannot drop the index '{label}', because it does not exist.", 11)


def _alter_index(place: Place, text: str, found: re.Match[str]) -> None:
    """ABORT of a build that is paused; what else an index is told to do leaves nothing here."""
    schema, table = parts(found[2])
    place.lock(schema, table, "Sch-M")
    number, name = place.catalog.table(schema, table), parts(found[1])[1]
    if found[3].lower() != "abort":
        return
    where = "WHERE object_id = ? AND lower(name) = lower(?)"
    if not place.catalog.one(f"SELECT 1 FROM sys.index_resumable_operations {where}", number, name):
        raise SqlError(
            10638, "ALTER INDEX 'ABORT' failed. There is no pending resumable index operation for the index."
        )
    place.catalog.run(f"DELETE FROM sys.index_resumable_operations {where}", number, name)


def _create_view(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name, select, columns = translate.view_select(text)
    tree = parse_one(select, read="tsql")
    body = translate.to_duckdb(tree, translate.Scope.of(tree, place.catalog.declared))
    _module(place, text, (schema, name), ("V", "VIEW"))
    place.cursor.execute(f"CREATE OR REPLACE VIEW {full(schema, name)}{columns} AS {body}")


def _module(place: Place, text: str, at: tuple[str, str], kind: tuple[str, str], parent: int = 0) -> None:
    """What sys.sql_modules says of a view or a program; of one that is altered, as if it had been created."""
    schema, name = at
    place.lock(schema, name, "Sch-M")
    number = place.catalog.object(schema, name)
    altered = re.match(r"(?is)alter\s|create\s+or\s+alter\s", text)
    if number is None and re.match(r"(?is)alter\s", text):
        raise SqlError(208, f"Invalid object name '{name}'.")
    if number is not None and not altered:
        raise SqlError(2714, f"There is already an object named '{name}' in the database.")
    if number is not None:
        place.catalog.run("DELETE FROM sys.sql_modules WHERE object_id = ?", number)
    else:
        number = place.catalog.new_object(place.catalog.schema(schema), name, *kind, parent)
    definition = re.sub(r"(?is)^(?:create\s+or\s+alter|alter)\b", "CREATE", text)
    place.catalog.add("sql_modules", object_id=number, definition=definition)


_PROGRAMS = {
    "procedure": ("P", "SQL_STORED_PROCEDURE"),
    "proc": ("P", "SQL_STORED_PROCEDURE"),
    "function": ("FN", "SQL_SCALAR_FUNCTION"),
    "trigger": ("TR", "SQL_TRIGGER"),
}


def _create_program(place: Place, text: str, found: re.Match[str]) -> None:
    """It is kept, and never runs."""
    kind = found[1].lower()
    parent = 0
    if kind == "trigger" and (on := re.search(rf"(?is)\bon\s+{NAME}", text)):
        place.lock(*parts(on[1]), "Sch-M")
        parent = place.catalog.table(*parts(on[1]))
    _module(place, text, parts(found[2]), _PROGRAMS[kind], parent)


def _create_schema(place: Place, text: str, found: re.Match[str]) -> None:
    _, name = parts(found[1])
    place.cursor.execute(f"CREATE SCHEMA {quoted(name)}")
    place.catalog.run("INSERT INTO sys.schemas SELECT ?, max(schema_id) + 1, 1 FROM sys.schemas", name)


def _create_sequence(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[1])
    start, step = (re.search(rf"(?i){words}\s+(-?\d+)", text) for words in (r"start\s+with", r"increment\s+by"))
    first, by = (int(m[1]) if m else 1 for m in (start, step))
    number = place.catalog.new_object(place.catalog.schema(schema), name, "SO", "SEQUENCE_OBJECT")
    values = {"start_value": first, "increment": by, "current_value": first, "is_ms_shipped": False}
    where = {"name": name, "object_id": number, "schema_id": place.catalog.schema(schema)}
    place.catalog.add("sequences", **where, **values)


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
    place.lock(schema, name, "Sch-M")
    number = place.catalog.object(schema, name)
    kind = found[1].lower()
    if number is None:
        if found[2]:
            return
        raise SqlError(
            3701, f"Cannot drop the {kind} '{name}', because it does not exist or you do not have permission.", 11
        )
    sql = "SELECT k.name FROM sys.foreign_keys k WHERE referenced_object_id = ? AND parent_object_id <> ?"
    if place.catalog.one(sql, number, number):
        text = f"Could not drop object '{name}' because it is referenced by a FOREIGN KEY constraint."
        raise SqlError(3726, text)
    if kind in ("table", "view"):
        place.cursor.execute(f"DROP {kind} {full(schema, name)}")
    place.catalog.forget(number)


def _drop_schema(place: Place, text: str, found: re.Match[str]) -> None:
    _, name = parts(found[1])
    if place.catalog.one("SELECT 1 FROM sys.objects WHERE schema_id = ?", place.catalog.schema(name)):
        raise SqlError(3729, f"Cannot drop schema '{name}' because it is being referenced by an object.")
    place.cursor.execute(f"DROP SCHEMA {quoted(name)}")
    place.catalog.run("DELETE FROM sys.schemas WHERE lower(name) = lower(?)", name)


def _truncate(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[1])
    place.lock(schema, name, "Sch-M")
    place.catalog.table(schema, name)
    place.cursor.execute(f"DELETE FROM {full(schema, name)}")


def _create_full_text_catalog(place: Place, text: str, found: re.Match[str]) -> None:
    number = int(place.catalog.one("SELECT count(*) + 5 FROM sys.fulltext_catalogs"))
    default = bool(re.search(r"(?i)\bas\s+default\b", text))
    place.catalog.add("fulltext_catalogs", fulltext_catalog_id=number, name=parts(found[1])[1], is_default=default)


def _create_full_text_index(place: Place, text: str, found: re.Match[str]) -> None:
    """CREATE FULLTEXT INDEX ON table (column, …) KEY INDEX name: kept, and nothing is found by it."""
    schema, name = parts(found[1])
    place.lock(schema, name, "Sch-M")
    number = place.catalog.table(schema, name)
    key = place.catalog.one(
        "SELECT index_id FROM sys.indexes WHERE object_id = ? AND name = ?", number, parts(found[3])[1]
    )
    catalog = place.catalog.one("SELECT fulltext_catalog_id FROM sys.fulltext_catalogs ORDER BY is_default DESC")
    if key is None or catalog is None:
        raise SqlError(7653, f"'{found[3]}' is not a valid index to enforce a full-text search key.")
    if place.catalog.one("SELECT 1 FROM sys.fulltext_indexes WHERE object_id = ?", number):
        raise SqlError(7652, f"A full-text index for table or indexed view '{name}' has already been created.")
    said = {"unique_index_id": int(key), "fulltext_catalog_id": int(catalog), "is_enabled": True}
    place.catalog.add("fulltext_indexes", object_id=number, **said, change_tracking_state_desc="AUTO")
    for part in re.findall(PART, found[2]):
        column = place.catalog.column(number, parts(part)[1])
        place.catalog.add("fulltext_index_columns", object_id=number, column_id=column, language_id=1033)


def _describe(place: Place, text: str, found: re.Match[str]) -> None:
    """sp_addextendedproperty name, value, SCHEMA, …, TABLE, …, COLUMN, …"""
    order = ("name", "value", "level0type", "level0name", "level1type", "level1name", "level2type", "level2name")
    given = {(m[1] or order[i]).lower(): m[2].replace("''", "'") for i, m in enumerate(_STRING.finditer(text))}
    number = place.catalog.table(given.get("level0name", "dbo"), given["level1name"])
    column = place.catalog.column(number, given["level2name"]) if "level2name" in given else 0
    said = {"name": given["name"], "value": given["value"]}
    place.catalog.add("extended_properties", **{"class": 1}, major_id=number, minor_id=column, **said)


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
        (rf"alter\s+table\s+{NAME}\s+(?=with\b|add\b|drop\b|alter\b|check\b|nocheck\b)", altering.alter_table),
        (r"create\s+(?:unique\s+)?(?:non)?(?:clustered\s+)?(?:columnstore\s+)?index\s", _create_index),
        (rf"drop\s+index\s+(if\s+exists\s+)?{NAME}\s+on\s+{NAME}", _drop_index),
        (rf"alter\s+index\s+{NAME}\s+on\s+{NAME}\s+(abort|rebuild|reorganize|disable)\b", _alter_index),
        (r"(?:create\s+(?:or\s+alter\s+)?|alter\s+)view\s", _create_view),
        (rf"(?:create\s+(?:or\s+alter\s+)?|alter\s+)(proc(?:edure)?|function|trigger)\s+{NAME}", _create_program),
        (rf"create\s+fulltext\s+catalog\s+{NAME}", _create_full_text_catalog),
        (rf"create\s+fulltext\s+index\s+on\s+{NAME}\s*\(([^)]*)\)\s*key\s+index\s+{NAME}", _create_full_text_index),
        (rf"truncate\s+table\s+{NAME}", _truncate),
        (r"exec(?:ute)?\s+(?:sys\.)?sp_rename\b", altering.rename),
        (rf"drop\s+schema\s+(?:if\s+exists\s+)?{NAME}", _drop_schema),
        (rf"create\s+schema\s+{NAME}", _create_schema),
        (rf"create\s+sequence\s+{NAME}", _create_sequence),
        (rf"alter\s+sequence\s+{NAME}\s+restart\s+with\s+(-?\d+)", _restart_sequence),
        (rf"create\s+database\s+{NAME}", _create_database),
        (rf"drop\s+database\s+{NAME}", _drop_database),
        (rf"alter\s+database\s+{NAME}", _alter_database),
        (rf"drop\s+(table|view|procedure|proc|function|trigger|sequence)\s+(if\s+exists\s+)?{NAME}", _drop),
        (r"exec(?:ute)?\s+(?:sys\.)?sp_addextendedproperty\b", _describe),
        (r"dbcc\s+checkident\s*\(\s*N?'((?:[^']|'')+)'\s*,\s*reseed\s*,\s*(-?\d+)", _reseed),
        (r"exec(?:ute)?\s+sp_(?:reset_connection|setapprole|datatype_info)", _nothing),
    )
)
