"""SQL Server's types: how each is declared, what DuckDB holds it in, and how its values look on the wire. Pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from wayfare.systems.databases.sqlserver.testserver import moments
from wayfare.systems.databases.sqlserver.testserver.wire import COLLATION, long_text, short_text

MAX = -1  # of varchar(max)
CODE_PAGE = "cp1252"
_SPELLING = re.compile(r'\s*(?:\[?sys\]?\.)?[\["]?(\w+)[\]"]?\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*$')
_WIDE = Context(prec=100)

Encode = Callable[[Any], bytes]

_PLAIN = {
    "bit": "BOOLEAN",
    "tinyint": "UTINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "money": "DECIMAL(19,4)",
    "smallmoney": "DECIMAL(10,4)",
    "real": "FLOAT",
    "float": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "smalldatetime": "TIMESTAMP",
    "uniqueidentifier": "UUID",
    "rowversion": "BLOB",
    "timestamp": "BLOB",
    "binary": "BLOB",
    "varbinary": "BLOB",
    "image": "BLOB",
}
_SYNONYMS = {"integer": "int", "numeric": "numeric", "dec": "decimal", "double": "float", "character": "char"}
# (system_type_id, user_type_id, bytes, precision, scale), as sys.types has them.
SYSTEM_TYPES = {
    "image": (34, 34, 16, 0, 0), "text": (35, 35, 16, 0, 0), "uniqueidentifier": (36, 36, 16, 0, 0),
    "date": (40, 40, 3, 10, 0), "time": (41, 41, 5, 16, 7), "datetime2": (42, 42, 8, 27, 7),
    "datetimeoffset": (43, 43, 10, 34, 7), "tinyint": (48, 48, 1, 3, 0), "smallint": (52, 52, 2, 5, 0),
    "int": (56, 56, 4, 10, 0), "smalldatetime": (58, 58, 4, 16, 0), "real": (59, 59, 4, 24, 0),
    "money": (60, 60, 8, 19, 4), "datetime": (61, 61, 8, 23, 3), "float": (62, 62, 8, 53, 0),
    "sql_variant": (98, 98, 8016, 0, 0), "ntext": (99, 99, 16, 0, 0), "bit": (104, 104, 1, 1, 0),
    "decimal": (106, 106, 17, 38, 38), "numeric": (108, 108, 17, 38, 38), "smallmoney": (122, 122, 4, 10, 4),
    "bigint": (127, 127, 8, 19, 0), "hierarchyid": (240, 128, 892, 0, 0), "geometry": (240, 129, -1, 0, 0),
    "geography": (240, 130, -1, 0, 0), "varbinary": (165, 165, 8000, 0, 0), "varchar": (167, 167, 8000, 0, 0),
    "binary": (173, 173, 8000, 0, 0), "char": (175, 175, 8000, 0, 0), "timestamp": (189, 189, 8, 0, 0),
    "nvarchar": (231, 231, 8000, 0, 0), "nchar": (239, 239, 8000, 0, 0), "xml": (241, 241, -1, 0, 0),
    "sysname": (231, 256, 256, 0, 0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Declared:
    """A type as somebody wrote it: `decimal(10,2)`, `nvarchar(max)`."""

    name: str
    size: int | None = None  # length, precision or scale; MAX
    scale: int | None = None

    @property
    def fraction(self) -> int:
        """The digits of a second."""
        return 7 if self.size is None else self.size

    @property
    def storage(self) -> str:
        """What DuckDB holds it in. Finer moments than microseconds, and those with an offset, are text."""
        if self.name in ("decimal", "numeric"):
            return f"DECIMAL({self.size or 18},{self.scale or 0})"
        if self.name == "float":
            return "FLOAT" if self.size and self.size <= 24 else "DOUBLE"
        if self.name in ("time", "datetime2") and self.fraction < 7:
            return "TIME" if self.name == "time" else "TIMESTAMP"
        return _PLAIN.get(self.name, "VARCHAR")

    def numbers(self) -> tuple[int, int, int, int, int]:
        """system_type_id, user_type_id, max_length, precision and scale, as sys.columns has them."""
        system, user, size, precision, scale = SYSTEM_TYPES.get(self.name, SYSTEM_TYPES["nvarchar"])
        if self.name in ("decimal", "numeric"):
            precision, scale = self.size or 18, self.scale or 0
            size = 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17
        elif self.name in ("time", "datetime2", "datetimeoffset"):
            scale, size = self.fraction, size - 5 + moments.time_bytes(self.fraction)
            precision = precision - 8 + (scale + 1 if scale else 0)
        elif self.name in ("char", "varchar", "binary", "varbinary", "nchar", "nvarchar"):
            wide = 2 if self.name.startswith("n") else 1
            size = MAX if self.size == MAX else (self.size or 1) * wide
        return system, user, size, precision, scale


def declared(text: str) -> Declared:
    """Raises ValueError for what is no type."""
    found = _SPELLING.match(text)
    if not found:
        raise ValueError(f"{text!r} is no type")
    name = _SYNONYMS.get(found[1].lower(), found[1].lower())
    if name == "rowversion":
        name = "timestamp"
    size = MAX if (found[2] or "").lower() == "max" else int(found[2]) if found[2] else None
    if name == "float" and size is not None and size <= 24:
        return Declared("real")
    return Declared(name, size, int(found[3]) if found[3] else None)


def of_result(kind: str) -> Declared:
    """The type of an expression that DuckDB computed."""
    kind = kind.upper()
    if found := re.match(r"DECIMAL\((\d+),\s*(\d+)\)", kind):
        return Declared("decimal", int(found[1]), int(found[2]))
    names = {
        "BOOLEAN": "bit",
        "UTINYINT": "tinyint",
        "TINYINT": "smallint",
        "SMALLINT": "smallint",
        "INTEGER": "int",
        "BIGINT": "bigint",
        "UINTEGER": "bigint",
        "FLOAT": "real",
        "DOUBLE": "float",
        "UUID": "uniqueidentifier",
        "DATE": "date",
    }
    if kind in names:
        return Declared(names[kind])
    if kind in ("HUGEINT", "UBIGINT"):
        return Declared("decimal", 38, 0)
    sized = {"BLOB": ("varbinary", MAX), "TIME": ("time", 6), "TIMESTAMP": ("datetime2", 6)}
    return Declared(*sized.get(kind, ("nvarchar", MAX)))


# ---- values on the wire


def encoding(kind: Declared) -> tuple[bytes, Encode]:
    """A column's TYPE_INFO, and how a value of it is written."""
    return _ENCODINGS.get(kind.name, _nvarchar)(kind)


def _nullable(encode: Encode, null: bytes = b"\0") -> Encode:
    return lambda value: null if value is None else encode(value)


def _short(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def _integer(size: int, *, signed: bool = True) -> Callable[[Declared], tuple[bytes, Encode]]:
    def encode(value: Any) -> bytes:
        return _short(int(value).to_bytes(size, "little", signed=signed))

    return lambda kind: (bytes((0x26, size)), _nullable(encode))


def _bit(kind: Declared) -> tuple[bytes, Encode]:
    return b"\x68\x01", _nullable(lambda value: b"\x01\x01" if value else b"\x01\x00")


def _float(size: int) -> Callable[[Declared], tuple[bytes, Encode]]:
    form = "<f" if size == 4 else "<d"
    return lambda kind: (bytes((0x6D, size)), _nullable(lambda value: _short(struct.pack(form, value))))


def _decimal(kind: Declared) -> tuple[bytes, Encode]:
    precision, scale = kind.size or 18, kind.scale or 0

    def encode(value: Any) -> bytes:
        whole = int(Decimal(value).scaleb(scale, _WIDE).to_integral_value())
        return b"\x11" + (b"\x01" if whole >= 0 else b"\x00") + abs(whole).to_bytes(16, "little")

    return bytes((0x6A, 17, precision, scale)), _nullable(encode)


def _money(size: int) -> Callable[[Declared], tuple[bytes, Encode]]:
    def encode(value: Any) -> bytes:
        whole = int(Decimal(value).scaleb(4))
        if size == 4:
            return _short(struct.pack("<i", whole))
        return _short(struct.pack("<iI", whole >> 32, whole & 0xFFFFFFFF))

    return lambda kind: (bytes((0x6E, size)), _nullable(encode))


def _uuid(kind: Declared) -> tuple[bytes, Encode]:
    return b"\x24\x10", _nullable(lambda value: _short(value.bytes_le))


def _date(kind: Declared) -> tuple[bytes, Encode]:
    return b"\x28", _nullable(lambda value: _short(_days(moments.moment(value))))


def _days(found: moments.Moment) -> bytes:
    return found.days.to_bytes(3, "little")


def _time(kind: Declared) -> tuple[bytes, Encode]:
    scale = kind.fraction
    info = bytes((0x29, scale))
    return info, _nullable(lambda value: _short(moments.pack_time(moments.moment(value).ticks, scale)))


def _datetime2(kind: Declared) -> tuple[bytes, Encode]:
    scale = kind.fraction

    def encode(value: Any) -> bytes:
        found = moments.moment(value)
        return _short(moments.pack_time(found.ticks, scale) + _days(found))

    return bytes((0x2A, scale)), _nullable(encode)


def _datetimeoffset(kind: Declared) -> tuple[bytes, Encode]:
    scale = kind.fraction

    def encode(value: Any) -> bytes:
        found = moments.moment(value).utc()
        return _short(moments.pack_time(found.ticks, scale) + _days(found) + struct.pack("<h", found.offset))

    return bytes((0x2B, scale)), _nullable(encode)


def _datetime(kind: Declared) -> tuple[bytes, Encode]:
    pack = moments.pack_small if kind.name == "smalldatetime" else moments.pack_datetime
    size = 4 if kind.name == "smalldatetime" else 8
    return bytes((0x6F, size)), _nullable(lambda value: _short(pack(moments.moment(value))))


def _plp(data: bytes) -> bytes:
    """A value of a (max) type: its length, one chunk, and the end."""
    chunk = struct.pack("<I", len(data)) + data if data else b""
    return struct.pack("<Q", len(data)) + chunk + bytes(4)


def _sized(token: int, kind: Declared, to_bytes: Encode, *, wide: int = 1, text: bool) -> tuple[bytes, Encode]:
    collation = COLLATION if text else b""
    if kind.size == MAX:
        return bytes((token, 0xFF, 0xFF)) + collation, _nullable(lambda v: _plp(to_bytes(v)), b"\xff" * 8)
    limit = min((kind.size or 1) * wide, 8000)

    def encode(value: Any) -> bytes:
        data = to_bytes(value)
        return struct.pack("<H", len(data)) + data

    return bytes((token,)) + struct.pack("<H", limit) + collation, _nullable(encode, b"\xff\xff")


def _unicode(value: Any) -> bytes:
    return str(value).encode("utf-16-le", "surrogatepass")


def _narrow(value: Any) -> bytes:
    return str(value).encode(CODE_PAGE, "replace")


def _nvarchar(kind: Declared) -> tuple[bytes, Encode]:
    size = kind if kind.name in ("nvarchar", "nchar") else Declared("nvarchar", 128 if kind.name == "sysname" else MAX)
    return _sized(0xEF if kind.name == "nchar" else 0xE7, size, _unicode, wide=2, text=True)


def _varchar(kind: Declared) -> tuple[bytes, Encode]:
    return _sized(0xAF if kind.name == "char" else 0xA7, kind, _narrow, text=True)


def _varbinary(kind: Declared) -> tuple[bytes, Encode]:
    size = Declared("binary", 8) if kind.name == "timestamp" else kind
    return _sized(0xAD if size.name == "binary" else 0xA5, size, bytes, text=False)


def _xml(kind: Declared) -> tuple[bytes, Encode]:
    return b"\xf1\x00", _nullable(lambda value: _plp(_unicode(value)), b"\xff" * 8)


def _clr(kind: Declared) -> tuple[bytes, Encode]:
    """hierarchyid and shapes: not in the real thing's serialization, which nothing here can make, but as their text."""
    info = (
        b"\xf0\xff\xff" + short_text("") + short_text("sys") + short_text(kind.name) + long_text("Microsoft.SqlServer")
    )
    return info, _nullable(lambda value: _plp(_unicode(value)), b"\xff" * 8)


def _blob(kind: Declared) -> tuple[bytes, Encode]:
    """text, ntext and image: with a pointer that nobody follows any more."""
    forms: dict[str, tuple[int, Encode]] = {"text": (0x23, _narrow), "ntext": (0x63, _unicode), "image": (0x22, bytes)}
    token, to_bytes = forms[kind.name]
    collation = b"" if kind.name == "image" else COLLATION
    info = bytes((token,)) + struct.pack("<I", 0x7FFFFFFF) + collation + b"\x01" + long_text("t")

    def encode(value: Any) -> bytes:
        data = to_bytes(value)
        return b"\x10" + bytes(24) + struct.pack("<I", len(data)) + data

    return info, _nullable(encode)


def _variant(kind: Declared) -> tuple[bytes, Encode]:
    def encode(value: Any) -> bytes:
        data = _unicode(value)
        inner = b"\xe7\x07" + COLLATION + struct.pack("<H", 8000) + data
        return struct.pack("<I", len(inner)) + inner

    return b"\x62" + struct.pack("<I", 8009), _nullable(encode, bytes(4))


_ENCODINGS: dict[str, Callable[[Declared], tuple[bytes, Encode]]] = {
    "bit": _bit,
    "tinyint": _integer(1, signed=False),
    "smallint": _integer(2),
    "int": _integer(4),
    "bigint": _integer(8),
    "real": _float(4),
    "float": _float(8),
    "decimal": _decimal,
    "numeric": _decimal,
    "money": _money(8),
    "smallmoney": _money(4),
    "uniqueidentifier": _uuid,
    "date": _date,
    "time": _time,
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
    "datetime": _datetime,
    "smalldatetime": _datetime,
    "char": _varchar,
    "varchar": _varchar,
    "binary": _varbinary,
    "varbinary": _varbinary,
    "timestamp": _varbinary,
    "xml": _xml,
    "hierarchyid": _clr,
    "geometry": _clr,
    "geography": _clr,
    "sql_variant": _variant,
    "text": _blob,
    "ntext": _blob,
    "image": _blob,
}
