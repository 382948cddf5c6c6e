"""What lies in a row packet, and into which Arrow type each value is decoded. Pure.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import Refused
from wayfare.core.tables import Column, Meaning
from wayfare.kernel.buffers import Slot
from wayfare.systems.databases.mysql.types import SYSTEM, decimal_type

UNSIGNED_FLAG = 32
BINARY_CHARSET = 63
JSON_CODE = 245
NULL_DATES = 1  # a slot's `scale`: what is no date becomes NULL


class Kind(IntEnum):
    """`enum kind` of _native.c."""

    FIXED1 = 0
    FIXED2 = 1
    FIXED4 = 2
    FIXED8 = 3
    DECIMAL = 4
    DATE = 5
    MOMENT = 6
    TIME = 7
    VARIABLE = 8
    SIGNED1 = 9
    SIGNED2 = 10
    SIGNED4 = 11
    SIGNED8 = 12
    UNSIGNED1 = 13
    UNSIGNED2 = 14
    UNSIGNED4 = 15
    UNSIGNED8 = 16
    FLOAT4 = 17
    FLOAT8 = 18
    HEX = 19
    PLAIN = 20


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a result, as the server describes it."""

    name: str
    code: int  # MYSQL_TYPE_…
    charset: int = BINARY_CHARSET
    unsigned: bool = False
    length: int = 0
    scale: int = 0


_INTEGERS: dict[int, tuple[Kind, pa.DataType, pa.DataType]] = {
    1: (Kind.FIXED1, pa.int8(), pa.uint8()),
    2: (Kind.FIXED2, pa.int16(), pa.uint16()),
    3: (Kind.FIXED4, pa.int32(), pa.uint32()),
    9: (Kind.FIXED4, pa.int32(), pa.uint32()),
    8: (Kind.FIXED8, pa.int64(), pa.uint64()),
    13: (Kind.FIXED2, pa.int16(), pa.int16()),  # YEAR
}
_PLAIN: dict[int, tuple[Kind, pa.DataType]] = {
    4: (Kind.FIXED4, pa.float32()),
    5: (Kind.FIXED8, pa.float64()),
    10: (Kind.DATE, pa.date32()),
    14: (Kind.DATE, pa.date32()),
    11: (Kind.TIME, pa.time64("us")),
}
_DECIMALS = (0, 246)
_MOMENTS = (7, 12)
_TIMESTAMP = 7


def natural(field: Field) -> tuple[Kind, pa.DataType]:
    """How a result's column comes, and the Arrow type that is."""
    if field.code in _INTEGERS:
        kind, signed, unsigned = _INTEGERS[field.code]
        return kind, unsigned if field.unsigned else signed
    if field.code in _PLAIN:
        return _PLAIN[field.code]
    if field.code in _DECIMALS:
        digits = field.length - (field.scale > 0) - (not field.unsigned)
        return Kind.DECIMAL, decimal_type(min(max(digits, field.scale, 1), 76), field.scale)
    if field.code in _MOMENTS:
        return Kind.MOMENT, pa.timestamp("us", "UTC" if field.code == _TIMESTAMP else None)
    text = field.charset != BINARY_CHARSET or field.code == JSON_CODE
    return Kind.VARIABLE, pa.string() if text else pa.binary()


def column_of(field: Field) -> Column:
    """A result's column, for statements that no table describes."""
    meaning = Meaning.JSON if field.code == JSON_CODE else Meaning.PLAIN
    return Column(field.name, natural(field)[1], meaning=meaning, origin=SYSTEM)


def slot(column: Column, field: Field, table: str, null_dates: bool = False) -> Slot:
    """How `field` is decoded to become `column`. Values that do not fit exactly raise Refused when they are met."""
    kind, wire = natural(field)
    wanted = column.type
    if kind is Kind.DECIMAL and pa.types.is_decimal128(wanted):
        return Slot(column.name, wanted, kind, wanted.scale)
    if kind is Kind.DECIMAL:
        kind, wire = Kind.VARIABLE, pa.string()
    if kind is Kind.MOMENT and pa.types.is_timestamp(wanted):
        wire = pa.timestamp("us", wanted.tz)
    if kind is Kind.VARIABLE and (pa.types.is_string(wanted) or pa.types.is_binary(wanted)):
        wire = wanted
    scale = NULL_DATES if null_dates and kind in (Kind.DATE, Kind.MOMENT) else 0
    if wire == wanted:
        return Slot(column.name, wanted, kind, scale)
    return Slot(column.name, wanted, kind, scale, wire, partial(_converted, wanted, f"{table}.{column.name}"))


def _converted(wanted: pa.DataType, where: str, array: pa.Array) -> pa.Array:
    try:
        if pa.types.is_boolean(wanted):
            return _booleans(array, where)
        return array.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise Refused(f"a value cannot be read as {wanted}: {reason}", where=where) from error


def _booleans(array: pa.Array, where: str) -> pa.Array:
    if pa.types.is_integer(array.type):
        outside = pc.any(pc.invert(pc.is_in(array, pa.array([0, 1, None], array.type)))).as_py()
        if outside:
            raise Refused("it holds numbers other than 0 and 1.", where=where, remedy="Read it as a small integer.")
    return array.cast(pa.bool_())


def line_kinds(fields: Sequence[Field]) -> list[Kind]:
    """How each result column is written as text by the native part, without passing through Arrow."""
    return [_line_kind(field) for field in fields]


def _line_kind(field: Field) -> Kind:
    kind, wire = natural(field)
    if pa.types.is_float32(wire):
        return Kind.FLOAT4
    if pa.types.is_float64(wire):
        return Kind.FLOAT8
    if kind is Kind.DECIMAL:
        return Kind.PLAIN
    if kind is Kind.VARIABLE:
        return Kind.HEX if pa.types.is_binary(wire) else Kind.VARIABLE
    if kind in (Kind.FIXED1, Kind.FIXED2, Kind.FIXED4, Kind.FIXED8):
        first = Kind.UNSIGNED1 if pa.types.is_unsigned_integer(wire) else Kind.SIGNED1
        return Kind(first + (kind - Kind.FIXED1))
    return kind
