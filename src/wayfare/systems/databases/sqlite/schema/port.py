"""An SQLite file as something whose schema is changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from time import time

from wayfare.core.changes import Entry, Holder, Outcome, Rehearsal, Size
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlite.files import Files
from wayfare.systems.databases.sqlite.schema import lease, objects, records, rehearsal


class SqliteSchema:
    """A `Schema`. A file that is missing, but can be made, is an empty one; taking the lock makes it."""

    dialect = "sqlite"
    together = True

    def __init__(self, files: Files, lease_seconds: float) -> None:
        self._files = files
        self._lease_seconds = lease_seconds

    def identity(self) -> str:
        """The real path and, once the file is there, its number: another file of that name is another database."""
        path = self._files.path.resolve()
        if self._files.vacant():
            return str(path)
        there = path.stat()
        return f"{path}:{there.st_dev}:{there.st_ino}"

    def dump(self) -> str:
        if self._files.vacant():
            return objects.NOTHING
        with self._files.reader("reading the schema") as connection:
            return objects.dump(connection)

    def sizes(self) -> Mapping[str, Size]:
        if self._files.vacant():
            return {}
        with self._files.reader("reading the sizes of tables") as connection:
            return objects.sizes(connection)

    def lock(self, by: str) -> lease.Lease | None:
        return lease.take(self._files, by, self._lease_seconds)

    def holder(self) -> Holder | None:
        if self._files.vacant():
            return None
        with self._files.reader("looking at the lock") as connection:
            return records.holder(connection, time())

    def entries(self, history: str = "", limit: int = 0) -> Sequence[Entry]:
        if self._files.vacant():
            return []
        with self._files.reader("reading the history") as connection:
            return records.entries(connection, history, limit)

    def shape(self, statement: Statement) -> str:
        if self._files.vacant():
            return ""
        with self._files.reader("reading the schema") as connection:
            return objects.shape(connection, statement)

    def outcome(self, statement: Statement, intent: str) -> Outcome:
        """Never AT_WORK: whoever asks has taken the lock by writing, which nobody can while a statement is at work."""
        return Outcome.NOT_DONE if self.shape(statement) == intent else Outcome.DONE

    def rehearsal(self, sample: Collection[str] = ()) -> AbstractContextManager[Rehearsal]:
        return rehearsal.rehearsal(self._files, sample)
