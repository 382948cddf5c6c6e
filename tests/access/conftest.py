"""Stores for accounts, embedded and on PostgreSQL, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from access.world import Clock, World
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
def world(tmp_path: Path) -> Iterator[World]:
    """An embedded store with accounts, at a time of its own."""
    with closing(Store.open(Settings(tmp_path / "home"))) as opened:
        yield World(opened, Clock())
