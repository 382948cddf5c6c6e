"""Waiting for bytes: how long, and what is said of it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from wayfare.core.errors import Invalid
from wayfare.kernel.stream import FOR_EVER_MS, STALL_SECONDS, await_more, keep_alive, stall_seconds, window


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.socket(socket.AF_INET) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    with near, far:
        yield near, far


def test_silence_counts_only_once_something_has_come(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    shared = window(near.fileno(), 1)
    far.sendall(b"x")
    await_more(shared)
    shared.received += len(near.recv(10))
    with pytest.raises(TimeoutError, match="nothing came for 1 seconds"):
        await_more(shared)
    far.sendall(b"y")
    await_more(shared)


def test_what_the_native_part_met_is_told() -> None:
    shared = window(-1, 5)
    await_more(shared)
    shared.error = errno.ECONNRESET
    with pytest.raises(ConnectionResetError):
        await_more(shared)
    shared.error = errno.ETIMEDOUT
    with pytest.raises(TimeoutError, match="nothing came for 5 seconds"):
        await_more(shared)


def test_a_peer_that_is_gone_is_looked_for(ends: tuple[socket.socket, socket.socket]) -> None:
    keep_alive(ends[0])
    assert ends[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


def test_the_option() -> None:
    assert stall_seconds({}) == STALL_SECONDS
    assert stall_seconds({"stall_seconds": "7"}) == stall_seconds({"stall-seconds": "7"}) == 7
    assert window(3, stall_seconds({"stall_seconds": "0"})).stall_ms == FOR_EVER_MS
    for wrong in ("", "-1", "soon", "1.5", "999999"):
        with pytest.raises(Invalid, match="no number of seconds"):
            stall_seconds({"stall_seconds": wrong})
