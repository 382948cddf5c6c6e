"""The ports of schema changes, each one step away from where it is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager

from wayfare.core.changes import Entry, Held, Holder, Outcome, Part, Rehearsal, Sample, Size, Waiting
from wayfare.core.statements import Statement
from wayfare.systems.databases.postgresql.connect import Connections
from wayfare.systems.databases.postgresql.schema import dump, lock, outcome, places, rehearsal, replicas, watch
from wayfare.systems.databases.postgresql.schema import history as revisions


class PostgreSQLSchema:
    """Thread-safe: it has nothing of its own but the connections."""

    dialect = "postgres"
    together = True

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def identity(self) -> str:
        return places.identity(self._connections)

    def dump(self) -> str:
        return dump.dump(self._connections)

    def sizes(self) -> Mapping[str, Size]:
        return places.sizes(self._connections)

    def lock(self, by: str) -> Held | None:
        return lock.lock(self._connections, by)

    def holder(self) -> Holder | None:
        return lock.holder(self._connections)

    def entries(self, history: str = "", limit: int = 0) -> Sequence[Entry]:
        with self._connections.use() as connection:
            return revisions.entries(connection, history, limit)

    def rehearsal(self, sample: Collection[str] = ()) -> AbstractContextManager[Rehearsal]:
        return rehearsal.rehearsal(self._connections, sample)

    def shape(self, statement: Statement) -> str:
        return outcome.shape(self._connections, statement)

    def outcome(self, statement: Statement, intent: str) -> Outcome:
        return outcome.outcome(self._connections, statement, intent)

    def sample(self) -> Sample:
        return watch.sample(self._connections)

    def waiting(self) -> Sequence[Waiting]:
        with self._connections.use() as connection:
            return watch.waiting(connection)

    def part(self) -> Part:
        return replicas.part(self._connections)

    def pooled(self) -> bool:
        return replicas.pooled(self._connections)

    def position(self) -> str:
        return replicas.position(self._connections)

    def reached(self, position: str) -> bool:
        return replicas.reached(self._connections, position)

    def lag_seconds(self) -> float:
        return replicas.lag_seconds(self._connections)

    def connections(self) -> int:
        return replicas.connections(self._connections)

    def examine(self) -> Mapping[str, str]:
        return places.examine(self._connections)

    def long_queries(self, seconds: float) -> Sequence[str]:
        return replicas.long_queries(self._connections, seconds)
