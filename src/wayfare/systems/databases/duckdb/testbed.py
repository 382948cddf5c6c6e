"""DuckDB needs no server: each fresh database is a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import duckdb

from wayfare.core.address import Address
from wayfare.systems.testing import Beds, Fresh


@contextmanager
def files(scratch: Path) -> Iterator[Fresh]:
    numbers = count(1)

    def fresh() -> Address:
        path = scratch / f"fresh{next(numbers)}.duckdb"
        duckdb.connect(path).close()
        return Address("duckdb", database=str(path))

    yield fresh


BEDS: Beds = {"duckdb": files}
