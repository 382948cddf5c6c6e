"""The native part and its fallback give the same: batches from packets, and lines from batches."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wayfare.core.errors import LossRefused, Refused
from wayfare.core.losses import losses, with_losses
from wayfare.core.tables import Column
from wayfare.kernel.buffers import Layout, Slot
from wayfare.systems.databases.mysql import encode, fallback
from wayfare.systems.databases.mysql.landing import land
from wayfare.systems.databases.mysql.native import Halt, Progress, library
from wayfare.systems.databases.mysql.slots import Field, slot
from wayfare.systems.databases.mysql.wire import Packets

needs_native = pytest.mark.skipif(library() is None, reason="the native part is not built here")

# ---- packets, written as the protocol's documentation says


def lenenc(data: bytes) -> bytes:
    size = len(data)
    if size < 0xFB:
        return bytes([size]) + data
    return (b"\xfc" + struct.pack("<H", size) if size < 1 << 16 else b"\xfd" + size.to_bytes(3, "little")) + data


def moment(value: tuple[int, ...]) -> bytes:
    year, month, day, hour, minute, second, micros = value
    full = struct.pack("<HBBBBBI", year, month, day, hour, minute, second, micros)
    size = 11 if micros else 7 if hour or minute or second else 4
    return bytes([size]) + full[:size]


def time(value: tuple[int, ...]) -> bytes:
    negative, days, hour, minute, second, micros = value
    full = struct.pack("<BIBBBI", negative, days, hour, minute, second, micros)
    size = 12 if micros else 8 if any(value[1:]) else 0
    return bytes([size]) + full[:size]


def packet(values: Sequence[bytes | None]) -> bytes:
    nulls = bytearray((len(values) + 9) // 8)
    for index, value in enumerate(values):
        if value is None:
            nulls[(index + 2) >> 3] |= 1 << ((index + 2) & 7)
    return b"\0" + bytes(nulls) + b"".join(v for v in values if v is not None)


_HOUR = (st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.sampled_from([0, 1, 999_999]))
_DAY = (st.integers(0, 9999), st.integers(1, 12), st.integers(1, 28))
VALUES: tuple[tuple[Field, pa.DataType, st.SearchStrategy[bytes]], ...] = (
    (Field("tiny", 1), pa.int8(), st.binary(min_size=1, max_size=1)),
    (Field("short", 2, unsigned=True), pa.uint16(), st.binary(min_size=2, max_size=2)),
    (Field("year", 13), pa.int16(), st.integers(1901, 2155).map(lambda y: struct.pack("<H", y))),
    (Field("long", 3), pa.int32(), st.binary(min_size=4, max_size=4)),
    (Field("longlong", 8), pa.int64(), st.binary(min_size=8, max_size=8)),
    (Field("wider", 3), pa.int64(), st.binary(min_size=4, max_size=4)),
    (Field("flag", 1), pa.bool_(), st.sampled_from([b"\0", b"\1"])),
    (Field("float", 4), pa.float32(), st.floats(width=32, allow_nan=False).map(lambda v: struct.pack("<f", v))),
    (Field("double", 5), pa.float64(), st.floats(allow_nan=False).map(lambda v: struct.pack("<d", v))),
    (
        Field("decimal", 246, length=17, scale=2),
        pa.decimal128(15, 2),
        st.decimals(-9999, 9999, places=2).map(lambda v: lenenc(f"{v:.2f}".encode())),
    ),
    (
        Field("long decimal", 246, length=40, scale=10),
        pa.decimal128(38, 10),
        st.integers(-(10**38) + 1, 10**38 - 1).map(lambda v: lenenc(f"{Decimal(f'{v}E-10'):f}".encode())),
    ),
    (
        Field("wide", 246, length=67, scale=30),
        pa.decimal256(65, 30),
        st.integers(-(10**20), 10**20).map(lambda v: lenenc(f"{v}.{'0' * 29}1".encode())),
    ),
    (Field("date", 10), pa.date32(), st.tuples(*_DAY).map(lambda v: moment((*v, 0, 0, 0, 0)))),
    (Field("datetime", 12), pa.timestamp("us"), st.tuples(*_DAY, *_HOUR).map(moment)),
    (Field("timestamp", 7), pa.timestamp("us", "UTC"), st.tuples(*_DAY, *_HOUR).map(moment)),
    (Field("time", 11), pa.time64("us"), st.tuples(st.integers(0, 1), st.integers(0, 34), *_HOUR).map(time)),
    (Field("text", 253, charset=45), pa.string(), st.text(max_size=300).map(lambda v: lenenc(v.encode()))),
    (Field("blob", 252), pa.binary(), st.binary(max_size=300).map(lenenc)),
    (Field("uuid", 253), pa.binary(16), st.binary(min_size=16, max_size=16).map(lenenc)),
)
SLOTS = [slot(Column(field.name, kind), field, "t") for field, kind, _ in VALUES]
ROWS = st.lists(st.tuples(*(st.none() | values for _, _, values in VALUES)), min_size=1, max_size=5)


def natively(payloads: Sequence[bytes], slots: Sequence[Slot]) -> tuple[int, pa.RecordBatch]:
    """The status of the first row that is not taken, and those before it."""
    found = library()
    assert found
    lost = np.zeros(len(slots), np.int64)
    columns, to = Layout(slots).columns(), Progress(lost=lost.ctypes.data)
    for payload in payloads:
        while status := found.wf_my_row(payload, len(payload), columns.pointer, len(slots), to):
            if status != Halt.ROOM:
                return status, told(columns.batch(to.row), slots, lost.tolist())
            columns.grow(to.column, to.needed)
    return Halt.MORE, told(columns.batch(len(payloads)), slots, lost.tolist())


def in_numpy(payloads: Sequence[bytes], slots: Sequence[Slot]) -> pa.RecordBatch | None:
    arrays, lost = fallback.decode([Packets.of(p) for p in payloads], slots)
    if any(a is None for a in arrays):
        return None
    done = [s.finish(a) if s.finish else a for s, a in zip(slots, arrays, strict=True)]
    return told(pa.RecordBatch.from_arrays(done, names=[s.name for s in slots]), slots, lost)


def told(batch: pa.RecordBatch, slots: Sequence[Slot], lost: Sequence[int]) -> pa.RecordBatch:
    return with_losses(batch, {s.name: count for s, count in zip(slots, lost, strict=True) if count})


@needs_native
@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_packets_become_the_same_batches(rows: list[tuple[bytes | None, ...]]) -> None:
    payloads = [packet(row) for row in rows]
    status, batch = natively(payloads, SLOTS)
    assert status == Halt.MORE
    batch.validate()  # not fully: MySQL's times may lie outside of the day
    other = in_numpy(payloads, SLOTS)
    assert other is not None
    other.validate()
    assert batch.equals(other)


@needs_native
@settings(deadline=None, max_examples=60)
@given(ROWS, st.data())
def test_a_broken_packet_is_refused_and_nothing_else(rows: list[tuple[bytes | None, ...]], data: st.DataObject) -> None:
    payload = packet(rows[0])
    cut = data.draw(st.integers(1, len(payload) - 1)) if len(payload) > 1 else 1
    status, batch = natively([payload[:cut]], SLOTS)
    assert status in (Halt.MALFORMED, Halt.NO_DATE, Halt.MORE)
    assert batch.num_rows == (status == Halt.MORE)


@needs_native
@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_noise_never_reads_outside_of_the_packet(noise: bytes) -> None:
    status, _ = natively([b"\0" + noise], SLOTS)
    assert status in tuple(Halt)


ZERO = (0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "value", [ZERO, (2024, 0, 15, 0, 0, 0, 0), (2023, 2, 29, 1, 2, 3, 4), (2024, 13, 1, 0, 0, 0, 0)]
)
@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_what_is_no_date_is_refused_or_becomes_null(value: tuple[int, ...], kind: pa.DataType) -> None:
    field = Field("d", 10 if kind == pa.date32() else 12)
    payloads = [packet([moment((2024, 2, 29, 0, 0, 0, 0))]), packet([moment(value)])]
    strict, lenient = (slot(Column("d", kind), field, "t", allowed) for allowed in (False, True))
    assert in_numpy(payloads, [strict]) is None
    found = in_numpy(payloads, [lenient])
    assert found is not None
    assert found.column(0).is_null().to_pylist() == [False, True]
    assert losses(found) == {"d": 1}
    if library():
        assert natively(payloads, [strict])[0] == Halt.NO_DATE
        assert natively(payloads, [lenient])[1].equals(found, check_metadata=True)


@needs_native
def test_a_row_that_is_begun_anew_counts_its_loss_once() -> None:
    """The long text does not fit at first: the row is decoded again, with its date, its NULL and its zero date."""
    fields = [Field(name, 10) for name in "abc"] + [Field("text", 253, charset=45)]
    slots = [slot(Column(f.name, pa.date32() if f.code == 10 else pa.string()), f, "t", True) for f in fields]
    row = packet([moment((2024, 2, 29, 0, 0, 0, 0)), None, moment(ZERO), lenenc(b"x" * 200_000)])
    status, batch = natively([row, row], slots)
    assert status == Halt.MORE
    assert [batch.column(n).null_count for n in range(4)] == [0, 2, 2, 0]
    assert losses(batch) == {"c": 2}


def test_a_boolean_is_0_or_1() -> None:
    slots = [slot(Column("b", pa.bool_()), Field("b", 1), "t")]
    with pytest.raises(Refused, match=r"t\.b"):
        in_numpy([packet([b"\2"])], slots)


# ---- batches → lines

LINES: tuple[tuple[Column, st.SearchStrategy[Any]], ...] = (
    (Column("bool", pa.bool_()), st.booleans()),
    (Column("int8", pa.int8()), st.integers(-128, 127)),
    (Column("uint64", pa.uint64()), st.integers(0, 2**64 - 1)),
    (Column("int64", pa.int64()), st.integers(-(2**63), 2**63 - 1)),
    (Column("float32", pa.float32()), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    (Column("float64", pa.float64()), st.floats(allow_nan=False, allow_infinity=False)),
    (Column("decimal", pa.decimal128(15, 2)), st.decimals("-99999", "99999", places=2)),
    (
        Column("small", pa.decimal128(38, 20)),
        st.integers(-(10**38) + 1, 10**38 - 1).map(lambda v: Decimal(f"{v}E-20")),
    ),
    (Column("wide", pa.decimal256(60, 20)), st.integers(-(10**30), 10**30).map(lambda v: Decimal(f"{v}E-20"))),
    (Column("date", pa.date32()), st.dates()),
    (Column("moment", pa.timestamp("us")), st.datetimes()),
    (Column("second", pa.timestamp("s")), st.datetimes().map(lambda d: d.replace(microsecond=0))),
    (Column("time", pa.time64("us")), st.times()),
    (Column("text", pa.string()), st.text(max_size=100)),
    (Column("bytes", pa.binary()), st.binary(max_size=100)),
    (Column("uuid", pa.binary(16)), st.binary(min_size=16, max_size=16)),
)
_COLUMNS = [replace(column, native=land(column).column.native) for column, _ in LINES]
_SCHEMA = pa.schema([(c.name, c.type) for c in _COLUMNS])
LINE_ROWS = st.lists(st.tuples(*(st.none() | values for _, values in LINES)), min_size=1, max_size=5)


@needs_native
@settings(deadline=None, max_examples=60)
@given(LINE_ROWS, st.integers(0, 3))
def test_batches_become_the_same_lines(rows: list[tuple[Any, ...]], skipped: int) -> None:
    columns = [pa.array(list(values), f.type) for values, f in zip(zip(*rows, strict=True), _SCHEMA, strict=True)]
    batch = pa.RecordBatch.from_arrays(columns, schema=_SCHEMA).slice(skipped)
    natively_made = b"".join(bytes(p) for p in encode.lines(batch, _COLUMNS, "t"))
    plainly_made = bytes(encode.content(encode.rows(batch, _COLUMNS, "t")))
    assert natively_made == plainly_made
    assert natively_made.count(b"\n") == batch.num_rows


@pytest.mark.parametrize("days", [-719_529, 2_932_897])
def test_years_that_mysql_does_not_know(days: int) -> None:
    column = Column("d", pa.date32(), native="date")
    batch = pa.RecordBatch.from_arrays([pa.array([days], pa.int32()).cast(pa.date32())], names=["d"])
    with pytest.raises(LossRefused, match=r"t\.d"):
        list(encode.lines(batch, [column], "t"))


def test_times_beyond_a_day_and_before_zero() -> None:
    column = Column("t", pa.time64("us"), native="time(6)")
    ticks = pa.array([-3_020_399_000_000, 3_020_399_000_001, 0], pa.int64())
    batch = pa.RecordBatch.from_arrays([ticks.view(pa.time64("us"))], names=["t"])
    assert b"".join(encode.lines(batch, [column], "t")) == b"-838:59:59\n838:59:59.000001\n00:00:00\n"
    assert encode._times(batch.column(0)).to_pylist() == ["-838:59:59", "838:59:59.000001", "00:00:00"]


def test_structures_have_the_size_that_c_gives_them() -> None:
    assert ctypes.sizeof(Progress) == 6 * 8 + 16 + 8
