"""Streams as a network may deliver them: cut anywhere, slowly, broken off."""

from __future__ import annotations

import random
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeAlias

import pyarrow as pa
import pytest

from wayfare.core.errors import Refused, Unreachable
from wayfare.kernel.buffers import Slot
from wayfare.systems.databases.postgresql import decode, relay
from wayfare.systems.databases.postgresql.kinds import Kind
from wayfare.systems.databases.postgresql.wire import END_OF_COPY, FRAME, READY, Frames

Row: TypeAlias = tuple[int | None, str | None]
Ends: TypeAlias = tuple[socket.socket, socket.socket]

SLOTS = (Slot("i", pa.int64(), Kind.I64), Slot("t", pa.string(), Kind.BYTES))
FILE_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Both ends of a TCP connection: what is told of a socket's options would not hold for a pair of Unix sockets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def tuples(rows: list[Row]) -> list[bytes]:
    found = []
    for number, text in rows:
        parts = [b"\0\2", struct.pack("!i", -1) if number is None else struct.pack("!iq", 8, number)]
        octets = b"" if text is None else text.encode()
        parts += [struct.pack("!i", -1 if text is None else len(octets)), octets]
        found.append(b"".join(parts))
    return found


def stream(rows: list[Row], end: bytes = END_OF_COPY + READY) -> bytes:
    """As the server sends it: the header goes with the first tuple, the trailer has a frame of its own."""
    contents = [*tuples(rows), TRAILER]
    contents[0] = FILE_HEADER + contents[0]
    return b"".join(FRAME.pack(b"d", len(c) + 4) + c for c in contents) + end


def some_rows(count: int) -> list[Row]:
    """NULLs that begin late, in both columns; texts short, empty and long."""
    dice = random.Random(count)
    widest = 3_000_000 if count > 50_000 else 200
    rows: list[Row] = []
    for i in range(count):
        text = "" if i % 11 == 0 else "x" * (i % 40) + "é"
        rows.append((None if i > 1003 and dice.random() < 0.1 else i - 7, None if i > 12 and i % 9 == 0 else text))
    rows[count // 2] = (None, "w" * widest)
    return rows


def delivered(theirs: socket.socket, data: bytes, pieces: Callable[[], int]) -> threading.Thread:
    def deliver() -> None:
        place = 0
        while place < len(data):
            size = pieces()
            theirs.sendall(data[place : place + size])
            place += size

    thread = threading.Thread(target=deliver, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "not blocking"])
@pytest.mark.parametrize(("count", "size_max"), [(60, 3), (2_000, 700), (90_000, 30_000), (90_000, 2_000_000)])
def test_a_stream_cut_anywhere(ends: Ends, count: int, size_max: int, blocking: bool, way: str) -> None:
    ours, theirs = ends
    rows = some_rows(count)
    dice = random.Random(size_max)
    sending = delivered(theirs, stream(rows), lambda: dice.randint(1, size_max))
    ours.setblocking(blocking)
    frames = Frames(ours, 1 << 20, fd=ours.fileno())
    if not blocking:  # what Python reads itself waits by itself
        frames = Frames(_Patient(ours), 1 << 20, fd=ours.fileno())
    found = pa.Table.from_batches(list(decode.batches(frames, SLOTS)))
    sending.join()
    found.validate(full=True)
    assert found.column("i").to_pylist() == [i for i, _ in rows]
    assert found.column("t").to_pylist() == [t for _, t in rows]
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1  # it is lent: nothing may stay changed


@pytest.mark.parametrize("size_max", [1, 50, 2_000_000])
def test_values_that_look_like_the_begin_of_a_tuple(ends: Ends, size_max: int, way: str) -> None:
    ours, theirs = ends
    lookalike = (FRAME.pack(b"d", 30) + b"\0\2").decode()
    texts = [lookalike * (i % 4) + "d" * (i % 3) for i in range(400 if size_max == 1 else 20_000)]
    rows: list[Row] = [(int.from_bytes(b"d\0\0\0\4\0\2d") if i % 2 else None, text) for i, text in enumerate(texts)]
    dice = random.Random(size_max)
    sending = delivered(theirs, stream(rows), lambda: dice.randint(1, size_max))
    found = pa.Table.from_batches(list(decode.batches(Frames(ours, fd=ours.fileno()), SLOTS)))
    sending.join()
    assert found.column("i").to_pylist() == [i for i, _ in rows]
    assert found.column("t").to_pylist() == texts


class _Patient:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def recv_into(self, into: memoryview) -> int:
        self._socket.setblocking(True)
        try:
            return self._socket.recv_into(into)
        finally:
            self._socket.setblocking(False)


@pytest.mark.parametrize("size_max", [700, 2_000_000])
def test_parcels_of_a_stream_cut_anywhere(ends: Ends, size_max: int, way: str) -> None:
    ours, theirs = ends
    rows = some_rows(60_000)
    dice = random.Random(size_max)
    sending = delivered(theirs, stream(rows), lambda: dice.randint(1, size_max))
    frames = Frames(ours, fd=ours.fileno())
    passed = relay._passed if way == "native" else relay._passed_in_python
    parcels = list(passed(frames, relay.Form.BINARY))
    sending.join()
    assert b"".join(bytes(p.data) for p in parcels) == FILE_HEADER + b"".join(tuples(rows)) + TRAILER
    assert sum(p.rows for p in parcels) == len(rows)


def test_a_stream_that_ends_too_early(ends: Ends, way: str) -> None:
    ours, theirs = ends
    sending = delivered(theirs, stream(some_rows(60_000), b"")[:-1], lambda: 1 << 16)
    batches = decode.batches(Frames(ours, fd=ours.fileno()), SLOTS)
    next(batches)
    closing = threading.Thread(target=lambda: (sending.join(), theirs.shutdown(socket.SHUT_WR)))
    closing.start()
    with pytest.raises(Unreachable, match="closed the connection in the middle"):
        list(batches)
    closing.join()


def test_a_connection_that_is_reset(ends: Ends, way: str) -> None:
    ours, theirs = ends
    theirs.sendall(stream(some_rows(60), b""))
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    with pytest.raises(Unreachable, match=r"the connection broke: .*reset"):
        list(decode.batches(Frames(ours, fd=ours.fileno()), SLOTS))


def test_the_servers_error_comes_through(ends: Ends, way: str) -> None:
    ours, theirs = ends
    fields = b"SERROR\0C22012\0Mdivision by zero\0\0"
    theirs.sendall(stream(some_rows(60), FRAME.pack(b"E", len(fields) + 4) + fields + READY))
    with pytest.raises(Refused, match="division by zero"):
        list(decode.batches(Frames(ours, fd=ours.fileno()), SLOTS))


class Interrupted(Exception):
    pass


def test_a_signal_ends_the_waiting(ends: Ends, way: str) -> None:
    """A server that says nothing more must not keep Ctrl-C from being heard."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    ours, theirs = ends
    theirs.sendall(stream(some_rows(60), b""))
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(Interrupted):
            list(decode.batches(Frames(ours, fd=ours.fileno()), SLOTS))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
