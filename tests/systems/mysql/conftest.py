"""Both servers for these tests, and new databases on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from beds import running
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.databases.mysql.testbed import BEDS
from wayfare.systems.testing import Fresh


@pytest.fixture(scope="session", params=sorted(BEDS))
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as fresh:
        yield fresh


@pytest.fixture
def db(bed: Fresh) -> Iterator[MySql]:
    with MySql(bed()) as database:
        yield database


@pytest.fixture
def other(bed: Fresh) -> Iterator[MySql]:
    """A second empty database on the same server: the target."""
    with MySql(bed()) as database:
        yield database
