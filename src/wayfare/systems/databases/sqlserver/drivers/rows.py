"""Rows out of python-tds' packet buffer, a whole row at a time.

python-tds reads every value through several calls. A row that lies whole inside of the packet at hand, as nearly every
one does, is decoded here from its bytes. One that runs on into the next packet, or that has a type which is not among
these, is left to python-tds, and so is all that is not a row. Layouts are those of [MS-TDS] 2.2.7.19 (ROW) and 2.2.7.13
(NBCROW).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from decimal import Context, Decimal
from typing import Any

ROW, NBC_ROW = 0xD1, 0xD2  # the second leaves out its NULLs, and begins with their bits
_NULL_LENGTH = 2**64 - 1
_WIDE = Context(prec=60)
_SHORT, _INT, _LONG = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")

# From the buffer and a position to the value and the position after it, which may lie beyond the packet's end.
Decode = Callable[[bytearray, int], tuple[Any, int]]


def rows(cursor: Any) -> Iterator[Sequence[Any]]:
    """The rows of an executed cursor, in order."""
    reader = cursor._session._reader
    decoders = [decoder(c.serializer) for c in cursor._session.res_info.columns]
    whole = [d for d in decoders if d is not None]
    while True:
        row = _whole_row(reader, whole) if len(whole) == len(decoders) else None
        if row is None:
            row = cursor.fetchone()
            if row is None:
                return
        yield row


def _whole_row(reader: Any, decoders: Sequence[Decode]) -> list[Any] | None:
    """None, with nothing taken, where the packet's rest is no whole row."""
    buffer, at, end = reader._buf, reader._pos, reader._size
    if at >= end or buffer[at] not in (ROW, NBC_ROW):
        return None
    nulls = 0
    first = at + 1
    if buffer[at] == NBC_ROW:
        first += (len(decoders) + 7) // 8
        nulls = int.from_bytes(buffer[at + 1 : first], "little")
    row: list[Any] = []
    at = first
    try:
        for place, decode in enumerate(decoders):
            if nulls >> place & 1:
                row.append(None)
                continue
            value, at = decode(buffer, at)
            if at > end:
                return None
            row.append(value)
    except (IndexError, struct.error, UnicodeDecodeError):  # the buffer ends, or what lies beyond the packet is no text
        return None
    reader._pos = at
    return row


def decoder(serializer: Any) -> Decode | None:
    """None for a type that is left to python-tds."""
    name = type(serializer).__name__
    if name == "MsDecimalSerializer":
        return _decimal(int(serializer.scale))
    if name in _FIXED:
        return _fixed(_FIXED[name])
    return _DECODERS.get(name)


def _integer(buffer: bytearray, at: int) -> tuple[Any, int]:
    size = buffer[at]
    after = at + 1 + size
    return (int.from_bytes(buffer[at + 1 : after], "little", signed=size > 1) if size else None), after


def _bit(buffer: bytearray, at: int) -> tuple[Any, int]:
    size = buffer[at]
    return (bool(buffer[at + 1]) if size else None), at + 1 + size


def _float(buffer: bytearray, at: int) -> tuple[Any, int]:
    size = buffer[at]
    return (struct.unpack_from("<f" if size == 4 else "<d", buffer, at + 1)[0] if size else None), at + 1 + size


def _decimal(scale: int) -> Decode:
    def decode(buffer: bytearray, at: int) -> tuple[Any, int]:
        size = buffer[at]
        after = at + 1 + size
        if not size:
            return None, after
        whole = int.from_bytes(buffer[at + 2 : after], "little")
        return Decimal(whole if buffer[at + 1] else -whole).scaleb(-scale, _WIDE), after

    return decode


def _fixed(form: struct.Struct) -> Decode:
    return lambda buffer, at: (form.unpack_from(buffer, at)[0], at + form.size)


def _text(buffer: bytearray, at: int) -> tuple[Any, int]:
    size = _SHORT.unpack_from(buffer, at)[0]
    if size == 0xFFFF:
        return None, at + 2
    return buffer[at + 2 : at + 2 + size].decode("utf-16-le"), at + 2 + size


def _bytes(buffer: bytearray, at: int) -> tuple[Any, int]:
    size = _SHORT.unpack_from(buffer, at)[0]
    return (None, at + 2) if size == 0xFFFF else (bytes(buffer[at + 2 : at + 2 + size]), at + 2 + size)


def _long_bytes(buffer: bytearray, at: int) -> tuple[Any, int]:
    """A value of a (max) type, which comes in pieces."""
    total = _LONG.unpack_from(buffer, at)[0]
    at += 8
    if total == _NULL_LENGTH:
        return None, at
    data = bytearray()
    while size := _INT.unpack_from(buffer, at)[0]:
        data += buffer[at + 4 : at + 4 + size]
        at += 4 + size
    return bytes(data), at + 4


def _long_text(buffer: bytearray, at: int) -> tuple[Any, int]:
    data, at = _long_bytes(buffer, at)
    return (None if data is None else data.decode("utf-16-le")), at


_FIXED = {
    "TinyIntSerializer": struct.Struct("<B"),
    "SmallIntSerializer": struct.Struct("<h"),
    "IntSerializer": struct.Struct("<i"),
    "BigIntSerializer": struct.Struct("<q"),
    "BitSerializer": struct.Struct("<?"),
    "RealSerializer": struct.Struct("<f"),
    "FloatSerializer": struct.Struct("<d"),
}
_DECODERS: dict[str, Decode] = {
    "IntNSerializer": _integer,
    "BitNSerializer": _bit,
    "FloatNSerializer": _float,
    "NVarChar70Serializer": _text,
    "NVarChar71Serializer": _text,
    "NVarChar72Serializer": _text,
    "NVarCharMaxSerializer": _long_text,
    "VarBinarySerializer": _bytes,
    "VarBinarySerializer72": _bytes,
    "VarBinarySerializerMax": _long_bytes,
}
