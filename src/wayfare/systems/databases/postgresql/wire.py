"""COPY streams, read and written past libpq.

Login, TLS and transactions are libpq's. But it hands over COPY data row by row, which costs more than decoding it; so
on an unencrypted connection its idle socket is borrowed for the time of one COPY, and read and written in large pieces.
On an encrypted connection psycopg's COPY serves, and its rows are put into the same frames, so that there is one
decoder.

Frames are the protocol's own: a type byte, a length (big-endian, itself included), the content.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg

from wayfare.core.errors import Unreachable
from wayfare.kernel.stream import await_more, window
from wayfare.systems.databases.postgresql.connect import Connection, readable
from wayfare.systems.databases.postgresql.errors import classified, on_the_line

BUFFER_BYTES = 1 << 20
SOCKET_BYTES = 4 << 20
FRAME = struct.Struct("!ci")
END_OF_COPY = FRAME.pack(b"c", 4)
READY = FRAME.pack(b"Z", 5) + b"I"


class Stream(Protocol):
    """Something framed bytes are read from."""

    def recv_into(self, into: memoryview) -> int: ...


@contextmanager
def borrowed_socket(connection: Connection) -> Iterator[socket.socket]:
    """The connection's socket, blocking, while libpq waits idle. After an exception the connection must be closed."""
    fd = connection.fileno()
    sock = socket.socket(fileno=os.dup(fd))
    try:
        sock.setblocking(True)
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        yield sock
        sock.setblocking(False)  # as libpq left it; the flag belongs to the socket, not to our copy of the descriptor
    finally:
        sock.close()


def is_plain(connection: Connection) -> bool:
    """May its socket be borrowed?"""
    return not (connection.pgconn.ssl_in_use or connection.pgconn.used_gssapi or sys.platform == "win32")


class Frames:
    """A window of bytes from a COPY … TO STDOUT. With `fd`, the native part reads on from that socket by itself."""

    def __init__(self, stream: Stream, size: int = BUFFER_BYTES, fd: int = -1, stall_seconds: int = 0) -> None:
        self._stream = stream
        self.window = window(fd, stall_seconds)
        self._allocate(size)
        self.finished = False
        self.rows = 0  # as the server counted them, once finished
        self._error: Exception | None = None

    def _allocate(self, size: int) -> None:
        self.buffer = bytearray(size)
        self.window.buffer, self.window.size = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer)), size

    @property
    def start(self) -> int:
        return int(self.window.start)

    @start.setter
    def start(self, place: int) -> None:
        self.window.start = place

    @property
    def end(self) -> int:
        return int(self.window.end)

    @property
    def left(self) -> int:
        return self.end - self.start

    def view(self) -> memoryview:
        return memoryview(self.buffer)[self.start : self.end]

    def more(self) -> None:
        """Read on. What is unused moves to the front; a frame that fills the window doubles it."""
        left = self.left
        unused = self.buffer[self.start : self.end]
        if left > len(self.buffer) // 2:
            self._allocate(2 * len(self.buffer))
        self.buffer[:left] = unused
        with on_the_line():
            await_more(self.window)
            received = self._stream.recv_into(memoryview(self.buffer)[left:])
        if not received:
            raise Unreachable("the server closed the connection in the middle of a COPY.")
        self.window.start, self.window.end = 0, left + received
        self.window.received += received

    def peek(self) -> tuple[bytes, int]:
        """The type of the next message and its end in `buffer`; all of it has been read."""
        while self.left < FRAME.size or self.left < 1 + FRAME.unpack_from(self.buffer, self.start)[1]:
            self.more()
        kind, length = FRAME.unpack_from(self.buffer, self.start)
        return kind, self.start + 1 + length

    def control(self) -> bool:
        """Take one message that is not data. True when it was the last one; raises what the server reported."""
        kind, end = self.peek()
        content = bytes(self.buffer[self.start + FRAME.size : end])
        self.start = end
        if kind == b"E":
            self._error = reported(content)
        elif kind == b"C":
            self.rows = int(content.rstrip(b"\0").rpartition(b" ")[2] or 0)
        elif kind == b"Z":
            self.finished = True
            if self._error:
                raise self._error
        return self.finished


@contextmanager
def copy_out(connection: Connection, sql: str, stall_seconds: int = 0) -> Iterator[Frames]:
    """The frames of `COPY (…) TO STDOUT`.

    The stall limit holds on sockets of our own; on an encrypted connection, which is libpq's, TCP's keepalive does.
    """
    if not is_plain(connection):
        with connection.cursor() as cursor, cursor.copy(sql) as copy:
            yield Frames(_Framed(copy))
        return
    with borrowed_socket(connection) as sock:
        with on_the_line():
            sock.sendall(_query(sql))
        yield Frames(sock, fd=sock.fileno(), stall_seconds=stall_seconds)


class _Framed:
    """psycopg's COPY rows as the stream of frames that the server had sent."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._rows: Iterator[Any] = iter(copy)
        self._ready = b""
        self._ended = False

    def recv_into(self, into: memoryview) -> int:
        while not self._ready:
            if self._ended:
                return 0
            self._gather()
        count = min(len(into), len(self._ready))
        into[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _gather(self) -> None:
        parts: list[Any] = []
        size = 0
        for row in self._rows:
            parts += [FRAME.pack(b"d", len(row) + 4), row]
            size += len(row)
            if size > BUFFER_BYTES // 4:
                break
        else:
            self._ended = True
            parts.append(END_OF_COPY + READY)
        self._ready = b"".join(parts)


class CopyIn(Protocol):
    def send(self, data: Any) -> None:
        """Some bytes of the COPY stream, cut anywhere."""
        ...

    def finish(self) -> int:
        """End the stream. Returns the rows that the server counted."""
        ...


@contextmanager
def copy_in(connection: Connection, sql: str) -> Iterator[CopyIn]:
    """A `COPY … FROM STDIN` to be fed and finished. After an exception the connection must be closed."""
    if not is_plain(connection):
        with connection.cursor() as cursor:
            yield _DriverCopyIn(cursor, sql)
        return
    with borrowed_socket(connection) as sock:
        with on_the_line():
            sock.sendall(_query(sql))
        yield _SocketCopyIn(sock)


class _SocketCopyIn:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._answers = Frames(sock, 1 << 13)
        self._error: Exception | None = None
        self._until(b"G")

    def send(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        if readable(self._socket.fileno()):
            self._until(b"Z")  # the server only speaks now to complain
        header = FRAME.pack(b"d", len(view) + 4)
        with on_the_line():
            sent = self._socket.sendmsg([header, view])  # as one: a header alone would be a packet of its own
            if sent < len(header):
                self._socket.sendall(header[sent:])
                sent = len(header)
            self._socket.sendall(view[sent - len(header) :])

    def finish(self) -> int:
        with on_the_line():
            self._socket.sendall(END_OF_COPY)
        self._until(b"Z")
        return self._answers.rows

    def _until(self, wanted: bytes) -> None:
        """Read messages up to one of that type. Raises what the server reports, without waiting for it to be ready: it
        still expects the rest of our stream, and the connection is given up."""
        answers = self._answers
        while True:
            kind, end = answers.peek()
            if kind == b"E":
                raise reported(bytes(answers.buffer[answers.start + FRAME.size : end]))
            answers.control()
            if kind == wanted:
                return


class _DriverCopyIn:
    def __init__(self, cursor: psycopg.Cursor[Any], sql: str) -> None:
        self._cursor = cursor
        self._context = cursor.copy(sql)
        self._copy = self._context.__enter__()

    def send(self, data: Any) -> None:
        self._copy.write(bytes(data))

    def finish(self) -> int:
        self._context.__exit__(None, None, None)
        return self._cursor.rowcount


def _query(sql: str) -> bytes:
    text = sql.encode() + b"\0"
    return FRAME.pack(b"Q", len(text) + 4) + text


def reported(content: bytes) -> Exception:
    """An ErrorResponse: fields of a type byte and a text."""
    fields = {part[:1]: part[1:].decode(errors="replace") for part in content.split(b"\0") if part}
    detail = f" {fields[b'D']}" if b"D" in fields else ""
    where = f" ({fields[b'W']})" if b"W" in fields else ""
    return classified(fields.get(b"C", ""), f"{fields.get(b'M', '')}.{detail}{where}")
