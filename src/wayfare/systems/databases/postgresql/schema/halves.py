"""What an interrupted statement leaves behind: INVALID indexes, which cost every write and serve no read."""

from __future__ import annotations

from collections.abc import Collection

from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import qualified
from wayfare.systems.databases.postgresql.schema.names import oids

BUILDS = frozenset({Kind.CREATE_INDEX, Kind.REINDEX})

# Of the tables that are named, or of the tables whose indexes are named; with the halves of REINDEX CONCURRENTLY.
_INVALID = """
select i.indexrelid::int8, n.nspname, c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid and c.relkind = 'i'
  and (i.indrelid = any(%(tables)s::oid[]) or i.indrelid in (
    select j.indrelid from pg_index j where j.indexrelid = any(%(tables)s::oid[])))
"""


def invalid(connection: Connection, statement: Statement) -> frozenset[int]:
    """The invalid indexes of the tables that an index is built on, as oids: those that were there before stay."""
    return frozenset(oid for oid, _, _ in _found(connection, statement))


def of_its_name(connection: Connection, statement: Statement) -> frozenset[int]:
    """Those of them that stand where the statement's own index will: even IF NOT EXISTS would take one for it."""
    wanted = {action.name.rpartition(".")[2] for action in statement.actions if action.kind is Kind.CREATE_INDEX}
    return frozenset(oid for oid, _, name in _found(connection, statement) if name in wanted)


def remove(connection: Connection, statement: Statement, but: Collection[int]) -> None:
    """Drop the others, concurrently. Repeatable. Not within a transaction."""
    for oid, namespace, name in _found(connection, statement):
        if oid not in but:
            connection.execute(f"drop index concurrently if exists {qualified(namespace, name)}")


def _found(connection: Connection, statement: Statement) -> list[tuple[int, str, str]]:
    builds = [action for action in statement.actions if action.kind in BUILDS]
    names = {name for action in builds for name in (action.table, action.name) if name}
    if not names:
        return []
    places = list(oids(connection, names).values())
    return [(row[0], row[1], row[2]) for row in connection.execute(_INVALID, {"tables": places}).fetchall()]
