"""ClickHouse's types as columns that travel (see core/tables.py)."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from wayfare.core.tables import Meaning
from wayfare.systems.databases.clickhouse.native import base, labels, parse

SYSTEM = "clickhouse"
DECIMAL_DIGITS_MAX = 76


@dataclass(frozen=True, slots=True)
class Kind:
    """What a native type travels as."""

    type: pa.DataType
    meaning: Meaning = Meaning.PLAIN
    length: int | None = None
    labels: tuple[str, ...] = ()


_TEXT = Kind(pa.string())
_JSON = Kind(pa.string(), Meaning.JSON)
_OTHER = Kind(pa.string(), Meaning.OTHER)
_SIMPLE = {
    "Bool": Kind(pa.bool_()),
    **{
        f"{sign}Int{bits}": Kind(getattr(pa, f"{sign.lower()}int{bits}")())
        for sign in ("", "U")
        for bits in (8, 16, 32, 64)
    },
    "Int128": Kind(pa.decimal256(39, 0)),
    "UInt128": Kind(pa.decimal256(39, 0)),
    "Int256": Kind(pa.string(), Meaning.NUMBER),  # up to 77 digits: more than Arrow's decimals have
    "UInt256": Kind(pa.string(), Meaning.NUMBER),
    "BFloat16": Kind(pa.float32()),
    "Float32": Kind(pa.float32()),
    "Float64": Kind(pa.float64()),
    "String": _TEXT,
    "Date": Kind(pa.date32()),
    "Date32": Kind(pa.date32()),
    "Time": Kind(pa.time64("us")),
    "UUID": Kind(pa.binary(16), Meaning.UUID),
    "Tuple": _JSON,
    "Map": _JSON,
    "Nested": _JSON,
    "JSON": _JSON,
    "Object": _JSON,
}
_DECIMAL_DIGITS = {"Decimal32": 9, "Decimal64": 18, "Decimal128": 38, "Decimal256": 76}
_NOT_IN_LISTS = frozenset({"time64[us]", "time64[ns]"})


def kind_of(native: str) -> Kind:
    """Total: what we do not understand travels as the text that ClickHouse prints."""
    text = base(native)
    found = parse(text)
    if found.name in _SIMPLE:
        return _SIMPLE[found.name]
    if found.name == "FixedString":
        return Kind(pa.string(), length=int(found.arguments[0]))
    if found.name.startswith("Decimal"):
        return Kind(_decimal(found.name, found.arguments))
    if found.name in ("DateTime", "DateTime64"):
        return Kind(_timestamp(found.name, found.arguments))
    if found.name == "Time64":
        return Kind(pa.time64("us" if int(found.arguments[0]) <= 6 else "ns"))
    if found.name in ("Enum8", "Enum16"):
        return Kind(pa.string(), Meaning.ENUM, labels=labels(text))
    if found.name.startswith("Interval"):
        return Kind(pa.string(), Meaning.INTERVAL)
    if found.name == "Array":
        return _list(kind_of(found.arguments[0]))
    return _OTHER


def listable(kind: pa.DataType, meaning: Meaning) -> bool:
    """May an Arrow list of these come from, and go into, an Array?"""
    if meaning not in (Meaning.PLAIN, Meaning.UUID, Meaning.NUMBER, Meaning.ENUM):
        return False
    return not pa.types.is_list(kind) and str(kind) not in _NOT_IN_LISTS


def arrow_decimal(precision: int, scale: int) -> pa.DataType:
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _decimal(name: str, arguments: tuple[str, ...]) -> pa.DataType:
    if name in _DECIMAL_DIGITS:
        return arrow_decimal(_DECIMAL_DIGITS[name], int(arguments[0]))
    precision, scale = int(arguments[0]) if arguments else 10, int(arguments[1]) if len(arguments) > 1 else 0
    return arrow_decimal(precision, scale)


def _timestamp(name: str, arguments: tuple[str, ...]) -> pa.DataType:
    """A named zone means moments, which travel in UTC; without one, the wall clock."""
    digits = int(arguments[0]) if name == "DateTime64" else 0
    unit = "s" if digits == 0 else "ms" if digits <= 3 else "us" if digits <= 6 else "ns"
    return pa.timestamp(unit, "UTC" if any(a.startswith("'") for a in arguments) else None)


def _list(element: Kind) -> Kind:
    if not listable(element.type, element.meaning):
        return _JSON
    return Kind(pa.list_(element.type), element.meaning, element.length, element.labels)
