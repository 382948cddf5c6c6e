"""A real `wayfare serve` in a process of its own, and raw sockets to it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2

import asking
from prepared import start

START_SECONDS = 120.0  # four processes on a busy machine


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    def __init__(self, home: Path, *args: str, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        home.mkdir(parents=True, exist_ok=True)
        self.log = home / "serve.log"
        own = {k: v for k, v in os.environ.items() if not k.startswith("WAYFARE_")}
        with self.log.open("ab") as log:
            given = {**own, "WAYFARE_HOME": str(home), **(env or {})}
            self.process = start("serve", "--port", str(self.port), *args, environ=given, stderr=log)

    def wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if asking.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"it does not serve: {self.log.read_text()}")

    def connect(self, receive_bytes: int = 0) -> socket.socket:
        """With a small buffer, a client that does not read stalls the server soon."""
        one = socket.socket()
        one.settimeout(30)
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        one.connect(("127.0.0.1", self.port))
        return one

    def ask(self, raw: bytes) -> bytes:
        """Send these bytes, and read until the server closes or is silent."""
        with closing(self.connect()) as one:
            one.sendall(raw)
            return read_all(one)

    def memory(self) -> int:
        """Resident bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """(exit code, seconds)"""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60), time.monotonic() - began


def read_all(one: socket.socket, seconds: float = 10.0) -> bytes:
    one.settimeout(seconds)
    parts = []
    try:
        while part := one.recv(65536):
            parts.append(part)
    except (TimeoutError, ConnectionError):
        pass
    return b"".join(parts)


@contextmanager
def serving(home: Path, *args: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    server = Server(home, *args, env=env)
    try:
        server.wait()
        yield server
    finally:
        server.end()
