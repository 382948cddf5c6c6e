"""Whether a connection comes about, how it is secured, and what is said when it does not or breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from faults.chaos_proxy import ChaosProxy
from moving import file_address
from wayfare.control.copies import CopyRequest, plan_copy
from wayfare.core.address import Address
from wayfare.core.errors import Invalid, NotFound, Unauthenticated, Unavailable, Unreachable, WayfareError
from wayfare.core.ports import WHOLE
from wayfare.core.redacted import Redacted
from wayfare.systems.databases.sqlserver import testbed
from wayfare.systems.databases.sqlserver.database import SqlServer
from wayfare.systems.testing import free_port

DRIVERS = ["python-tds", "mssql-python"]


@pytest.fixture(params=DRIVERS)
def place(request: pytest.FixtureRequest, server: Address) -> Address:
    """The server, by each driver."""
    found = replace(server, options={"driver": request.param})
    try:
        ask(found)
    except Unavailable as reason:
        pytest.skip(str(reason))
    return found


def ask(address: Address, **options: str) -> list[dict[str, object]]:
    with SqlServer(replace(address, options={**address.options, **options})) as database:
        found: list[dict[str, object]] = database.execute("SELECT 1 AS one").to_pylist()
        return found


def test_a_wrong_password_is_refused_and_not_repeated(place: Address) -> None:
    wrong = replace(place, password=Redacted("not-the-password"))
    with pytest.raises(Unauthenticated, match="Login failed") as caught:
        ask(wrong)
    assert "not-the-password" not in str(caught.value)
    assert "password" in caught.value.remedy


def test_a_missing_database_is_said_by_name(place: Address) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        ask(replace(place, database="nowhere"))


def test_a_host_that_is_down(place: Address) -> None:
    with pytest.raises(Unreachable) as caught:
        ask(replace(place, port=free_port()))
    assert caught.value.where.startswith("sqlserver://")
    assert caught.value.retryable


@pytest.mark.parametrize("mode", ["yes", "no", "login", "preferred"])
def test_encryption(place: Address, mode: str) -> None:
    assert ask(place, encrypt=mode, trust_server_certificate="yes") == [{"one": 1}]


def test_a_certificate_nobody_vouches_for_is_refused(place: Address) -> None:
    with pytest.raises(Unreachable, match=r"(?i)certificate") as caught:
        ask(place, encrypt="yes")
    assert "trust_server_certificate" in caught.value.remedy


def test_a_certificate_is_checked_against_the_file_given(server: Address, scratch: Path) -> None:
    named = replace(server, host="localhost")
    assert ask(named, encrypt="yes", ca_file=str(scratch / "server.pem")) == [{"one": 1}]
    with pytest.raises(WayfareError, match="does not match"):
        ask(replace(server, host="127.1"), encrypt="yes", ca_file=str(scratch / "server.pem"))
    with pytest.raises(Invalid, match="certificates"):
        ask(named, encrypt="yes", ca_file=str(scratch / "missing.pem"))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_server_without_tls(tmp_path: Path, driver: str) -> None:
    with testbed.server(tmp_path, "NOT_SUPPORTED") as address:
        found = replace(address, options={"driver": driver})
        try:
            assert ask(found) == [{"one": 1}]
        except Unavailable as reason:
            pytest.skip(str(reason))
        with pytest.raises(Unreachable):
            ask(found, encrypt="yes", trust_server_certificate="yes")


def test_a_server_that_demands_tls(tmp_path: Path) -> None:
    with testbed.server(tmp_path, "REQUIRED") as address:
        found = replace(address, options={"driver": "python-tds"})
        assert ask(found) == [{"one": 1}]
        with pytest.raises(Unreachable, match=r"(?i)encryption"):
            ask(found, encrypt="no")


def test_a_connection_cut_in_the_middle_of_an_answer(place: Address) -> None:
    address = testbed.fresh(replace(place, options={"driver": "python-tds"}))()
    rows = ", ".join(f"({n}, '{'x' * 200}')" for n in range(1000))
    testbed.run(address, "CREATE TABLE t (id int PRIMARY KEY, a varchar(300))", f"INSERT INTO t VALUES {rows}")
    with ChaosProxy(address) as proxy:
        through = replace(proxy.address, options={**place.options, "encrypt": "no"})
        with SqlServer(through) as database:
            (found,) = database.tables()
            proxy.cut_after, proxy.cuts = proxy._since_cut + 100_000, 1
            with pytest.raises(Unreachable) as caught:
                list(database.read(found, WHOLE))
            assert caught.value.retryable
            assert sum(len(b) for b in database.read(found, WHOLE)) == 1000, "the next attempt finds a new connection"


@contextmanager
def browser(answer: bytes) -> Iterator[None]:
    """A SQL Server Browser, on its UDP port."""
    with socket.socket(type=socket.SOCK_DGRAM) as listening:
        try:
            listening.bind(("127.0.0.1", 1434))
        except OSError as error:
            pytest.skip(f"UDP port 1434: {error}")
        listening.settimeout(20)

        def serve() -> None:
            _, client = listening.recvfrom(1024)
            body = answer
            listening.sendto(b"\x05" + len(body).to_bytes(2, "little") + body, client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_a_named_instance_is_asked_for_by_name(server: Address) -> None:
    told = f"ServerName;HERE;InstanceName;SQLEXPRESS;IsClustered;No;Version;16.0.4000.1;tcp;{server.port};;"
    instance = replace(server, host="127.0.0.1\\SQLEXPRESS", port=0)
    with browser(told.encode()):
        assert ask(instance) == [{"one": 1}]
    with browser(told.encode()), pytest.raises(NotFound, match="OTHER"):
        ask(replace(instance, host="127.0.0.1\\other"))
    with pytest.raises(Unreachable, match="SQLEXPRESS") as caught:
        ask(instance)
    assert "Browser" in caught.value.remedy


def test_windows_authentication_says_what_is_missing(server: Address) -> None:
    with pytest.raises(Unavailable, match="kerberos") as caught:
        ask(replace(server, user="windows", password=Redacted("windows")))
    assert "mssql-python" in caught.value.remedy
    with pytest.raises(Unavailable, match="pyspnego"):
        ask(replace(server, user="CORP\\ann"))


def test_a_driver_that_is_not_here_is_said_with_its_remedy(server: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", None)
    with pytest.raises(Unavailable, match="odbc") as caught:
        ask(server, driver="odbc")
    assert "wayfare[sqlserver-odbc]" in caught.value.remedy


def test_it_cannot_be_a_target(server: Address, tmp_path: Path) -> None:
    source = file_address("sqlite", tmp_path / "shop.db")
    with pytest.raises(Invalid, match="SQL Server can be copied from, not to, as yet") as caught:
        plan_copy(CopyRequest(source, server))
    assert caught.value.where == "target"
