"""Clients that watch a run over WebSockets, in a process of their own: they must not take the service's time.

    python -m benchmarks.watchers PORT RUN CLIENTS LAST SECONDS

They go on until each was told the event with the sequence LAST, or the seconds are over, and print as JSON how many
events were lost and the delays between an event's making and its arrival. Plain sockets: 400 clients of a library would
keep a core busy by themselves.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

HANDSHAKE = (
    "GET /ws/runs/{run} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
READ_BYTES = 1 << 18
TEXT = 1


@dataclass
class Watcher:
    """One client. `last` is the sequence it has come to."""

    socket: socket.socket
    buffer: bytes = b""
    last: int = 0
    lost: int = 0
    messages: int = 0
    progress: dict[str, Any] = field(default_factory=dict)  # the newest amounts
    delays: list[tuple[int, float]] = field(default_factory=list)  # (sequence, seconds)

    def take(self, data: bytes) -> None:
        now = time.time()
        self.buffer += data
        if not self.messages and not self.last and self.buffer.startswith(b"HTTP/1.1"):
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"no WebSocket: {head[:100]!r}")
            self.buffer = rest
        for payload in self._frames():
            self.messages += 1
            told = json.loads(payload)
            self.progress = told["progress"] or self.progress
            for event in told["events"]:
                self.lost += event["sequence"] - self.last - 1
                self.last = event["sequence"]
                self.delays.append((self.last, now - event["at"]))

    def _frames(self) -> Iterator[bytes]:
        """Those of text that are complete; what a server sends is not masked (RFC 6455, 5.2)."""
        while len(self.buffer) >= 2:
            size, begin = self.buffer[1] & 127, 2
            if size >= 126:
                begin = 4 if size == 126 else 10
                size = int.from_bytes(self.buffer[2:begin], "big")
            if len(self.buffer) < begin + size or len(self.buffer) < begin:
                return
            code, payload = self.buffer[0] & 15, self.buffer[begin : begin + size]
            self.buffer = self.buffer[begin + size :]
            if code == TEXT:
                yield payload


def connect(port: int, run: str, receive_bytes: int = 0) -> socket.socket:
    """Asked for, the answer not read. With a small buffer, a client that does not read stalls the server soon."""
    one = socket.socket()
    if receive_bytes:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    one.connect(("127.0.0.1", port))
    one.sendall(HANDSHAKE.format(run=run, port=port).encode())
    return one


def watch(watchers: list[Watcher], last: int, seconds: float) -> None:
    until, ready = time.monotonic() + seconds, selectors.DefaultSelector()
    for watcher in watchers:
        watcher.socket.setblocking(False)
        ready.register(watcher.socket, selectors.EVENT_READ, watcher)
    told = False
    while any(w.last < last for w in watchers) and time.monotonic() < until:
        for key, _ in ready.select(1.0):
            data = key.fileobj.recv(READ_BYTES)  # type: ignore[union-attr]
            if not data:
                ready.unregister(key.fileobj)
            key.data.take(data)
        if not told and all(w.messages for w in watchers):
            print("watching", flush=True)
            told = True


def main(port: int, run: str, clients: int, last: int, seconds: float) -> None:
    watchers = [Watcher(connect(port, run)) for _ in range(clients)]
    watch(watchers, last, seconds)
    delays = sorted(delay for w in watchers for sequence, delay in w.delays if sequence > 1)
    lost = sum(w.lost + max(0, last - w.last) for w in watchers)
    told = {"lost": lost, "messages": sum(w.messages for w in watchers)}
    shares = {"p50": 0.5, "p99": 0.99}
    within = {name: delays[int(len(delays) * share)] if delays else seconds for name, share in shares.items()}
    print(json.dumps(told | within), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:5]), seconds=float(sys.argv[5]))
