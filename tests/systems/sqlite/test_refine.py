"""What columns turn out to be, by what is stored in them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from systems.sqlite.conftest import Make
from wayfare.core.errors import Refused
from wayfare.core.ports import WHOLE
from wayfare.core.tables import Meaning

# declared; stored values; the type and meaning they settle on
CASES: list[tuple[str, list[Any], pa.DataType, str]] = [
    ("INTEGER", [1, None], pa.int64(), "plain"),
    ("INTEGER", [1, 2.5], pa.float64(), "plain"),
    ("INTEGER", [2**62 + 1, 2.5], pa.string(), "number"),
    ("INTEGER", [1, "n/a"], pa.string(), "plain"),
    ("INTEGER", [b"x"], pa.binary(), "plain"),
    ("BOOLEAN", [1, 0, "true"], pa.bool_(), "plain"),
    ("BOOLEAN", [1, 2], pa.int64(), "plain"),
    ("BOOLEAN", ["Y"], pa.string(), "plain"),
    ("REAL", [1.5], pa.float64(), "plain"),
    ("REAL", ["unknown"], pa.string(), "plain"),
    ("DECIMAL(10,2)", [1.1, 5], pa.decimal128(10, 2), "plain"),
    ("DECIMAL(10,2)", [1.123], pa.string(), "number"),
    ("DECIMAL(10,2)", ["free"], pa.string(), "plain"),
    ("DECIMAL_TEXT(38,10)", ["0.0000000001"], pa.decimal128(38, 10), "plain"),
    ("DECIMAL_TEXT(60,10)", ["1" * 50], pa.decimal256(60, 10), "plain"),
    ("NUMERIC", [1, 2.5], pa.string(), "number"),
    ("DATE", ["2024-01-01"], pa.date32(), "plain"),
    ("DATE", ["2024-01-01", "2024-01-01 10:00:00"], pa.timestamp("us"), "plain"),
    ("DATE", [1704067200], pa.string(), "plain"),
    ("DATE", ["2024-02-30"], pa.string(), "plain"),
    ("DATETIME", ["2024-01-01 10:00:00.123456"], pa.timestamp("us"), "plain"),
    ("DATETIME", ["2024-01-01T10:00:00Z", "2024-01-01 10:00:00.5+00:00"], pa.timestamp("us", "UTC"), "plain"),
    ("DATETIME", ["2024-01-01T10:00:00+02:00"], pa.string(), "plain"),
    ("DATETIME", ["2024-01-01 10:00:00.123456789"], pa.timestamp("ns"), "plain"),
    ("DATETIME", ["2024-01-01", "yesterday"], pa.string(), "plain"),
    ("TIMESTAMP(0)", ["2024-01-01 10:00:00.25"], pa.timestamp("us"), "plain"),
    ("TIMESTAMPTZ", ["2024-01-01 10:00:00+02"], pa.timestamp("us", "UTC"), "plain"),
    ("TIME", ["10:00"], pa.time64("us"), "plain"),
    ("TIME", ["10:00:00.123456789"], pa.time64("ns"), "plain"),
    ("TIME", ["noon"], pa.string(), "plain"),
    ("UUID", ["6fa459ea-ee8a-3ca4-894e-db77e160355e"], pa.binary(16), "uuid"),
    ("UUID", ["me"], pa.string(), "plain"),
    ("UUID", [b"four"], pa.binary(), "plain"),
    ("JSON", ['{"a": 1}', 5], pa.string(), "json"),
    ("VARCHAR(3)", ["abc", 5], pa.string(), "plain"),
    ("TEXT", ["abc", b"abc"], pa.binary(), "plain"),
    ("BLOB", [b"abc"], pa.binary(), "plain"),
    ("BLOB", ["abc"], pa.string(), "plain"),
    ("BLOB", ["abc", b"abc"], pa.binary(), "plain"),
    ("", [1, 2], pa.int64(), "plain"),
    ("", [1, 2.5], pa.float64(), "plain"),
    ("", ["1", "2"], pa.string(), "plain"),
    ("", [1, "2"], pa.string(), "plain"),
    ("", [b"1", "2"], pa.binary(), "plain"),
    ("", [None], pa.string(), "plain"),
]


@pytest.mark.parametrize(("declared", "stored", "kind", "meaning"), CASES)
def test_a_column_is_what_it_holds(
    declared: str, stored: list[Any], kind: pa.DataType, meaning: str, made: Make, path_taken: str
) -> None:
    rows = [("INSERT INTO t VALUES (?)", (v,)) for v in stored]
    db = made(f"CREATE TABLE t (c {declared})", *rows)
    refined = db.refine(db.tables()[0])
    assert (refined.columns[0].type, refined.columns[0].meaning) == (kind, Meaning(meaning))
    read = [r["c"] for b in db.read(refined, WHOLE) for r in b.to_pylist()] if kind != pa.time64("ns") else [None]
    assert len(read) == len(stored)
    assert [v is None for v in read] == [v is None for v in stored] or kind == pa.time64("ns")


def test_a_column_without_any_type_is_refused_when_read(made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (c INTEGER)", "INSERT INTO t VALUES (1), (x'00')")
    refined = db.refine(db.tables()[0])
    with pytest.raises(Refused, match="rowid 2"):
        list(db.read(refined, WHOLE))


def test_an_empty_table_stays_as_declared(made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (a INTEGER, b DATE, c DECIMAL(5,1))")
    table = db.tables()[0]
    assert db.refine(table) == table


def test_a_large_table_is_looked_at_whole(made: Make, path_taken: str) -> None:
    """The one value that breaks the promise stands near the end, in the part of the second thread."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) SELECT i FROM n"
    db = made("CREATE TABLE t (c INTEGER)", f"INSERT INTO t {numbers}", "UPDATE t SET c = 'x' WHERE rowid = 149000")
    assert db.refine(db.tables()[0]).columns[0].type == pa.string()
