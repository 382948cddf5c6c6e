"""Changes of a file's schema: the lease, what others see meanwhile, and what is refused."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from wayfare.core.address import Address
from wayfare.core.changes import Entry, Policy, Standing
from wayfare.core.errors import Busy, Forbidden, Invalid, LockLost, NotFound, Refused, Stopped
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.sqlite.database import SqliteDatabase

ENTRY = Entry("changes", "1", "a change", "", Standing.APPLIED, 1, 1)
STANDING_STILL = """
import sys
from wayfare.core.address import Address
from wayfare.core.changes import Entry, Standing
from wayfare.core.errors import LockLost
from wayfare.systems.registry import open_database
schema = open_database(Address.parse(sys.argv[1])).schema()
with schema.lock("the stopped") as held:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        held.keep(Entry("changes", "late", "", "", Standing.APPLIED, 1, 1))
        print("kept", flush=True)
    except LockLost as lost:
        print(lost, flush=True)
"""


def statement(text: str, kind: Kind = Kind.OTHER, table: str = "", name: str = "", alone: bool = False) -> Statement:
    return Statement(text, 1, 1, (Action(kind, table, name),), alone)


def database(path: Path, **options: str) -> SqliteDatabase:
    return SqliteDatabase(Address("sqlite", database=str(path), options=options))


@pytest.fixture(params=["wal", "delete"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = tmp_path / "shop.db"
    with closing(sqlite3.connect(found)) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)")
        connection.executemany("INSERT INTO orders (note) VALUES (?)", [(f"note {n}",) for n in range(3000)])
        connection.commit()
    return found


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


# The lease


def test_it_is_renewed_for_as_long_as_it_is_held(path):
    schema = database(path, lease_seconds="0.4").schema()
    with schema.lock("patient") as held:
        first = schema.holder().until
        deadline = time.monotonic() + 20
        while schema.holder().until <= first + 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert held.alive()
        assert schema.lock("other") is None


def test_who_was_stopped_for_longer_than_the_lease_writes_nothing(path):
    url = database(path, lease_seconds="0.5").address.url()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", STANDING_STILL, url], **pipes) as process:
        try:
            assert process.stdout.readline() == "held\n"
            os.kill(process.pid, signal.SIGSTOP)
            schema = database(path, lease_seconds="0.5").schema()
            deadline = time.monotonic() + 20
            while (held := schema.lock("the next")) is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            with held:
                os.kill(process.pid, signal.SIGCONT)
                said, _ = process.communicate("go on\n", timeout=20)
                assert "the next has taken over" in said
                assert held.alive()
                held.keep(ENTRY)
            assert [e.version for e in schema.entries()] == ["1"]
        finally:
            process.kill()


def test_an_ended_lease_writes_nothing_though_nobody_took_over(path):
    schema = database(path).schema()
    with schema.lock("slow") as held:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE _wayfare_lock SET until = 1")
            connection.commit()
        holder = schema.holder()
        assert (holder.by, holder.alive) == ("slow", False)
        with pytest.raises(LockLost, match="lease has ended"):
            held.carry([statement("DROP TABLE orders", Kind.DROP_TABLE, "orders")], ENTRY, Policy())
    assert rows(path, "SELECT count(*) FROM orders") == [(3000,)]


def test_a_file_that_is_being_written_to_counts_as_held(path):
    schema = database(path).schema()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert schema.lock("a runner") is None
        other.execute("ROLLBACK")
    with schema.lock("a runner") as held:
        assert held.fence == 1


# Carrying out


def test_a_change_waits_its_turn_and_says_when_it_does_not_come(path):
    with database(path).schema().lock("a runner") as held:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Busy, match="other programs"):
                held.carry([statement("DROP TABLE orders")], ENTRY, Policy(lock_wait_seconds_max=0.2))
        assert held.carry([statement("ANALYZE")], ENTRY, Policy()).tries >= 1


def test_a_reader_is_not_kept_waiting_for_a_change_that_waits_for_it(path):
    """With a rollback journal a commit waits for readers: then it is taken back, so that new ones come in."""
    (journal,) = rows(path, "PRAGMA journal_mode")[0]
    with database(path).schema().lock("a runner") as held, closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM orders").fetchone()
        change = [statement("ALTER TABLE orders ADD COLUMN more", Kind.ADD_COLUMN, "orders", "more")]
        if journal == "wal":
            held.carry(change, ENTRY, Policy())
            return
        with pytest.raises(Busy):
            held.carry(change, ENTRY, Policy(lock_wait_seconds_max=0.2, ladder_ms=(50,)))
        assert len(rows(path, "SELECT * FROM orders LIMIT 1")[0]) == 2
        reader.execute("ROLLBACK")
        held.carry(change, ENTRY, Policy())
    assert len(rows(path, "SELECT * FROM orders LIMIT 1")[0]) == 3


def test_rows_that_would_lose_their_parent(path):
    schema = database(path).schema()
    family = [
        statement("CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id))"),
        statement("INSERT INTO lines VALUES (1, 1), (2, 99999)", Kind.INSERT, "lines"),
    ]
    with schema.lock("a runner") as held:
        with pytest.raises(Refused, match="1 rows of lines would refer to rows of orders"):
            held.carry(family, ENTRY, Policy())
        assert "lines" not in schema.dump()
        with closing(sqlite3.connect(path)) as other:  # what was wrong before is none of the change's doing
            for each in family:
                other.execute(each.text)
            other.commit()
        held.carry(
            [statement("ALTER TABLE orders ADD COLUMN more", Kind.ADD_COLUMN, "orders", "more")], ENTRY, Policy()
        )
        with pytest.raises(Refused):
            held.carry([statement("DELETE FROM orders WHERE id = 1", Kind.DELETE, "orders")], ENTRY, Policy())


def test_a_table_is_rebuilt_as_the_handbook_says(path):
    """https://www.sqlite.org/lang_altertable.html#otheralter: rows of other tables that refer to it stay."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE lines (order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE)")
        other.execute("INSERT INTO lines VALUES (1), (2)")
        other.commit()
    steps = [
        statement("CREATE TABLE fresh (id INTEGER PRIMARY KEY, note TEXT NOT NULL)", Kind.CREATE_TABLE, "fresh"),
        statement("INSERT INTO fresh SELECT id, note FROM orders", Kind.INSERT, "fresh"),
        statement("DROP TABLE orders", Kind.DROP_TABLE, "orders"),
        statement("ALTER TABLE fresh RENAME TO orders", Kind.RENAME_TABLE, "fresh"),
    ]
    with database(path).schema().lock("a runner") as held:
        assert held.carry(steps, ENTRY, Policy()).rows == 3000
    assert rows(path, "SELECT count(*) FROM lines") == [(2,)]
    assert rows(path, "PRAGMA foreign_key_check") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([statement("BEGIN", Kind.TRANSACTION)], "one transaction already"),
        ([statement("COMMIT")], "ended the transaction"),
        ([statement("SELECT 1"), statement("VACUUM", Kind.VACUUM, alone=True)], "within a transaction"),
        ([statement("SELECT 1; SELECT 2")], "one statement at a time"),
        ([statement("INSERT INTO orders VALUES (1, 'twice')", Kind.INSERT)], "UNIQUE constraint failed: orders.id"),
    ],
)
def test_what_is_refused_leaves_nothing(path, change, words):
    schema = database(path).schema()
    before = schema.dump()
    with schema.lock("a runner") as held:
        with pytest.raises(Refused, match=words) as refused:
            held.carry(change, ENTRY, Policy())
        assert refused.value.where == "line 1, column 1"
    assert (schema.dump(), list(schema.entries())) == (before, [])


ENDLESS = "SELECT count(*) FROM orders a, orders b, orders c, orders d"


def test_a_statement_has_its_time(path):
    with database(path).schema().lock("a runner") as held:
        with pytest.raises(Refused, match=r"longer than 0\.2 seconds"):
            held.carry([statement(ENDLESS, Kind.SELECT)], ENTRY, Policy(statement_seconds_max=0.2))
        assert held.alive()


def test_a_statement_stops_when_asked(path):
    asked = []

    def stopping() -> None:
        asked.append(1)
        if len(asked) > 3:
            raise Stopped("enough")

    with database(path).schema().lock("a runner") as held, pytest.raises(Stopped):
        held.carry([statement(ENDLESS, Kind.SELECT)], ENTRY, Policy(stopping=stopping))


def test_vacuum_runs_alone_and_its_entry_is_kept_after_it(path):
    schema = database(path).schema()
    with schema.lock("a runner") as held:
        held.carry([statement("DELETE FROM orders", Kind.DELETE, "orders")], ENTRY, Policy())
        pages = rows(path, "PRAGMA page_count")[0][0]
        held.carry([statement("VACUUM", Kind.VACUUM, alone=True)], replace(ENTRY, version="2"), Policy())
    assert rows(path, "PRAGMA page_count")[0][0] < pages
    assert [e.version for e in schema.entries()] == ["1", "2"]


def test_a_pragma_holds_for_the_statements_after_it(path):
    with database(path).schema().lock("a runner") as held:
        held.carry([statement("PRAGMA recursive_triggers = ON", Kind.SET, alone=True)], ENTRY, Policy())
        held.carry([statement("CREATE TABLE seen AS SELECT * FROM pragma_recursive_triggers")], ENTRY, Policy())
    assert rows(path, "SELECT * FROM seen") == [(1,)]


# A file that is missing


def test_a_missing_file_is_an_empty_database_and_the_lock_makes_it(tmp_path):
    schema = database(tmp_path / "new.db").schema()
    assert (list(schema.entries()), schema.holder(), dict(schema.sizes())) == ([], None, {})
    empty = schema.dump()
    assert not (tmp_path / "new.db").exists()
    with schema.rehearsal(["orders"]) as clone:
        assert clone.dump() == empty
    assert not (tmp_path / "new.db").exists()
    with schema.lock("a runner") as held:
        held.keep(ENTRY)
    assert schema.dump() == empty
    assert rows(tmp_path / "new.db", "PRAGMA journal_mode") == [("wal",)]


def test_no_folder_no_database(tmp_path):
    schema = database(tmp_path / "nowhere" / "new.db").schema()
    for ask in (schema.dump, schema.holder, lambda: schema.lock("a runner")):
        with pytest.raises(NotFound):
            ask()


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "text.db").write_text("hello " * 1000)
    with pytest.raises(Refused, match="is not an SQLite database"):
        database(tmp_path / "text.db").schema().lock("a runner")


def test_a_file_that_may_not_be_written_to(path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path.chmod(0o444)
    with pytest.raises(Forbidden):
        database(path).schema().lock("a runner")


def test_a_lease_is_a_number():
    with pytest.raises(Invalid) as invalid:
        database(Path("x.db"), lease_seconds="long")
    assert invalid.value.where == "lease_seconds"


def test_an_identity_is_the_same_through_a_link(path):
    link = path.with_name("link.db")
    link.symlink_to(path)
    assert database(link).schema().identity() == database(path).schema().identity()
    relative = Path(os.path.relpath(path))
    assert database(relative).schema().identity() == database(path).schema().identity()
