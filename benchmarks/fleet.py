"""The servers, started when first asked for and stopped together; sources are filled once."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from benchmarks.data import Dataset
from benchmarks.ends import End
from benchmarks.ends import mariadb as maria
from benchmarks.ends import postgresql as postgres
from benchmarks.ends.clickhouse import ClickHouse
from benchmarks.ends.mariadb import MariaDB
from benchmarks.ends.postgresql import PostgreSQL
from benchmarks.ends.sqlite import SQLite


class Fleet:
    """`source(system)` and `target(system)` give ends. PostgreSQL has a server for each side, MariaDB one for both."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._ends: dict[tuple[str, str], End] = {}
        self._filled: set[tuple[str, str]] = set()
        self._maria: tuple[int, int] | None = None

    def __enter__(self) -> Fleet:
        folder = tempfile.TemporaryDirectory(prefix="wayfare-bench-files-", ignore_cleanup_errors=True)
        self._folder = Path(self._stack.enter_context(folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def source(self, system: str, data: Dataset | None = None) -> End:
        """With `data`, its table is there and filled. Raises Unavailable where the server cannot be had."""
        end = self._end("src", system)
        if data and (system, data.name) not in self._filled:
            end.load(data)
            self._filled.add((system, data.name))
        return end

    def target(self, system: str) -> End:
        return self._end("dst", system)

    def versions(self) -> dict[str, str]:
        return {end.version.split()[0]: end.version.split()[1] for end in self._ends.values()}

    def _end(self, side: str, system: str) -> End:
        if (side, system) not in self._ends:
            self._ends[side, system] = self._start(side, system)
        return self._ends[side, system]

    def _start(self, side: str, system: str) -> End:
        match system:
            case "postgresql":
                return self.postgresql()
            case "mariadb":
                if not self._maria:
                    self._maria = self._stack.enter_context(maria.running())
                return MariaDB(*self._maria, side)
            case "sqlite":
                return SQLite(self._folder / f"{side}.db")
            case "clickhouse":
                return ClickHouse(self._folder / f"{side}-clickhouse")
        raise ValueError(system)

    def postgresql(self) -> PostgreSQL:
        """One more server."""
        return self._stack.enter_context(postgres.running())
