"""How values pass between DuckDB and Arrow: SQL on DuckDB's side, small corrections on Arrow's.

DuckDB's own Arrow types are ours, but for: infinities (its least value is one more than ours), HUGEINT (39 digits
do not fit the decimal128 it exports), UUID and intervals (text there), enumerations (dictionaries), bits, JSON and
nested types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import Refused
from wayfare.core.landing import Limits
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH
from wayfare.core.tables import INFINITE_DAYS, INFINITE_TICKS, Column, Meaning, Table
from wayfare.systems.databases.duckdb import types
from wayfare.systems.databases.duckdb.dialect import quote

VECTOR_ROWS = 2048  # what DuckDB works on at a time: a smaller batch would not hold less memory

ISO_INTERVAL = r"P(-?\d+Y)?(-?\d+M)?(-?\d+D)?(T(-?\d+H)?(-?\d+M)?(-?\d+(\.\d{1,6})?S)?)?"


# -- reading ----------------------------------------------------------------------------------------------------------


def selected(column: Column) -> str:
    """The expression that gives a column as `read` needs it."""
    name = quote(column.name)
    return f"{_selected(name, column.type, column.meaning, column.native)} AS {name}"


def _selected(x: str, t: pa.DataType, meaning: Meaning, native: str) -> str:
    if pa.types.is_list(t):
        element = native[: native.rfind("[")] if native.endswith("]") else native
        inner = _selected("e", t.value_type, meaning, element)
        listed = f"CAST({x} AS {element}[])" if not native.endswith("[]") and native else x
        return listed if inner == "e" else f"list_transform({listed}, lambda e: {inner})"
    if meaning is Meaning.UUID:
        return f"unhex(replace(CAST({x} AS VARCHAR), '-', ''))"
    if meaning is Meaning.INTERVAL and native == "INTERVAL":
        return iso_interval(x)
    if meaning is Meaning.JSON and native not in ("JSON", "VARCHAR", ""):
        return f"CAST(to_json({x}) AS VARCHAR)"
    if pa.types.is_string(t) or pa.types.is_decimal256(t):
        return x if native == "VARCHAR" else f"CAST({x} AS VARCHAR)"
    if pa.types.is_binary(t) and native == "VARCHAR":
        return f"encode({x})"
    return x


def iso_interval(x: str) -> str:
    """ISO 8601 of an interval's months, days and microseconds: P1Y2M3DT4H5M6.789S, and PT0S for none.

    The fraction is spelled with its point and six digits, and cut of all points and zeros at its end.
    """
    date = " || ".join(_part(x, unit, sign) for unit, sign in (("year", "Y"), ("month", "M"), ("day", "D")))
    clock = " || ".join(_part(x, unit, sign) for unit, sign in (("hour", "H"), ("minute", "M")))
    micros = f"datepart('microsecond', {x})"
    fraction = f"rtrim(printf('.%06d', abs({micros}) % 1000000), '.0')"
    seconds = (
        f"CASE WHEN {micros} = 0 THEN '' ELSE CASE WHEN {micros} < 0 THEN '-' ELSE '' END "
        f"|| (abs({micros}) // 1000000)::VARCHAR || {fraction} || 'S' END"
    )
    whole = f"('P' || {date} || 'T' || {clock} || {seconds})"
    return f"CASE WHEN {whole} = 'PT' THEN 'PT0S' ELSE rtrim({whole}, 'T') END"


def _part(x: str, unit: str, sign: str) -> str:
    number = f"datepart('{unit}', {x})"
    return f"CASE WHEN {number} = 0 THEN '' ELSE {number}::VARCHAR || '{sign}' END"


def gathered(batches: Iterable[pa.RecordBatch], table: Table) -> Iterator[pa.RecordBatch]:
    """DuckDB's small batches as larger ones, with the very types that were asked for."""
    schema = table.arrow()
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if held and (rows + batch.num_rows > ROWS_PER_BATCH or size + batch.nbytes > BATCH_BYTES_MAX):
            yield from _small(_typed(held, table, schema))
            held, rows, size = [], 0, 0
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
    if rows:
        yield from _small(_typed(held, table, schema))


def _small(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.nbytes <= BATCH_BYTES_MAX or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _small(batch.slice(0, half))
    yield from _small(batch.slice(half))


def _typed(held: list[pa.RecordBatch], table: Table, schema: pa.Schema) -> pa.RecordBatch:
    batch = held[0] if len(held) == 1 else pa.concat_batches(held)
    arrays = [_read(a, c, table) for a, c in zip(batch.columns, table.written, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read(array: pa.Array, column: Column, table: Table) -> pa.Array:
    try:
        return fitted(array, column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        message = f"it holds {array.type}, which is not always {column.type}: {error}."
        raise Refused(message, where=f"{table.label}.{column.name}") from error


def fitted(array: pa.Array, t: pa.DataType) -> pa.Array:
    """Raises ArrowInvalid when a value is not of type `t`."""
    if pa.types.is_list(t):
        values = fitted(array.flatten(), t.value_type)
        return _relisted(array, values)
    if pa.types.is_date32(t) and array.type == t:
        return _least_infinity(array, pa.int32(), -INFINITE_DAYS, -INFINITE_DAYS - 1)
    if pa.types.is_timestamp(t) and pa.types.is_timestamp(array.type):
        if array.type.unit != t.unit or (array.type.tz is None) != (t.tz is None):
            raise pa.ArrowInvalid("other units or zones")
        return _least_infinity(
            array.view(t) if array.type != t else array, pa.int64(), -INFINITE_TICKS, -INFINITE_TICKS - 1
        )
    if array.type == t:
        return array
    textual = pa.types.is_string(array.type) and pa.types.is_decimal(t)
    sized = pa.types.is_binary(array.type) and pa.types.is_fixed_size_binary(t)
    if textual or sized:
        return array.cast(t)
    raise pa.ArrowInvalid("other types")


def _least_infinity(array: pa.Array, plain: pa.DataType, old: int, new: int) -> pa.Array:
    """The two systems differ by one in how they write minus infinity."""
    numbers = array.view(plain)
    least = pc.min(numbers).as_py()
    if least is None or least > max(old, new):
        return array
    return pc.if_else(pc.equal(numbers, old), pa.scalar(new, plain), numbers).view(array.type)


def _relisted(array: pa.Array, values: pa.Array) -> pa.Array:
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=array.is_null() if array.null_count else None)


# -- writing ----------------------------------------------------------------------------------------------------------


def prepared(batches: Iterable[pa.RecordBatch], table: Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    columns = table.written
    for batch in batches:
        arrays = [_stored(a, c, table) for a, c in zip(batch.columns, columns, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def stored_type(t: pa.DataType) -> pa.DataType:
    """The Arrow type in which DuckDB takes our values."""
    if pa.types.is_list(t):
        return pa.list_(stored_type(t.value_type))
    if pa.types.is_decimal256(t):
        return pa.string()
    return pa.binary() if pa.types.is_fixed_size_binary(t) else t


def _stored(array: pa.Array, column: Column, table: Table) -> pa.Array:
    try:
        return stored(array, column.type)
    except pa.ArrowInvalid as error:
        remedy = f"Allow the loss with --allow-loss {table.label}.{column.name}, or map the column to text with --map."
        raise Refused(f"{error}.", where=f"{table.label}.{column.name}", remedy=remedy) from error


def stored(array: pa.Array, t: pa.DataType) -> pa.Array:
    """Raises ArrowInvalid for a value beyond DuckDB's ranges, which DuckDB would take from Arrow without a look."""
    _within(array, types.limits(t))
    if pa.types.is_list(t):
        return _relisted(array, stored(array.flatten(), t.value_type))
    if pa.types.is_date32(t):
        return _least_infinity(array, pa.int32(), -INFINITE_DAYS - 1, -INFINITE_DAYS)
    if pa.types.is_timestamp(t):
        return _least_infinity(array, pa.int64(), -INFINITE_TICKS - 1, -INFINITE_TICKS)
    wanted = stored_type(t)
    return array if wanted == t else array.cast(wanted)


def _within(array: pa.Array, limits: Limits) -> None:
    if limits.low is None or limits.high is None:
        return
    numbers = array.view(pa.int32() if pa.types.is_date32(array.type) else pa.int64())
    infinity = (INFINITE_DAYS if pa.types.is_date32(array.type) else INFINITE_TICKS) if limits.infinity else None
    outside = pc.or_(pc.less(numbers, limits.low), pc.greater(numbers, limits.high))
    if infinity is not None and not pa.types.is_time64(array.type):
        outside = pc.and_not(outside, pc.is_in(numbers, pa.array([infinity, -infinity - 1], numbers.type)))
    if pc.any(outside).as_py():
        raise pa.ArrowInvalid(f"there is a value that DuckDB's {array.type} cannot hold")


def inserted(column: Column) -> str:
    """The expression that makes DuckDB's value of what `prepared` gives."""
    return _inserted(quote(column.name), column.type, column.meaning, column.native)


def _inserted(x: str, t: pa.DataType, meaning: Meaning, native: str) -> str:
    if pa.types.is_list(t):
        element = native[: native.rfind("[")]
        inner = _inserted("e", t.value_type, meaning, element)
        return f"CAST(list_transform({x}, lambda e: {inner}) AS {native})" if inner != "e" else f"CAST({x} AS {native})"
    if meaning is Meaning.UUID and native == "UUID":
        return f"CAST(hex({x}) AS UUID)"
    if meaning is Meaning.INTERVAL and native == "INTERVAL":
        return from_iso_interval(x)
    if meaning is Meaning.JSON and native not in ("JSON", "VARCHAR"):
        return f"CAST(CAST({x} AS JSON) AS {native})"  # a STRUCT, MAP, UNION or VARIANT of DuckDB's own
    return f"CAST({x} AS {native})"


def from_iso_interval(x: str) -> str:
    date, clock = f"split_part({x}, 'T', 1)", f"split_part({x}, 'T', 2)"

    def number(text: str, sign: str) -> str:
        return f"coalesce(CAST(nullif(regexp_extract({text}, '(-?[0-9]+){sign}', 1), '') AS BIGINT), 0)"

    seconds = f"coalesce(CAST(nullif(regexp_extract({clock}, '(-?[0-9.]+)S', 1), '') AS DECIMAL(38, 6)), 0)"
    parts = (
        f"to_months(CAST({number(date, 'Y')} * 12 + {number(date, 'M')} AS INTEGER))",
        f"to_days(CAST({number(date, 'D')} AS INTEGER))",
        f"to_microseconds({number(clock, 'H')} * 3600000000 + {number(clock, 'M')} * 60000000 "
        f"+ CAST({seconds} * 1000000 AS BIGINT))",
    )
    return (
        f"CASE WHEN {x} IS NULL THEN NULL WHEN regexp_full_match({x}, '{ISO_INTERVAL}') THEN {' + '.join(parts)} "
        f"ELSE error('not an ISO 8601 interval: ' || {x}) END"
    )
