"""A prepared SELECT as a stream of row packets: PyMySQL asks, then the bytes are taken off its socket in large pieces.

The binary protocol, since the text protocol rounds FLOAT to six digits. Over TLS the same calls read from the TLS
socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import pymysql
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

from wayfare.core.errors import Refused
from wayfare.kernel.stream import await_more, window
from wayfare.systems.databases.mysql import errors
from wayfare.systems.databases.mysql.connection import BUFFER_BYTES, Connection
from wayfare.systems.databases.mysql.slots import UNSIGNED_FLAG, Field

HEADER_BYTES = 4
ROW_HEAD_BYTES = HEADER_BYTES + 1  # a row's payload begins with a zero
LONG_PACKET = 0xFFFFFF  # a packet of this size goes on in the next
_PREPARE, _EXECUTE, _CLOSE = 0x16, 0x17, 0x19
_END, _ERROR = 0xFE, 0xFF
_HEAD = struct.Struct("<IB")


@dataclass(frozen=True, slots=True)
class Packets:
    """Row packets one behind the other, and where each ends. ROW_HEAD_BYTES come before a row's content."""

    data: bytes
    ends: list[int]

    @classmethod
    def of(cls, payload: bytes) -> Packets:
        """One row, of which only the payload is at hand."""
        data = bytes(HEADER_BYTES) + payload
        return cls(data, [len(data)])


class Stream:
    """The rows of one statement. `fields` is empty for a statement without a result.

    Use as a context: leaving it early leaves the connection in the middle of its answer (`done` is False then).
    """

    def __init__(self, connection: Connection, sql: str, stall_seconds: int = 0) -> None:
        """`stall_seconds` is how long nothing may come once rows have begun to; 0: for ever."""
        self.connection = connection
        self.done = False
        self.broken = False  # did reading fail? Then nothing more comes
        self._statement = b""
        with errors.classified():
            self.fields = self._start(sql)
        wire = connection._sock
        tls = isinstance(wire, ssl.SSLSocket)
        self.window = window(-1 if tls else wire.fileno(), stall_seconds)
        if tls:
            wire.settimeout(stall_seconds or None)
        self._hold(bytearray(BUFFER_BYTES))
        if self.fields:
            self._take_over()
        else:
            self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._view.release()

    def _hold(self, buffer: bytearray) -> None:
        self._buffer, self._view = buffer, memoryview(buffer)
        self.window.buffer = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        self.window.size = len(buffer)

    # ---- what the decoders use; the native ones take `window`, and read on by themselves

    @property
    def size(self) -> int:
        """How many bytes were received and not yet consumed."""
        return int(self.window.end - self.window.start)

    @property
    def pending(self) -> memoryview:
        return self._view[self.window.start : self.window.end]

    def consume(self, count: int) -> None:
        self.window.start += count

    def fill(self) -> None:
        """Receive more. Raises Unreachable when the connection ends."""
        shared = self.window
        if shared.start == shared.end:
            shared.start = shared.end = 0
        elif shared.end == shared.size:
            self._make_room()
        self.broken = True
        with errors.classified():
            await_more(shared)
            count = self.connection._sock.recv_into(self._view[shared.end :])
            if not count:
                raise EOFError("the server closed it in the middle of an answer")
        self.broken = False
        shared.end += count
        shared.received += count

    def _make_room(self) -> None:
        """What is left moves to the front, of a larger buffer when it is a packet that fills this one."""
        left = bytes(self.pending)
        if len(left) > len(self._buffer) // 2:
            self._hold(bytearray(max(2 * len(self._buffer), LONG_PACKET + BUFFER_BYTES)))
        self._view[: len(left)] = left
        self.window.start, self.window.end = 0, len(left)

    def take_rows(self, rows_max: int, bytes_max: int) -> Packets:
        """The complete row packets in the buffer: at most so many, and one at least, if one is complete."""
        data, first, end = self._buffer, self.window.start, self.window.end
        place, unpack = first, _HEAD.unpack_from
        ends: list[int] = []
        while len(ends) < rows_max and end - place > HEADER_BYTES:
            head, kind = unpack(data, place)
            length = head & LONG_PACKET  # the fourth byte is the packet's number
            after = place + HEADER_BYTES + length
            bytes_max -= length
            if kind or after > end or not length or length == LONG_PACKET or (ends and bytes_max < 0):
                break
            ends.append(after - first)
            place = after
        self.window.start = place
        return Packets(bytes(self._view[first:place]), ends)

    def next_length(self) -> int:
        """The size of the packet that comes next; 0 when its header is not there yet."""
        return int.from_bytes(self.pending[:3], "little") if self.size >= HEADER_BYTES else 0

    def packet(self) -> bytes:
        """The next packet's payload, put together when it is longer than one packet may be."""
        parts = []
        while True:
            while self.size < HEADER_BYTES:
                self.fill()
            length = int.from_bytes(self.pending[:3], "little")
            self.consume(HEADER_BYTES)
            parts.append(self._exactly(length))
            if length < LONG_PACKET:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _exactly(self, length: int) -> bytes:
        while self.size < length:
            self.fill()
        data = bytes(self.pending[:length])
        self.consume(length)
        return data

    def end(self) -> None:
        """Take the packet that is no row: the end of the rows, or the error that ended them."""
        payload = self.packet()
        if payload[:1] and payload[0] == _ERROR:
            self._finish()
            with errors.classified():
                MysqlPacket(payload, "utf8mb4").raise_for_error()
        if not payload or payload[0] != _END:
            raise Refused("the server sent a packet that is neither a row nor the end of the rows.")
        self._finish()

    # ---- the conversation

    def _start(self, sql: str) -> list[Field]:
        connection = self.connection
        connection._execute_command(_PREPARE, sql)
        head = connection._read_packet()._data
        self._statement = head[1:5]
        columns, parameters = struct.unpack("<HH", head[5:9])
        for count in (parameters, columns):
            for _ in range(count + (1 if count else 0)):
                connection._read_packet()
        connection._execute_command(_EXECUTE, self._statement + b"\0\1\0\0\0")
        first = connection._read_packet()
        if first.is_ok_packet():
            return []
        count = first.read_length_encoded_integer() or 0
        fields = [_field(connection._read_packet(FieldDescriptorPacket)) for _ in range(count)]
        connection._read_packet()  # the end of the descriptions
        return fields

    def _take_over(self) -> None:
        """PyMySQL's reader has read ahead; those bytes are ours. From here on only we read."""
        with errors.classified():
            ahead = self.connection._rfile.peek()
            ahead = self.connection._rfile.read(len(ahead))
        self._view[: len(ahead)] = ahead
        self.window.end = self.window.received = len(ahead)

    def _finish(self) -> None:
        self.done = True
        connection = self.connection
        connection._next_seq_id = 0
        connection._sock.settimeout(None)  # what is asked next may take its time
        with contextlib.suppress(pymysql.MySQLError, OSError):
            connection._execute_command(_CLOSE, self._statement)  # has no answer


def _field(packet: Any) -> Field:
    return Field(
        packet.name,
        packet.type_code,
        packet.charsetnr,
        bool(packet.flags & UNSIGNED_FLAG),
        packet.length,
        packet.scale,
    )


def drain(stream: Stream, kill: Callable[[int], None]) -> None:
    """End a statement early and keep its connection: the server is told to stop, and the rest discarded."""
    if stream.done:
        return
    kill(int(stream.connection.thread_id()))
    while not stream.done:
        payload = stream.packet()
        if payload[:1] and payload[0] != 0:
            stream._finish()


def send_packet(connection: Connection, payload: memoryview) -> None:
    """As PyMySQL's `write_packet`, which copies what it is given twice. `payload` is less than LONG_PACKET."""
    number = connection._next_seq_id
    connection._sock.sendall(struct.pack("<I", len(payload) | number << 24))
    connection._sock.sendall(payload)
    connection._next_seq_id = (number + 1) % 256
