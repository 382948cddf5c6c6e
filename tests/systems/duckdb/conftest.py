from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import duckdb
import pytest

from wayfare.core.address import Address
from wayfare.systems.databases.duckdb.database import DuckdbDatabase

Make = Callable[..., DuckdbDatabase]


@pytest.fixture
def opened() -> Iterator[Callable[..., DuckdbDatabase]]:
    """Open a file; it is closed when the test ends."""
    with ExitStack() as stack:

        def open_file(path: Path, **options: str) -> DuckdbDatabase:
            return stack.enter_context(DuckdbDatabase(Address("duckdb", database=str(path), options=options)))

        yield open_file


@pytest.fixture
def made(tmp_path: Path, opened: Callable[..., DuckdbDatabase]) -> Make:
    """Make a file by statements."""

    def make(*statements: str, name: str = "made.duckdb") -> DuckdbDatabase:
        with closing(duckdb.connect(tmp_path / name)) as connection:
            for statement in statements:
                connection.execute(statement)
        return opened(tmp_path / name)

    return make
