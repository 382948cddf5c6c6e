"""Workers on an embedded store, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.bed import Bed, Workers
from wayfare.settings import Settings


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.fixture
def any_bed(settings: Settings, workers: Workers) -> Iterator[Bed]:
    """The same tests on both stores."""
    with Bed(settings, workers) as made:
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
