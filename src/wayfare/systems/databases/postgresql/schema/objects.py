"""What is recalled of objects beside tables: functions, types, schemas, extensions; and of comments and rights."""

from __future__ import annotations

from collections.abc import Callable

from wayfare.core.statements import Action, Kind
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import literal, quote
from wayfare.systems.databases.postgresql.schema.grants import comments, grants, grants_of
from wayfare.systems.databases.postgresql.schema.names import beside, named, relation, texts

_RELATION_WORDS = {
    "r": "TABLE",
    "p": "TABLE",
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "S": "SEQUENCE",
    "f": "FOREIGN TABLE",
    "i": "INDEX",
    "I": "INDEX",
}


def _function(connection: Connection, action: Action) -> list[str]:
    found = _procedure(connection, action)
    if not found:
        return []
    oid, name, word = found
    made = texts(connection, "select pg_get_functiondef(%s::oid)", oid)
    if action.kind is Kind.CREATE_FUNCTION:
        return made  # OR REPLACE: its rights and comment stay
    return [*made, *comments(connection, word, name, "pg_proc", oid), *grants_of(connection, word, name, oid)]


def _procedure(connection: Connection, action: Action) -> tuple[int, str, str] | None:
    """By its signature, or by its name where only one is called so: oid, signature, FUNCTION or PROCEDURE."""
    signature = str(action.details.get("signature", ""))
    bare = (signature.partition("(")[0] or action.name).rpartition(".")[2]
    rows = connection.execute(
        """select p.oid::int8, p.oid::regprocedure::text, case prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end,
          %s <> '' and p.oid = to_regprocedure(%s)
        from pg_proc p where proname = %s and prokind in ('f', 'p')
          and pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)""",
        (signature, signature if "(" in signature else f"{action.name}()", bare),
    ).fetchall()
    exact = [row for row in rows if row[3]]
    only = exact or (rows if len(rows) == 1 and "(" not in signature else [])
    return (only[0][0], only[0][1], only[0][2]) if only else None


def _type(connection: Connection, action: Action) -> list[str]:
    """Enumerations, domains and composites; none of their values are in it, so nothing is lost."""
    row = connection.execute(
        "select t.oid::int8, t.oid::regtype::text, typtype::text, typrelid::int8 from pg_type t"
        " where t.oid = to_regtype(%s)",
        (_quoted(action.name or action.table),),
    ).fetchone()
    if row is None:
        return []
    oid, name, kind, table = row
    word = "DOMAIN" if kind == "d" else "TYPE"
    made = {"e": _enumeration, "d": _domain, "c": _composite}
    if kind not in made:
        return []
    rest = [*comments(connection, word, name, "pg_type", oid), *grants_of(connection, word, name, oid)]
    return [*made[kind](connection, name, table if kind == "c" else oid), *rest]


def _enumeration(connection: Connection, name: str, oid: int) -> list[str]:
    labels = texts(connection, "select enumlabel from pg_enum where enumtypid = %s order by enumsortorder", oid)
    return [f"CREATE TYPE {name} AS ENUM ({', '.join(literal(label) for label in labels)})"]


def _domain(connection: Connection, name: str, oid: int) -> list[str]:
    query = """select format_type(typbasetype, typtypmod) || coalesce(' DEFAULT ' || typdefault, '')
      || case when typnotnull then ' NOT NULL' else '' end from pg_type where oid = %s"""
    base = "".join(texts(connection, query, oid))
    query = """select ' CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
      from pg_constraint where contypid = %s and contype = 'c' order by conname"""
    return [f"CREATE DOMAIN {name} AS {base}{''.join(texts(connection, query, oid))}"]


def _composite(connection: Connection, name: str, table: int) -> list[str]:
    query = """select quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) from pg_attribute
      where attrelid = %s and attnum > 0 and not attisdropped order by attnum"""
    return [f"CREATE TYPE {name} AS ({', '.join(texts(connection, query, table))})"]


def _schema(connection: Connection, action: Action) -> list[str]:
    oids = texts(connection, "select oid from pg_namespace where nspname = %s", action.name)
    if not oids or action.details.get("cascade"):
        return []
    oid, name = int(oids[0]), quote(action.name)
    rest = [*comments(connection, "SCHEMA", name, "pg_namespace", oid), *grants_of(connection, "SCHEMA", name, oid)]
    return [f"CREATE SCHEMA {name}", *rest]


def _extension(connection: Connection, action: Action) -> list[str]:
    query = """select 'CREATE EXTENSION ' || quote_ident(extname) || ' WITH SCHEMA ' || extnamespace::regnamespace
      || ' VERSION ' || quote_literal(extversion) from pg_extension where extname = %s"""
    return [] if action.details.get("cascade") else texts(connection, query, action.name)


def _comment(connection: Connection, action: Action) -> list[str]:
    """What the object is, is found by its name: a column of a table, a relation, a function, a type or a schema."""
    table = relation(connection, action.table)
    query = "select attnum from pg_attribute where attrelid = %s and attname = %s and not attisdropped"
    column = texts(connection, query, table, action.name) if table and action.name else []
    if column:
        query = "select col_description(%s, %s)"
        old = texts(connection, query, table, int(column[0]))
        return [_says("COLUMN", f"{named(connection, table)}.{quote(action.name)}", old)]
    oid = relation(connection, *beside(action)) if action.name else table
    if oid:
        kind = "".join(texts(connection, "select relkind::text from pg_class where oid = %s", oid))
        return [_says(_RELATION_WORDS.get(kind, "TABLE"), named(connection, oid), _described(connection, oid))]
    found = _procedure(connection, action)
    if found:
        return [_says(found[2], found[1], _described(connection, found[0], "pg_proc"))]
    return _comment_of_another(connection, action)


def _comment_of_another(connection: Connection, action: Action) -> list[str]:
    kinds = texts(connection, "select to_regtype(%s)::oid", _quoted(action.name))
    if kinds and action.name:
        return [_says("TYPE", _quoted(action.name), _described(connection, int(kinds[0]), "pg_type"))]
    schemas = texts(connection, "select oid from pg_namespace where nspname = %s", action.name)
    if schemas:
        return [_says("SCHEMA", quote(action.name), _described(connection, int(schemas[0]), "pg_namespace"))]
    return []


def _described(connection: Connection, oid: int, catalog: str = "pg_class") -> list[str]:
    return texts(connection, "select obj_description(%s, %s)", oid, catalog)


def _says(word: str, name: str, old: list[str]) -> str:
    return f"COMMENT ON {word} {name} IS {literal(old[0]) if old else 'NULL'}"


def _rights(connection: Connection, action: Action) -> list[str]:
    """What is granted now: by the name of a relation, or else of a function or a schema."""
    oid = relation(connection, action.table, *beside(action))
    if oid:
        return grants(connection, oid)
    found = _procedure(connection, action)
    if found:
        return grants_of(connection, found[2], found[1], found[0])
    schemas = texts(connection, "select oid from pg_namespace where nspname = %s", action.name)
    return grants_of(connection, "SCHEMA", quote(action.name), int(schemas[0])) if schemas else []


def _quoted(name: str) -> str:
    return ".".join(quote(part) for part in name.split("."))


OF_OBJECTS: dict[Kind, Callable[[Connection, Action], list[str]]] = {
    Kind.CREATE_FUNCTION: _function,
    Kind.DROP_FUNCTION: _function,
    Kind.DROP_TYPE: _type,
    Kind.DROP_SCHEMA: _schema,
    Kind.DROP_EXTENSION: _extension,
    Kind.COMMENT: _comment,
    Kind.GRANT: _rights,
    Kind.REVOKE: _rights,
}
