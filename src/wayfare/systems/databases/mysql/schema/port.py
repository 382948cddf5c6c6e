"""A MySQL or MariaDB database as something whose schema is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager

from wayfare.core.changes import Entry, Holder, Outcome, Part, Rehearsal, Sample, Size, Waiting
from wayfare.core.statements import Statement
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connections
from wayfare.systems.databases.mysql.dialect import literal
from wayfare.systems.databases.mysql.schema import carry, lock, objects, records, rehearsal, replicas, watch
from wayfare.systems.databases.mysql.server import Server


class MySqlSchema:
    """A `Schema`. The server commits each change of it by itself, so no two of them are one transaction."""

    dialect = "mysql"
    together = False

    def __init__(self, connections: Connections, server: Callable[[], Server]) -> None:
        self._connections = connections
        self._server = server

    def identity(self) -> str:
        """The server by the number it gave itself, and its port: two on one machine may have the same number."""
        unique = "server_uid" if self._server().maria else "server_uuid"
        with self._connections.use() as connection:
            known = link.rows(connection, f"SHOW VARIABLES LIKE {literal(unique)}")
            host, port, folder = link.rows(connection, "SELECT @@hostname, @@port, @@datadir")[0]
        number = known[0][1] if known else f"{host}:{folder}"
        return f"{number}:{port}/{self._connections.address.database}"

    def dump(self) -> str:
        with self._connections.use() as connection:
            return objects.dump(connection)

    def sizes(self) -> Mapping[str, Size]:
        with self._connections.use() as connection:
            return objects.sizes(connection)

    def lock(self, by: str) -> lock.Lock | None:
        return lock.take(self._connections, self._server(), by)

    def holder(self) -> Holder | None:
        return lock.holder(self._connections)

    def entries(self, history: str = "", limit: int = 0) -> Sequence[Entry]:
        with self._connections.use() as connection:
            return records.entries(connection, history, limit)

    def shape(self, statement: Statement) -> str:
        with self._connections.use() as connection:
            return objects.shape(connection, statement)

    def outcome(self, statement: Statement, intent: str) -> Outcome:
        """The server goes on with a statement whose client is gone, and removes the halves of one that failed."""
        at_work = (
            "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() "
            f"AND info LIKE {literal(carry.MARK + ' %')}"
        )
        with self._connections.use() as connection:
            if link.rows(connection, at_work):
                return Outcome.AT_WORK
            return Outcome.NOT_DONE if objects.shape(connection, statement) == intent else Outcome.DONE

    def rehearsal(self, sample: Collection[str] = ()) -> AbstractContextManager[Rehearsal]:
        return rehearsal.rehearsal(self._connections, self._server(), sample)

    def sample(self) -> Sample:
        with self._connections.use() as connection:
            return watch.sample(connection, self._server())

    def waiting(self) -> Sequence[Waiting]:
        with self._connections.use() as connection:
            return watch.waiting(connection, self._server())

    def part(self) -> Part:
        with self._connections.use() as connection:
            return replicas.part(connection, self._server())

    def pooled(self) -> bool:
        """Not to be seen from here. Those for these servers keep a connection that called GET_LOCK to its client."""
        return False

    def position(self) -> str:
        with self._connections.use() as connection:
            return replicas.position(connection, self._server())

    def reached(self, position: str) -> bool:
        with self._connections.use() as connection:
            return replicas.reached(connection, self._server(), position)

    def lag_seconds(self) -> float:
        with self._connections.use() as connection:
            return replicas.lag_seconds(connection, self._server())

    def connections(self) -> int:
        with self._connections.use() as connection:
            return replicas.connections(connection)

    def long_queries(self, seconds: float) -> Sequence[str]:
        with self._connections.use() as connection:
            return replicas.long_queries(connection, seconds)
