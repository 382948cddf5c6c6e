"""Databases whose schemas are changed: one server of each system for all tests, a new database for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from beds import running
from wayfare.core.address import Address
from wayfare.core.changes import Changeable, Schema
from wayfare.core.ports import Database, Executes
from wayfare.systems.registry import open_database

SYSTEMS = ("sqlite", "postgresql", "mariadb", "sqlserver")


@dataclass
class Place:
    """One database, opened."""

    address: Address
    database: Database
    schema: Schema

    def rows(self, sql: str) -> list[dict[str, object]]:
        assert isinstance(self.database, Executes)
        return self.database.execute(sql).to_pylist()


@pytest.fixture(scope="session", params=SYSTEMS)
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as create:
        yield create


@pytest.fixture
def place(fresh: Callable[[], Address]) -> Iterator[Place]:
    with opened(fresh()) as found:
        yield found


@contextmanager
def opened(address: Address) -> Iterator[Place]:
    with open_database(address) as database:
        assert isinstance(database, Changeable)
        yield Place(address, database, database.schema())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    return made
