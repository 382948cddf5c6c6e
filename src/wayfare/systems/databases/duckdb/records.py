"""What a run did to the real tables, step by step, so that `discard` can undo it and `finish` can forget it."""

from __future__ import annotations

import duckdb

from wayfare.systems.databases.duckdb import dialect

FILL = "fill:"  # an undo that is no statement: put rows back, which may take several


class Records:
    """Written in the transaction that does what it records. `undo` and `forget` are statements; "" for nothing."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, run: str) -> None:
        self._cursor = cursor
        self._table = dialect.aside(run)

    def done(self, undo: str = "", forget: str = "") -> None:
        self._cursor.execute(
            f"INSERT INTO {self._table} SELECT coalesce(max(step), 0) + 1, ?, ? FROM {self._table}", [undo, forget]
        )

    def undos(self) -> list[str]:
        rows = self._cursor.execute(f"SELECT undo FROM {self._table} WHERE undo <> '' ORDER BY step DESC").fetchall()
        return [str(row[0]) for row in rows]

    def forgets(self) -> list[str]:
        rows = self._cursor.execute(f"SELECT forget FROM {self._table} WHERE forget <> '' ORDER BY step").fetchall()
        return [str(row[0]) for row in rows]
