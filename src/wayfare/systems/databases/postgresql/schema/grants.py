"""Rights and comments of an object, as the statements that give them again."""

from __future__ import annotations

from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import literal
from wayfare.systems.databases.postgresql.schema.names import named, texts

_WORDS = {"S": "SEQUENCE "}
_TABLE = """
select 'GRANT ' || string_agg(x.privilege_type, ', ' order by x.privilege_type) || ' ON ' || %s || ' TO '
  || case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end
  || case when x.is_grantable then ' WITH GRANT OPTION' else '' end
from pg_class c, aclexplode(c.relacl) x where c.oid = %s and x.grantee <> c.relowner
group by x.grantee, x.is_grantable order by x.grantee, x.is_grantable
"""
_COLUMNS = """
select 'GRANT ' || string_agg(x.privilege_type || ' (' || quote_ident(a.attname) || ')', ', '
    order by x.privilege_type, a.attnum) || ' ON ' || %s || ' TO '
  || case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end
  || case when x.is_grantable then ' WITH GRANT OPTION' else '' end
from pg_attribute a, aclexplode(a.attacl) x where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
group by x.grantee, x.is_grantable order by x.grantee, x.is_grantable
"""
# Of functions, schemas and types: an empty list means the defaults, which are what a new object has.
_OTHER = """
select 'GRANT ' || string_agg(x.privilege_type, ', ' order by x.privilege_type) || ' ON ' || %s || ' TO '
  || case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end
  || case when x.is_grantable then ' WITH GRANT OPTION' else '' end
from aclexplode((select {acl} from {catalog} where oid = %s)) x
where x.grantee <> (select {owner} from {catalog} where oid = %s)
group by x.grantee, x.is_grantable order by x.grantee, x.is_grantable
"""
_CATALOGS = {
    "FUNCTION": ("pg_proc", "proacl", "proowner"),
    "PROCEDURE": ("pg_proc", "proacl", "proowner"),
    "SCHEMA": ("pg_namespace", "nspacl", "nspowner"),
    "TYPE": ("pg_type", "typacl", "typowner"),
    "DOMAIN": ("pg_type", "typacl", "typowner"),
}


def grants(connection: Connection, oid: int) -> list[str]:
    """What others than its owner may do with a relation and its columns."""
    if not oid:
        return []
    kind = texts(connection, "select relkind::text from pg_class where oid = %s", oid)
    name = _WORDS.get("".join(kind), "") + named(connection, oid)
    return [*texts(connection, _TABLE, name, oid), *texts(connection, _COLUMNS, name, oid)]


def grants_of(connection: Connection, word: str, name: str, oid: int) -> list[str]:
    """The same of a function, schema or type. Who was denied what PUBLIC has by default is denied it again."""
    catalog, acl, owner = _CATALOGS[word]
    query = _OTHER.format(catalog=catalog, acl=acl, owner=owner)
    if not texts(connection, f"select {acl}::text from {catalog} where oid = %s", oid):
        return []
    denied = [f"REVOKE ALL ON {word} {name} FROM PUBLIC"] if word != "SCHEMA" else []
    return [*denied, *texts(connection, query, f"{word} {name}", oid, oid)]


def comments(connection: Connection, word: str, name: str, catalog: str, oid: int) -> list[str]:
    """None or one: of the object itself."""
    query = "select description from pg_description where classoid = %s::regclass and objoid = %s and objsubid = 0"
    return [f"COMMENT ON {word} {name} IS {literal(text)}" for text in texts(connection, query, catalog, oid)]
