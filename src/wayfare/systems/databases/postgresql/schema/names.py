"""Names of tables, as statements and measurements write them: "users", "shop.orders"; never quoted."""

from __future__ import annotations

from collections.abc import Collection

from wayfare.core.statements import Action
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import DEFAULT_NAMESPACE

# How a relation is called in all that this folder tells: with its namespace, unless that is the default one.
TOLD = f"case when n.nspname = '{DEFAULT_NAMESPACE}' then c.relname else n.nspname || '.' || c.relname end"
NOT_OURS = "c.relname not like '\\_wayfare\\_%' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
NOT_OURS_ESCAPED = NOT_OURS.replace("%", "%%")  # in queries that have values


def oids(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """The relation that each name means now, of those that exist. Without a namespace, the search path decides."""
    rows = connection.execute(
        "select distinct on (w) w, c.oid::int8 from unnest(%s::text[]) w"
        " join pg_class c on w = c.relname or w like '%%.' || c.relname"
        " join pg_namespace n on n.oid = c.relnamespace"
        f" where w = n.nspname || '.' || c.relname or w = c.relname and"
        f" (pg_table_is_visible(c.oid) or n.nspname = '{DEFAULT_NAMESPACE}')"
        " order by w, pg_table_is_visible(c.oid) desc",
        (list(names),),
    ).fetchall()
    return dict(rows)


def relation(connection: Connection, *names: str) -> int:
    """The first of them that is there; 0 for none."""
    found = oids(connection, [n for n in names if n])
    return next((found[n] for n in names if n in found), 0)


def beside(action: Action) -> tuple[str, ...]:
    """What the action may call an index or another relation by: as written, or in its table's namespace."""
    space = action.table.rpartition(".")[0]
    return (f"{space}.{action.name}", action.name) if space else (action.name,)


def texts(connection: Connection, query: str, *values: object) -> list[str]:
    """The first column of all rows, without those that are null."""
    return [str(row[0]) for row in connection.execute(query, values).fetchall() if row[0] is not None]


def named(connection: Connection, oid: int) -> str:
    """A relation's quoted name, with its namespace."""
    query = """select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c
      join pg_namespace n on n.oid = c.relnamespace where c.oid = %s"""
    return "".join(texts(connection, query, oid))
