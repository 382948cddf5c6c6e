"""RecordBatches → what MySQL reads: the lines of LOAD DATA, or the rows of an INSERT where a server forbids those.

Lines are tab-separated, backslash-escaped, NULL is backslash N: LOAD DATA's own default. Bytes go as hexadecimal digits
and bit strings as digits; `dialect.load` names the functions that turn them back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import LossRefused, Refused
from wayfare.core.tables import Column
from wayfare.systems.databases.mysql.native import Halt, Progress, Source, library
from wayfare.systems.databases.mysql.types import spelling

PIECE_BYTES = 1 << 20
_INSERT_ROWS = 2_000
_DATE_LOW, _DATE_HIGH = -719_528, 2_932_896  # 0000-01-01, 9999-12-31
_DAY_MICROS = 86_400_000_000
_ESCAPES = (("\\", "\\\\"), ("\b", "\\b"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0"))
_NULL_LINE, _NULL_SQL = "\\N", "NULL"
_REMEDY = "Allow their loss with --allow-loss."


class Text(IntEnum):
    """`enum text` of _native.c."""

    BOOL = 0
    SIGNED = 1
    UNSIGNED = 2
    DECIMAL = 3
    DATE = 4
    MOMENT = 5
    TIME = 6
    TEXT = 7
    HEX = 8
    UUID = 9


def text_of(column: Column) -> Text:
    kind = column.type
    if pa.types.is_fixed_size_binary(kind):
        return Text.HEX if spelling(column.native).base in ("binary", "varbinary") else Text.UUID
    tests = (
        (pa.types.is_boolean, Text.BOOL),
        (pa.types.is_signed_integer, Text.SIGNED),
        (pa.types.is_unsigned_integer, Text.UNSIGNED),
        (pa.types.is_decimal128, Text.DECIMAL),
        (pa.types.is_date32, Text.DATE),
        (pa.types.is_timestamp, Text.MOMENT),
        (pa.types.is_time64, Text.TIME),
        (pa.types.is_binary, Text.HEX),
    )
    return next((text for test, text in tests if test(kind)), Text.TEXT)


def prepared(array: pa.Array, column: Column, where: str) -> pa.Array:
    """The few types with more than one unit or width, in the one form that is written."""
    kind = array.type
    try:
        if pa.types.is_timestamp(kind):
            return array.cast(pa.timestamp("us", kind.tz))
        if pa.types.is_time(kind):
            return array.cast(pa.time64("us"))
        if pa.types.is_floating(kind):
            return _floats(array, where)
        if pa.types.is_decimal256(kind):
            return plain_decimals(array)
        if pa.types.is_fixed_size_binary(kind) and text_of(column) is Text.HEX:
            return array.cast(pa.binary())
    except pa.ArrowInvalid as error:
        raise Refused(f"a value cannot be written: {str(error).splitlines()[0]}", where=where) from error
    return array


def _floats(array: pa.Array, where: str) -> pa.Array:
    """Through 64 bits, whose digits are exact for 32 bits too."""
    if pc.any(pc.invert(pc.is_finite(array))).as_py():
        raise LossRefused("MySQL has no NaN and no infinity.", where=where, remedy=_REMEDY)
    return array.cast(pa.float64()).cast(pa.string())


def plain_decimals(array: pa.Array) -> pa.Array:
    """Wide decimals as digits; Arrow itself would write small ones as 1E-20."""
    scale = array.type.scale
    texts = [None if v is None else format(v, f".{max(scale, 0)}f") for v in array.to_pylist()]
    return pa.array(texts, pa.string())


def lines(batch: pa.RecordBatch, columns: Sequence[Column], table: str) -> Iterator[memoryview]:
    """The batch as lines, in pieces of about PIECE_BYTES. Raises LossRefused for values without a text in MySQL."""
    if (found := library()) and batch.num_columns:
        yield from _native(found, batch, columns, table)
    elif batch.num_rows:
        whole = rows(batch, columns, table)
        for start, count in _pieces(whole):
            yield content(whole.slice(start, count))


def _native(found: ctypes.CDLL, batch: pa.RecordBatch, columns: Sequence[Column], table: str) -> Iterator[memoryview]:
    wheres = [f"{table}.{c.name}" for c in columns]
    arrays = [prepared(a, c, w) for a, c, w in zip(batch.columns, columns, wheres, strict=True)]
    texts = [text_of(c) for c in columns]
    sources = (Source * len(arrays))(*(_source(a, t) for a, t in zip(arrays, texts, strict=True)))
    out, to = np.empty(PIECE_BYTES, np.uint8), Progress()
    while True:
        status = found.wf_my_encode(sources, len(arrays), len(arrays[0]), out.ctypes.data, len(out), to)
        if to.bytes:
            yield out.data[: to.bytes]
        if status == Halt.MORE:
            return
        if status == Halt.NO_DATE:
            raise _outside(wheres[to.column])
        if not to.bytes:  # not even one row fits
            out = np.empty(len(out) * 4, np.uint8)


def _outside(where: str) -> LossRefused:
    return LossRefused("MySQL's dates end with the year 9999.", where=where, remedy=_REMEDY)


def _source(array: pa.Array, text: Text) -> Source:
    buffers, kind = array.buffers(), array.type
    valid = buffers[0].address if buffers[0] is not None and array.null_count else None
    if text in (Text.TEXT, Text.HEX):
        content = buffers[2].address if buffers[2] is not None else None
        return Source(text, 0, valid, content, buffers[1].address, array.offset)
    scale = kind.scale if text is Text.DECIMAL else 0 if text is Text.BOOL else kind.bit_width // 8
    return Source(text, scale, valid, buffers[1].address, None, array.offset)


# ---- the same without the native part


def rows(batch: pa.RecordBatch, columns: Sequence[Column], table: str) -> pa.Array:
    """The batch as an array of lines, each with its newline."""
    texts = []
    for array, column in zip(batch.columns, columns, strict=True):
        where = f"{table}.{column.name}"
        texts.append(_line_text(prepared(array, column, where), text_of(column), where))
    return _joined(texts)


def content(texts: pa.Array) -> memoryview:
    """The bytes of an array or slice of texts, which follow each other without a gap."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(texts.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]


def _joined(texts: Sequence[pa.Array]) -> pa.Array:
    row = pc.binary_join_element_wise(*texts, "\t") if len(texts) > 1 else texts[0]
    return pc.binary_join_element_wise(row, "", "\n")


def _pieces(rows: pa.Array) -> Iterator[tuple[int, int]]:
    step = max(1, len(rows) * PIECE_BYTES // max(rows.nbytes, 1))
    for start in range(0, len(rows), step):
        yield start, min(step, len(rows) - start)


def _line_text(array: pa.Array, text: Text, where: str) -> pa.Array:
    plain = _plain_text(array, text, where)
    if text is Text.TEXT and len(plain):
        present = np.zeros(256, np.bool_)
        present[np.frombuffer(content(plain), np.uint8)] = True
        for character, escape in _ESCAPES:
            if present[ord(character)]:
                plain = pc.replace_substring(plain, character, escape)
    return pc.fill_null(plain, _NULL_LINE) if plain.null_count else plain


def _plain_text(array: pa.Array, text: Text, where: str) -> pa.Array:
    """Each value as its text, not yet escaped."""
    if text is Text.BOOL:
        return array.cast(pa.uint8()).cast(pa.string())
    if text in (Text.SIGNED, Text.UNSIGNED):
        return array.cast(pa.string())
    if text is Text.DECIMAL:
        return _decimals(array)
    if text is Text.DATE:
        _check_years(array.cast(pa.int32()), _DATE_LOW, _DATE_HIGH, where)
        return array.cast(pa.string())
    if text is Text.MOMENT:
        ticks = array.cast(pa.int64())
        _check_years(ticks, _DATE_LOW * _DAY_MICROS, (_DATE_HIGH + 1) * _DAY_MICROS - 1, where)
        return _without_zeros(array.cast(pa.timestamp("us")).cast(pa.string()))
    if text is Text.TIME:
        return _times(array)
    if text in (Text.HEX, Text.UUID):
        return pa.array([_hex(v, text) for v in array.to_pylist()], pa.string())
    return array


def _decimals(array: pa.Array) -> pa.Array:
    """Arrow writes small values of a large scale with an exponent; those columns go value by value."""
    return array.cast(pa.string()) if array.type.scale <= 6 else plain_decimals(array)


def _check_years(ticks: pa.Array, low: int, high: int, where: str) -> None:
    if pc.any(pc.or_(pc.less(ticks, low), pc.greater(ticks, high))).as_py():
        raise _outside(where)


def _times(array: pa.Array) -> pa.Array:
    ticks = array.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(ticks, 0), pc.less(ticks, _DAY_MICROS))
    if pc.all(inside, min_count=0).as_py():
        return _without_zeros(array.cast(pa.string()))
    return pa.array([None if v is None else _time(v) for v in ticks.to_pylist()], pa.string())


def _without_zeros(texts: pa.Array) -> pa.Array:
    """The native part leaves out the zeros that end a fraction; both write the same bytes."""
    return pc.replace_substring_regex(texts, r"\.0{6}$|0{1,5}$", "")


def _time(ticks: int) -> str:
    seconds, micros = divmod(abs(ticks), 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}" + (
        f".{micros:06d}".rstrip("0") if micros else ""
    )
    return "-" + text if ticks < 0 else text


def _hex(value: bytes | None, text: Text) -> str | None:
    if value is None:
        return None
    digits = value.hex()
    if text is Text.HEX:
        return digits
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


# ---- INSERT


def values(batch: pa.RecordBatch, columns: Sequence[Column], table: str, bytes_max: int) -> Iterator[str]:
    """The batch as lists of rows for INSERT: `(1,'a'),(2,NULL)`, each below `bytes_max` where rows allow it."""
    texts = []
    for array, column in zip(batch.columns, columns, strict=True):
        where, text = f"{table}.{column.name}", text_of(column)
        texts.append(_sql_text(prepared(array, column, where), text, column, where))
    rows = pc.binary_join_element_wise("(", pc.binary_join_element_wise(*texts, ","), ")", "")
    sizes, start, size = pc.binary_length(rows).to_pylist(), 0, 0
    for index, length in enumerate(sizes):
        if index > start and (size + length + 1 > bytes_max or index - start >= _INSERT_ROWS):
            yield ",".join(rows.slice(start, index - start).to_pylist())
            start, size = index, 0
        size += length + 1
    if start < len(sizes):
        yield ",".join(rows.slice(start).to_pylist())


def _sql_text(array: pa.Array, text: Text, column: Column, where: str) -> pa.Array:
    plain = _plain_text(array, text, where)
    if text in (Text.BOOL, Text.SIGNED, Text.UNSIGNED, Text.DECIMAL) or pa.types.is_floating(column.type):
        return pc.fill_null(plain, _NULL_SQL)
    if text is Text.HEX:
        return pc.fill_null(pc.binary_join_element_wise("x'", plain, "'", ""), _NULL_SQL)
    for character, escape in (("\\", "\\\\"), ("'", "''"), ("\0", "\\0")):
        plain = pc.replace_substring(plain, character, escape)
    before = "b'" if spelling(column.native).base == "bit" else "'"
    return pc.fill_null(pc.binary_join_element_wise(before, plain, "'", ""), _NULL_SQL)
