"""The databases of the server: one DuckDB in memory, with an attached one for each."""

from __future__ import annotations

import threading

import duckdb

from wayfare.systems.databases.sqlserver.testserver import catalog
from wayfare.systems.databases.sqlserver.testserver.locking import Locks
from wayfare.systems.databases.sqlserver.testserver.translate import MACROS
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Databases:
    def __init__(self) -> None:
        self._engine = duckdb.connect(config={"threads": 2, "preserve_insertion_order": True})
        self._lock = threading.Lock()
        self.locks = Locks()
        self._numbers: dict[str, int] = {}  # in lower case → database_id
        self._snapshots: dict[str, bool] = {}  # in lower case → ALLOW_SNAPSHOT_ISOLATION
        self.create("master")

    def has(self, name: str) -> bool:
        return name.lower() in self._snapshots

    def create(self, name: str) -> None:
        with self._lock, self._engine.cursor() as cursor:
            if self.has(name):
                raise SqlError(1801, f"Database '{name}' already exists. Choose a different database name.")
            cursor.execute(f"ATTACH ':memory:' AS {quoted(name)}")
            cursor.execute(f"USE {quoted(name)}")
            catalog.build(cursor)
            self._describe(cursor, name)
            cursor.execute(f"USE {quoted(name)}.dbo")
            cursor.execute("; ".join(f"CREATE MACRO {macro}" for macro in MACROS))
            self._snapshots[name.lower()] = False

    def _describe(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        cursor.execute(
            "CREATE TABLE sys.databases (name VARCHAR, database_id INTEGER, compatibility_level UTINYINT,"
            " snapshot_isolation_state UTINYINT, is_read_committed_snapshot_on BOOLEAN, collation_name VARCHAR,"
            " service_broker_guid UUID)"
        )
        self._numbers[name.lower()] = len(self._numbers) + 1
        row = "(?, ?, 160, 0, false, 'SQL_Latin1_General_CP1_CI_AS', gen_random_uuid())"
        cursor.execute(f"INSERT INTO sys.databases VALUES {row}", [name, self.number(name)])

    def drop(self, name: str) -> None:
        with self._lock, self._engine.cursor() as cursor:
            if not self.has(name):
                raise SqlError(3701, f"Cannot drop the database '{name}', because it does not exist.")
            cursor.execute(f"DETACH {quoted(name)}")
            del self._snapshots[name.lower()]

    def number(self, name: str) -> int:
        return self._numbers[name.lower()]

    def kill(self, number: int) -> None:
        """Ends another's connection; its locks are free as soon as it has seen that."""
        for owner in self.locks.owners():
            if owner.number == number:
                owner.killed = True
                owner.end()
                return
        raise SqlError(6106, f"Process ID {number} is not an active process ID.")

    def allow_snapshots(self, name: str, *, allowed: bool) -> None:
        self._snapshots[name.lower()] = allowed
        with self._engine.cursor() as cursor:
            cursor.execute(f"UPDATE {quoted(name)}.sys.databases SET snapshot_isolation_state = {int(allowed)}")

    def allows_snapshots(self, name: str) -> bool:
        return self._snapshots.get(name.lower(), False)

    def cursor(self, name: str) -> duckdb.DuckDBPyConnection:
        cursor = self._engine.cursor()
        cursor.execute(f"USE {quoted(name)}.dbo")
        return cursor
