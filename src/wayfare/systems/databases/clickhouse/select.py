"""Reading a column as the Arrow type that is asked for: what to SELECT, and what to do with what comes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.clickhouse.dialect import quote, text_literal
from wayfare.systems.databases.clickhouse.landing import element_native
from wayfare.systems.databases.clickhouse.native import base, parse

_NESTED = frozenset({"Array", "Tuple", "Map", "Nested"})
_TIMES = {"Time": "toInt64({})", "Time64": "{}"}
_WIDE = frozenset({"Int128", "UInt128"})
_ISO_UNITS = {"Year": "Y", "Month": "M", "Week": "W", "Day": "D", "Hour": "H", "Minute": "M", "Second": "S"}
_FRACTIONS = {"Millisecond": 1_000, "Microsecond": 1_000_000, "Nanosecond": 1_000_000_000}
_TIME_DIGITS = {"us": 6, "ns": 9}


def expression(column: Column, actual: str) -> str:
    """SQL for one column; `actual` is the type it has in the table."""
    name = quote(column.name)
    if not pa.types.is_list(column.type):
        return _value(name, column.type, column.meaning, actual)
    inner = parse(base(actual))
    if inner.name != "Array":
        return name
    element = _value("x", column.type.value_type, column.meaning, inner.arguments[0])
    return name if element == "x" else f"arrayMap(x -> {element}, {name})"


def _value(sql: str, kind: pa.DataType, meaning: Meaning, actual: str) -> str:
    text = base(actual)
    name = parse(text).name
    if pa.types.is_string(kind):
        return _text(sql, meaning, text, name)
    if pa.types.is_binary(kind):
        return sql if name in ("String", "FixedString") else f"toString({sql})"
    if pa.types.is_fixed_size_binary(kind):
        return {"UUID": f"UUIDToNum({sql})", "FixedString": sql}.get(name, f"UUIDToNum(toUUID({sql}))")
    if pa.types.is_time64(kind):
        # Arrow's writer refuses times outside of a day. A decimal's digits are the ticks; see `_ticks`.
        return f"toDecimal64({_TIMES[name].format(sql)}, {_TIME_DIGITS[kind.unit]})" if name in _TIMES else sql
    if pa.types.is_decimal(kind) and name in _WIDE:
        return sql
    if pa.types.is_date(kind) and name == "Date":
        return sql
    wanted = element_native(kind, meaning)
    if text == wanted or (
        name == parse(wanted).name == "DateTime64" and parse(text).arguments[0] == parse(wanted).arguments[0]
    ):
        return sql
    # accurateCast fails where CAST would wrap around.
    return f"accurateCast({sql}, {text_literal(f'Nullable({wanted})')})"


def _same_ticks(text: str, wanted: str) -> bool:
    """Two DateTime64 with the same digits: they differ in the zone they are shown in."""
    one, other = parse(text), parse(wanted)
    return one.name == other.name == "DateTime64" and one.arguments[0] == other.arguments[0]


def _text(sql: str, meaning: Meaning, text: str, name: str) -> str:
    if name == "String":
        return sql
    if name.startswith("Interval"):
        return _interval(sql, name.removeprefix("Interval"))
    if name == "AggregateFunction":
        return f"toString(finalizeAggregation({sql}))"
    if meaning is Meaning.JSON and name in _NESTED:
        return f"toJSONString({sql})"
    if name == "FixedString":
        return f"CAST({sql} AS Nullable(String))"  # without the zero bytes that pad it
    return f"toString({sql})"


def _interval(sql: str, unit: str) -> str:
    if unit in _FRACTIONS:
        return f"concat('PT', toString(toDecimal128(toInt64({sql}), 9) / {_FRACTIONS[unit]}), 'S')"
    if unit == "Quarter":
        return f"concat('P', toString(toInt64({sql}) * 3), 'M')"
    start = "PT" if unit in ("Hour", "Minute", "Second") else "P"
    return f"concat('{start}', toString(toInt64({sql})), '{_ISO_UNITS[unit]}')"


def fit(array: pa.Array, column: Column, actual: str, label: str) -> pa.Array:
    """The array in the column's Arrow type. Raises Refused, naming the column, for a value with no place in it."""
    try:
        found = _fitted(array, column.type, actual)
        if pa.types.is_string(column.type) or pa.types.is_list(column.type):
            found.validate(full=True)  # a String may hold any bytes
        return found
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        remedy = "Read it as binary with --map." if "UTF8" in str(error) else "Read it as another type with --map."
        raise Refused(f"a value cannot be read as {column.type}: {error}", remedy=remedy, where=label) from error


def _fitted(array: pa.Array, kind: pa.DataType, actual: str) -> pa.Array:
    if array.type == kind:
        return array
    if pa.types.is_time64(kind) and pa.types.is_decimal128(array.type):
        return _ticks(array, kind)
    if pa.types.is_decimal(kind) and pa.types.is_fixed_size_binary(array.type):
        return _wide_integers(array, kind, signed=not base(actual).startswith("U"))
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(array.type) and array.type.unit == kind.unit:
        return array.view(kind)  # the ticks are the same: only the zone's name differs
    if pa.types.is_binary(kind) and pa.types.is_string(array.type):
        return array.view(kind)
    return array.cast(kind)


def _ticks(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Decimals of 18 digits, as the integers they are kept as."""
    array = pa.concat_arrays([array])  # without an offset
    low = np.frombuffer(array.buffers()[1], np.int64)[: 2 * len(array) : 2].copy()
    return pa.Array.from_buffers(kind, len(array), [array.buffers()[0], pa.py_buffer(low)], array.null_count)


def _wide_integers(array: pa.Array, kind: pa.DataType, *, signed: bool) -> pa.Array:
    """16 little-endian bytes to the 32 of a decimal256."""
    array = pa.concat_arrays([array])
    halves = np.frombuffer(array.buffers()[1], np.int64)[: 2 * len(array)].reshape(-1, 2)
    wide = np.zeros((len(array), 4), np.int64)
    wide[:, :2] = halves
    if signed:
        wide[:, 2:] = (halves[:, 1] >> 63)[:, None]
    whole = pa.Array.from_buffers(
        pa.decimal256(76, 0), len(array), [array.buffers()[0], pa.py_buffer(wide)], array.null_count
    )
    return whole.cast(kind)
