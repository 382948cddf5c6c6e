"""Accounts on an embedded store, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from access.world import Clock, World
from wayfare.settings import Settings
from wayfare.store.store import Store


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An embedded store with accounts, at a time of its own."""
    with closing(Store.open(Settings(tmp_path / "home"))) as opened:
        yield World(opened, Clock())
