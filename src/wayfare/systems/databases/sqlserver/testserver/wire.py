"""TDS packets and tokens: how messages are framed, and what a server says besides rows. Pure, but for the channel.

Layouts are those of [MS-TDS]: 2.2.3 (packets), 2.2.6.4 (LOGIN7), 2.2.6.5 (PRELOGIN), 2.2.7 (tokens).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

TDS_74 = 0x74000004
VERSION = bytes((16, 0, 0x0F, 0xA0))  # SQL Server 2022: 16.0.4000
PRODUCT = "Microsoft SQL Server"
COLLATION = b"\x09\x04\xd0\x00\x34"  # SQL_Latin1_General_CP1_CI_AS, whose bytes are code page 1252
SELECTED = 0xC1
COMMANDS = {"INSERT": 0xC3, "DELETE": 0xC4, "UPDATE": 0xC5}  # what DONE counted: ODBC drivers ask
HEADER_BYTES = 8


class Packet(IntEnum):
    BATCH = 1
    RPC = 3
    ANSWER = 4
    ATTENTION = 6
    TRANSACTION = 14
    LOGIN = 16
    PRELOGIN = 18


class Encryption(IntEnum):
    OFF = 0  # the login alone
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


class Done(IntEnum):
    FINAL = 0
    MORE = 1
    ERROR = 2
    COUNT = 0x10
    ATTENTION = 0x20


class Token(IntEnum):
    DONE = 0xFD
    DONE_PROCEDURE = 0xFE
    DONE_IN_PROCEDURE = 0xFF


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str
    database: str
    packet_size: int
    integrated: bool  # Windows authentication
    host: str = ""
    program: str = ""


class SqlError(Exception):
    """An error as SQL Server numbers it. One of a `severity` of 20 and more ends the connection."""

    def __init__(self, number: int, text: str, severity: int = 16, state: int = 1) -> None:
        super().__init__(text)
        self.number, self.text, self.severity, self.state = number, text, severity, state
        self.line = 1  # of the batch


def short_text(text: str) -> bytes:
    """B_VARCHAR: at most 255 characters."""
    data = text.encode("utf-16-le")
    return bytes((len(data) // 2,)) + data


def long_text(text: str) -> bytes:
    """US_VARCHAR."""
    data = text.encode("utf-16-le")
    return struct.pack("<H", len(data) // 2) + data


def packets(kind: Packet, data: bytes, size: int, first: int = 1, *, last: bool = True) -> bytes:
    """One message, cut into packets of `size` bytes; with `last` unset, its end is still to come."""
    room = size - HEADER_BYTES
    pieces = [data[i : i + room] for i in range(0, len(data), room)] or [b""]
    out = bytearray()
    for number, piece in enumerate(pieces):
        status = 1 if last and number == len(pieces) - 1 else 0
        out += struct.pack(">BBHHBB", kind, status, len(piece) + HEADER_BYTES, 51, (first + number) & 255, 0) + piece
    return bytes(out)


def wanted_encryption(message: bytes) -> Encryption:
    """What a PRELOGIN message asks for."""
    at = 0
    while message[at] != 0xFF:
        token, offset, length = struct.unpack_from(">BHH", message, at)
        if token == 1 and length:
            return Encryption(message[offset])
        at += 5
    return Encryption.NOT_SUPPORTED


def prelogin(encryption: Encryption) -> bytes:
    options = [(0, VERSION + b"\0\0"), (1, bytes((encryption,))), (2, b"\0"), (3, b""), (4, b"\0")]
    head, body, start = b"", b"", 5 * len(options) + 1
    for token, data in options:
        head += struct.pack(">BHH", token, start + len(body), len(data))
        body += data
    return head + b"\xff" + body


def login(message: bytes) -> Login:
    def text(at: int) -> str:
        offset, length = struct.unpack_from("<HH", message, at)
        return message[offset : offset + 2 * length].decode("utf-16-le")

    offset, length = struct.unpack_from("<HH", message, 44)
    hidden = message[offset : offset + 2 * length]
    password = bytes((b ^ 0xA5) >> 4 | ((b ^ 0xA5) << 4 & 0xF0) for b in hidden).decode("utf-16-le")
    return Login(
        user=text(40),
        password=password,
        database=text(68),
        packet_size=max(512, min(struct.unpack_from("<I", message, 8)[0] or 4096, 32767)),
        integrated=bool(message[25] & 0x80),
        host=text(36),
        program=text(48),
    )


def _sized(token: int, body: bytes) -> bytes:
    return bytes((token,)) + struct.pack("<H", len(body)) + body


def environment(kind: int, new: str, old: str = "") -> bytes:
    return _sized(0xE3, bytes((kind,)) + short_text(new) + short_text(old))


def environment_bytes(kind: int, new: bytes, old: bytes = b"") -> bytes:
    return _sized(0xE3, bytes((kind, len(new))) + new + bytes((len(old),)) + old)


def welcome(database: str, packet_size: int) -> bytes:
    """What follows a good login."""
    accepted = b"\x01" + struct.pack(">I", TDS_74) + short_text(PRODUCT) + VERSION
    return b"".join(
        (
            environment(1, database, "master"),
            environment_bytes(7, COLLATION),
            environment(2, "us_english"),
            _sized(0xAD, accepted),
            environment(4, str(packet_size), "4096"),
            done(),
        )
    )


def error(problem: SqlError) -> bytes:
    body = struct.pack("<IBB", problem.number, problem.state, problem.severity) + long_text(problem.text[:2000])
    return _sized(0xAA, body + short_text("testserver") + short_text("") + struct.pack("<I", problem.line))


def done(
    rows: int | None = None, status: int = Done.FINAL, token: Token = Token.DONE, command: int = SELECTED
) -> bytes:
    flags = status | (Done.COUNT if rows is not None else 0)
    return struct.pack("<BHHQ", token, flags, command, rows or 0)


def columns(described: list[tuple[str, bytes]]) -> bytes:
    """COLMETADATA, from each column's name and TYPE_INFO."""
    parts = [b"\x81", struct.pack("<H", len(described))]
    for name, info in described:
        parts.append(struct.pack("<IH", 0, 0x0009) + info + short_text(name[:255]))  # nullable, updatable
    return b"".join(parts)
