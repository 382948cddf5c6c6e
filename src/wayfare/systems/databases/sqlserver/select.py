"""What to select for a column, and how its Arrow array is made of what comes. Pure.

Moments, times and identifiers are turned into numbers and bytes by the server, exactly: no driver hands out the seventh
digit of a second, and each has its own idea of an offset. So whichever driver reads, it meets integers, floats,
decimals, texts and bytes only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import LossRefused
from wayfare.core.ports import Chunk
from wayfare.core.tables import LOSS_ALLOWED, Column, Meaning, Table
from wayfare.systems.databases.sqlserver import dialect
from wayfare.systems.databases.sqlserver.dialect import quote
from wayfare.systems.databases.sqlserver.types import (
    BINARIES,
    LONG_TEXTS,
    MOMENTS,
    NARROW,
    SHAPES,
    UNICODE,
    Spelling,
    spelling,
    travels,
)

_EPOCH = "CAST('1970-01-01' AS datetime2(7))"
_PARTS = {"s": "second", "ms": "millisecond", "us": "microsecond", "ns": "microsecond"}
_FINER = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 10**3}  # nanoseconds in one tick of what is counted
_NS_LOW, _NS_HIGH = -((2**63) // 1000) + 1, 2**63 // 1000 - 1  # microseconds that are nanoseconds in 64 bits
# SQL Server keeps the first three groups of a UUID little-endian.
_UUID_ORDER = np.array([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15])

Make = Callable[[Sequence[pa.Array]], tuple[pa.Array, int]]


@dataclass(frozen=True, slots=True)
class Part:
    """One column: the expressions to select, the types they come in, and the array made of them.

    `make` gives the array and how many values were lost. Raises LossRefused for a value that cannot be expressed,
    where that loss is not allowed.
    """

    expressions: tuple[str, ...]
    wires: tuple[pa.DataType, ...]
    make: Make


def parts(table: Table) -> list[Part]:
    allowed = frozenset(dict(table.hints).get(LOSS_ALLOWED, "").split(","))
    return [part(c, f"{table.label}.{c.name}", forgiving=c.name in allowed) for c in table.written]


def statement(table: Table, chunk: Chunk, made: Sequence[Part]) -> str:
    """Names are left to the drivers' own: two columns may come of one."""
    expressions = [f"{e} AS c{n}" for n, e in enumerate(e for p in made for e in p.expressions)]
    return f"SELECT {', '.join(expressions) or '1 AS c0'} FROM {dialect.named(table)}{dialect.where(table, chunk)}"


def part(column: Column, where: str = "", *, forgiving: bool = False) -> Part:
    name, kind, spelt = quote(column.name), column.type, spelling(column.native)
    if pa.types.is_string(kind):
        return _plain(_text(name, spelt), kind)
    if pa.types.is_timestamp(kind):
        return _moment(name, kind, spelt, where, forgiving)
    if pa.types.is_time64(kind):
        return _time(name, kind, spelt, where, forgiving)
    if pa.types.is_date32(kind):
        days = f"DATEDIFF(day, CAST('1970-01-01' AS date), CAST({name} AS date))"
        return Part((days,), (pa.int32(),), lambda found: (found[0].cast(pa.int32()).cast(kind), 0))
    if pa.types.is_fixed_size_binary(kind):
        return _identifier(name, kind, column.meaning, spelt)
    if pa.types.is_binary(kind):
        return _plain(_bytes(name, spelt), kind)
    return _number(name, kind, spelt)


def _plain(expression: str, kind: pa.DataType) -> Part:
    return Part((expression,), (kind,), lambda found: (_as(found[0], kind), 0))


def _as(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return array if array.type == kind else array.cast(kind)


def _number(name: str, kind: pa.DataType, spelt: Spelling) -> Part:
    own = travels(spelt.base).type if spelt.base not in ("decimal", "numeric") else None
    if spelt.base in ("money", "smallmoney"):
        own = kind if pa.types.is_decimal(kind) else pa.decimal128(19, 4)
        return _plain(f"CAST({name} AS decimal({own.precision},{own.scale}))", kind)
    if pa.types.is_decimal(kind) and kind.precision <= 38:
        same = spelt.size == kind.precision and (spelt.scale or 0) == kind.scale
        return _plain(name if same else f"CAST({name} AS decimal({kind.precision},{kind.scale}))", kind)
    if pa.types.is_integer(kind) and own != kind:
        return _plain(f"CAST({name} AS bigint)", kind)
    return _plain(name, kind)


def _text(name: str, spelt: Spelling) -> str:
    """Text as Unicode, whatever its code page; anything else as SQL Server prints it without losing a digit."""
    base = spelt.base
    if base in UNICODE:
        return name
    if base in NARROW:
        return f"CONVERT(nvarchar({spelt.size if spelt.size and spelt.size <= 4000 else 'max'}), {name})"
    if base in LONG_TEXTS or base in ("xml", "json"):
        return f"CONVERT(nvarchar(max), {name})"
    if base == "hierarchyid" or base in SHAPES:
        return f"{name}.ToString()"
    if base in BINARIES:
        return f"CONVERT(nvarchar(max), CONVERT(varbinary(max), {name}), 2)"
    if base == "uniqueidentifier":
        return f"LOWER(CONVERT(nvarchar(36), {name}))"
    if base == "bit":
        return f"CASE {name} WHEN 1 THEN N'true' WHEN 0 THEN N'false' END"
    styles = {"float": 3, "real": 3, "money": 2, "smallmoney": 2, "date": 23}
    style = 121 if base in MOMENTS or base == "time" else styles.get(base)
    return f"CONVERT(nvarchar(4000), {name}{f', {style}' if style is not None else ''})"


def _bytes(name: str, spelt: Spelling) -> str:
    if spelt.base in SHAPES:
        return f"{name}.AsBinaryZM()"
    if spelt.base in ("binary", "varbinary"):
        return name
    return f"CONVERT(varbinary(max), {name})"


def _identifier(name: str, kind: pa.DataType, meaning: Meaning, spelt: Spelling) -> Part:
    width = kind.byte_width
    if spelt.base != "uniqueidentifier":
        return Part((f"CAST({name} AS binary({width}))",), (pa.binary(),), lambda f: (f[0].cast(pa.binary(width)), 0))
    return Part((f"CONVERT(binary(16), {name})",), (pa.binary(),), lambda found: (_uuids(found[0]), 0))


def _uuids(array: pa.Array) -> pa.Array:
    """The sixteen bytes in the order in which a UUID is written."""
    fixed = array.cast(pa.binary(16))
    nulls = np.asarray(fixed.is_null())
    filled = fixed.fill_null(bytes(16)) if fixed.null_count else fixed
    raw = np.frombuffer(filled.buffers()[1], np.uint8, len(filled) * 16, filled.offset * 16).reshape(-1, 16)
    ordered = np.ascontiguousarray(raw[:, _UUID_ORDER])
    mask = pa.array(~nulls).buffers()[1] if fixed.null_count else None
    return pa.Array.from_buffers(pa.binary(16), len(fixed), [mask, pa.py_buffer(ordered.tobytes())])


def _moment(name: str, kind: pa.DataType, spelt: Spelling, where: str, forgiving: bool) -> Part:
    inner = {
        "datetime": f"CAST({name} AS datetime2(3))",
        "smalldatetime": f"CAST({name} AS datetime2(0))",
        "datetimeoffset": f"CAST(SWITCHOFFSET({name}, '+00:00') AS datetime2(7))",
        "date": f"CAST({name} AS datetime2(0))",
    }.get(spelt.base, name)
    count = f"DATEDIFF_BIG({_PARTS[kind.unit]}, {_EPOCH}, {inner})"
    if 10 ** (9 - spelt.digits) >= _FINER[kind.unit] and kind.unit != "ns":
        return Part((count,), (pa.int64(),), lambda found: (_as(found[0], pa.int64()).cast(kind), 0))
    rest = f"DATEPART(nanosecond, {inner}) % {_FINER[kind.unit]}"
    return Part((count, rest), (pa.int64(), pa.int32()), lambda found: _joined(found, kind, where, forgiving))


def _time(name: str, kind: pa.DataType, spelt: Spelling, where: str, forgiving: bool) -> Part:
    part = "nanosecond" if kind.unit == "ns" else "microsecond"
    inner = name if spelt.base == "time" else f"CAST({name} AS time(7))"
    count = f"DATEDIFF_BIG({part}, CAST('00:00:00' AS time(7)), {inner})"
    if kind.unit == "ns" or spelt.digits <= 6:
        return Part((count,), (pa.int64(),), lambda found: (_as(found[0], pa.int64()).cast(kind), 0))
    rest = f"DATEPART(nanosecond, {inner}) % 1000"
    return Part((count, rest), (pa.int64(), pa.int32()), lambda found: _joined(found, kind, where, forgiving))


def _joined(found: Sequence[pa.Array], kind: pa.DataType, where: str, forgiving: bool) -> tuple[pa.Array, int]:
    """Whole ticks and the nanoseconds beyond them, as one array."""
    ticks, rest = _as(found[0], pa.int64()), _as(found[1], pa.int64())
    if kind.unit == "ns":
        lost = pc.or_(pc.less(ticks, _NS_LOW), pc.greater(ticks, _NS_HIGH))
        problem = "it holds a moment outside of 1677 to 2262, beyond what nanoseconds reach."
    else:
        lost = pc.not_equal(rest, 0)
        problem = f"it holds a moment finer than {_PARTS[kind.unit]}s."
    lost = lost.fill_null(False)
    count = int(pc.sum(lost).as_py() or 0)
    if count and not forgiving:
        remedy = f"Allow the loss with --allow-loss {where}: it becomes NULL. Or read the column as text, with --map."
        raise LossRefused(problem, where=where, remedy=remedy)
    if count:
        ticks = pc.if_else(lost, pa.scalar(None, pa.int64()), ticks)
    if kind.unit == "ns":
        ticks = pc.add(pc.multiply(ticks, 1000), rest)
    return ticks.cast(kind), count
