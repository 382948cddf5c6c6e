"""Half-sent, endless and oversized requests, on a real server: they end, and cost next to nothing."""

from __future__ import annotations

import socket
import time
from contextlib import closing, suppress

import pytest

from faces.server import Server, read_all

MIB = 1 << 20


def head(*lines: str, path: str = "/livez", method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize("part", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"POST /migrate HTTP/1.1\r\nHost: "])
def test_a_hundred_half_sent_requests_are_closed(server: Server, part: bytes) -> None:
    """Check 23: 100 of 100 within 8 s."""
    sockets = [server.connect() for _ in range(100)]
    try:
        for one in sockets:
            one.sendall(part)
        until = time.monotonic() + 8
        assert sum(_closed(one, until) for one in sockets) == 100
    finally:
        for one in sockets:
            one.close()
    assert status(server.ask(head("Connection: close"))) == 200


def _closed(one: socket.socket, until: float) -> bool:
    return not read_all_until(one, until)


def read_all_until(one: socket.socket, until: float) -> bool:
    """True when it is still open by then. What is read is an answer of 408, or nothing."""
    try:
        while True:
            one.settimeout(max(0.01, until - time.monotonic()))
            part = one.recv(4096)
            if not part:
                return False
            assert b" 408 " in part
    except TimeoutError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize("size", [1, 200_000])
def test_a_half_sent_body_is_closed(server: Server, size: int) -> None:
    """Also when so much was sent at once that the server stops reading for a while."""
    with closing(server.connect()) as one:
        lines = ("Content-Length: 900000", "Content-Type: application/json")
        one.sendall(head(*lines, path="/migrate", method="POST") + b" " * size)
        assert status(read_all(one)) == 408


def test_a_trickling_head_is_closed(server: Server) -> None:
    with closing(server.connect()) as one:
        one.sendall(b"GET /livez HTTP/1.1\r\n")
        until, answer = time.monotonic() + 8, b""
        one.settimeout(0.5)
        while not answer and time.monotonic() < until:
            with suppress(TimeoutError):
                one.sendall(b"A: b\r\n")
                answer = one.recv(4096)
        assert status(answer) == 408


def test_a_connection_kept_alive_may_go_on(server: Server) -> None:
    with closing(server.connect()) as one:
        for _ in range(3):
            one.sendall(head())
            answer = one.recv(65536)
            while not answer.endswith(b"}"):
                answer += one.recv(65536)
            assert status(answer) == 200


@pytest.mark.parametrize("size", [20_000, 200_000])
def test_a_large_header(server: Server, size: int) -> None:
    answer = server.ask(head("A: " + "a" * size, "Connection: close"))
    assert status(answer) == (200 if size < 32_000 else 431)


def test_many_headers(server: Server) -> None:
    assert status(server.ask(head(*(f"A{i}: b" for i in range(2000))))) == 431
    assert status(server.ask(head(*(f"A{i}: b" for i in range(90)), "Connection: close"))) == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"GET /x HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;\n\r\nabcde\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
    ],
    ids=["length and chunked", "two lengths", "space before colon", "bare LF in chunk", "TLS hello", "nonsense"],
)
def test_what_is_not_http_is_refused(server: Server, raw: bytes) -> None:
    answer = server.ask(raw)
    assert status(answer) in (400, 401, 404, 405)
    assert b"x-content-type-options: nosniff" in answer


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_and_costs_no_memory(server: Server, chunked: bool) -> None:
    """Check 22: 413, and at most 5 MB more."""
    answers = [_send(server, chunked, 64 * MIB)]  # the first warms the server up
    before = server.memory()
    answers += [_send(server, chunked, 64 * MIB) for _ in range(3)]
    assert [status(a) for a in answers] == [413] * 4
    assert server.memory() - before <= 5 * MIB


def _send(server: Server, chunked: bool, size: int) -> bytes:
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    with closing(server.connect()) as one:
        lines = (length, "Content-Type: application/json", "Connection: close")
        one.sendall(head(*lines, path="/migrate", method="POST"))
        part = b" " * 65536
        with suppress(ConnectionError):  # the server may close as soon as it has answered
            for _ in range(size // len(part)):
                one.sendall(b"10000\r\n" + part + b"\r\n" if chunked else part)
        return read_all(one)
