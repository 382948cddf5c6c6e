"""From a type as SQL Server spells it to the Arrow type its values travel in. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from wayfare.core.tables import Meaning

SYSTEM = "sqlserver"
_SPELLING = re.compile(r"\s*(\w+)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*$")
UNICODE = frozenset({"nchar", "nvarchar", "sysname"})
NARROW = frozenset({"char", "varchar"})
LONG_TEXTS = frozenset({"text", "ntext"})
TEXTS = UNICODE | NARROW | LONG_TEXTS
BINARIES = frozenset({"binary", "varbinary", "image", "timestamp", "rowversion"})
SHAPES = frozenset({"geometry", "geography"})
MOMENTS = frozenset({"datetime", "smalldatetime", "datetime2", "datetimeoffset"})
DECIMALS = frozenset({"decimal", "numeric", "money", "smallmoney"})
FINEST_DIGITS = 7  # of a second, in time, datetime2 and datetimeoffset: 100 ns

_PLAIN: dict[str, pa.DataType] = {
    "bit": pa.bool_(),
    "tinyint": pa.uint8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    "money": pa.decimal128(19, 4),
    "smallmoney": pa.decimal128(10, 4),
    "date": pa.date32(),
    "datetime": pa.timestamp("ms"),  # its 300ths are shown, and compared, as .000, .003 and .007
    "smalldatetime": pa.timestamp("s"),
}


@dataclass(frozen=True, slots=True)
class Spelling:
    base: str
    size: int | None = None  # None for (max) too
    scale: int | None = None

    @property
    def digits(self) -> int:
        """Of a second's fraction."""
        return {"datetime": 3, "smalldatetime": 0}.get(self.base, FINEST_DIGITS if self.size is None else self.size)


@dataclass(frozen=True, slots=True)
class Travels:
    """How values of a native type travel: the fields of a Column that follow from its spelling."""

    type: pa.DataType
    meaning: Meaning = Meaning.PLAIN
    length: int | None = None


def spelling(native: str) -> Spelling:
    found = _SPELLING.match(native)
    if not found:
        return Spelling(native.strip().lower())
    size = int(found[2]) if found[2] and found[2].isdigit() else None
    return Spelling(found[1].lower(), size, int(found[3]) if found[3] else None)


def unit(digits: int) -> str:
    """Arrow's unit for that many digits of a second."""
    return "s" if digits == 0 else "ms" if digits <= 3 else "us" if digits <= 6 else "ns"


def travels(native: str) -> Travels:
    spelt = spelling(native)
    base = spelt.base
    if base in _PLAIN:
        return Travels(_PLAIN[base])
    if base in ("decimal", "numeric"):
        return Travels(pa.decimal128(spelt.size or 18, spelt.scale or 0))
    if base == "time":
        return Travels(pa.time64("ns" if spelt.digits > 6 else "us"))
    if base == "datetime2":
        return Travels(pa.timestamp(unit(spelt.digits)))
    if base == "datetimeoffset":
        return Travels(pa.timestamp(unit(spelt.digits), "UTC"))
    if base == "uniqueidentifier":
        return Travels(pa.binary(16), Meaning.UUID)
    if base in TEXTS:
        return Travels(pa.string(), length=128 if base == "sysname" else spelt.size)
    if base in BINARIES:
        return Travels(pa.binary(), length=8 if base in ("timestamp", "rowversion") else spelt.size)
    if base in SHAPES:
        return Travels(pa.binary())
    return Travels(pa.string(), Meaning.JSON if base == "json" else Meaning.OTHER)


def spelt(name: str, bytes_max: int, precision: int, scale: int) -> str:
    """A type in full, from what sys.columns says of a column. `bytes_max` is -1 for (max)."""
    if name in ("decimal", "numeric"):
        return f"{name}({precision},{scale})"
    if name in ("time", "datetime2", "datetimeoffset"):
        return f"{name}({scale})"
    if name in ("char", "varchar", "binary", "varbinary"):
        return f"{name}({'max' if bytes_max < 0 else bytes_max})"
    if name in ("nchar", "nvarchar"):
        return f"{name}({'max' if bytes_max < 0 else bytes_max // 2})"
    return "rowversion" if name == "timestamp" else name
