"""A SQL Server database as something whose schema is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wayfare.core.changes import Entry, Held, Holder, Outcome, Size
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.schema import history as revisions
from wayfare.systems.databases.sqlserver.schema import lock, objects, outcome, places


class SqlServerSchema:
    """A `Schema`. Thread-safe: it has nothing of its own but the connections.

    It has no rehearsals: SQL Server clones no database without its rows in one step (DBCC CLONEDATABASE needs
    sysadmin, and takes statistics along), and nothing is told about a change that was not measured.
    """

    dialect = "tsql"
    together = True

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def identity(self) -> str:
        return places.identity(self._connections)

    def dump(self) -> str:
        with self._connections.use() as connection:
            return objects.dump(connection.rows)

    def sizes(self) -> Mapping[str, Size]:
        return places.sizes(self._connections)

    def lock(self, by: str) -> Held | None:
        return lock.lock(self._connections, by)

    def holder(self) -> Holder | None:
        return lock.holder(self._connections)

    def entries(self, history: str = "", limit: int = 0) -> Sequence[Entry]:
        with self._connections.use() as connection:
            return revisions.entries(connection, history, limit)

    def shape(self, statement: Statement) -> str:
        return outcome.shape(self._connections, statement)

    def outcome(self, statement: Statement, intent: str) -> Outcome:
        return outcome.outcome(self._connections, statement, intent)
