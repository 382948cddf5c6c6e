"""One server for these tests, and new databases on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wayfare.systems.databases.clickhouse.database import ClickHouse
from wayfare.systems.databases.clickhouse.testbed import BEDS
from wayfare.systems.testing import Fresh


@pytest.fixture(scope="session", params=sorted(BEDS))
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with BEDS[request.param](tmp_path_factory.mktemp(request.param)) as fresh:
        yield fresh


@pytest.fixture
def db(bed: Fresh) -> Iterator[ClickHouse]:
    with ClickHouse(bed()) as database:
        yield database
