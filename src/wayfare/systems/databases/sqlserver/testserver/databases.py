"""The databases of the server: one DuckDB in memory, with an attached one for each."""

from __future__ import annotations

import threading

import duckdb

from wayfare.systems.databases.sqlserver.testserver import catalog
from wayfare.systems.databases.sqlserver.testserver.translate import MACROS
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Databases:
    def __init__(self) -> None:
        self._engine = duckdb.connect(config={"threads": 2, "preserve_insertion_order": True})
        self._lock = threading.Lock()
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
            cursor.execute(f"USE {quoted(name)}.dbo")
            cursor.execute("; ".join(f"CREATE MACRO {macro}" for macro in MACROS))
            self._snapshots[name.lower()] = False
            self._describe(cursor, name)

    def _describe(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        cursor.execute(
            "CREATE TABLE sys.databases (name VARCHAR, database_id INTEGER, compatibility_level UTINYINT,"
            " snapshot_isolation_state UTINYINT, is_read_committed_snapshot_on BOOLEAN, collation_name VARCHAR)"
        )
        values = [name, len(self._snapshots)]
        row = "(?, ?, 160, 0, false, 'SQL_Latin1_General_CP1_CI_AS')"
        cursor.execute(f"INSERT INTO sys.databases VALUES {row}", values)

    def drop(self, name: str) -> None:
        with self._lock, self._engine.cursor() as cursor:
            if not self.has(name):
                raise SqlError(3701, f"Cannot drop the database '{name}', because it does not exist.")
            cursor.execute(f"DETACH {quoted(name)}")
            del self._snapshots[name.lower()]

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
