"""DuckDB's types → columns, and columns of any system → DuckDB's types."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wayfare.core.landing import Verdict
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.duckdb import dialect, types

NATIVES = """
BOOLEAN; bool; plain
UTINYINT; uint8; plain
UBIGINT; uint64; plain
HUGEINT; decimal256(39, 0); plain
BIGNUM; string; number
DECIMAL(38,10); decimal128(38, 10); plain
FLOAT; float; plain
VARCHAR; string; plain
BLOB; binary; plain
TIMESTAMP_S; timestamp[s]; plain
TIMESTAMP_NS; timestamp[ns]; plain
TIMESTAMP WITH TIME ZONE; timestamp[us, tz=UTC]; plain
TIME_NS; time64[ns]; plain
TIME WITH TIME ZONE; string; time_zoned
UUID; fixed_size_binary[16]; uuid
JSON; string; json
STRUCT(a INTEGER, b VARCHAR[]); string; json
MAP(VARCHAR, INTEGER); string; json
UNION(num INTEGER); string; json
VARIANT; string; json
BIT; string; bits
INTERVAL; string; interval
ENUM('a', 'it''s'); string; enum
INTEGER[]; list<item: int32>; plain
INTEGER[3]; list<item: int32>; plain
UUID[]; list<item: fixed_size_binary[16]>; uuid
STRUCT(a INTEGER)[]; list<item: string>; json
INTEGER[][]; list<item: list<item: int32>>; plain
GEOMETRY; string; other
"""


@pytest.mark.parametrize("line", NATIVES.strip().splitlines())
def test_a_type_of_duckdb(line: str) -> None:
    native, arrow, meaning = (part.strip() for part in line.split(";"))
    column = types.column("c", native)
    assert (str(column.type), str(column.meaning)) == (arrow, meaning)
    assert types.land(column).column == column


def test_an_enumeration_tells_its_labels() -> None:
    assert types.column("c", "ENUM('a', 'it''s', '')").labels == ("a", "it's", "")


LANDINGS = [
    (pa.int8(), Meaning.PLAIN, "TINYINT", "exact"),
    (pa.uint64(), Meaning.PLAIN, "UBIGINT", "exact"),
    (pa.float32(), Meaning.PLAIN, "FLOAT", "exact"),
    (pa.decimal128(38, 10), Meaning.PLAIN, "DECIMAL(38,10)", "exact"),
    (pa.decimal256(50, 10), Meaning.PLAIN, "VARCHAR", "widened"),
    (pa.decimal256(50, 0), Meaning.PLAIN, "BIGNUM", "widened"),
    (pa.string(), Meaning.NUMBER, "VARCHAR", "widened"),
    (pa.string(), Meaning.JSON, "JSON", "exact"),
    (pa.string(), Meaning.INTERVAL, "INTERVAL", "exact"),
    (pa.string(), Meaning.TIME_ZONED, "VARCHAR", "widened"),
    (pa.string(), Meaning.OTHER, "VARCHAR", "widened"),
    (pa.timestamp("s"), Meaning.PLAIN, "TIMESTAMP_S", "exact"),
    (pa.timestamp("us", "UTC"), Meaning.PLAIN, "TIMESTAMP WITH TIME ZONE", "exact"),
    (pa.timestamp("ns", "UTC"), Meaning.PLAIN, "TIMESTAMPTZ_NS", "exact"),
    (pa.timestamp("ms", "UTC"), Meaning.PLAIN, "TIMESTAMP WITH TIME ZONE", "exact"),
    (pa.time64("ns"), Meaning.PLAIN, "TIME_NS", "exact"),
    (pa.list_(pa.binary(16)), Meaning.UUID, "UUID[]", "exact"),
    (pa.list_(pa.decimal256(50, 10)), Meaning.PLAIN, "VARCHAR[]", "widened"),
]


@pytest.mark.parametrize(("kind", "meaning", "native", "verdict"), LANDINGS)
def test_a_column_lands(kind: pa.DataType, meaning: Meaning, native: str, verdict: str) -> None:
    landing = types.land(Column("c", kind, meaning=meaning, native="strange", origin="elsewhere"))
    assert (landing.column.native, str(landing.verdict), landing.column.origin) == (native, verdict, "duckdb")
    assert bool(landing.reason) == (landing.verdict is Verdict.WIDENED)


def test_an_enumeration_lands_with_its_labels() -> None:
    column = Column("c", pa.string(), meaning=Meaning.ENUM, labels=("a", "it's"))
    assert types.land(column).column.native == "ENUM('a', 'it''s')"


def test_names_of_staged_tables_do_not_collide() -> None:
    places = [("main", "a"), ("s", "a"), ("s", "b.c"), ("s.b", "c"), ("main", "s.a")]
    staged = {dialect.staged("a" * 16, Table(name, (), namespace=namespace)).label for namespace, name in places}
    assert len(staged) == len(places)
