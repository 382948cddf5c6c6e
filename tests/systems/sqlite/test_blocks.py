"""Rows taken from SQLite's pages as a block are the rows that sqlite3 hands over one by one, or are refused alike."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from systems.sqlite.conftest import Make, database
from systems.sqlite.test_values import KINDS, STORED
from wayfare.core.errors import Refused
from wayfare.core.ports import WHOLE, Chunk
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.sqlite import blocks, read
from wayfare.systems.databases.sqlite.database import SqliteDatabase


@pytest.fixture(autouse=True)
def without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wayfare.systems.databases.sqlite.database.native.reader", lambda: None)


def row_by_row(db: SqliteDatabase, table: Table, chunk: Chunk = WHOLE) -> pa.Table | str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "suits", lambda *_: False)
        return in_blocks(db, table, chunk)


def in_blocks(db: SqliteDatabase, table: Table, chunk: Chunk = WHOLE) -> pa.Table | str:
    """The rows, or the words of the refusal."""
    try:
        found = list(db.read(table, chunk))
    except Refused as refused:
        return f"{refused}"
    rows = pa.Table.from_batches(found, table.arrow()).combine_chunks()
    rows.validate(full=True)
    return rows


def assert_alike(db: SqliteDatabase, table: Table, chunk: Chunk = WHOLE) -> pa.Table | str:
    taken, handed = in_blocks(db, table, chunk), row_by_row(db, table, chunk)
    assert taken == handed
    assert f"{taken}" == f"{handed}", "also -0.0 and its likes"
    return taken


def stored(path: Path, values: Sequence[Any], declared: str = "v") -> SqliteDatabase:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE t ({declared})")
        connection.executemany("INSERT INTO t VALUES (?)", [(v,) for v in values])
        connection.commit()
    return database(path)


# Columns as they usually are, of one storage, and columns of anything.
_COLUMNS = st.one_of(
    st.lists(STORED, max_size=12),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=40),
    st.lists(st.none() | st.sampled_from([0, 1]), max_size=40),
    st.lists(st.none() | st.floats(allow_nan=False), max_size=40),
    st.lists(st.none() | st.integers(-(10**12), 10**12).map(lambda n: n / 100) | st.integers(-999, 999), max_size=40),
    st.lists(st.none() | st.text(max_size=80).filter(lambda t: t.isprintable()), max_size=40),
    st.lists(st.none() | st.binary(max_size=200), max_size=40),
    st.lists(st.none() | st.dates().map(str), max_size=40),
    st.lists(st.none() | st.datetimes().map(str), max_size=40),
    st.lists(st.none() | st.times().map(str), max_size=40),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=_COLUMNS)
@example(values=[0, 1, 127, 128, -128, -129, 2**15, -(2**23), 2**31, -(2**47), 2**53 + 1, 2**63 - 1, -(2**63), None])
@example(values=[0.0, -0.0, float("inf"), -float("inf"), 5e-324, 1e22, 1e23, 0.1 + 0.2])
@example(values=["x" * 57, "x" * 58, "x" * 8185, "x" * 8186, "x" * 70_000, ""])
@example(values=["2024-02-29", "2023-02-29"])
@example(values=["2024-02-29", "٢٠٢٤-٠٢-٢٩", None])
def test_any_column_of_any_type_is_read_alike(values: list[Any], tmp_path: Path) -> None:
    db = stored(tmp_path / "x.db", values)
    for column in KINDS.values():
        assert_alike(db, Table("t", (column,)))


@pytest.mark.parametrize("declared", ["v REAL", "v NUMERIC", "v TEXT", "v INTEGER", "v INTEGER PRIMARY KEY", "v BLOB"])
def test_a_declared_type_changes_nothing_on_the_way(declared: str, tmp_path: Path) -> None:
    numbers = [1, 2.5, "3", "4.0", 2**60, -1.0] if "KEY" not in declared else [5, -(2**63), 2**63 - 1]
    db = stored(tmp_path / "x.db", numbers, declared)
    for column in KINDS.values():
        assert_alike(db, Table("t", (column,)))


@pytest.mark.parametrize("octets", ["ff41", "eda080", "c080", "f4908080", "41c3"])
def test_text_that_is_not_utf8_is_refused_and_bytes_are_not(octets: str, made: Make) -> None:
    text = f"CAST(x'{octets}' AS TEXT)"
    db = made("CREATE TABLE t (n TEXT, b BLOB)", f"INSERT INTO t VALUES ('é', x'ff'), ({text}, NULL)")
    table = db.tables()[0]
    assert "UTF-8" in str(assert_alike(db, table))
    as_bytes = in_blocks(db, Table("t", (Column("n", pa.binary()), Column("b", pa.binary()))))
    assert isinstance(as_bytes, pa.Table)
    assert as_bytes.to_pylist() == [{"n": "é".encode(), "b": b"\xff"}, {"n": bytes.fromhex(octets), "b": None}]


def test_rows_too_large_for_a_page_and_small_ones_between_them(made: Make) -> None:
    sizes = [10, 65_000, 65_480, 65_500, 70_000, 3_000_000, 0, 5_000_000, 20, 2_000_000]
    rows = [f"({i}, printf('%.*c', {n}, 'é'), zeroblob({n % 1000}))" for i, n in enumerate(sizes)]
    db = made("CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, b BLOB)", f"INSERT INTO t VALUES {', '.join(rows)}")
    found = assert_alike(db, db.tables()[0])
    assert isinstance(found, pa.Table)
    assert [len(t) for t in found.column("s").to_pylist()] == [max(n, 1) for n in sizes]


def test_batches_end_by_rows_and_by_bytes(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    several = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
    db = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)",
        several.format(5000) + "INSERT INTO t SELECT i * 3, printf('%.*c', i % 300, 'x') FROM n",
    )
    table = db.tables()[0]
    monkeypatch.setattr(blocks, "ROWS_PER_BATCH", 1500)
    assert [b.num_rows for b in db.read(table, WHOLE)] == [1500, 1500, 1500, 500]
    assert_alike(db, table)
    monkeypatch.setattr(blocks, "BATCH_BYTES_MAX", 4 * blocks.PAGE_BYTES)
    assert all(b.num_rows < 1500 for b in db.read(table, WHOLE))
    assert_alike(db, table)


def test_row_ids_of_any_size_and_chunks_of_them(made: Make) -> None:
    ids = [-(2**63), -(2**40), -1, 0, 1, 127, 128, 2**21, 2**55, 2**56, 2**62, 2**63 - 1]
    db = made("CREATE TABLE t (n INT)", *(("INSERT INTO t (rowid, n) VALUES (?, ?)", (i, i)) for i in ids))
    table = db.tables()[0]
    assert_alike(db, table)
    for low, high in itertools.combinations([None, *ids, None], 2):
        found = assert_alike(db, table, Chunk(0, "rowid", low, high))
        assert isinstance(found, pa.Table)
        expected = [i for i in ids if (low is None or low <= i) and (high is None or i < high)]
        assert found.column("n").to_pylist() == expected


def test_many_columns_and_awkward_names(made: Make) -> None:
    names = ["rowid", "_rowid_", "k", "rows", 'q"', *(f"c{i}" for i in range(300))]
    quoted = [f'"{n.replace(chr(34), chr(34) * 2)}" TEXT' for n in names]
    values = ", ".join(f"'{'x' * (i % 90)}'" if i % 7 else "NULL" for i in range(len(names)))
    db = made(f"CREATE TABLE rows ({', '.join(quoted)})", f"INSERT INTO rows VALUES ({values}), ({values})")
    found = assert_alike(db, db.tables()[0])
    assert isinstance(found, pa.Table)
    assert found.num_rows == 2


def test_a_table_without_rows_a_free_name_or_row_ids(made: Make) -> None:
    db = made(
        "CREATE TABLE a (n INT, s TEXT)",
        "CREATE TABLE b (rowid INT, _rowid_ INT, oid INT)",
        "INSERT INTO b VALUES (1, 2, 3)",
        "CREATE TABLE c (n TEXT PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO c VALUES ('x')",
    )
    for table in db.tables():
        assert_alike(db, table)


def test_a_file_in_utf16(made: Make) -> None:
    db = made("PRAGMA encoding = 'UTF-16'", "CREATE TABLE t (s TEXT, n INT)", "INSERT INTO t VALUES ('é漢🙂', 5)")
    found = assert_alike(db, db.tables()[0])
    assert isinstance(found, pa.Table)
    assert found.to_pylist() == [{"s": "é漢🙂", "n": 5}]


def test_columns_added_later_and_computed_ones(made: Make) -> None:
    db = made(
        "CREATE TABLE t (n INT, twice INT AS (n * 2))",
        "INSERT INTO t VALUES (1)",
        "ALTER TABLE t ADD COLUMN s TEXT DEFAULT 'later'",
        "INSERT INTO t (n, s) VALUES (2, NULL)",
    )
    found = assert_alike(db, db.tables()[0])
    assert isinstance(found, pa.Table)
    assert found.to_pylist() == [{"n": 1, "s": "later"}, {"n": 2, "s": None}]


def test_a_refusal_names_the_row_although_an_index_holds_all_it_asks_for(made: Make) -> None:
    rows = ", ".join(f"({i}, '2024-01-{28 - i:02d}', 'x')" for i in range(1, 28))
    db = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n DATE, s TEXT)",
        "CREATE INDEX i ON t (n)",
        f"INSERT INTO t VALUES {rows}, (99, '0soon', 'x')",
    )
    assert "'0soon' in row rowid 99 is no date32" in str(assert_alike(db, db.tables()[0]))


def test_the_file_can_only_be_read(made: Make) -> None:
    db = made("CREATE TABLE t (n INT)")
    with db._files.reader("", blocks.attach) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO main.t VALUES (1)")


def test_incremental_chunks_go_by_their_own_index(made: Make) -> None:
    db = made("CREATE TABLE t (id INTEGER PRIMARY KEY, at INT)", "INSERT INTO t VALUES (1, 5), (2, 7), (3, 6)")
    table, chunk = db.tables()[0], Chunk(cursor="at", after=5, upto=7)
    assert not blocks.suits(table, chunk)
    assert "ORDER" not in read.statement(table, chunk)[0]
    found = in_blocks(db, table, chunk)
    assert isinstance(found, pa.Table)
    assert sorted(found.column("id").to_pylist()) == [2, 3]
