"""One stand-in for all of these tests, and new databases on it, seen by each driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.sqlserver import testbed
from wayfare.systems.databases.sqlserver.database import SqlServer
from wayfare.systems.testing import Fresh


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its certificate: server.pem."""
    return tmp_path_factory.mktemp("sqlserver")


@pytest.fixture(scope="session")
def server(scratch: Path) -> Iterator[Address]:
    with testbed.server(scratch) as address:
        yield replace(address, options={"driver": "python-tds"})


@pytest.fixture
def fresh(server: Address) -> Fresh:
    return testbed.fresh(server)


@pytest.fixture
def address(fresh: Fresh) -> Address:
    """A new, empty database."""
    return fresh()


@pytest.fixture(params=["python-tds", "mssql-python"])
def db(request: pytest.FixtureRequest, address: Address) -> Iterator[SqlServer]:
    with SqlServer(replace(address, options={"driver": request.param})) as database:
        try:
            database.check()
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield database
