from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from wayfare.core.address import Address
from wayfare.systems.databases.sqlite import native
from wayfare.systems.databases.sqlite.database import SqliteDatabase

Make = Callable[..., SqliteDatabase]


@pytest.fixture(params=["native", "plain"])
def path_taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each test that reads, with the native kernel and without."""
    monkeypatch.setenv("WAYFARE_NATIVE", "1" if request.param == "native" else "0")
    native.reader.cache_clear()
    if request.param == "native" and native.reader() is None:
        pytest.skip("the native kernel is not built here")
    yield request.param
    native.reader.cache_clear()


def database(path: Path, **options: str) -> SqliteDatabase:
    return SqliteDatabase(Address("sqlite", database=str(path), options=options))


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """Make a file by statements: plain SQL, or SQL and its parameters."""

    def make(*statements: str | tuple[str, Any], name: str = "made.db") -> SqliteDatabase:
        path = tmp_path / name
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(*((statement,) if isinstance(statement, str) else statement))
            connection.commit()
        return database(path)

    return make
