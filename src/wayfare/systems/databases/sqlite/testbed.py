"""SQLite needs no server: each fresh database is a file of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from wayfare.core.address import Address
from wayfare.systems.testing import Beds, Fresh


@contextmanager
def files(scratch: Path) -> Iterator[Fresh]:
    numbers = count(1)

    def fresh() -> Address:
        path = scratch / f"fresh{next(numbers)}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        return Address("sqlite", database=str(path))

    yield fresh


BEDS: Beds = {"sqlite": files}
