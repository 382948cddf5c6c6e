"""Workers on an embedded store, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beds import stores
from engine.bed import Bed, Workers
from wayfare.settings import Settings


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """New, empty PostgreSQL stores, as URLs."""
    with stores(tmp_path_factory.mktemp("postgresql")) as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    return Settings(tmp_path / "home", url)


@pytest.fixture
def any_bed(any_store: Settings, workers: Workers) -> Iterator[Bed]:
    """The same tests on both stores."""
    with Bed(any_store, workers) as made:
        yield made


@pytest.fixture
def bed(tmp_path: Path, workers: Workers) -> Iterator[Bed]:
    """The embedded store."""
    with Bed(Settings(tmp_path / "home"), workers) as made:
        yield made


@pytest.fixture
def shared(tmp_path: Path, workers: Workers, postgresql: Callable[[], str]) -> Iterator[Bed]:
    """A store on PostgreSQL."""
    with Bed(Settings(tmp_path / "home", postgresql()), workers) as made:
        yield made
