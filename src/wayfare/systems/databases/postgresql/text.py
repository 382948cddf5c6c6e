"""Arrow batches → COPY's CSV, for types without a binary form of ours, and for machines without the native part.

pyarrow quotes every text and leaves NULL bare, which is just how COPY tells the two apart. What it would spell in a way
PostgreSQL does not read (bytes, lists, infinities, years beyond 9999) is spelt here.
"""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from wayfare.core.tables import INFINITE_DAYS, INFINITE_TICKS, Column, Table

_OPTIONS = pacsv.WriteOptions(include_header=False, quoting_style="needed")
_DAY_TICKS = 86_400_000_000
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01, 9999-12-31
_EPOCH = dt.date(1970, 1, 1)


def csv(batch: pa.RecordBatch, table: Table) -> pa.Buffer:
    arrays = [spelt(array, column) for array, column in zip(batch.columns, table.written, strict=True)]
    out = pa.BufferOutputStream()
    named = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
    pacsv.write_csv(named, out, _OPTIONS)
    return out.getvalue()


def spelt(array: pa.Array, column: Column) -> pa.Array:
    """An array that pyarrow writes as PostgreSQL reads it."""
    kind = array.type
    if pa.types.is_date(kind) and _beyond(array.cast(pa.int32()), _FIRST_DAY, _LAST_DAY):
        return _each(array.cast(pa.int32()), day)
    if pa.types.is_timestamp(kind) and _beyond(array.cast(pa.int64()), _FIRST_DAY * _DAY_TICKS, _LAST_DAY * _DAY_TICKS):
        zone = "+00" if kind.tz else ""
        return _each(array.cast(pa.int64()), lambda v: moment(v, zone))
    if pa.types.is_time(kind) and _beyond(array.cast(pa.int64()), 0, _DAY_TICKS - 1):
        return _each(array.cast(pa.int64()), clock)
    if pa.types.is_binary(kind):
        return _each(array, lambda v: "\\x" + v.hex())
    if pa.types.is_fixed_size_binary(kind):
        return _each(array, bytes.hex)
    if pa.types.is_decimal(kind):
        return _each(array, lambda v: f"{v:f}") if pa.types.is_decimal256(kind) else array
    if pa.types.is_list(kind):
        return pa.array([None if v is None else _list_text(v) for v in _element_texts(array, column)], pa.string())
    return array


def _each(array: pa.Array, spell: Any) -> pa.Array:
    return pa.array([None if v is None else spell(v) for v in array.to_pylist()], pa.string())


def _beyond(numbers: pa.Array, low: int, high: int) -> bool:
    found = pc.min_max(numbers)
    least, most = found["min"].as_py(), found["max"].as_py()
    return least is not None and (least < low or most > high)


def day(days: int) -> str:
    """`2024-02-29`, `0044-03-15 BC`, `infinity`."""
    if days in (INFINITE_DAYS, -INFINITE_DAYS - 1):
        return "infinity" if days > 0 else "-infinity"
    date, era = _date(days)
    return date + era


def moment(ticks: int, zone: str) -> str:
    if ticks in (INFINITE_TICKS, -INFINITE_TICKS - 1):
        return "infinity" if ticks > 0 else "-infinity"
    days, rest = divmod(ticks, _DAY_TICKS)
    date, era = _date(days)
    return f"{date} {clock(rest)}{zone}{era}"


def clock(ticks: int) -> str:
    seconds, fraction = divmod(ticks, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"


def _date(days: int) -> tuple[str, str]:
    """The proleptic Gregorian date, by moving into a 400-year cycle that Python's dates know."""
    cycles, rest = divmod(days - _FIRST_DAY, 146_097)
    date = _EPOCH + dt.timedelta(days=rest + _FIRST_DAY)
    year = date.year + 400 * cycles
    era = ""
    if year < 1:
        year, era = 1 - year, " BC"
    return f"{year:04d}-{date.month:02d}-{date.day:02d}", era


def _element_texts(array: pa.Array, column: Column) -> list[list[str | None] | None]:
    """Each list's elements, as texts."""
    flat = spelt(array.flatten(), column)
    if not pa.types.is_string(flat.type):
        flat = _plain_texts(flat, column)
    values = iter(flat.to_pylist())
    lengths = pc.list_value_length(array).to_pylist()
    return [None if n is None else [next(values) for _ in range(n)] for n in lengths]


def _plain_texts(flat: pa.Array, column: Column) -> pa.Array:
    """What write_csv would have written."""
    out = io.BytesIO()
    rows = pa.RecordBatch.from_arrays([pa.array(range(len(flat))), flat], names=["n", "v"])
    pacsv.write_csv(rows, out, _OPTIONS)
    lines = out.getvalue().decode().splitlines()
    return pa.array([line.partition(",")[2].strip('"') or None for line in lines], pa.string())


def _list_text(values: list[str | None]) -> str:
    return "{" + ",".join("NULL" if v is None else _element_text(v) for v in values) + "}"


def _element_text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
