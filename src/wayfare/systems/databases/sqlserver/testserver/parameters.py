"""The parameters of a remote call, as [MS-TDS] 2.2.6.6 lays them out. Pure."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from wayfare.systems.databases.sqlserver.testserver import moments
from wayfare.systems.databases.sqlserver.testserver.types import CODE_PAGE
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

_FIXED = {0x30: "<B", 0x32: "<?", 0x34: "<h", 0x38: "<i", 0x3B: "<f", 0x3E: "<d", 0x7F: "<q"}
_TEXTS = {0xE7: "utf-16-le", 0xEF: "utf-16-le", 0xA7: CODE_PAGE, 0xAF: CODE_PAGE}
_UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFE
_NULL_LENGTH = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    value: Any


@dataclass(slots=True)
class Reader:
    data: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def call(message: bytes) -> tuple[int | str, list[Parameter]]:
    """The procedure, by its number or its name in lower case, and its parameters."""
    reader = Reader(message)
    reader.at = reader.number("<I")  # past ALL_HEADERS, whose length counts itself
    length = reader.number("<H")
    name = reader.number("<H") if length == 0xFFFF else reader.take(2 * length).decode("utf-16-le").lower()
    reader.take(2)  # options
    return name, list(_all(reader))


def _all(reader: Reader) -> Iterator[Parameter]:
    while reader.more and reader.data[reader.at] not in (0x80, 0xFE, 0xFF):  # the next call of a batch is not made
        name = reader.take(2 * reader.number("<B")).decode("utf-16-le")
        reader.take(1)  # by reference, default
        yield Parameter(name, _value(reader))


def _value(reader: Reader) -> Any:
    kind = reader.number("<B")
    if kind in _FIXED:
        return reader.number(_FIXED[kind])
    if kind in (0x28, 0x29, 0x2A, 0x2B):
        return _moment(reader, kind)
    if kind in (0x6A, 0x6C):
        return _decimal(reader)
    if kind in (*_TEXTS, 0xA5, 0xAD):
        return _sized(reader, kind)
    if kind == 0xF1:
        reader.take(1)
        found = _chunks(reader)
        return None if found is None else found.decode("utf-16-le")
    if kind in (0x23, 0x63, 0x22):
        return _long(reader, kind)
    if kind in (0x24, 0x26, 0x68, 0x6D, 0x6E, 0x6F):
        reader.take(1)
        return _short(kind, reader.take(reader.number("<B")))
    raise SqlError(8009, f"The incoming tabular data stream has an unknown data type 0x{kind:02X}.")


def _short(kind: int, data: bytes) -> Any:
    if not data:
        return None
    if kind == 0x24:
        return uuid.UUID(bytes_le=data)
    if kind == 0x26:
        return int.from_bytes(data, "little", signed=len(data) > 1)
    if kind == 0x68:
        return bool(data[0])
    if kind == 0x6D:
        return struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
    if kind == 0x6F:
        return moments.text(moments.unpack_datetime(data))
    whole = struct.unpack("<i", data)[0] if len(data) == 4 else _eight(data)
    return Decimal(whole).scaleb(-4)


def _eight(data: bytes) -> int:
    high, low = struct.unpack("<iI", data)
    return int(high << 32 | low)


def _decimal(reader: Reader) -> Any:
    reader.take(2)
    scale = reader.number("<B")
    data = reader.take(reader.number("<B"))
    if not data:
        return None
    sign = 1 if data[0] else -1
    digits = tuple(map(int, str(int.from_bytes(data[1:], "little"))))
    return Decimal((0 if sign > 0 else 1, digits, -scale))


def _moment(reader: Reader, kind: int) -> Any:
    """As text, which DuckDB casts to what the column is."""
    scale = 0 if kind == 0x28 else reader.number("<B")
    data = reader.take(reader.number("<B"))
    if not data:
        return None
    if kind == 0x28:
        return moments.date_of(int.from_bytes(data, "little")).isoformat()
    width = moments.time_bytes(scale)
    ticks = moments.unpack_time(data[:width], scale)
    if kind == 0x29:
        return moments.clock(ticks)
    days = int.from_bytes(data[width : width + 3], "little")
    if kind == 0x2A:
        return moments.text(moments.Moment(days, ticks))
    offset = struct.unpack("<h", data[-2:])[0]
    total = days * moments.DAY_TICKS + ticks + offset * 60 * moments.TICKS
    local = moments.Moment(total // moments.DAY_TICKS, total % moments.DAY_TICKS, offset)
    return moments.text(local, zone=True)


def _sized(reader: Reader, kind: int) -> Any:
    limit = reader.number("<H")
    if kind in _TEXTS:
        reader.take(5)
    if limit == 0xFFFF:
        data = _chunks(reader)
    else:
        length = reader.number("<H")
        data = None if length == 0xFFFF else reader.take(length)
    return (
        data
        if data is None or kind not in _TEXTS
        else data.decode(_TEXTS[kind], "surrogatepass" if kind > 0xE0 else "strict")
    )


def _chunks(reader: Reader) -> bytes | None:
    if reader.number("<Q") == _NULL_LENGTH:
        return None
    data = bytearray()
    while size := reader.number("<I"):
        data += reader.take(size)
    return bytes(data)


def _long(reader: Reader, kind: int) -> Any:
    reader.take(4)
    if kind != 0x22:
        reader.take(5)
    length = reader.number("<i")
    data = None if length < 0 else reader.take(length)
    if data is None or kind == 0x22:
        return data
    return data.decode("utf-16-le" if kind == 0x63 else CODE_PAGE)
