"""Stores as a service has them: embedded, and on PostgreSQL with a role that row-level security applies to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from beds import running
from store.beds import as_app
from wayfare.core.address import Address
from wayfare.settings import Settings
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql import testbed


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    """New, empty databases of PostgreSQL, as the superuser sees them."""
    with running(testbed.launch, tmp_path_factory.mktemp("postgresql")) as fresh:
        yield fresh


@pytest.fixture
def shared(databases: Callable[[], Address], tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", as_app(databases()).url(reveal=True))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home") if request.param == "sqlite" else request.getfixturevalue("shared")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with closing(Store.open(settings)) as opened:
        yield opened
