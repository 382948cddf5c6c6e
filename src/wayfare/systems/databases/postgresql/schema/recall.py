"""The statements that make again what an action is about, as it stands now: by the server's own pg_get_…def.

Empty where there is nothing yet, or where its rows, or a sequence's place, would be lost with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wayfare.core.statements import Action, Kind
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import quote
from wayfare.systems.databases.postgresql.schema.grants import comments, grants
from wayfare.systems.databases.postgresql.schema.names import beside, named, relation, texts
from wayfare.systems.databases.postgresql.schema.objects import OF_OBJECTS

_Recaller = Callable[[Connection, Action], list[str]]


def recall(connection: Connection, action: Action) -> Sequence[str]:
    """Within a transaction of the clone."""
    made = RECALLERS.get(action.kind)
    return made(connection, action) if made else []


def key_columns(connection: Connection, table: str) -> list[str]:
    """Of the primary key, in its order."""
    query = """select a.attname from pg_constraint k, unnest(k.conkey) with ordinality u(n, place)
      join pg_attribute a on a.attnum = u.n and a.attrelid = %s
      where k.conrelid = a.attrelid and k.contype = 'p' order by place"""
    return texts(connection, query, relation(connection, table))


def _index(connection: Connection, action: Action) -> list[str]:
    oid = relation(connection, *beside(action))
    made = texts(connection, "select pg_get_indexdef(indexrelid) from pg_index where indexrelid = %s", oid)
    return [*made, *comments(connection, "INDEX", named(connection, oid), "pg_class", oid)] if made else []


def _constraint(connection: Connection, action: Action) -> list[str]:
    """With those of other tables that go with it: a foreign key needs the unique constraint that it points to."""
    query = """select 'ALTER TABLE ' || k.conrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' '
        || pg_get_constraintdef(k.oid)
      from pg_constraint k join pg_constraint wanted on wanted.conrelid = %s and wanted.conname = %s
      where k.oid = wanted.oid or %s and k.contype = 'f' and k.conindid = wanted.conindid
        and k.confrelid = wanted.conrelid order by k.oid <> wanted.oid, k.conname"""
    table = relation(connection, action.table)
    made = texts(connection, query, table, action.name, bool(action.details.get("cascade")))
    query = """select 'COMMENT ON CONSTRAINT ' || quote_ident(k.conname) || ' ON ' || k.conrelid::regclass || ' IS '
        || quote_literal(d.description) from pg_constraint k join pg_description d on d.objoid = k.oid
      and d.classoid = 'pg_constraint'::regclass where k.conrelid = %s and k.conname = %s"""
    return [*made, *texts(connection, query, table, action.name)]


def _default(connection: Connection, action: Action) -> list[str]:
    column = _column(connection, action)
    if not column:
        return []
    old = column["default"]
    return [f"{column['alter']} SET DEFAULT {old}" if old else f"{column['alter']} DROP DEFAULT"]


def _null(connection: Connection, action: Action) -> list[str]:
    column = _column(connection, action)
    return [f"{column['alter']} {'SET' if column['required'] else 'DROP'} NOT NULL"] if column else []


def _type(connection: Connection, action: Action) -> list[str]:
    """Back by a cast, where both casts together lose nothing. The default is set anew: it is cast along, visibly."""
    column = _column(connection, action)
    new = str(action.details.get("type", ""))
    if not column or not new or action.details.get("using"):
        return []
    row = connection.execute("select to_regtype(%s)::text", (new,)).fetchone()
    if not row or not loses_nothing(column["base"], str(row[0]), "(" in new):
        return []
    back = f"{column['alter']} TYPE {column['type']} USING {quote(column['name'])}::{column['type']}"
    if not column["default"]:
        return [back]
    alter = column["alter"]
    return [f"{alter} DROP DEFAULT", back, f"{alter} SET DEFAULT {column['default']}"]


_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_TEXTS = frozenset({"text", "character varying"})
_AS_TEXT = _INTEGERS | {"uuid", "boolean", "date"}


def loses_nothing(old: str, new: str, limited: bool) -> bool:
    """Is a value of `old` the same after it was one of `new`? Of types without their modifiers; `limited`: the new one
    has some, such as a scale. A value that does not fit is refused by the server, and loses nothing. Pure.
    """
    if old in _INTEGERS and (new in _INTEGERS or (new == "numeric" and not limited)):
        return True
    if (old in _TEXTS and new in _TEXTS) or (old in _AS_TEXT and new in _TEXTS):
        return True
    if old == new == "numeric":
        return not limited
    return (old, new) in {("real", "double precision"), ("date", "timestamp without time zone"), ("json", "text")}


def _column(connection: Connection, action: Action) -> Mapping[str, str]:
    """Empty where it is not there."""
    row = connection.execute(
        """select a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, null), a.attnotnull,
          case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = %s and a.attname = %s and not a.attisdropped""",
        (relation(connection, action.table), action.name),
    ).fetchone()
    if row is None:
        return {}
    name, kind, base, required, default = row
    table = named(connection, relation(connection, action.table))
    return {
        "name": name,
        "type": kind,
        "base": base,
        "required": "yes" if required else "",
        "default": default or "",
        "alter": f"ALTER TABLE {table} ALTER COLUMN {quote(name)}",
    }


def _view(connection: Connection, action: Action) -> list[str]:
    """One with other columns cannot be replaced, so it is dropped first, unless others need it."""
    oid = relation(connection, action.name, action.table)
    name = named(connection, oid)
    query = "select pg_get_viewdef(oid) from pg_class where oid = %s and relkind = 'v'"
    found = texts(connection, query, oid)
    if not found:
        return []
    options = "".join(texts(connection, "select array_to_string(reloptions, ', ') from pg_class where oid = %s", oid))
    with_options = f" WITH ({options})" if options else ""
    if action.kind is Kind.CREATE_VIEW and _needed(connection, oid):
        return [f"CREATE OR REPLACE VIEW {name}{with_options} AS {found[0]}"]
    first = [f"DROP VIEW {name}"] if action.kind is Kind.CREATE_VIEW else []
    made = [*first, f"CREATE VIEW {name}{with_options} AS {found[0]}"]
    return [*made, *comments(connection, "VIEW", name, "pg_class", oid), *grants(connection, oid)]


def _needed(connection: Connection, oid: int) -> bool:
    query = """select true from pg_depend d join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
      where d.refclassid = 'pg_class'::regclass and d.refobjid = %s and r.ev_class <> d.refobjid limit 1"""
    return bool(texts(connection, query, oid))


def _materialized(connection: Connection, action: Action) -> list[str]:
    oid = relation(connection, action.name, action.table)
    query = "select pg_get_viewdef(oid) from pg_class where oid = %s and relkind = 'm'"
    found = texts(connection, query, oid)
    if not found or action.kind is Kind.CREATE_MATERIALIZED_VIEW:
        return []
    name = named(connection, oid)
    indexes = texts(connection, "select pg_get_indexdef(indexrelid) from pg_index where indrelid = %s order by 1", oid)
    beside_it = [*comments(connection, "MATERIALIZED VIEW", name, "pg_class", oid), *grants(connection, oid)]
    return [f"CREATE MATERIALIZED VIEW {name} AS {found[0]}", *indexes, *beside_it]


def _trigger(connection: Connection, action: Action) -> list[str]:
    query = """select pg_get_triggerdef(oid) from pg_trigger where tgrelid = %s and tgname = %s and not tgisinternal"""
    table = relation(connection, action.table)
    made = texts(connection, query, table, action.name)
    query = """select 'ALTER TABLE ' || tgrelid::regclass || case tgenabled when 'D' then ' DISABLE TRIGGER '
        when 'A' then ' ENABLE ALWAYS TRIGGER ' else ' ENABLE REPLICA TRIGGER ' end || quote_ident(tgname)
      from pg_trigger where tgrelid = %s and tgname = %s and not tgisinternal and tgenabled <> 'O'"""
    if made and action.kind is Kind.CREATE_TRIGGER:
        made = [f"DROP TRIGGER {quote(action.name)} ON {named(connection, table)}", *made]
    return [*made, *texts(connection, query, table, action.name)]


def _policy(connection: Connection, action: Action) -> list[str]:
    query = """select 'CREATE POLICY ' || quote_ident(polname) || ' ON ' || polrelid::regclass
        || case when polpermissive then '' else ' AS RESTRICTIVE' end || ' FOR ' || case polcmd when 'r' then 'SELECT'
          when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end
        || ' TO ' || (select string_agg(case o when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(o)) end, ', ')
          from unnest(polroles) o)
        || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
        || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
      from pg_policy where polrelid = %s and polname = %s"""
    made = texts(connection, query, relation(connection, action.table), action.name)
    return made if action.kind is Kind.DROP_POLICY else []


def _detached(connection: Connection, action: Action) -> list[str]:
    part = relation(connection, *beside(action), str(action.details.get("new", "")))
    query = """select 'ALTER TABLE ' || i.inhparent::regclass || ' ATTACH PARTITION ' || i.inhrelid::regclass || ' '
      || pg_get_expr(c.relpartbound, c.oid) from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.oid = %s"""
    return texts(connection, query, part)


def _sequence(connection: Connection, action: Action) -> list[str]:
    """Its parameters. Its place is never taken back: numbers would be given twice."""
    query = """select 'ALTER SEQUENCE ' || seqrelid::regclass || ' AS ' || seqtypid::regtype || ' INCREMENT BY '
      || seqincrement || ' MINVALUE ' || seqmin || ' MAXVALUE ' || seqmax || ' START WITH ' || seqstart || ' CACHE '
      || seqcache || case when seqcycle then ' CYCLE' else ' NO CYCLE' end from pg_sequence where seqrelid = %s"""
    return texts(connection, query, relation(connection, *beside(action), action.table))


RECALLERS: dict[Kind, _Recaller] = {
    Kind.DROP_INDEX: _index,
    Kind.DROP_CONSTRAINT: _constraint,
    Kind.SET_DEFAULT: _default,
    Kind.DROP_DEFAULT: _default,
    Kind.SET_NOT_NULL: _null,
    Kind.DROP_NOT_NULL: _null,
    Kind.ALTER_TYPE: _type,
    Kind.CREATE_VIEW: _view,
    Kind.DROP_VIEW: _view,
    Kind.CREATE_MATERIALIZED_VIEW: _materialized,
    Kind.DROP_MATERIALIZED_VIEW: _materialized,
    Kind.CREATE_TRIGGER: _trigger,
    Kind.DROP_TRIGGER: _trigger,
    Kind.CREATE_POLICY: _policy,
    Kind.DROP_POLICY: _policy,
    Kind.DETACH_PARTITION: _detached,
    Kind.ALTER_SEQUENCE: _sequence,
    **OF_OBJECTS,
}
