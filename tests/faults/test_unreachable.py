"""A server that is not there, does not answer, or does not let us in: told within the connect timeout, by name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from faults.chaos_proxy import ChaosProxy
from faults.conftest import GUARDED
from faults.copying import refused
from faults.ground import fill, sql, tables
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import NotFound, Unauthenticated, Unreachable, WayfareError
from wayfare.core.redacted import Redacted
from wayfare.systems.testing import Fresh, free_port

SECRET = "wr0ng-canary-51c9"
ROLES = ("source", "target")


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def other(sqlite: Address) -> Address:
    """The healthy end."""
    fill(sqlite, 10, 3)
    return sqlite


def failed(home: Path, role: str, broken: Address, other: Address) -> WayfareError:
    request = CopyRequest(broken, other) if role == "source" else CopyRequest(other, broken)
    before = tables(other)
    error = refused(home, request)
    assert error.remedy, "an error says what to do next"
    assert SECRET not in f"{error} {error.remedy} {error.where}"
    assert tables(other) == before
    return error


def test_wrong_port(server: Fresh, role: str, other: Address, home: Path) -> None:
    nobody = replace(server(), port=free_port())
    error = failed(home, role, nobody, other)
    assert isinstance(error, Unreachable)
    assert f"127.0.0.1:{nobody.port}" in str(error)


@pytest.mark.parametrize("system", ["postgresql", "mysql"])
def test_a_host_without_a_name(system: str, role: str, other: Address, home: Path) -> None:
    nowhere = Address.parse(f"{system}://me:{SECRET}@no-such-host.invalid:4321/shop")
    error = failed(home, role, nowhere, other)
    assert isinstance(error, Unreachable)
    assert "no-such-host.invalid" in str(error)


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that takes no more connections: its queue is full, and further calls are not even answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for caller in callers:
            caller.close()


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_servers_that_do_not_answer(
    deaf: int, postgresql: Fresh, mariadb: Fresh, other: Address, tmp_path: Path
) -> None:
    """Neither a host that takes no call nor a server that takes it and says nothing is waited for longer than told."""
    with ChaosProxy(postgresql()) as one, ChaosProxy(mariadb()) as two, ThreadPoolExecutor(4) as pool:
        one.silent = two.silent = True
        closed = (Address.parse(f"{system}://me:{SECRET}@127.0.0.1:{deaf}/shop") for system in ("postgresql", "mysql"))
        broken = (*closed, one.address, two.address)
        asked = [
            pool.submit(failed, tmp_path / str(number), ROLES[number % 2], address, other)
            for number, address in enumerate(broken)
        ]
        for error, address in zip((a.result() for a in asked), broken, strict=True):
            assert isinstance(error, Unreachable)
            assert f"127.0.0.1:{address.port}" in str(error)


def test_wrong_password(server: Fresh, role: str, other: Address, home: Path) -> None:
    address = server()
    if address.system == "postgresql":
        sql(address, f"DROP USER IF EXISTS {GUARDED}", f"CREATE USER {GUARDED} PASSWORD 'right'")
        address = replace(address, user=GUARDED)
    error = failed(home, role, replace(address, password=Redacted(SECRET)), other)
    assert isinstance(error, Unauthenticated)
    assert address.user in str(error)


def test_a_missing_database(server: Fresh, role: str, other: Address, home: Path) -> None:
    error = failed(home, role, replace(server(), database="no_such_shop"), other)
    assert isinstance(error, NotFound)
    assert "no_such_shop" in str(error)
