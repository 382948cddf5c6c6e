"""What an address may touch, tried by somebody who means harm: files, sockets, the environment, names that move."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from wayfare.access.egress import Policy, for_connections, for_work
from wayfare.access.machine import Machine
from wayfare.access.refused import AddressRefused
from wayfare.control.reaching import check_address, opener
from wayfare.core.address import Address
from wayfare.core.errors import Invalid, WayfareError
from wayfare.core.ports import Executes
from wayfare.settings import Settings
from wayfare.systems.registry import databases, open_database

OTHER_LOOPBACK = "127.0.0.2"  # stands for a public address: it is allowed, and this machine's usual one is not
LENT = "not for those with accounts|used only by its own users|reached only by its own users|nothing of the machine"


def settings(home: Path, store: str = "") -> Settings:
    (home / "files").mkdir(parents=True, exist_ok=True)
    (home / "wayfare.db").touch()
    (home / "key").write_text("k")
    return Settings(home, store)


def of_tenant(home: Path, tenant: str = "acme") -> Policy:
    """As the faces make it where everybody has to sign in."""
    machine = Machine.of(settings(home), lends=False).for_tenant(tenant)
    return for_connections(on_loopback=False, allowed=[ip_network("127.0.0.0/8")], machine=machine)


def of_user(home: Path, store: str = "") -> Policy:
    """… and on this machine, where nobody has to."""
    return for_connections(on_loopback=True, machine=Machine.of(settings(home, store), lends=True))


# Files

PLACES = [
    "/etc/passwd",
    "{home}/wayfare.db",
    "{home}/key",
    "{home}/new.db",
    "{home}/files/other/shop.db",
    "{home}/files/acme/../other/shop.db",
    "../other/shop.db",
    "..",
    ".",
    "a/../../other/shop.db",
    "link/shop.db",
    "link-to-key",
    "/proc/self/environ",
    "x\0.db",
]


@pytest.mark.parametrize("system", sorted(a.name for a in databases().values() if a.in_a_path))
@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_a_tenant_has_one_folder(tmp_path: Path, system: str, place: str) -> None:
    home = tmp_path / "home"
    policy = of_tenant(home)
    folder = home / "files" / "acme"
    folder.mkdir()
    (home / "files" / "other").mkdir()
    (folder / "link").symlink_to(home / "files" / "other")
    (folder / "link-to-key").symlink_to(home / "key")
    with pytest.raises(AddressRefused):
        check_address(Address(system, database=place.format(home=home)), policy)


def test_what_lives_in_a_file_is_kept_to_it(tmp_path: Path) -> None:
    """A view could read other files, and is bound when it is made."""
    policy = of_tenant(tmp_path)
    (tmp_path / "secret.csv").write_text("canary-77aa\n1\n")
    reading = f"CREATE VIEW stolen AS SELECT * FROM read_csv('{tmp_path}/secret.csv')"
    for given in ("", "?external_access=on"):
        address = check_address(Address.parse(f"duckdb:///shop.duckdb{given}"), policy)
        with open_database(address) as database:
            assert isinstance(database, Executes)
            database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER)")
            for sql in (reading, "SET enable_external_access = true", f"ATTACH '{tmp_path}/wayfare.db' (TYPE sqlite)"):
                with pytest.raises(WayfareError):
                    database.execute(sql)
            assert [table.name for table in database.tables()] == ["orders"]
    with pytest.raises(AddressRefused, match="cannot be kept"):
        check_address(Address.parse("clickhouse:///shop"), policy)


def test_the_folder_is_a_tenants_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = check_address(Address.parse("sqlite:///sub/shop.db"), of_tenant(home))
    assert found.database == str(home / "files/acme/sub/shop.db")
    assert check_address(found, of_tenant(home)) == found
    with pytest.raises(AddressRefused):
        check_address(found, of_tenant(home, "other"))


@pytest.mark.parametrize("place", ["{home}", "{home}/wayfare.db", "{home}/key", "{home}/x", "{home}/../home/key", "/"])
def test_wayfares_own_files_are_nobodys(tmp_path: Path, place: str) -> None:
    home = tmp_path / "home"
    policy = of_user(home)
    link = tmp_path / "link.db"
    link.symlink_to(home / "wayfare.db")
    for path in (place.format(home=home), str(link)):
        with pytest.raises(AddressRefused, match="Wayfare's own"):
            check_address(Address("sqlite", database=path), policy)
    assert check_address(Address("sqlite", database=f"{tmp_path}/shop.db"), policy).database == f"{tmp_path}/shop.db"
    assert check_address(Address("sqlite", database=f"{home}/files/acme/x.db"), policy)


@pytest.mark.parametrize("name", ["store.db", "store.db-wal", "store.db-journal", "another-name.db"])
def test_a_store_elsewhere_is_nobodys_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "store.db").write_bytes(b"")
    (tmp_path / "another-name.db").hardlink_to(tmp_path / "store.db")
    policy = of_user(tmp_path / "home", f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(AddressRefused, match="Wayfare's own"):
        check_address(Address("duckdb", database=f"{tmp_path}/{name}"), policy)


def test_a_host_is_no_path(tmp_path: Path) -> None:
    """`sqlite://host/path`: what has a host is looked up, and then refused by its system."""
    with pytest.raises(Invalid):
        opener(of_tenant(tmp_path))(Address("sqlite", host="127.0.0.1", database="/etc/passwd"))


# What a machine lends

LENT_BY_OPTIONS = [
    "postgresql://u:p@127.0.0.1/d?sslkey=/root/key",
    "postgresql://u:p@127.0.0.1/d?sslcert=/root/cert",
    "postgresql://u:p@127.0.0.1/d?sslrootcert=/etc/shadow",
    "postgresql://u:p@127.0.0.1/d?sslcrl=/etc/shadow",
    "postgresql://u:p@127.0.0.1/d?sslcrldir=/etc",
    "postgresql://u:p@127.0.0.1/d?passfile=/root/.pgpass",
    "postgresql://u:p@127.0.0.1/d?service=store",
    "postgresql://u:p@127.0.0.1/d?host=/var/run/postgresql",
    "postgresql://u:p@127.0.0.1/d?host=@abstract",
    "postgresql://u:p@127.0.0.1/d?host=127.0.0.1,/var/run/postgresql",
    "postgresql://u:p@127.0.0.1/d?host=",
    "postgresql://u:p@127.0.0.1,/d",
    "postgresql://u:p@/d",
    "postgresql:///d?hostaddr=127.0.0.1",
    "postgresql://127.0.0.1/d",
    "postgresql://u@127.0.0.1/d",
    "mysql://u:p@127.0.0.1/d?ssl-ca=/etc/shadow",
    "mysql://u:p@127.0.0.1/d?SSL_CERT=/root/cert&ssl-key=/root/key",
    "mysql://u:p@127.0.0.1/d?unix_socket=/run/mysqld/mysqld.sock",
    "mysql://u:p@/d",
    "sqlserver://u:p@127.0.0.1/d?ca_file=/etc/shadow",
    "sqlserver://u:p@127.0.0.1/d?driver=odbc&odbc_driver=/tmp/evil.so",
    "sqlserver://127.0.0.1/d",
    "sqlserver://windows:windows@127.0.0.1/d",
    "clickhouse://u:p@127.0.0.1/d?ca_cert=/etc/shadow",
    "clickhouse://u:p@127.0.0.1/d?client_cert=/root/cert",
    "clickhouse://u:p@127.0.0.1/d?client_key=/root/key",
    "zoho://127.0.0.1/?accounts_url=http://127.0.0.1",
    "zoho://www.zohoapis.com/?client_id=x",
    "zoho://www.zohoapis.com/?client_id=x&client_secret=y&refresh_token=",
    "zoho:///?client_id=x&client_secret=y&refresh_token=z&accounts_url=http://127.0.0.1",
    "memory://127.0.0.1",
    "memory:///shared",
]


@pytest.mark.parametrize("url", LENT_BY_OPTIONS)
def test_nothing_is_lent_to_tenants(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFRESH_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "API_DOMAIN"):
        monkeypatch.setenv(f"ZOHO_{name}", "http://127.0.0.1:1")
    with pytest.raises(AddressRefused, match=LENT):
        check_address(Address.parse(url), of_tenant(tmp_path))


def test_what_needs_nothing_of_the_machine_is_let_in(tmp_path: Path) -> None:
    policy = of_tenant(tmp_path)
    for url in (
        "postgresql://u:p@127.0.0.1/d?sslmode=verify-full&sslrootcert=system",
        "mysql://u:p@127.0.0.1/d?ssl-mode=verify_identity",
        "sqlserver://u:p@127.0.0.1/d?encrypt=yes",
        "sqlserver://u:p@127.0.0.1%5CSHOP/d?driver=odbc&odbc_driver=ODBC+Driver+18+for+SQL+Server",
        "clickhouse://u:p@127.0.0.1/d?secure=1",
        "zoho://127.0.0.1:1/?client_id=x&client_secret=y&refresh_token=z&accounts_url=http://127.0.0.1:2",
    ):
        address = Address.parse(url)
        found = check_address(address, policy)
        kept = {"driver": "python-tds"} if address.system == "sqlserver" else {}  # whose sockets we open
        assert found == replace(address, options={**address.options, **kept})


# Hosts that stand elsewhere than where a URL has its host

ELSEWHERE = [
    "postgresql://u:p@8.8.8.8/d?host=169.254.169.254",
    "postgresql://u:p@8.8.8.8/d?hostaddr=169.254.169.254",
    "postgresql://u:p@8.8.8.8,169.254.169.254/d",
    "postgresql://u:p@8.8.8.8/d?host=8.8.8.8,127.0.0.1",
    "postgresql://u:p@8.8.8.8/d?hostaddr=8.8.8.8,127.0.0.1",
    "mysql://u:p@127.0.0.1/d",
    "sqlserver://u:p@./d",
    "sqlserver://u:p@%28local%29/d",
    "sqlserver://u:p@127.0.0.1%5CSHOP/d",
    "clickhouse://u:p@169.254.169.254/latest",
    "zoho://8.8.8.8/?client_id=x&client_secret=y&refresh_token=z&accounts_url=https://169.254.169.254",
    "zoho:///?client_id=x&client_secret=y&refresh_token=z&api_domain=https://10.0.0.1&accounts_url=https://127.0.0.1",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_every_host_of_an_address_is_looked_at(tmp_path: Path, url: str) -> None:
    policy = replace(of_tenant(tmp_path), allowed=())
    with pytest.raises(AddressRefused, match="an address that Wayfare connects to"):
        check_address(Address.parse(url), policy)


def test_an_odbc_driver_cannot_smuggle_a_server_in(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="name of a driver"):
        check_address(Address.parse("sqlserver://u:p@8.8.8.8/d?odbc_driver=x};Server=127.0.0.1;{"), of_user(tmp_path))


# Names that lead elsewhere when they are looked up again

SERVED = {
    "postgresql": "postgresql://u:p@{host}:{port}/d?connect_timeout=2",
    "mysql": "mysql://u:p@{host}:{port}/d",
    "clickhouse": "clickhouse://u:p@{host}:{port}/d",
    "sqlserver": "sqlserver://u:p@{host}:{port}/d?driver=python-tds&encrypt=no",
    "zoho": "zoho://{host}:{port}/?client_id=a&client_secret=b&refresh_token=c&accounts_url=https://{host}:{port}",
}


class Listener:
    """Counts who comes, and hangs up."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.callers = 0
        self._socket = socket.create_server((host, port))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            self.callers += 1
            one.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listeners() -> Iterator[tuple[Listener, Listener]]:
    """One at the address that is allowed, and one at the same port of the address that is not."""
    allowed = Listener(OTHER_LOOPBACK)
    forbidden = Listener("127.0.0.1", allowed.port)
    yield allowed, forbidden
    allowed.close()
    forbidden.close()


def leads(monkeypatch: pytest.MonkeyPatch, answers: Sequence[str]) -> None:
    """shop.example leads to these, one after the other, and to the last one from then on."""
    real, left = socket.getaddrinfo, list(answers)

    def moving(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "shop.example":
            host = left.pop(0) if len(left) > 1 else left[0]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", moving)


@pytest.mark.parametrize("system", SERVED)
def test_drivers_connect_to_what_was_checked(
    tmp_path: Path, system: str, listeners: tuple[Listener, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but our resolver knows shop.example; and when it comes to lead to us, nobody is called any more."""
    allowed, forbidden = listeners
    policy = replace(of_tenant(tmp_path), allowed=(ip_network(f"{OTHER_LOOPBACK}/32"),))
    address = Address.parse(SERVED[system].format(host="shop.example", port=allowed.port))
    leads(monkeypatch, [OTHER_LOOPBACK])
    with open_database(check_address(address, policy)) as database, pytest.raises(WayfareError):
        database.check()
    assert allowed.callers > 0
    checks = 2 if system == "zoho" else 1  # of the address, before it is opened
    leads(monkeypatch, [*[OTHER_LOOPBACK] * checks, "127.0.0.1"])
    before = allowed.callers
    with open_database(check_address(address, policy)) as database, pytest.raises(AddressRefused):
        database.check()
    assert (allowed.callers, forbidden.callers) == (before, 0)


def test_who_works_later_does_not_follow_a_name_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker does not know whether this machine was allowed: written out it was looked at, a name may have moved."""
    leads(monkeypatch, ["127.0.0.1"])
    moved = Address.parse("mysql://u:p@shop.example:1/d")
    with pytest.raises(AddressRefused):
        opener(for_work())(moved)
    check_address(Address.parse("mysql://u:p@127.0.0.1:1/d"), for_work())
    check_address(Address.parse("mysql://u:p@localhost:1/d"), for_work())
    check_address(moved, for_work([ip_network("127.0.0.0/8")]))
    check_address(moved, for_work(named_loopback=True))
    with pytest.raises(AddressRefused):
        check_address(Address.parse("mysql://u:p@169.254.169.254/d"), for_work([ip_network("0.0.0.0/0")]))


# A server that asks its client for files

GREETING = (
    b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"a" * 8 + b"\0" + struct.pack("<HBHH", 0xFFFF & ~0x0800, 45, 2, 0x00FF)
    + b"\x15" + b"\0" * 10 + b"b" * 12 + b"\0" + b"mysql_native_password\0"
)  # fmt: skip
OK = b"\0\0\0\2\0\0\0"


@contextmanager
def greedy(path: Path, polite: int) -> Iterator[tuple[int, list[bytes]]]:
    """A MySQL server that answers `polite` statements, and every later one by asking for a file. (port, what it got)"""
    listening = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def serve(one: socket.socket) -> None:
        with one, one.makefile("rwb") as wire:

            def send(number: int, payload: bytes) -> None:
                wire.write(struct.pack("<I", len(payload) | number << 24) + payload)
                wire.flush()

            def receive() -> bytes:
                size = int.from_bytes(wire.read(4)[:3], "little")
                return wire.read(size)

            send(0, GREETING)
            receive()
            send(2, OK)
            for _ in range(polite):
                receive()
                send(1, OK)
            while receive():
                send(1, b"\xfb" + str(path).encode())
                got.append(receive())
                send(3, OK)

    def listen() -> None:
        while True:
            try:
                one, _ = listening.accept()
                serve(one)
            except OSError:
                return

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield int(listening.getsockname()[1]), got
    finally:
        listening.close()


@pytest.mark.parametrize("polite", [0, 1, 2, 5, 8])
def test_no_server_gets_a_file(tmp_path: Path, polite: int) -> None:
    """LOAD DATA LOCAL asks the client for a file, and any server may ask so, whatever the statement was."""
    canary = tmp_path / "key"
    canary.write_text("canary-77aa")
    with greedy(canary, polite) as (port, got):
        address = Address.parse(f"mysql://u:p@127.0.0.1:{port}/d")
        with open_database(address) as database, pytest.raises(WayfareError):
            database.check()
        assert b"canary-77aa" not in b"".join(got)


# A server that sends its client on to another


def _tds(payload: bytes) -> bytes:
    return struct.pack(">BBHHBB", 4, 1, len(payload) + 8, 0, 1, 0) + payload


def _sends_on(host: str, port: int) -> bytes:
    """The answer to a login: accepted, and to go on elsewhere (MS-TDS 2.2.7.9, routing)."""
    name = "SQL".encode("utf-16-le")
    accepted = b"\x01" + bytes.fromhex("74000004") + b"\x03" + name + b"\x10\0\0\0"
    place = struct.pack("<BHH", 0, port, len(host)) + host.encode("utf-16-le")
    change = b"\x14" + struct.pack("<H", len(place)) + place + b"\0\0"
    tokens = b"\xad" + struct.pack("<H", len(accepted)) + accepted + b"\xe3" + struct.pack("<H", len(change)) + change
    return _tds(tokens + b"\xfd" + b"\0" * 12)


@contextmanager
def sending_on(host: str, port: int) -> Iterator[int]:
    """A SQL Server that does nothing else. Gives its port."""
    listening = socket.create_server((OTHER_LOOPBACK, 0))
    hello = b"\0\0\x0b\0\x06" + b"\x01\0\x11\0\x01" + b"\xff" + b"\x10\0\0\0\0\0" + b"\x02"

    def listen() -> None:
        try:
            one, _ = listening.accept()
            with one:
                one.recv(65536)
                one.sendall(_tds(hello))
                one.recv(65536)
                one.sendall(_sends_on(host, port))
                one.recv(65536)
        except OSError:
            return

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.close()


def test_a_server_cannot_send_us_on_to_anywhere(tmp_path: Path, listeners: tuple[Listener, Listener]) -> None:
    allowed, forbidden = listeners
    policy = replace(of_tenant(tmp_path), allowed=(ip_network(f"{OTHER_LOOPBACK}/32"),))
    for host, port in (("169.254.169.254", 80), ("127.0.0.1", forbidden.port), (OTHER_LOOPBACK, allowed.port)):
        with sending_on(host, port) as own:
            address = Address.parse(f"sqlserver://u:p@{OTHER_LOOPBACK}:{own}/d?encrypt=no")
            expected = WayfareError if host == OTHER_LOOPBACK else AddressRefused
            with open_database(check_address(address, policy)) as database, pytest.raises(expected):
                database.check()
    assert (allowed.callers > 0, forbidden.callers) == (True, 0)
