"""One server for these tests, and a new database for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.testbed import BEDS
from wayfare.systems.testing import Fresh


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    manager = BEDS["postgresql"](tmp_path_factory.mktemp("postgresql"))
    try:
        made = manager.__enter__()
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        yield made
    finally:
        manager.__exit__(None, None, None)


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
