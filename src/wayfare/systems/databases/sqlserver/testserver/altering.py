"""ALTER TABLE and sp_rename. DuckDB alters few tables that have keys, so a table is built anew, with its rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from wayfare.systems.databases.sqlserver.testserver import ddl, translate
from wayfare.systems.databases.sqlserver.testserver.catalog import spelling
from wayfare.systems.databases.sqlserver.testserver.databases import quoted
from wayfare.systems.databases.sqlserver.testserver.place import PART, Place, full, parts
from wayfare.systems.databases.sqlserver.testserver.types import declared, of_result
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

_STRING = re.compile(r"N?'((?:[^']|'')*)'")
_CONSTRAINTS = ("default_constraints", "check_constraints", "key_constraints", "foreign_keys")


def alter_table(place: Place, text: str, found: re.Match[str]) -> None:
    schema, name = parts(found[1])
    place.lock(schema, name, "Sch-M")
    number = place.catalog.table(schema, name)
    rest = text[found.end() :].strip()
    untrusted = re.match(r"(?is)with\s+nocheck\s+", rest)
    rest = re.sub(r"(?is)^with\s+(?:no)?check\s+", "", rest)
    for pattern, act in _ALTERATIONS:
        if matched := re.match("(?is)" + pattern, rest):
            act(place, (schema, name, number), rest[matched.end() :], not untrusted)
            return
    raise SqlError(102, f"Incorrect syntax near '{rest[:40]}'.", 15)


Of = tuple[str, str, int]  # the table's schema, name and object_id


def _add(place: Place, of: Of, rest: str, trusted: bool) -> None:
    schema, name, number = of
    table = ddl.TableDdl(schema, name)
    known = [c for c, _ in place.catalog.declared(schema, name)]
    table.columns = [ddl.ColumnDdl(c, declared("int")) for c in known]  # for DEFAULT … FOR
    ddl.add(rest, table)
    added = table.columns[len(known) :]
    first = int(place.catalog.one("SELECT max(column_id) FROM sys.columns WHERE object_id = ?", number)) + 1
    for position, column in enumerate(added, first):
        if column.name.lower() in (c.lower() for c in known):
            text = (
                "Column names in each table must be unique. Column name '{}' in table '{}' is specified more than once."
            )
            raise SqlError(2705, text.format(column.name, name))
        if not (column.nullable or column.default or column.identity or column.computed) and _rows(place, of):
            raise SqlError(4901, _WITHOUT_DEFAULT.format(column.name, name))
        place.catalog.add_column(place.catalog.schema(schema), number, position, column)
    for column in table.columns[: len(known)]:
        if column.default:
            _default(place, of, column)
    for foreign in table.foreign:
        place.lock(*foreign.parent, "Sch-M")
    _look_for_orphans(place, of, table.foreign, trusted)
    place.catalog.add_constraints(table, trusted)
    rebuild(place, of, kept=known)


_WITHOUT_DEFAULT = (
    "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the"
    " column being added is an identity or timestamp column. Column '{}' cannot be added to non-empty table '{}'"
    " because it does not satisfy these conditions."
)


def _rows(place: Place, of: Of) -> bool:
    return bool(place.cursor.execute(f"SELECT 1 FROM {full(*of[:2])} LIMIT 1").fetchone())


def _default(place: Place, of: Of, column: ddl.ColumnDdl) -> None:
    schema, _, number = of
    position = place.catalog.column(number, column.name)
    made = place.catalog.add_default(place.catalog.schema(schema), number, position, column)
    where = "WHERE object_id = ? AND column_id = ?"
    place.catalog.run(f"UPDATE sys.columns SET default_object_id = ? {where}", made, number, position)


def _look_for_orphans(place: Place, of: Of, foreign: list[ddl.ForeignDdl], trusted: bool) -> None:
    for key in foreign if trusted else []:
        pairs = zip(key.columns, key.parent_columns, strict=True)
        joined = " AND ".join(f"p.{quoted(other)} = c.{quoted(own)}" for own, other in pairs)
        there = " AND ".join(f"c.{quoted(own)} IS NOT NULL" for own in key.columns)
        sql = (
            f"SELECT 1 FROM {full(*of[:2])} c WHERE {there} AND NOT EXISTS (FROM {full(*key.parent)} p WHERE {joined})"
        )
        if place.cursor.execute(sql).fetchone():
            text = f'The ALTER TABLE statement conflicted with the FOREIGN KEY constraint "{key.name}".'
            raise SqlError(547, text)


def _drop(place: Place, of: Of, rest: str, trusted: bool) -> None:
    """DROP [CONSTRAINT | COLUMN] [IF EXISTS] name, …, where the word may change on the way."""
    known = [c for c, _ in place.catalog.declared(*of[:2])]
    column = False
    for part in rest.split(","):
        found = re.match(rf"(?is)\s*(constraint\s|column\s)?\s*(if\s+exists\s+)?({PART})", part)
        if not found:
            raise SqlError(102, f"Incorrect syntax near '{part[:40]}'.", 15)
        column = found[1].strip().lower() == "column" if found[1] else column
        (_drop_column if column else _drop_constraint)(place, of, parts(found[3])[1], bool(found[2]))
    rebuild(place, of, kept=known)


def _drop_column(place: Place, of: Of, name: str, exists: bool) -> None:
    _, table, number = of
    if name.lower() not in (c.lower() for c, _ in place.catalog.declared(*of[:2])):
        if exists:
            return
        text = f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{table}'."
        raise SqlError(4924, text)
    position = place.catalog.column(number, name)
    used = " UNION ALL ".join(
        (
            "SELECT name FROM sys.default_constraints WHERE parent_object_id = $t AND parent_column_id = $c",
            "SELECT i.name FROM sys.index_columns c JOIN sys.indexes i USING (object_id, index_id)"
            " WHERE c.object_id = $t AND c.column_id = $c",
            "SELECT k.name FROM sys.foreign_key_columns c JOIN sys.foreign_keys k ON k.object_id ="
            " c.constraint_object_id WHERE (c.parent_object_id = $t AND c.parent_column_id = $c)"
            " OR (c.referenced_object_id = $t AND c.referenced_column_id = $c)",
        )
    )
    row = place.cursor.execute(used, {"t": number, "c": position}).fetchone()
    if row:
        raise SqlError(5074, f"The object '{row[0]}' is dependent on column '{name}'.")
    for view in ("columns", "computed_columns", "identity_columns"):
        place.catalog.run(f"DELETE FROM sys.{view} WHERE object_id = ? AND column_id = ?", number, position)


def _drop_constraint(place: Place, of: Of, name: str, exists: bool) -> None:
    schema, _, number = of
    made = place.catalog.object(schema, name)
    if made is None:
        if exists:
            return
        raise SqlError(3728, f"'{name}' is not a constraint.")
    index = place.catalog.one("SELECT unique_index_id FROM sys.key_constraints WHERE object_id = ?", made)
    if index is not None:
        place.catalog.forget_index(number, int(index))
    place.catalog.run("UPDATE sys.columns SET default_object_id = 0 WHERE default_object_id = ?", made)
    place.catalog.forget(made)


def _alter_column(place: Place, of: Of, rest: str, trusted: bool) -> None:
    schema, table, number = of
    column = ddl.column(rest)
    position = place.catalog.column(number, column.name)
    kept = [c for c, _ in place.catalog.declared(schema, table)]
    place_of = full(schema, table)
    size = column.kind.size or 0
    if column.kind.storage == "VARCHAR" and size > 0:
        longest = place.cursor.execute(f"SELECT max(length({quoted(column.name)}::VARCHAR)) FROM {place_of}").fetchone()
        if longest and (longest[0] or 0) > size:
            text = f"String or binary data would be truncated in table '{table}', column '{column.name}'."
            raise SqlError(2628, text)
    system, user, bytes_max, precision, scale = column.kind.numbers()
    place.catalog.run(
        "UPDATE sys.columns SET system_type_id = ?, user_type_id = ?, max_length = ?, precision = ?, scale = ?,"
        " is_nullable = ?, declared = ? WHERE object_id = ? AND column_id = ?",
        *(system, user, bytes_max, precision, scale, column.nullable),
        *(spelling(column.kind.name, column.kind.size, column.kind.scale), number, position),
    )
    rebuild(place, of, kept=kept)


def _switch(place: Place, of: Of, rest: str, disabled: bool) -> None:
    """[NO]CHECK CONSTRAINT: it is there, and enforced or not."""
    _, name = parts(rest.strip())
    for view in ("foreign_keys", "check_constraints"):
        sql = f"UPDATE sys.{view} SET is_disabled = ?, is_not_trusted = ? WHERE lower(name) = lower(?)"
        place.catalog.run(sql, disabled, disabled, name)


_ALTERATIONS: tuple[tuple[str, Callable[[Place, Of, str, bool], None]], ...] = (
    (r"add\s+", _add),
    (r"drop\s+", _drop),
    (r"alter\s+column\s+", _alter_column),
    (r"nocheck\s+constraint\s+", lambda place, of, rest, _: _switch(place, of, rest, True)),
    (r"check\s+constraint\s+", lambda place, of, rest, _: _switch(place, of, rest, False)),
)


# ---- building anew


def rebuild(place: Place, of: Of, kept: list[str], renamed: dict[str, str] | None = None) -> None:
    """The table in DuckDB as the catalog says that it is now; `kept` columns bring their rows.

    A new column that may be NULL is so in the rows that are there, whatever its default.
    """
    schema, name, number = of
    columns = place.cursor.execute(_COLUMNS, [number]).fetchall()
    key = place.cursor.execute(_KEY, [number]).fetchall()
    where = full(schema, name)
    place.cursor.execute(f"CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM {where}")
    place.cursor.execute(f"DROP TABLE {where}")
    place.cursor.execute(f"CREATE TABLE {where} ({', '.join(_defined(columns, key))})")
    before = {new: old for old, new in (renamed or {}).items()}
    there = {c.lower() for c in kept}
    names, values = [], []
    for column, kind, nullable, default, computed, _ in columns:
        source = before.get(column, column)
        if computed or (source.lower() not in there and not nullable and default):
            continue
        names.append(quoted(column))
        value = f"CAST({quoted(source)} AS {declared(kind).storage})" if source.lower() in there else "NULL"
        values.append("row_number() OVER ()" if value == "NULL" and not nullable else value)
    place.cursor.execute(f"INSERT INTO {where} ({', '.join(names)}) SELECT {', '.join(values)} FROM kept")
    place.cursor.execute("DROP TABLE temp.kept")


_COLUMNS = """
SELECT c.name, c.declared, c.is_nullable, d.definition, k.definition, c.column_id FROM sys.columns c
LEFT JOIN sys.default_constraints d ON d.object_id = c.default_object_id
LEFT JOIN sys.computed_columns k ON k.object_id = c.object_id AND k.column_id = c.column_id
WHERE c.object_id = ? ORDER BY c.column_id
"""
_KEY = """
SELECT c.name FROM sys.indexes i JOIN sys.index_columns p USING (object_id, index_id)
JOIN sys.columns c ON c.object_id = p.object_id AND c.column_id = p.column_id
WHERE i.object_id = ? AND i.is_primary_key ORDER BY p.key_ordinal
"""


def _defined(columns: list[Any], key: list[Any]) -> list[str]:
    lines = []
    for name, kind, nullable, default, computed, _ in columns:
        column = ddl.ColumnDdl(name, declared(kind), bool(nullable), default=default or "", computed=computed or "")
        lines.append(defined(column))
    if key:
        lines.append(f"PRIMARY KEY ({', '.join(quoted(name) for (name,) in key)})")
    return lines


def defined(column: ddl.ColumnDdl) -> str:
    """A column as DuckDB is told of it."""
    name = quoted(column.name)
    if column.computed:
        return f"{name} AS ({translate.expression(column.computed)})"
    default = f" DEFAULT {_value(column.default)}" if column.default else ""
    if column.kind.name == "timestamp":
        default = " DEFAULT unhex(printf('%016X', nextval('sys.rowversions')))"
    return f"{name} {column.kind.storage}{'' if column.nullable else ' NOT NULL'}{default}"


def _value(text: str) -> str:
    if re.search(r"(?i)next\s+value\s+for", text):
        return "NULL"  # nobody inserts by it
    return translate.expression(text)


def of_computed(place: Place, table: ddl.TableDdl) -> None:
    """The types that DuckDB found for computed columns."""
    if any(c.computed for c in table.columns):
        described = place.cursor.execute(f"DESCRIBE {full(table.schema, table.name)}").fetchall()
        for column, (_, kind, *_) in zip(table.columns, described, strict=True):
            if column.computed:
                column.kind = of_result(kind)


# ---- renaming


def rename(place: Place, text: str, found: re.Match[str]) -> None:
    """sp_rename 'schema.table.column', 'new', 'COLUMN' | 'INDEX' | 'OBJECT'."""
    given = [m[1].replace("''", "'") for m in _STRING.finditer(text)]
    kind = given[2].upper() if len(given) > 2 else "OBJECT"
    names = [parts(p)[1] for p in re.findall(PART, given[0])]
    if kind in ("COLUMN", "INDEX"):
        schema, table = (names[-3] if len(names) > 2 else "dbo"), names[-2]
        place.lock(schema, table, "Sch-M")
        number = place.catalog.table(schema, table)
        _rename_part(place, (schema, table, number), kind, names[-1], given[1])
        return
    schema, name = (names[-2] if len(names) > 1 else "dbo"), names[-1]
    number_or_none = place.catalog.object(schema, name)
    if number_or_none is None:
        text = f"Either the parameter @objname is ambiguous or the claimed @objtype ({kind}) is wrong."
        raise SqlError(15248, text, 11)
    place.lock(schema, name, "Sch-M")
    if place.catalog.one("SELECT type FROM sys.objects WHERE object_id = ?", number_or_none) == "U":
        place.cursor.execute(f"ALTER TABLE {full(schema, name)} RENAME TO {quoted(given[1])}")
    for view in ("objects", *_CONSTRAINTS):
        place.catalog.run(f"UPDATE sys.{view} SET name = ? WHERE object_id = ?", given[1], number_or_none)
    for view in ("default_constraints", "check_constraints", "key_constraints", "foreign_keys"):
        place.catalog.run(f"UPDATE sys.{view} SET is_system_named = false WHERE object_id = ?", number_or_none)


def _rename_part(place: Place, of: Of, kind: str, old: str, new: str) -> None:
    if kind == "INDEX":
        sql = "UPDATE sys.indexes SET name = ? WHERE object_id = ? AND lower(name) = lower(?)"
        place.catalog.run(sql, new, of[2], old)
        return
    known = [c for c, _ in place.catalog.declared(*of[:2])]
    position = place.catalog.column(of[2], old)
    for view in ("columns", "computed_columns", "identity_columns"):
        sql = f"UPDATE sys.{view} SET name = ? WHERE object_id = ? AND column_id = ?"
        place.catalog.run(sql, new, of[2], position)
    rebuild(place, of, known, {next(c for c in known if c.lower() == old.lower()): new})
