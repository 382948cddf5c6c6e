"""SQLite: one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.data import Dataset, create, duck

SPELLING = {
    "BYTES": "blob", "INTS": "text", "TEXTS": "text", "JSON": "text", "TIMESTAMPTZ": "timestamp", "TIME": "text",
    "UUID": "text",
}  # fmt: skip


class SQLite:
    """See `End`."""

    schema = "main"
    pid = 0
    version = f"SQLite {sqlite3.sqlite_version}"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    def load(self, data: Dataset) -> None:
        statement = create(data.name, SPELLING, key="").replace("id bigint not null", "id integer primary key not null")
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute(statement)
        duck("sqlite", str(self.file), str(data.parquet), data.name)
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("analyze")
            connection.commit()

    def clear(self) -> None:
        self.file.unlink(missing_ok=True)

    def settle(self) -> None:
        """Nothing is left to write: a file has no server."""

    def ask(self, table: str, expressions: Sequence[str]) -> tuple[Any, ...]:
        with closing(sqlite3.connect(self.file)) as connection:
            return tuple(connection.execute(f"select {', '.join(expressions)} from {table}").fetchone())
