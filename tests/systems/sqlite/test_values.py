"""One value in, one value out: what each type accepts, by the plain path and by the native one."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from systems.sqlite.conftest import Make, database
from wayfare.core.errors import Refused
from wayfare.core.ports import WHOLE, Chunk
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.sqlite import native, read, values

KINDS = {
    "int": Column("v", pa.int64()),
    "double": Column("v", pa.float64()),
    "bool": Column("v", pa.bool_()),
    "text": Column("v", pa.string()),
    "number": Column("v", pa.string(), meaning=Meaning.NUMBER),
    "bytes": Column("v", pa.binary()),
    "uuid": Column("v", pa.binary(16), meaning=Meaning.UUID),
    "date": Column("v", pa.date32()),
    "moment": Column("v", pa.timestamp("us")),
    "moment_s": Column("v", pa.timestamp("s")),
    "moment_ns": Column("v", pa.timestamp("ns")),
    "zoned": Column("v", pa.timestamp("us", "UTC")),
    "time": Column("v", pa.time64("us")),
    "time_ns": Column("v", pa.time64("ns")),
    "decimal": Column("v", pa.decimal128(10, 2)),
    "decimal_wide": Column("v", pa.decimal128(38, 10)),
    "decimal_whole": Column("v", pa.decimal128(18, 0)),
}

ACCEPTED: list[tuple[str, Any, Any]] = [
    ("int", 5, 5),
    ("int", -(2**63), -(2**63)),
    ("double", 1.5, 1.5),
    ("double", 3, 3.0),
    ("double", -(2**63), -(2.0**63)),
    ("double", math.inf, math.inf),
    ("bool", 1, True),
    ("bool", "FALSE", False),
    ("text", "é\0x", "é\0x"),
    ("text", 12, "12"),
    ("text", 0.1, "0.1"),
    ("text", 1e300, "1e+300"),
    ("text", -math.inf, "-Infinity"),
    ("number", 1e16, "1e+16"),
    ("number", 123456789012345680.0, "1.2345678901234568e+17"),
    ("number", 5e-324, "5e-324"),
    ("number", 0.0001, "0.0001"),
    ("number", 0.00001, "1e-05"),
    ("number", "-1.50", "-1.50"),
    ("number", "Infinity", "Infinity"),
    ("bytes", b"\x00\xff", b"\x00\xff"),
    ("bytes", "é", "é".encode()),
    ("uuid", "00000000-0000-0000-0000-0000000000FF", bytes(15) + b"\xff"),
    ("uuid", "000000000000000000000000000000ff", bytes(15) + b"\xff"),
    ("uuid", bytes(16), bytes(16)),
    ("date", "2024-02-29", dt.date(2024, 2, 29)),
    ("moment", "2024-02-29", dt.datetime(2024, 2, 29)),
    ("moment", "2024-02-29T10:00", dt.datetime(2024, 2, 29, 10)),
    ("moment", "1969-12-31 23:59:59.999999", dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("zoned", "2024-02-29 10:00:00+05:30", dt.datetime(2024, 2, 29, 4, 30, tzinfo=dt.UTC)),
    ("zoned", "2024-02-29T10:00:00.5Z", dt.datetime(2024, 2, 29, 10, 0, 0, 500000, tzinfo=dt.UTC)),
    ("time", "10:00", dt.time(10)),
    ("time", "23:59:59.000001", dt.time(23, 59, 59, 1)),
    ("decimal", 1.1, Decimal("1.10")),
    ("decimal", 5, Decimal("5.00")),
    ("decimal", -99999999.99, Decimal("-99999999.99")),
    ("decimal", "1.5e1", Decimal("15.00")),
    ("decimal", "1.500", Decimal("1.50")),
    ("decimal_wide", "1234567890123456789012345678.0123456789", Decimal("1234567890123456789012345678.0123456789")),
    ("decimal_wide", 0.1, Decimal("0.1000000000")),
    ("decimal_whole", 2**59, Decimal(2**59)),
    ("decimal_whole", "-0012", Decimal(-12)),
    ("decimal_wide", "1E-10", Decimal("1E-10")),
]

REFUSED: list[tuple[str, Any]] = [
    *(("int", v) for v in (1.5, "x", "1", b"1")),
    *(("double", v) for v in (2**53 + 1, 2**63 - 1, "1.5", b"")),
    *(("bool", v) for v in (2, -1, "yes", 1.0, "", b"\x01")),
    *(("text", v) for v in (b"x",)),
    *(("number", v) for v in ("abc", "", "1.2.3", "1e", "e5", ".", "+", " 1", "1 ", "infinity", "1e12345")),
    *(("bytes", v) for v in (1, 1.5)),
    *(("uuid", v) for v in ("x", bytes(15), "0000000000000000000000000000000g", 5)),
    *(("uuid", v) for v in ("00000000-00000000-0000-0000-0000000000FF", "0000000-00000-0000-0000-0000000000FF")),
    *(
        ("date", v)
        for v in ("2023-02-29", "2024-1-01", "20240101", "2024-01-01 00:00", 1, "", "2024-13-01", "-024-01-01")
    ),
    *(("moment", v) for v in ("2024-01-01 24:00", "2024-01-01 1:00", "2024-01-01 10:00:00Z", 1704067200, 2460000.5)),
    *(("moment", v) for v in ("2024-01-01 10:00:00.1234567", "2024-01-01 10:00:60", "2024-01-01 10", "2024-01-01 ")),
    *(("moment_s", v) for v in ("2024-01-01 10:00:00.0",)),
    *(("moment_ns", v) for v in ("2400-01-01",)),
    *(("zoned", v) for v in ("2024-01-01 10:00:00", "2024-01-01", "2024-01-01 10:00:00+24:00", "2024-01-01Z")),
    *(("time", v) for v in ("1:00", "10:60", "10:00:00.1234567", "", "10:00:00.", "1000:00")),
    *(("decimal_whole", v) for v in ("1E-39", "0.5", "1" * 19, "1e18")),
    *(("decimal_wide", v) for v in ("1E-11", "0." + "0" * 60 + "1")),
    *(("decimal", v) for v in (1.234, 100000000, "x", "", math.inf, "0.001", 1e-9, b"1", 1e30)),
]


def by_plain_path(column: Column, stored: Any) -> Any:
    if pa.types.is_binary(column.type) and isinstance(stored, str):
        stored = stored.encode()  # as `read` asks for it
    return values.to_arrow(column, [None, stored]).cast(column.type)[1]


def by_native_path(path: Path, column: Column, stored: Sequence[Any]) -> list[Any]:
    """Each value by itself: its Arrow scalar, or None where it is refused."""
    reader = native.reader()
    slot = native.slot(column)
    if reader is None or slot is None:
        pytest.skip("the native kernel is not built here")
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (v)")
        connection.executemany("INSERT INTO t VALUES (?)", [(v,) for v in stored])
        connection.commit()
    found = []
    files = database(path)._files
    for row in range(1, len(stored) + 1):
        try:
            sql, parameters = read.statement(Table("t", (column,)), Chunk(by="rowid", low=row, high=row + 1))
            (batch,) = native.batches(reader, files, "", [slot], sql, parameters)
            found.append(batch.column(0)[0])
        except native.MisfitAt:
            found.append(None)
    return found


@pytest.mark.parametrize(("kind", "stored", "expected"), ACCEPTED)
def test_a_value_is_taken(kind: str, stored: Any, expected: Any, tmp_path: Path) -> None:
    wanted = pa.scalar(expected, KINDS[kind].type)
    assert by_plain_path(KINDS[kind], stored) == wanted
    assert by_native_path(tmp_path / "x.db", KINDS[kind], [stored]) == [wanted]


@pytest.mark.parametrize(("kind", "stored"), REFUSED)
def test_a_value_is_refused(kind: str, stored: Any, tmp_path: Path) -> None:
    with pytest.raises(values.Misfit):
        by_plain_path(KINDS[kind], stored)
    assert by_native_path(tmp_path / "x.db", KINDS[kind], [stored]) == [None]


def test_times_beyond_a_day_are_kept(tmp_path: Path) -> None:
    stored = ["838:59:59.000001", "-00:00:01", "24:00:00"]
    ticks = [3020399000001, -1000000, 86400000000]
    plain = values.to_arrow(KINDS["time"], stored)
    assert plain.cast(pa.int64()).to_pylist() == ticks
    assert [v.value for v in by_native_path(tmp_path / "x.db", KINDS["time"], stored)] == ticks


_TEXTS = st.one_of(
    st.text(max_size=12),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
    ),
    st.from_regex(r"-?[0-9]{1,3}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{0,40}\.?[0-9]{0,12}([eE][+-]?[0-9]{0,5})?", fullmatch=True),
    st.dates().map(dt.date.isoformat),
    st.datetimes().map(lambda d: d.isoformat(" ")),
    st.uuids().map(str),
    st.uuids().map(lambda u: u.hex),
)
_MONEY = st.integers(-(10**12), 10**12).map(lambda n: n / 100)
STORED = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-200, 200),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False).map(
        lambda x: float(struct.unpack("f", struct.pack("f", x if abs(x) < 1e38 else 0.0))[0])
    ),
    _MONEY,
    _TEXTS.filter(lambda t: not any(0xD800 <= ord(c) <= 0xDFFF for c in t)),
    st.binary(max_size=20),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.lists(STORED, min_size=1, max_size=25))
@example(stored=[9007199254740993, 9.007199254740993e15, 1e15, 999999999999999.9, 1e22, 1e23, 0.1 + 0.2, -0.0])
def test_both_paths_agree_on_every_value(stored: list[Any], tmp_path: Path) -> None:
    for column in KINDS.values():
        for value, found in zip(stored, by_native_path(tmp_path / "x.db", column, stored), strict=True):
            try:
                expected = by_plain_path(column, value)
            except values.Misfit:
                expected = None
            assert found == expected, (column.type, column.meaning, value)
            if expected is not None and expected.is_valid:
                assert str(found) == str(expected), "also -0.0 and its likes"


def test_a_value_that_does_not_fit_is_named_with_its_row(made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (id INTEGER PRIMARY KEY, n DATE)", "INSERT INTO t VALUES (7, '2024-01-01'), (9, 'soon')")
    table = db.tables()[0]
    with pytest.raises(Refused, match=r"t\.n: 'soon' in row rowid 9 is no date32") as refused:
        list(db.read(table, WHOLE))
    assert "--map" in str(refused.value)


def test_text_that_is_not_utf8_is_refused_or_read_as_bytes(made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (n TEXT)", "INSERT INTO t VALUES ('é'), (CAST(x'ff41' AS TEXT))")
    table = db.tables()[0]
    with pytest.raises(Refused, match="n"):
        list(db.read(table, WHOLE))
    refined = db.refine(table)
    if path_taken == "plain":  # its quick look cannot see it, so reading goes on refusing
        return
    assert refined.columns[0].type == pa.binary()
    assert [r["n"] for b in db.read(refined, WHOLE) for r in b.to_pylist()] == ["é".encode(), b"\xffA"]
