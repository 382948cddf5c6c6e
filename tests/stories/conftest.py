from __future__ import annotations

from pathlib import Path

import pytest

from stories.command import Wayfare
from wayfare.copy.demo import make_shop


@pytest.fixture
def wayfare(tmp_path: Path) -> Wayfare:
    """The command, in an empty folder with an empty data directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Wayfare(folder, tmp_path / "home")


@pytest.fixture
def shop(wayfare: Wayfare) -> Path:
    """A small shop in the command's folder."""
    return make_shop(wayfare.folder / "shop.db", 5_000)
