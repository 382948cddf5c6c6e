"""What became of a statement whose runner was lost, read from the catalog."""

from __future__ import annotations

from wayfare.core.changes import Outcome
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.dialect import bracketed, literal, quote
from wayfare.systems.databases.sqlserver.drivers import Connection
from wayfare.systems.databases.sqlserver.schema import alone, objects

_BUILDS = (Kind.CREATE_INDEX, Kind.REINDEX, Kind.ADD_PRIMARY_KEY, Kind.ADD_UNIQUE)
_CAN_RESUME = "SELECT OBJECT_ID(N'sys.index_resumable_operations') AS found"  # from SQL Server 2017 on
_PAUSED = """
SELECT r.name AS name, s.name AS namespace, o.name AS on_table FROM sys.index_resumable_operations r
JOIN sys.objects o ON o.object_id = r.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.object_id IN ({places}) AND r.name IN ({names})
"""


def shape(connections: Connections, statement: Statement) -> str:
    with connections.use() as connection:
        return objects.shape(connection.rows, statement)


def outcome(connections: Connections, statement: Statement, intent: str) -> Outcome:
    """Removes halves. Repeatable: what is removed is gone, and the rest is only read.

    Only statements that are `alone` need it; all others are one transaction with their entry.
    """
    with connections.use() as connection:
        if alone.at_work(connection):
            return Outcome.AT_WORK
        if any(action.kind in _BUILDS for action in statement.actions):
            _remove_halves(connection, statement)
        same = objects.shape(connection.rows, statement) == intent
        return Outcome.NOT_DONE if same else Outcome.DONE


def _remove_halves(connection: Connection, statement: Statement) -> None:
    """An index build that can be resumed stands paused when its connection is gone. It is begun anew instead."""
    names = ", ".join(literal(a.name) for a in statement.actions if a.kind in _BUILDS and a.name)
    places = ", ".join(f"OBJECT_ID({literal(bracketed(table))})" for table in statement.tables)
    if not (names and places) or connection.rows(_CAN_RESUME)[0]["found"] is None:
        return
    for row in connection.rows(_PAUSED.format(places=places, names=names)):
        table = f"{quote(row['namespace'])}.{quote(row['on_table'])}"
        connection.run(f"ALTER INDEX {quote(row['name'])} ON {table} ABORT")
