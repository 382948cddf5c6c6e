"""What tests in several folders stand on: how examples are chosen; our own records, embedded and on PostgreSQL; a
browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples
from playwright.sync_api import Browser, sync_playwright

from beds import stores
from wayfare.core.errors import Unavailable
from wayfare.settings import Settings
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql.testbed import SCRATCH
from wayfare.systems.testing import debian

# Commands and servers are started hundreds of times: where a machine forbids it, each would compile every module again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# To find places for the files of a database that is made and dropped, ext4 takes 300 ms, and memory 50 ms.
IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 12 << 30


def roomy() -> bool:
    """Is there a file system in memory, and memory for it?"""
    told = Path("/proc/meminfo").read_text(encoding="ascii") if IN_MEMORY.is_dir() else ""
    available = next((int(line.split()[1]) << 10 for line in told.splitlines() if line.startswith("MemAvailable")), 0)
    return available > ROOM_BYTES and shutil.disk_usage(IN_MEMORY).free > ROOM_BYTES


if roomy():
    os.environ.setdefault(SCRATCH, str(IN_MEMORY))

# Tests never judge by the clock. By default they try the same examples each time, so that what fails is what was
# changed; `--hypothesis-profile=explore` looks for new ones.
examples.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.register_profile("steady", examples.get_profile("explore"), derandomize=True)
examples.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


def chromium() -> str:
    """Without windows it takes a quarter of the time. Skips where neither can be had."""
    with suppress(Unavailable):
        return debian("chromium-headless-shell", "chromium-headless-shell")
    try:
        return debian("chromium", "chromium")
    except Unavailable as error:
        pytest.skip(str(error))
