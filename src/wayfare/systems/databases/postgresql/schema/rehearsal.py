"""Statements tried on a clone: what they do is measured, how long they will take is estimated from a sample of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from wayfare.core.changes import Measured, Planned
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import quote
from wayfare.systems.databases.postgresql.errors import classifying
from wayfare.systems.databases.postgresql.schema import dump, measure, planning, recall, sampling
from wayfare.systems.databases.postgresql.schema.clone import cloned
from wayfare.systems.databases.postgresql.schema.measure import Trace
from wayfare.systems.databases.postgresql.schema.sampling import Taken

ORPHAN = "23503"  # foreign_key_violation
FEW_ROWS = 50  # changed by way of an index: not more in the real table either


@contextmanager
def rehearsal(connections: Connections, sample: Collection[str] = ()) -> Iterator[Clone]:
    """Raises as `clone.cloned` does."""
    with cloned(connections) as clone:
        taken = sampling.take(connections, clone, sample) if sample else {}
        with closing(clone.own()) as connection:
            with classifying("rehearsal"):
                connection.execute("reset all")  # a script means the database's own settings
            yield Clone(connections, clone, connection, taken)


class Clone:
    """For one thread at a time."""

    def __init__(
        self, source: Connections, clone: Connections, connection: Connection, taken: dict[str, Taken]
    ) -> None:
        self._source = source
        self._clone = clone
        self._connection = connection
        self._taken = taken

    def run(self, statement: Statement) -> Measured:
        """Not repeatable: what it did stays in the clone."""
        with classifying("rehearsal"):
            way = measure.alone if statement.alone else measure.together
            trace = way(self._connection, statement)
            if trace.code == ORPHAN and self._taken:
                return self._without_rows(statement)
        return replace(trace.measured, estimate_seconds=estimate(trace, statement, self._taken))

    def _without_rows(self, statement: Statement) -> Measured:
        """The sample has children without their parents, so a foreign key is refused. It is made on empty tables, and
        timed as the question that it asks. The samples are taken anew for what comes after.
        """
        seconds = sum(self._join_seconds(action) for action in statement.actions)
        named = [table for table in statement.tables if table in self._taken]
        sampling.empty(self._clone, named)
        trace = measure.together(self._connection, statement)
        guess = max(estimate(trace, statement, self._taken), seconds * _times(named, self._taken))
        self._taken.update(sampling.take(self._source, self._clone, named))
        return replace(trace.measured, estimate_seconds=guess)

    def _join_seconds(self, action: Action) -> float:
        """How long a foreign key's own question takes on the sample: is there a row without its parent?"""
        columns, parent = action.details.get("columns"), str(action.details.get("references", ""))
        others = action.details.get("referenced") or recall.key_columns(self._connection, parent)
        if action.kind is not Kind.ADD_FOREIGN_KEY or not columns or len(others) != len(columns):
            return 0.0
        pairs = zip(columns, others, strict=True)
        matches = " and ".join(f"c.{quote(a)} = p.{quote(b)}" for a, b in pairs)
        return measure.seconds_of(
            self._connection,
            f"select count(*) from {_quoted(action.table)} c left join {_quoted(parent)} p on {matches}"
            f" where p.{quote(others[0])} is null and c.{quote(columns[0])} is not null",
        )

    def dump(self) -> str:
        return dump.dump(self._clone)

    def plans(self, queries: Mapping[str, str]) -> Mapping[str, Planned]:
        """On a connection of its own: the settings of the script are not the application's."""
        with self._clone.use("rehearsal") as connection:
            for name in sampling.named(connection, self._taken):
                connection.execute(f"analyze {name}")  # what a statement changes loses its statistics
            return {key: planning.planned(connection, text) for key, text in queries.items()}

    def recall(self, action: Action) -> Sequence[str]:
        with classifying("rehearsal"), self._connection.transaction():
            return recall.recall(self._connection, action)


def estimate(trace: Trace, statement: Statement, taken: Mapping[str, Taken]) -> float:
    """Seconds in the real database: what reads or writes a whole table takes as many times longer as that is larger.

    Pure. Without a sample, it is the time in the clone.
    """
    found = trace.measured
    touched = {*found.rewrites, *found.scans}
    if found.rebuilds or trace.rows > FEW_ROWS:
        touched |= {*statement.tables}
    return found.seconds * _times(touched, taken)


def _times(tables: Collection[str], taken: Mapping[str, Taken]) -> float:
    """How many times larger the tables are, together, than their samples."""
    plain = {name.removeprefix("public."): value for name, value in taken.items()}
    of = [plain[name] for name in {table.removeprefix("public.") for table in tables} if name in plain]
    return Taken(sum(t.bytes_there for t in of), sum(t.bytes_here for t in of)).times if of else 1.0


def _quoted(table: str) -> str:
    space, _, name = table.rpartition(".")
    return f"{quote(space)}.{quote(name)}" if space else quote(name)
