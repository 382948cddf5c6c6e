"""Stores, embedded and on PostgreSQL; databases in files, small enough to copy in a moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from beds import stores
from wayfare.settings import Settings
from wayfare.store.store import Store


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """New, empty PostgreSQL stores, as URLs."""
    with stores(tmp_path_factory.mktemp("postgresql")) as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    return Settings(tmp_path / "home", url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with closing(Store.open(settings)) as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file with three orders."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "1.50"), (2, "2.50"), (3, "3.50")])
        connection.commit()
    return path
