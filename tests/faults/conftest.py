"""Real servers, one of each for the whole run; those that are to be killed have servers of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from beds import running
from faults.servers import Mortal
from moving import file_address
from stories.command import Wayfare
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.testing import Fresh

GUARDED = "guarded"  # a PostgreSQL user that needs a password; the throw-away server trusts everybody else
HBA = f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with ExitStack() as stack:
        hba = Path("/tmp") / f"wayfare-hba-{os.getpid()}.conf"  # pytest's folders are closed to the server's user
        hba.write_text(HBA)
        stack.callback(hba.unlink)
        try:
            server = stack.enter_context(testbed.server(f"hba_file = '{hba}'"))
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield testbed.fresh(server)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running("mariadb", tmp_path_factory.mktemp("mariadb")) as fresh:
        yield fresh


@pytest.fixture(params=["postgresql", pytest.param("mariadb", marks=pytest.mark.thorough)])
def server(request: pytest.FixtureRequest) -> Fresh:
    """Each of the two in turn."""
    fresh: Fresh = request.getfixturevalue(request.param)
    return fresh


@pytest.fixture(params=["postgresql", "mariadb"])
def mortal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mortal]:
    """A server that may be killed, with an empty database."""
    with running(request.param, tmp_path) as fresh:
        found = Mortal(fresh())
        try:
            yield found
        finally:
            found.stop()


@pytest.fixture
def sqlite(tmp_path: Path) -> Address:
    return file_address("sqlite", tmp_path / "shop.db")


@pytest.fixture
def duckdb(tmp_path: Path) -> Address:
    return file_address("duckdb", tmp_path / "copy.duckdb")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def wayfare(tmp_path: Path) -> Wayfare:
    """The command, in a folder of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Wayfare(folder, tmp_path / "home")
