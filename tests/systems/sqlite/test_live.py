"""The adapter against real files, beyond the contract."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from systems.sqlite.conftest import Make, database
from wayfare.core.errors import Busy, Forbidden, Invalid, NotFound, Refused
from wayfare.core.ports import WHOLE, Chunk, Mode, Ticket
from wayfare.core.tables import Check, Column, ForeignKey, Identity, Table, View
from wayfare.systems.databases.sqlite.database import SqliteDatabase

RUN = "a" * 16
AS_NOBODY = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def rows_of(db: SqliteDatabase, table: Table, chunks: Sequence[Chunk] = (WHOLE,)) -> list[dict[str, Any]]:
    return [r for c in chunks for b in db.read(table, c) for r in b.to_pylist()]


def copied(source: SqliteDatabase, target: SqliteDatabase, mode: Mode = Mode.REPLACE) -> list[Table]:
    tables = [source.refine(t) for t in source.tables()]
    landed = [replace(t, columns=tuple(target.land(c).column for c in t.columns)) for t in tables]
    target.stage(RUN, landed)
    for table, there in zip(tables, landed, strict=True):
        staged = target.staged(RUN, there)
        target.write(Ticket(RUN, staged.label, 0), staged, source.read(table, WHOLE))
        target.seal(RUN, there)
    target.publish(RUN, landed, mode)
    return landed


EVERYTHING = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, "
    '"full name" VARCHAR(40) NOT NULL COLLATE NOCASE UNIQUE, '
    "age INT DEFAULT 18 CONSTRAINT grown CHECK (age >= 18), boss INT REFERENCES people (id) ON DELETE SET NULL, "
    'shout TEXT GENERATED ALWAYS AS (upper("full name")) STORED)',
    "CREATE TABLE pets (owner INT NOT NULL, name TEXT NOT NULL, kind TEXT, PRIMARY KEY (owner, name), "
    "CONSTRAINT home FOREIGN KEY (owner) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED) WITHOUT ROWID",
    "CREATE TABLE strict_one (a INT PRIMARY KEY, b TEXT, c ANY) STRICT",
    "CREATE INDEX by_kind ON pets (kind DESC, name)",
    "CREATE UNIQUE INDEX by_length ON people (length(shout)) WHERE age > 20",
    "CREATE VIEW elders AS SELECT * FROM people WHERE age > 60",
    "INSERT INTO people (id, \"full name\", age) VALUES (1, 'Ann', 30), (900, 'Robert', 40)",
    "DELETE FROM people WHERE id = 900",
    "INSERT INTO pets VALUES (1, 'Rex', 'dog')",
    "INSERT INTO strict_one VALUES (1, 'x', 2.5)",
)


def test_the_catalog_tells_everything(made: Make) -> None:
    people, pets, strict = made(*EVERYTHING).tables()
    assert [c.name for c in people.written] == ["id", "full name", "age", "boss"]
    assert people.column("id").identity == Identity(next=901)
    assert people.column("age").default == "18"
    assert people.column("shout").generated == 'upper("full name")'
    assert people.checks == (Check("grown", "age >= 18"),)
    assert people.foreign_keys == (ForeignKey("people_boss_fkey", ("boss",), "people", ("id",), on_delete="SET NULL"),)
    assert [(i.columns, i.constraint) for i in people.indexes] == [(("full name",), True), ((), False)]
    assert (people.indexes[1].expression, people.indexes[1].where) == ("length(shout)", "age > 20")
    assert pets.foreign_keys == (ForeignKey("home", ("owner",), "people", ("id",), deferrable=True),)
    assert pets.key == ("owner", "name")
    assert pets.indexes[0].descending == (True, False)
    assert not pets.column("owner").nullable
    assert ("strict", "yes") in strict.hints


def test_sqlite_to_sqlite_keeps_everything(made: Make, tmp_path: Path) -> None:
    source, target = made(*EVERYTHING), database(tmp_path / "copy.db")
    copied(source, target)
    target.finish(RUN)

    def essence(db: SqliteDatabase) -> list[Table]:
        return [replace(t, indexes=tuple(replace(i, definition="") for i in t.indexes)) for t in db.tables()]

    assert essence(target) == essence(source)
    assert [rows_of(target, t) for t in target.tables()] == [rows_of(source, t) for t in source.tables()]
    target.execute("INSERT INTO people (\"full name\") VALUES ('Eve')")
    assert target.execute("SELECT max(id) AS id FROM people")["id"].to_pylist() == [901]
    with pytest.raises(Refused, match="CHECK"):
        target.execute("INSERT INTO people (\"full name\", age) VALUES ('Kid', 3)")


def test_replacing_keeps_what_points_at_the_table(made: Make) -> None:
    """Views and foreign keys of other tables mean the name, and go on meaning it."""
    source = made(*EVERYTHING)
    target = made(*EVERYTHING, "DELETE FROM people", name="target.db")
    target.stage(RUN, [people := target.tables()[0]])
    staged = target.staged(RUN, people)
    target.write(Ticket(RUN, staged.label, 0), staged, source.read(source.tables()[0], WHOLE))
    target.publish(RUN, [people], Mode.REPLACE)
    target.finish(RUN)
    assert target.tables()[1].foreign_keys[0].parent == "people"
    assert target.execute("SELECT count(*) AS n FROM elders")["n"].to_pylist() == [0]
    assert target.execute("PRAGMA integrity_check")["integrity_check"].to_pylist() == ["ok"]


def test_discard_puts_back_table_and_indexes(made: Make) -> None:
    source = made(*EVERYTHING)
    target = made(*EVERYTHING, "UPDATE people SET age = 77", name="target.db")
    before = [(t, rows_of(target, t)) for t in target.tables()]
    copied(source, target)
    assert rows_of(target, target.tables()[0])[0]["age"] == 30
    for _ in range(2):
        target.discard(RUN)
    assert [(t, rows_of(target, t)) for t in target.tables()] == before
    assert target.execute("SELECT name FROM sqlite_master WHERE name LIKE 'wayfare%'").num_rows == 0


def test_merge_upserts_and_identities_go_on(made: Make) -> None:
    source = made(*EVERYTHING)
    target = made(*EVERYTHING, "UPDATE people SET age = 77", name="target.db")
    copied(source, target, Mode.MERGE)
    target.finish(RUN)
    assert rows_of(target, target.tables()[0])[0]["age"] == 30
    assert target.tables()[0].column("id").identity == Identity(next=901)


def test_comments_live_in_the_statement(tmp_path: Path) -> None:
    db = database(tmp_path / "c.db")
    column = Column("a", pa.int64(), native="INTEGER", origin="sqlite", comment="line one\nline 'two'")
    table = Table("t", (column,), comment='about "t"')
    db.stage(RUN, [table])
    db.publish(RUN, [table], Mode.REPLACE)
    db.finish(RUN)
    found = db.tables()[0]
    assert (found.comment, found.column("a").comment) == ('about "t"', "line one\nline 'two'")


def test_an_index_whose_name_is_taken_waits_for_publish(made: Make) -> None:
    target = made("CREATE TABLE t (a INTEGER)", "CREATE INDEX i ON t (a)")
    table = target.tables()[0]
    target.stage(RUN, [table])
    target.seal(RUN, table)
    target.publish(RUN, [table], Mode.REPLACE)
    target.finish(RUN)
    assert [i.name for i in target.tables()[0].indexes] == ["i"]


@pytest.mark.parametrize("holes", [1, 1000])
def test_chunks_of_sparse_keys_hold_every_row_once(made: Make, holes: int) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    crowded = f"SELECT CASE WHEN i < 10000 THEN i ELSE i * {holes} END, i FROM n"
    db = made("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)", f"INSERT INTO t {numbers} {crowded}")
    table = db.tables()[0]
    chunks = db.split(table, 2000)
    counts = [len(rows_of(db, table, [c])) for c in chunks]
    assert sum(counts) == 20_000
    assert 5 <= len(counts) <= 20
    assert max(counts) < 6000
    assert sorted(r["v"] for r in rows_of(db, table, chunks)) == list(range(1, 20001))


def test_tables_without_rowid_are_cut_by_an_integer_key(made: Make) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT -5 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n"
    db = made("CREATE TABLE t (id INT PRIMARY KEY) WITHOUT ROWID", f"INSERT INTO t {numbers}")
    chunks = db.split(db.tables()[0], 1000)
    assert len(chunks) > 3
    assert len(rows_of(db, db.tables()[0], chunks)) == 5006


def test_a_column_called_rowid_is_not_the_rowid(made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (rowid TEXT, n INT)", "INSERT INTO t VALUES ('z', 1), ('a', 2), ('b', 3)")
    table = db.tables()[0]
    chunks = db.split(table, 1)
    assert len(rows_of(db, table, chunks)) == 3
    assert {c.by for c in chunks} == {"_rowid_"}


def test_a_cursor_compares_moments_however_they_are_spelled(made: Make, path_taken: str) -> None:
    spellings = ("2024-01-01T10:00:00", "2024-01-01 10:00:00.5", "2024-01-01 10:00:00.500000", "2024-01-02 00:00:00")
    db = made("CREATE TABLE t (at DATETIME)", *(("INSERT INTO t VALUES (?)", (s,)) for s in spellings))
    table = db.tables()[0]
    after = Chunk(cursor="at", after="2024-01-01T10:00:00", upto="2024-01-01T10:00:00.500000")
    assert len(rows_of(db, table, [after])) == 2


def test_reading_never_makes_a_file(tmp_path: Path) -> None:
    db = database(tmp_path / "missing.db")
    for call in (db.check, db.tables, db.snapshot, lambda: list(db.read(Table("t", ()), WHOLE))):
        with pytest.raises(NotFound, match=r"missing\.db"):
            call()
    assert not (tmp_path / "missing.db").exists()
    assert db.vacant()
    with pytest.raises(NotFound, match="folder"):
        database(tmp_path / "no" / "x.db").vacant()


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(Refused, match="not an SQLite database"):
        database(tmp_path / "x.db").check()


@pytest.mark.parametrize("options", [{"color": "red"}, {"busy_seconds": "soon"}, {"snapshot": "maybe"}])
def test_options_are_checked(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        database(tmp_path / "x.db", **options)


def test_a_snapshot_keeps_writers_out_and_readers_in(made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    with db.snapshot(), closing(sqlite3.connect(db.address.database, timeout=0.05)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO t VALUES (2)")
        assert len(rows_of(db, db.tables()[0])) == 1
    with closing(sqlite3.connect(db.address.database, timeout=0.05)) as other:
        other.execute("INSERT INTO t VALUES (2)")


def test_the_lock_outlives_the_readers_beside_it(made: Make, path_taken: str) -> None:
    """POSIX drops a process's locks when any handle of the file is closed; a second copy of SQLite would not know."""
    db = made("PRAGMA journal_mode = WAL", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    with db.snapshot():
        for _ in range(3):
            rows_of(db, db.tables()[0])
        other = subprocess.run([sys.executable, "-c", script, db.address.database], capture_output=True, check=False)
        assert b"locked" in other.stderr


def test_a_locked_file_is_busy(made: Make) -> None:
    db = database(Path(made("CREATE TABLE t (a INT)").address.database), busy_seconds="0.05")
    with closing(sqlite3.connect(db.address.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Busy, match="locked"):
            db.stage(RUN, db.tables())


@AS_NOBODY
def test_an_unwritable_folder_is_forbidden(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Forbidden, match=str(tmp_path)):
        database(tmp_path / "x.db").stage(RUN, [])


def test_nan_is_refused_as_sqlite_would_make_it_null(tmp_path: Path) -> None:
    db = database(tmp_path / "x.db")
    table = Table("t", (db.land(Column("x", pa.float64())).column,))
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    with pytest.raises(Refused, match="NaN"):
        db.write(Ticket(RUN, staged.label, 0), staged, [pa.record_batch({"x": pa.array([1.0, float("nan")])})])
    assert rows_of(db, staged) == []


def test_views_stand_or_fall_alone(made: Make) -> None:
    db = made("CREATE TABLE t (a INT)")
    good, bad = View("good", "SELECT a FROM t", columns=("b",)), View("bad", "SELECT missing FROM t")
    findings = db.create_views([bad, good])
    assert [(f.code, f.where) for f in findings] == [("view_failed", "bad")]
    assert "SELECT missing FROM t" in findings[0].message
    assert [(v.name, v.definition, v.columns) for v in db.views()] == [("good", "SELECT a FROM t", ("b",))]


def test_the_draft_is_what_stands_in_the_file_afterwards(made: Make, tmp_path: Path) -> None:
    source = made(*EVERYTHING)
    target = database(tmp_path / "copy.db")
    landed = copied(source, target)
    for table in landed:
        made_sql = target.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")["sql"].to_pylist()
        for statement in target.draft(table):
            assert statement in made_sql


def test_rows_of_many_megabytes_make_small_batches(tmp_path: Path, made: Make, path_taken: str) -> None:
    db = made("CREATE TABLE t (b BLOB)", *["INSERT INTO t VALUES (zeroblob(12000000))"] * 8)
    sizes = [b.num_rows for b in db.read(db.tables()[0], WHOLE)]
    assert sum(sizes) == 8
    assert max(sizes) <= 4


def test_triggers_stay_with_the_name(made: Make) -> None:
    log = "CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END"
    source = made("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    target = made("CREATE TABLE t (a INT)", "CREATE TABLE log (a INT)", log, name="target.db")
    copied(source, target)
    target.execute("INSERT INTO t VALUES (2)")
    assert target.execute("SELECT a FROM log")["a"].to_pylist() == [2]
    target.discard(RUN)
    target.execute("INSERT INTO t VALUES (3)")
    assert target.execute("SELECT a FROM log")["a"].to_pylist() == [2, 3]


CRASH = """
import os, signal, sys
import pyarrow as pa
from wayfare.core.address import Address
from wayfare.core.ports import Mode, Ticket
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.sqlite.database import SqliteDatabase

db = SqliteDatabase(Address("sqlite", database=sys.argv[1]))
table = Table("t", (db.land(Column("a", pa.int64())).column,))
staged = db.staged("a" * 16, table)

def batches():
    yield pa.record_batch({"a": [1, 2, 3]})
    if sys.argv[2] == "write":
        os.kill(os.getpid(), signal.SIGKILL)

db.stage("a" * 16, [table])
db.write(Ticket("a" * 16, staged.label, 0), staged, batches())
db.publish("a" * 16, [table], Mode.REPLACE)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["write", "publish"])
def test_killed_and_gone_on(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.db"
    killed = subprocess.run([sys.executable, "-c", CRASH, str(path), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    db = database(path)
    table = Table("t", (db.land(Column("a", pa.int64())).column,))
    staged = db.staged(RUN, table)
    if moment == "write":
        assert rows_of(db, staged) == []
        assert db.write(Ticket(RUN, staged.label, 0, 2), staged, [pa.record_batch({"a": [1, 2, 3]})]) == 3
    db.publish(RUN, [table], Mode.REPLACE)
    db.finish(RUN)
    assert len(rows_of(db, db.tables()[0])) == 3


def test_a_full_text_table_is_read_like_any_other(made: Make, path_taken: str) -> None:
    db = made("CREATE VIRTUAL TABLE f USING fts5 (title, body)", "INSERT INTO f VALUES ('a', 'b')")
    (table,) = db.tables()
    assert rows_of(db, db.refine(table), db.split(table, 1)) == [{"title": "a", "body": "b"}]
