"""What needs no server: names, types, landings, statements, blocks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Busy, Forbidden, Full, Invalid, NotFound, Refused, Unauthenticated
from wayfare.core.landing import Verdict
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.clickhouse import block
from wayfare.systems.databases.clickhouse.dialect import (
    column_sql,
    create_staged,
    file_name_bytes,
    literal,
    plain_names,
    quote,
    text_literal,
)
from wayfare.systems.databases.clickhouse.errors import classify
from wayfare.systems.databases.clickhouse.landing import land
from wayfare.systems.databases.clickhouse.native import bare, base, labels, parse, split_list
from wayfare.systems.databases.clickhouse.options import Embedded, Remote, options
from wayfare.systems.databases.clickhouse.types import kind_of

OWN = "clickhouse"
LOW = Column("c", pa.string(), native="LowCardinality(String)", origin=OWN)
MAP = Column("c", pa.string(), meaning=Meaning.JSON, native="Map(String, Int8)", origin=OWN)
US, UTC = pa.timestamp("us"), pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("a", "`a`"), ("a b", "`a b`"), ("a`b", "`a\\`b`"), ("a\\b", "`a\\\\b`"), ("漢", "`漢`"), ("", "``")],
)
def test_quote(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(("value", "sql"), [("it's", "'it\\'s'"), ("a\\", "'a\\\\'"), (-5, "-5"), (2**63, str(2**63))])
def test_literal(value: int | str, sql: str) -> None:
    assert literal(value) == sql
    assert not isinstance(value, str) or text_literal(value) == sql


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ("a Array(Tuple(x Int8, y String)), b", ("a Array(Tuple(x Int8, y String))", "b")),
        ("'a, b' = 1, 'c\\', d' = 2", ("'a, b' = 1", "'c\\', d' = 2")),
        ("`a, b`, c", ("`a, b`", "c")),
    ],
)
def test_split_list(text: str, parts: tuple[str, ...]) -> None:
    assert split_list(text) == parts


@pytest.mark.parametrize(
    ("text", "inner", "nullable", "values"),
    [
        ("Int8", "Int8", False, "Int8"),
        ("Nullable(Int8)", "Int8", True, "Int8"),
        ("LowCardinality(Nullable(String))", "LowCardinality(String)", True, "String"),
        ("LowCardinality(String)", "LowCardinality(String)", False, "String"),
        ("SimpleAggregateFunction(sum, UInt64)", "UInt64", False, "UInt64"),
        ("Array(Nullable(Int8))", "Array(Nullable(Int8))", False, "Array(Nullable(Int8))"),
    ],
)
def test_bare_types(text: str, inner: str, nullable: bool, values: str) -> None:
    assert bare(text) == (inner, nullable)
    assert base(text) == values


def test_labels() -> None:
    assert labels("Enum8('a' = 1, 'it\\'s, b' = -2)") == ("a", "it's, b")
    assert parse("DateTime64(6, 'UTC')").arguments == ("6", "'UTC'")


@pytest.mark.parametrize(
    ("native", "kind", "meaning"),
    [
        ("Bool", pa.bool_(), Meaning.PLAIN),
        ("UInt64", pa.uint64(), Meaning.PLAIN),
        ("Int128", pa.decimal256(39, 0), Meaning.PLAIN),
        ("UInt256", pa.string(), Meaning.NUMBER),
        ("Decimal(18, 4)", pa.decimal128(18, 4), Meaning.PLAIN),
        ("Decimal(76, 10)", pa.decimal256(76, 10), Meaning.PLAIN),
        ("Nullable(Date)", pa.date32(), Meaning.PLAIN),
        ("DateTime", pa.timestamp("s"), Meaning.PLAIN),
        ("DateTime('Europe/Berlin')", pa.timestamp("s", "UTC"), Meaning.PLAIN),
        ("DateTime64(3)", pa.timestamp("ms"), Meaning.PLAIN),
        ("DateTime64(5, 'UTC')", UTC, Meaning.PLAIN),
        ("DateTime64(9)", pa.timestamp("ns"), Meaning.PLAIN),
        ("Time64(9)", pa.time64("ns"), Meaning.PLAIN),
        ("UUID", pa.binary(16), Meaning.UUID),
        ("IPv6", pa.string(), Meaning.OTHER),
        ("Array(Nullable(UUID))", pa.list_(pa.binary(16)), Meaning.UUID),
        ("Array(Array(Int8))", pa.string(), Meaning.JSON),
        ("Tuple(a Int8, b String)", pa.string(), Meaning.JSON),
        ("Map(String, Int8)", pa.string(), Meaning.JSON),
        ("IntervalDay", pa.string(), Meaning.INTERVAL),
        ("Point", pa.string(), Meaning.OTHER),
        ("SomethingNew(1)", pa.string(), Meaning.OTHER),
    ],
)
def test_native_types_travel(native: str, kind: pa.DataType, meaning: Meaning) -> None:
    found = kind_of(native)
    assert (found.type, found.meaning) == (kind, meaning)


@pytest.mark.parametrize(
    ("column", "native", "verdict"),
    [
        (Column("c", pa.int16()), "Int16", Verdict.EXACT),
        (Column("c", pa.decimal256(60, 20)), "Decimal(60, 20)", Verdict.EXACT),
        (Column("c", pa.decimal128(5, -2)), "Decimal(7, 0)", Verdict.WIDENED),
        (Column("c", pa.decimal128(2, 5)), "Decimal(5, 5)", Verdict.EXACT),
        (Column("c", pa.string(), meaning=Meaning.NUMBER), "String", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.JSON), "String", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.ENUM), "LowCardinality(String)", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.OTHER, native="inet", origin="x"), "String", Verdict.WIDENED),
        (Column("c", pa.binary()), "String", Verdict.WIDENED),
        (Column("c", pa.date32()), "Date32", Verdict.EXACT),
        (Column("c", US), "DateTime64(6)", Verdict.EXACT),
        (Column("c", UTC), "DateTime64(6, 'UTC')", Verdict.EXACT),
        (Column("c", pa.time64("us")), "Time64(6)", Verdict.EXACT),
        (Column("c", pa.binary(16), meaning=Meaning.UUID), "UUID", Verdict.EXACT),
        (Column("c", pa.list_(pa.int32()), nullable=False), "Array(Nullable(Int32))", Verdict.EXACT),
        (Column("c", pa.list_(pa.int32())), "String", Verdict.WIDENED),
        (Column("c", pa.list_(pa.list_(pa.int32())), nullable=False), "String", Verdict.WIDENED),
        (Column("c", pa.month_day_nano_interval()), "", Verdict.IMPOSSIBLE),
        (Column("c", pa.int32(), native="Int32", origin="clickhouse"), "Int32", Verdict.EXACT),
        (LOW, "LowCardinality(String)", Verdict.EXACT),
        (MAP, "String", Verdict.WIDENED),
    ],
)  # fmt: skip
def test_land(column: Column, native: str, verdict: Verdict) -> None:
    landing = land(column)
    assert (landing.column.native, landing.verdict) == (native, verdict)
    assert bool(landing.reason) == (verdict is not Verdict.EXACT)
    assert landing == land(column)


def test_limits_are_those_of_the_types() -> None:
    dates = land(Column("d", pa.date32())).limits
    epoch = dt.date(1970, 1, 1)
    assert dates.low == (dt.date(1900, 1, 1) - epoch).days
    assert dates.high == (dt.date(2299, 12, 31) - epoch).days
    assert not dates.infinity
    assert land(Column("t", pa.timestamp("ns"))).limits.high == 2**63 - 2
    assert land(Column("t", US)).limits.high == ((dt.date(2300, 1, 1) - epoch).days * 86_400 * 10**6) - 1
    assert not land(Column("n", pa.decimal128(10, 2))).limits.nan
    assert land(Column("f", pa.float64())).limits.nan


def test_a_nullable_list_becomes_json_text() -> None:
    landed = land(Column("c", pa.list_(pa.int32()))).column
    assert (landed.type, landed.meaning, landed.native) == (pa.string(), Meaning.JSON, "String")


def test_column_sql() -> None:
    assert column_sql(Column("a", pa.int8(), native="Int8")) == "`a` Nullable(Int8)"
    assert column_sql(Column("a", pa.int8(), native="Int8"), key=True) == "`a` Int8"
    low = Column("a", pa.string(), native="LowCardinality(String)", comment="it's", default="'x'")
    assert column_sql(low) == "`a` LowCardinality(Nullable(String)) DEFAULT 'x' COMMENT 'it\\'s'"
    assert column_sql(Column("a", pa.list_(pa.int8()), native="Array(Int8)")) == "`a` Array(Int8)"
    assert column_sql(Column("a", pa.int8(), False, native="Int8", generated="b + 1")) == "`a` Int8 MATERIALIZED b + 1"


def test_a_table_is_sorted_by_its_key() -> None:
    columns = (Column("a", pa.int8(), False, native="Int8"), Column("b", pa.int8(), native="Int8"))
    assert "PRIMARY KEY (`a`) ORDER BY (`a`)" in create_staged(Table("t", columns, key=("a",)), "s")
    assert "ORDER BY ()" in create_staged(Table("t", columns), "s")


@pytest.mark.parametrize(
    ("text", "columns"),
    [("a", ("a",)), ("a, `b c`", ("a", "b c")), ("`a\\`b`", ("a`b",)), ("toDate(a), b", None), ("", ())],
)
def test_plain_names(text: str, columns: tuple[str, ...] | None) -> None:
    assert plain_names(text) == columns


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)", NotFound),
        ("Code: 81. DB::Exception: no", NotFound),
        ("Code: 516. DB::Exception: no", Unauthenticated),
        ("Code: 497. DB::Exception: no", Forbidden),
        ("Code: 243. DB::Exception: no", Full),
        ("Code: 75. DB::Exception: write failed: No space left on device", Full),
        ("Code: 241. DB::Exception: no", Busy),
        ("Code: 62. DB::Exception: Syntax error", Refused),
        ("something else", Refused),
    ],
)
def test_errors_are_sorted_by_code(text: str, kind: type[Exception]) -> None:
    assert type(classify(text, "here")) is kind


def test_an_error_is_told_in_a_line() -> None:
    error = classify("Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)\nstack\ntrace", "here")
    assert error.message == "Table x does not exist. (UNKNOWN_TABLE) (code 60)"


def test_urls() -> None:
    remote = options(Address.parse("clickhouse://me:pw@host/db?secure=1"))
    assert isinstance(remote, Remote)
    assert (remote.port, remote.secure, remote.database) == (8443, True, "db")
    assert options(Address.parse("clickhouse://host:8443/db")).secure  # type: ignore[union-attr]
    assert options(Address.parse("clickhouse:////var/ch?database=x")) == Embedded("/var/ch", "x")
    assert options(Address.parse("clickhouse:///ch")) == Embedded("ch", "default")


@pytest.mark.parametrize(
    "url",
    ["clickhouse://host/db?sekure=1", "clickhouse://host/db?secure=maybe", "clickhouse:///f?secure=1", "clickhouse://"],
)
def test_unknown_options_are_refused(url: str) -> None:
    with pytest.raises(Invalid):
        options(Address.parse(url))


def test_file_names_are_percent_encoded() -> None:
    assert [file_name_bytes(n) for n in ("orders_1", "two words", "漢")] == [8, 11, 9]


@pytest.mark.parametrize(("number", "data"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_varint(number: int, data: bytes) -> None:
    assert block.varint(number) == data


TEXTS = ["", "a", None, "é" * 70, "x" * 127, "x" * 128, "y" * 16_384, "z" * 2_100_000, None]


@pytest.mark.parametrize("start", [0, 1, 3])
def test_the_native_part_writes_what_its_fallback_writes(start: int) -> None:
    if block._NATIVE is None:
        pytest.skip("the native part is not built here")
    array = pa.array(TEXTS).slice(start)
    filled = pa.array([t or "" for t in TEXTS]).slice(start)
    assert bytes(block._strings(array)) == bytes(block._strings_without_native(array))
    assert bytes(block._strings(filled)) == bytes(block._strings_without_native(filled))


def test_a_null_where_none_may_be_is_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1, None])], ["a"])
    with pytest.raises(Refused, match="a: a value is NULL"):
        block.encode(batch, [Column("a", pa.int64(), nullable=False, native="Int64")])


def test_a_sliced_batch_is_encoded_as_a_whole_one() -> None:
    arrays = [
        pa.array([1, None, 3, 4]),
        pa.array([True, None, False, True]),
        pa.array(["a", None, "ccc", ""]),
        pa.array([Decimal("1.50"), None, Decimal("-2.25"), Decimal(0)], pa.decimal128(9, 2)),
        pa.array([[1, None], [], [3], [4, 5]], pa.list_(pa.int32())),
    ]
    types = [Column(str(i), a.type, native="x") for i, a in enumerate(arrays)]
    batch = pa.RecordBatch.from_arrays(arrays, [c.name for c in types])
    again = pa.RecordBatch.from_arrays([pa.array(a.to_pylist()[1:3], a.type) for a in arrays], [c.name for c in types])
    assert block.encode(batch.slice(1, 2), types) == block.encode(again, types)
