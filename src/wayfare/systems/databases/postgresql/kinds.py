"""How each column passes through COPY: what to select, how to decode it, how to encode it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.tables import Column, Meaning
from wayfare.kernel.buffers import Slot
from wayfare.systems.databases.postgresql.dialect import quote
from wayfare.systems.databases.postgresql.types import KINDS, UTC, arrow_of, bare, is_builtin


class Kind(IntEnum):
    """Mirrored by _native.c."""

    BOOL = 0
    I16 = 1
    I32 = 2
    I64 = 3
    DATE = 4
    TIMESTAMP = 5
    BYTES = 6
    JSONB = 7
    UUID = 8
    DECIMAL128 = 9
    DECIMAL256 = 10
    NUMBER = 11  # text, encoded as numeric
    BITS = 12  # text of 0 and 1, encoded as bit varying
    LIST = 13


# pg_type.oid of the types whose arrays we encode; they are the same in every server.
OIDS = {
    "bool": 16, "bytea": 17, "name": 19, "int8": 20, "int2": 21, "int4": 23, "text": 25, "oid": 26, "json": 114,
    "float4": 700, "float8": 701, "bpchar": 1042, "varchar": 1043, "date": 1082, "time": 1083, "timestamp": 1114,
    "timestamptz": 1184, "bit": 1560, "varbit": 1562, "numeric": 1700, "uuid": 2950, "jsonb": 3802,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Carrier:
    """A type that decodes straight from the wire, and how to ask for it."""

    type: pa.DataType
    kind: Kind
    cast: str  # the SQL type whose binary form this is


_CARRIERS: dict[pa.DataType, Carrier] = {
    pa.bool_(): Carrier(pa.bool_(), Kind.BOOL, "boolean"),
    pa.int8(): Carrier(pa.int16(), Kind.I16, "smallint"),
    pa.uint8(): Carrier(pa.int16(), Kind.I16, "smallint"),
    pa.int16(): Carrier(pa.int16(), Kind.I16, "smallint"),
    pa.uint16(): Carrier(pa.int32(), Kind.I32, "integer"),
    pa.int32(): Carrier(pa.int32(), Kind.I32, "integer"),
    pa.uint32(): Carrier(pa.int64(), Kind.I64, "bigint"),
    pa.int64(): Carrier(pa.int64(), Kind.I64, "bigint"),
    pa.uint64(): Carrier(pa.decimal128(20, 0), Kind.DECIMAL128, "numeric"),
    pa.float32(): Carrier(pa.float32(), Kind.I32, "real"),
    pa.float64(): Carrier(pa.float64(), Kind.I64, "double precision"),
    pa.date32(): Carrier(pa.date32(), Kind.DATE, "date"),
    pa.string(): Carrier(pa.string(), Kind.BYTES, "text"),
    pa.binary(): Carrier(pa.binary(), Kind.BYTES, "bytea"),
    pa.binary(16): Carrier(pa.binary(16), Kind.UUID, "uuid"),
}


def carrier(kind: pa.DataType) -> Carrier:
    """Raises Refused for a type that PostgreSQL has no way to give."""
    if pa.types.is_decimal(kind):
        return Carrier(kind, Kind.DECIMAL128 if pa.types.is_decimal128(kind) else Kind.DECIMAL256, "numeric")
    if pa.types.is_time(kind):
        return Carrier(pa.time64("us"), Kind.I64, "time without time zone")
    if pa.types.is_timestamp(kind):
        zone = "with" if kind.tz else "without"
        return Carrier(pa.timestamp("us", UTC if kind.tz else None), Kind.TIMESTAMP, f"timestamp {zone} time zone")
    found = _CARRIERS.get(kind)
    if found is None:
        raise Refused(f"PostgreSQL cannot give values as {kind}.", remedy="Choose another type with --map.")
    return found


def shape(kind: pa.DataType) -> int:
    """A decimal's precision and scale in one number, as the decoder takes them."""
    return int(kind.precision) << 16 | int(kind.scale) if pa.types.is_decimal(kind) else 0


Finish = Callable[[pa.Array], pa.Array]
Lists = Callable[[str, pa.DataType, Kind], Finish]  # column, element type and kind → binary array values to lists


@dataclass(frozen=True, slots=True)
class Reading:
    """One column of a SELECT."""

    expression: str
    slot: Slot


def reading(column: Column, lists: Lists) -> Reading:
    """How to read a column as the Arrow type it is given with."""
    if pa.types.is_list(column.type):
        return _reading_list(column, lists)
    expression, kind, wire = _scalar(quote(column.name), column)
    finish: Finish | None = None
    if wire != column.type:
        finish = _casting(column)
    scale = shape(wire)
    return Reading(expression, Slot(column.name, column.type, kind, scale, None if finish is None else wire, finish))


def _scalar(name: str, column: Column) -> tuple[str, Kind, pa.DataType]:
    native, wanted = bare(column.native), column.type
    if pa.types.is_uint32(wanted) and native == "oid":
        return name, Kind.I32, wanted
    if column.meaning is Meaning.JSON and native == "jsonb":
        return name, Kind.JSONB, wanted
    if column.meaning is Meaning.ENUM and not is_builtin(column.native) and pa.types.is_string(wanted):
        return name, Kind.BYTES, wanted  # an enum's binary form is its label
    way = carrier(wanted)
    if column.meaning is Meaning.TIME_ZONED and native == "timetz":
        # an offset of whole hours is printed without its minutes
        return rf"regexp_replace({name}::text, '([+-]\d\d)$', '\1:00')", way.kind, way.type
    if is_sent_as(column, way):
        return name, way.kind, way.type
    if pa.types.is_binary(wanted):
        return f"convert_to({name}::text, 'UTF8')", way.kind, way.type
    if pa.types.is_string(wanted) and native == "bytea":
        return f"convert_from({name}, 'UTF8')", way.kind, way.type
    return f"{name}::{way.cast}", way.kind, way.type


def is_sent_as(column: Column, way: Carrier) -> bool:
    """Is the stored type's own binary form what the carrier decodes?"""
    native = bare(column.native)
    if column.native.partition(" COLLATE ")[0].endswith("[]"):
        return False
    if native == "numeric":
        return bool(pa.types.is_decimal(way.type))
    known = KINDS.get(native)
    return known is not None and known.binary and known.type == way.type


def _casting(column: Column) -> Finish:
    def cast(array: pa.Array) -> pa.Array:
        try:
            return array.cast(column.type)
        except pa.ArrowInvalid as error:
            raise Refused(f"a value does not fit {column.type}: {error}", where=column.name) from error

    return cast


def _reading_list(column: Column, lists: Lists) -> Reading:
    element = column.type.value_type
    way = carrier(element)
    stored, _ = arrow_of(column.native)
    name = quote(column.name)
    inner = bare(column.native)
    direct = stored == column.type and (inner == "numeric" or (inner in KINDS and KINDS[inner].binary))
    expression = name if direct else f"{name}::{way.cast}[]"
    if way.type != element:
        raise Refused(f"PostgreSQL cannot give values as {column.type}.", where=column.name)
    finish = lists(column.name, element, way.kind)
    return Reading(expression, Slot(column.name, column.type, Kind.BYTES, 0, pa.binary(), finish))


@dataclass(frozen=True, slots=True)
class Writing:
    """How to encode a column."""

    kind: Kind
    scale: int = 0
    oid: int = 0  # of a list's elements
    element: Writing | None = None


def writing(column: Column) -> Writing | None:
    """How to encode a landed column in COPY BINARY; None where only text will do."""
    native = column.native.partition(" COLLATE ")[0]
    if pa.types.is_list(column.type):
        name = bare(native)
        inner = _writing_scalar(name, column.type.value_type) if native.endswith("[]") else None
        return Writing(Kind.LIST, 0, OIDS[name], inner) if inner and name in OIDS else None
    if native.endswith("[]"):
        return None
    if column.meaning is Meaning.ENUM and not is_builtin(native):
        return Writing(Kind.BYTES)
    return _writing_scalar(bare(native), column.type)


def _writing_scalar(native: str, kind: pa.DataType) -> Writing | None:
    if native == "numeric":
        if pa.types.is_decimal(kind):
            return Writing(carrier(kind).kind, max(int(kind.scale), 0))
        return Writing(Kind.NUMBER) if pa.types.is_string(kind) else None
    known = KINDS.get(native)
    if known is None or known.type != kind or native in ("interval", "timetz"):
        return None
    special = {"jsonb": Kind.JSONB, "bit": Kind.BITS, "varbit": Kind.BITS, "oid": Kind.I32}
    return Writing(special[native] if native in special else carrier(kind).kind)
