"""One server for these tests, and a new database for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from beds import running
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.testing import Fresh


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running("postgresql", tmp_path_factory.mktemp("postgresql")) as made:
        yield made


@pytest.fixture
def db(fresh: Fresh) -> Iterator[PostgreSQL]:
    with PostgreSQL(fresh()) as database:
        yield database


@pytest.fixture
def other(fresh: Fresh) -> Iterator[PostgreSQL]:
    with PostgreSQL(fresh()) as database:
        yield database


@pytest.fixture(params=["native", "fallback"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with the native part, and without it."""
    name: str = request.param
    if name == "fallback":
        monkeypatch.setenv("WAYFARE_NATIVE", "0")
    return name
