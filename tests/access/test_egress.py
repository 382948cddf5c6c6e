"""Where Wayfare may connect to, tried with everything that leads elsewhere (check 18)."""

from __future__ import annotations

import asyncio
import http.server
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from listening import listening
from wayfare.access.calls import async_client, client, json_from
from wayfare.access.egress import (
    PUBLIC,
    AddressRefused,
    Policy,
    check_host,
    check_url,
    for_calls,
    for_connections,
    resolve,
)
from wayfare.core.errors import Invalid, Refused, Unreachable
from wayfare.settings import Settings

HOSTILE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://169.254.169.254/",
    "http://[fd00:ec2::254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://localhost.:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[fe80::1]/",
    "http://100.100.100.200/",
    "http://①②⑦.⓪.⓪.①:{port}/",
]


class Listener(http.server.ThreadingHTTPServer):
    """Counts who gets through."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        super().__init__(("127.0.0.1", 0), Answers)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.hits.append(self.headers["Host"])  # type: ignore[attr-defined]
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
            return
        body = {"/long": b'{"a":"' + b"x" * (2 << 20) + b'"}', "/list": b"[]"}.get(self.path, b'{"ok": true}')
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening(Listener()) as server:
        yield server


@pytest.mark.parametrize("form", HOSTILE)
def test_hostile_urls_open_no_socket(form, listener):
    url = form.format(port=listener.port)
    with client(PUBLIC) as http, pytest.raises((AddressRefused, Unreachable, httpx2.InvalidURL)):
        http.get(url)

    async def call() -> None:
        async with async_client(PUBLIC) as http:
            await http.get(url)

    with pytest.raises((AddressRefused, Unreachable, httpx2.InvalidURL)):
        asyncio.run(call())
    with pytest.raises((Invalid, Unreachable)):
        check_url(url, PUBLIC)
    assert listener.hits == []


LOCAL = for_calls(on_loopback=True)


def test_loopback_is_reached_where_the_service_is_on_loopback(listener):
    with client(LOCAL) as http:
        assert json_from(http, "GET", f"http://localhost:{listener.port}/") == {"ok": True}

    async def call() -> httpx2.Response:
        async with async_client(LOCAL) as http:
            return await http.get(f"http://127.0.0.1:{listener.port}/")

    assert asyncio.run(call()).json() == {"ok": True}


def test_redirects_are_checked_too(listener):
    with client(LOCAL) as http:
        assert http.get(f"http://127.0.0.1:{listener.port}/away").status_code == 302
        with pytest.raises(AddressRefused, match=r"169\.254\.169\.254"):
            http.get(f"http://127.0.0.1:{listener.port}/away", follow_redirects=True)


def test_one_bad_answer_refuses_the_host(listener):
    def mixed(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "127.0.0.1"]

    with client(PUBLIC, resolver=mixed) as http, pytest.raises(AddressRefused):
        http.get(f"http://evil.test:{listener.port}/")
    assert listener.hits == []


def test_a_name_is_resolved_once_and_that_answer_is_used(listener):
    """A name server that says something else the second time gains nothing."""
    asked = []

    def turns(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with client(LOCAL, resolver=turns) as http:
        assert http.get(f"http://turning.test:{listener.port}/").status_code == 200
    assert asked == ["turning.test"]
    assert listener.hits == [f"turning.test:{listener.port}"], "the name is still what the server is asked for"


def test_proxies_of_the_environment_are_not_used(listener, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.port}")
    with client(PUBLIC) as http, pytest.raises(AddressRefused):
        http.get("http://10.0.0.1/")
    assert listener.hits == []


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server for wayfare.test, and who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wayfare.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("wayfare.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(pem + private)
    (tmp_path / "ca.pem").write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "server.pem")
    return server, ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))


def test_tls_asks_for_the_name_not_the_address(listener, tls):
    server, trusting = tls
    listener.socket = server.wrap_socket(listener.socket, server_side=True)
    with client(LOCAL, resolver=lambda host, port: ["127.0.0.1"], verify=trusting) as http:
        assert http.get(f"https://wayfare.test:{listener.port}/").json() == {"ok": True}
        with pytest.raises(httpx2.ConnectError, match=r"[Hh]ostname mismatch"):
            http.get(f"https://other.test:{listener.port}/")


def test_answers_are_bounded_and_objects(listener):
    with client(LOCAL) as http:
        with pytest.raises(Refused, match="more than"):
            json_from(http, "GET", f"http://127.0.0.1:{listener.port}/long")
        with pytest.raises(Refused, match="JSON object"):
            json_from(http, "GET", f"http://127.0.0.1:{listener.port}/list")


# Policies

TABLE = """
8.8.8.8            public private loopback
2606:4700::1111    public private loopback
10.1.2.3           private
172.31.0.1         private
192.168.0.9        private
100.64.3.4         private
fd12:3456::1       private
127.0.0.1          loopback
127.8.8.8          loopback
::1                loopback
::ffff:127.0.0.1   loopback
::ffff:10.0.0.1    private
::ffff:8.8.8.8     public private loopback
169.254.169.254
fe80::1
::ffff:169.254.1.1
fd00:ec2::254
fd20:ce::254
100.100.100.200
168.63.129.16
0.0.0.0
0.1.2.3
::
192.0.2.1
198.18.0.1
203.0.113.5
240.0.0.1
255.255.255.255
224.0.0.1
ff02::1
64:ff9b::7f00:1    loopback
64:ff9b::808:808   public private loopback
2001:db8::1
"""
POLICIES = {
    "public": PUBLIC,
    "private": for_connections(on_loopback=False),
    "loopback": for_calls(on_loopback=True),
}


@pytest.mark.parametrize("line", TABLE.strip().splitlines(), ids=lambda line: line.split()[0])
def test_policies(line):
    address, *admitted = line.split()
    for name, policy in POLICIES.items():
        if name in admitted:
            assert resolve("somewhere", 1, policy, resolver=lambda host, port: [address]) == [address]
        else:
            with pytest.raises(AddressRefused, match="somewhere") as refused:
                resolve("somewhere", 1, policy, resolver=lambda host, port: [address])
            assert address not in str(refused.value).split(), "what an internal name leads to is nobody's to learn"


def test_the_operator_may_allow_networks_but_never_metadata():
    everything = Policy(allowed=Settings.read({"WAYFARE_EGRESS_ALLOW": "10.0.0.0/8, 0.0.0.0/0 ::/0"}).egress_allow)
    assert resolve("x", 1, everything, resolver=lambda host, port: ["10.0.0.1"]) == ["10.0.0.1"]
    for never in ("169.254.169.254", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254"):
        with pytest.raises(AddressRefused):
            resolve("x", 1, everything, resolver=lambda host, port, never=never: [never])


def test_sockets_of_the_machine_are_its_own_users():
    assert check_host("", 5432, for_connections(on_loopback=True)) == []
    assert check_host("/var/run/server", 5432, for_connections(on_loopback=True)) == []
    for host in ("", "/var/run/server", "@abstract"):
        with pytest.raises(AddressRefused, match="own users"):
            check_host(host, 5432, for_connections(on_loopback=False))


def test_a_host_that_does_not_exist_is_unreachable():
    with pytest.raises(Unreachable, match=r"nowhere\.invalid"):
        check_host("nowhere.invalid", 5432, for_connections(on_loopback=True), where="source.host")


@pytest.mark.parametrize(
    "url", ["", "ftp://8.8.8.8/", "file:///etc/passwd", "https://", "https://u:p@8.8.8.8/", "http://8.8.8.8:99999/"]
)
def test_only_plain_web_addresses_are_urls(url):
    with pytest.raises(Invalid, match="url:"):
        check_url(url, PUBLIC)


def test_a_public_url_is_fine():
    check_url("https://8.8.8.8/hook?x=1", PUBLIC)
