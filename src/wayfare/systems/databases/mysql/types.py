"""From a column type as MySQL spells it to the Arrow type its values travel in. Pure: a table with few exceptions."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from wayfare.core.tables import Meaning

SYSTEM = "mysql"
DECIMAL_DIGITS_MAX = 65
DECIMAL_SCALE_MAX = 30
DECIMAL128_DIGITS_MAX = 38

_SPELLING = re.compile(r"\s*([a-z0-9_]+(?: precision)?)\s*(?:\((.*?)\)(?=[^)']*$))?(.*)", re.IGNORECASE | re.DOTALL)
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r"}
_ESCAPES = str.maketrans({"\\": r"\\", "\0": r"\0", "\n": r"\n", "\r": r"\r"})
_LABEL = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)

_INTEGERS: dict[str, tuple[pa.DataType, pa.DataType]] = {  # signed, unsigned
    "tinyint": (pa.int8(), pa.uint8()),
    "smallint": (pa.int16(), pa.uint16()),
    "mediumint": (pa.int32(), pa.uint32()),
    "int": (pa.int32(), pa.uint32()),
    "integer": (pa.int32(), pa.uint32()),
    "bigint": (pa.int64(), pa.uint64()),
}
_PLAIN: dict[str, pa.DataType] = {
    "float": pa.float32(),
    "double": pa.float64(),
    "double precision": pa.float64(),
    "real": pa.float64(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "year": pa.int16(),
    "bool": pa.bool_(),
    "boolean": pa.bool_(),
}
_MEANT: dict[str, tuple[pa.DataType, Meaning]] = {
    "json": (pa.string(), Meaning.JSON),
    "uuid": (pa.binary(16), Meaning.UUID),
    "inet4": (pa.string(), Meaning.OTHER),
    "inet6": (pa.string(), Meaning.OTHER),
}
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
# A geometry's bytes are its reference system's number (4 bytes) and WKB; a vector's are its 32-bit floats.
GEOMETRIES = frozenset(
    [
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
        "geomcollection",
    ]
)
BINARIES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"}) | GEOMETRIES
UNBOUNDED = (
    frozenset(
        ["tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob", "json", "vector"]
    )
    | GEOMETRIES
)
DATES = frozenset({"date", "datetime", "timestamp"})


@dataclass(frozen=True, slots=True)
class Spelling:
    """`decimal(10,2) unsigned` in its parts: base "decimal", arguments "10,2", rest "unsigned"."""

    base: str
    arguments: str = ""
    rest: str = ""

    @property
    def size(self) -> int | None:
        first = self.arguments.partition(",")[0].strip()
        return int(first) if first.isdigit() else None

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.rest.lower() or "zerofill" in self.rest.lower()


@dataclass(frozen=True, slots=True)
class Travels:
    """How values of a native type travel: the fields of a Column that follow from its spelling."""

    type: pa.DataType
    meaning: Meaning = Meaning.PLAIN
    length: int | None = None
    labels: tuple[str, ...] = ()


def spelling(native: str) -> Spelling:
    found = _SPELLING.fullmatch(native)
    if not found:
        return Spelling(native.lower())
    return Spelling(found[1].lower(), found[2] or "", (found[3] or "").strip())


def labels(native: str) -> tuple[str, ...]:
    """The labels of an ENUM or SET as the servers print them: quotes doubled, a few characters after a backslash."""
    return tuple(_plain(found[1]) for found in _LABEL.finditer(spelling(native).arguments))


def _plain(label: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), label.replace("''", "'"), flags=re.DOTALL)


def labelled(base: str, names: tuple[str, ...]) -> str:
    """The type of those labels, printed as the servers print it."""
    quoted = ("'" + name.translate(_ESCAPES).replace("'", "''") + "'" for name in names)
    return f"{base}({','.join(quoted)})"


def travels(native: str, *, booleans: bool = False) -> Travels:
    """`booleans` says that TINYINT(1) is one; it may hold any small integer, so by itself it is not."""
    spelt = spelling(native)
    base = spelt.base
    if base == "tinyint" and spelt.size == 1 and booleans and not spelt.unsigned:
        return Travels(pa.bool_())
    if base in _INTEGERS:
        return Travels(_INTEGERS[base][spelt.unsigned])
    if base in ("decimal", "numeric", "dec", "fixed"):
        return Travels(_decimal(spelt.arguments))
    if base == "float" and "," not in spelt.arguments and (spelt.size or 0) > 24:
        return Travels(pa.float64())
    if base in _PLAIN:
        return Travels(_PLAIN[base])
    if base in _MEANT:
        return Travels(*_MEANT[base])
    if base == "bit":
        return Travels(pa.string(), Meaning.BITS, spelt.size or 1)
    if base in ("enum", "set"):
        return Travels(pa.string(), Meaning.ENUM if base == "enum" else Meaning.SET, labels=labels(native))
    if base in TEXTS:
        return Travels(pa.string(), length=spelt.size if base in ("char", "varchar") else None)
    if base in BINARIES:
        return Travels(pa.binary(), length=spelt.size if base in ("binary", "varbinary") else None)
    return Travels(pa.string(), Meaning.OTHER)


def _decimal(arguments: str) -> pa.DataType:
    digits, _, scale = arguments.partition(",")
    precision = int(digits) if digits.strip() else 10
    return decimal_type(precision, int(scale) if scale.strip() else 0)


def decimal_type(precision: int, scale: int) -> pa.DataType:
    if precision <= DECIMAL128_DIGITS_MAX:
        return pa.decimal128(precision, scale)
    return pa.decimal256(precision, scale)
