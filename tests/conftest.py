"""What tests in several folders stand on: our own records, embedded and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from beds import stores
from wayfare.settings import Settings
from wayfare.store.store import Store


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """New, empty PostgreSQL stores, as URLs; one server for all tests."""
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
