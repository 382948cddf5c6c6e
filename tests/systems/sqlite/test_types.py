"""Declared types → columns, and columns of any system → what is declared here."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wayfare.core.landing import Verdict
from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.sqlite import types

PROMISES = """
INTEGER; int64; plain
INT; int64; plain
unsigned big int; int64; plain
BIGINT(20); int64; plain
TINYINT; int64; plain
FLOATING POINT; int64; plain
BOOLEAN; bool; plain
bool; bool; plain
BIT; bool; plain
REAL; double; plain
DOUBLE PRECISION; double; plain
FLOAT; double; plain
DECIMAL(10,2); decimal128(10, 2); plain
decimal( 10 , 2 ); decimal128(10, 2); plain
NUMERIC(5); decimal128(5, 0); plain
NUMERIC(60,20); decimal256(60, 20); plain
NUMERIC(5,-2); string; number
DECIMAL; string; number
NUMERIC; string; number
MONEY; string; number
STRING; string; number
DECIMAL_TEXT(38,10); decimal128(38, 10); plain
NUMBER_TEXT; string; number
TEXT; string; plain
VARCHAR(20); string; plain
NATIVE CHARACTER(70); string; plain
CLOB; string; plain
BLOB; binary; plain
VARBINARY(16); binary; plain
DATE; date32[day]; plain
DATETIME; timestamp[us]; plain
TIMESTAMP(0); timestamp[s]; plain
TIMESTAMP(3); timestamp[ms]; plain
TIMESTAMP(9); timestamp[ns]; plain
TIMESTAMP WITH TIME ZONE; timestamp[us, tz=UTC]; plain
timestamp(3) with time zone; timestamp[ms, tz=UTC]; plain
TIMESTAMPTZ; timestamp[us, tz=UTC]; plain
TIMESTAMP WITHOUT TIME ZONE; timestamp[us]; plain
TIME; time64[us]; plain
TIME(9); time64[ns]; plain
TIMETZ; string; time_zoned
JSON; string; json
JSON_TEXT; string; json
UUID; fixed_size_binary[16]; uuid
UNIQUEIDENTIFIER; fixed_size_binary[16]; uuid
INTERVAL; string; interval
BITS_TEXT(8); string; bits
; string; other
ANY; string; other
"""


@pytest.mark.parametrize("line", PROMISES.strip().splitlines())
def test_a_declared_type_promises(line: str) -> None:
    declared, arrow, meaning = (part.strip() for part in line.split(";"))
    column = types.column("c", declared)
    assert (str(column.type), str(column.meaning), column.native) == (arrow, meaning, declared)


def test_lengths_are_told_of_text_and_bits() -> None:
    assert types.column("c", "VARCHAR(20)").length == 20
    assert types.column("c", "BITS_TEXT(8)").length == 8
    assert types.column("c", "DECIMAL(10,2)").length is None


LANDINGS = [
    (pa.bool_(), Meaning.PLAIN, "BOOLEAN", "exact"),
    (pa.int8(), Meaning.PLAIN, "INTEGER", "exact"),
    (pa.uint64(), Meaning.PLAIN, "INTEGER", "exact"),
    (pa.float64(), Meaning.PLAIN, "REAL", "exact"),
    (pa.float32(), Meaning.PLAIN, "REAL", "widened"),
    (pa.decimal128(15, 2), Meaning.PLAIN, "DECIMAL(15,2)", "exact"),
    (pa.decimal128(16, 2), Meaning.PLAIN, "DECIMAL_TEXT(16,2)", "widened"),
    (pa.decimal256(60, 2), Meaning.PLAIN, "DECIMAL_TEXT(60,2)", "widened"),
    (pa.date32(), Meaning.PLAIN, "DATE", "exact"),
    (pa.timestamp("s"), Meaning.PLAIN, "TIMESTAMP(0)", "exact"),
    (pa.timestamp("us"), Meaning.PLAIN, "TIMESTAMP", "exact"),
    (pa.timestamp("ns", "UTC"), Meaning.PLAIN, "TIMESTAMPTZ(9)", "exact"),
    (pa.time64("us"), Meaning.PLAIN, "TIME", "exact"),
    (pa.time64("ns"), Meaning.PLAIN, "TIME(9)", "exact"),
    (pa.string(), Meaning.PLAIN, "TEXT", "exact"),
    (pa.string(), Meaning.JSON, "JSON_TEXT", "exact"),
    (pa.string(), Meaning.NUMBER, "NUMBER_TEXT", "widened"),
    (pa.string(), Meaning.ENUM, "TEXT", "widened"),
    (pa.string(), Meaning.INTERVAL, "INTERVAL", "widened"),
    (pa.string(), Meaning.OTHER, "TEXT", "widened"),
    (pa.binary(), Meaning.PLAIN, "BLOB", "exact"),
    (pa.binary(16), Meaning.UUID, "UUID", "exact"),
    (pa.list_(pa.int32()), Meaning.PLAIN, "JSON_TEXT", "widened"),
]


@pytest.mark.parametrize(("kind", "meaning", "native", "verdict"), LANDINGS)
def test_a_column_lands(kind: pa.DataType, meaning: Meaning, native: str, verdict: str) -> None:
    landing = types.land(Column("c", kind, meaning=meaning, native="strange", origin="elsewhere"))
    assert (landing.column.native, str(landing.verdict), landing.column.origin) == (native, verdict, "sqlite")
    assert bool(landing.reason) == (landing.verdict is Verdict.WIDENED)


@pytest.mark.parametrize(("kind", "meaning", "native", "verdict"), LANDINGS)
def test_what_landed_is_read_from_the_catalog_as_it_landed(
    kind: pa.DataType, meaning: Meaning, native: str, verdict: str
) -> None:
    """The declared name carries the type: a copy of a copy loses nothing."""
    landed = types.land(Column("c", kind, meaning=meaning)).column
    told = types.column("c", landed.native)
    assert told.type == landed.type
    plainer = landed.meaning in (Meaning.ENUM, Meaning.OTHER)
    assert told.meaning is (Meaning.PLAIN if plainer else landed.meaning)


def test_a_column_of_sqlite_keeps_its_spelling() -> None:
    column = types.column("c", "Strange Thing(3)")
    assert types.land(column).column == column
