"""Rehearsals: in memory, measured by the program SQLite makes, and without a trace in the file."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from wayfare.core.address import Address
from wayfare.core.changes import Blocks, Schema
from wayfare.core.errors import Unavailable
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.sqlite.database import SqliteDatabase

SCHEMA = (
    "CREATE TABLE orgs (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE users (id INTEGER PRIMARY KEY, org_id INTEGER REFERENCES orgs (id), email TEXT, age INTEGER)",
    "CREATE TABLE pairs (a TEXT, b TEXT, both TEXT GENERATED ALWAYS AS (a || b), PRIMARY KEY (a, b)) WITHOUT ROWID",
    "CREATE INDEX by_email ON users (email)",
    "CREATE VIEW adults AS SELECT id, email FROM users WHERE age >= 18",
    "CREATE TRIGGER told INSTEAD OF DELETE ON adults BEGIN DELETE FROM users WHERE id = old.id; END",
    "CREATE VIRTUAL TABLE texts USING fts5 (body)",
)
ROWS = 20_000


@pytest.fixture(params=["wal", "delete"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = tmp_path / "app.db"
    with closing(sqlite3.connect(found)) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}")
        for text in SCHEMA:
            connection.execute(text)
        connection.execute("INSERT INTO orgs (id, name) VALUES (1, 'one')")
        users = [(1, f"user{n}@example.org", n % 90) for n in range(ROWS)]
        connection.executemany("INSERT INTO users (org_id, email, age) VALUES (?, ?, ?)", users)
        connection.executemany("INSERT INTO pairs (a, b) VALUES (?, ?)", [(f"a{n}", "b") for n in range(100)])
        connection.execute("INSERT INTO texts VALUES ('some words')")
        connection.execute("PRAGMA user_version = 7")
        connection.commit()
    return found


@pytest.fixture
def schema(path: Path) -> Any:
    return SqliteDatabase(Address("sqlite", database=str(path))).schema()


def do(text: str, kind: Kind, table: str = "", name: str = "", alone: bool = False, **details: Any) -> Statement:
    return Statement(text, 1, 1, (Action(kind, table, name, details),), alone)


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


ALL = ("orgs", "users", "pairs", "texts")
# What SQLite does, as its handbook tells: https://www.sqlite.org/lang_altertable.html
TRUTH = [
    (do("ALTER TABLE users ADD COLUMN x INTEGER DEFAULT 4", Kind.ADD_COLUMN, "users", "x"), (), (), ()),
    (do("ALTER TABLE users ADD COLUMN x TEXT", Kind.ADD_COLUMN, "users", "x"), (), (), ()),
    (
        do("ALTER TABLE users ADD COLUMN x INT DEFAULT 1 CHECK (x > 0)", Kind.ADD_COLUMN, "users", "x"),
        ("users",),
        (),
        (),
    ),
    (do("ALTER TABLE users DROP COLUMN age", Kind.DROP_COLUMN, "users", "age"), None, None, None),
    (do("ALTER TABLE orgs DROP COLUMN name", Kind.DROP_COLUMN, "orgs", "name"), ("orgs",), ("orgs",), ()),
    (do("ALTER TABLE users RENAME COLUMN age TO years", Kind.RENAME_COLUMN, "users", "age", new="years"), (), (), ()),
    (do("ALTER TABLE users RENAME TO people", Kind.RENAME_TABLE, "users", new="people"), (), (), ()),
    (do("CREATE INDEX i ON users (age)", Kind.CREATE_INDEX, "users", "i"), ("users",), (), ()),
    (do("DROP INDEX by_email", Kind.DROP_INDEX, "", "by_email"), (), (), ()),
    (do("REINDEX by_email", Kind.REINDEX, "", "by_email"), ("users",), (), ("by_email",)),
    (do("UPDATE users SET age = age + 1", Kind.UPDATE, "users"), ("users",), (), ()),
    (do("DELETE FROM users WHERE id = 5", Kind.DELETE, "users"), (), (), ()),
    (do("DROP TABLE pairs", Kind.DROP_TABLE, "pairs"), (), (), ()),
    (do("CREATE TABLE n (id INTEGER PRIMARY KEY)", Kind.CREATE_TABLE, "n"), (), (), ()),
    (do("DROP VIEW adults", Kind.DROP_VIEW, "", "adults"), (), (), ()),
]


@pytest.mark.parametrize(("statement", "scans", "rewrites", "rebuilds"), TRUTH, ids=lambda v: getattr(v, "text", ""))
@pytest.mark.parametrize("sample", [(), ("users", "orgs")], ids=["empty", "sampled"])
def test_what_a_statement_does_is_seen_with_and_without_rows(schema, statement, scans, rewrites, rebuilds, sample):
    with schema.rehearsal(sample) as clone:
        found = clone.run(statement)
    if scans is None:
        assert "adults" in found.error  # the view needs that column
        return
    assert found.error == ""
    assert (found.scans, found.rewrites, found.rebuilds) == (scans, rewrites, rebuilds)


def test_vacuum_writes_everything_anew(schema):
    with schema.rehearsal() as clone:
        found = clone.run(do("VACUUM", Kind.VACUUM, alone=True))
    assert found.error == ""
    assert set(found.rewrites) >= {"orgs", "users", "pairs"}


def test_the_file_is_the_same_to_the_byte(schema, path):
    before, dump = checksum(path), schema.dump()
    with schema.rehearsal(ALL) as clone:
        for statement, *_ in TRUTH:
            clone.run(statement)
        clone.run(do("VACUUM", Kind.VACUUM, alone=True))
    assert (checksum(path), schema.dump()) == (before, dump)


@pytest.mark.parametrize("text", ["ATTACH '{}' AS other", "VACUUM INTO '{}'"])
def test_no_other_file_is_touched(schema, tmp_path, text):
    with schema.rehearsal() as clone:
        assert clone.run(do(text.format(tmp_path / "other.db"), Kind.OTHER, alone=True)).error
    assert not (tmp_path / "other.db").exists()


def test_what_others_cannot_do_meanwhile(schema, path):
    with closing(sqlite3.connect(path)) as connection:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    with schema.rehearsal() as clone:
        found = clone.run(do("DROP INDEX by_email", Kind.DROP_INDEX, "", "by_email"))
    assert found.locks == {"users": "EXCLUSIVE"}
    assert found.blocks == {"users": Blocks.WRITES if journal == "wal" else Blocks.EVERYTHING}


def test_an_estimate_grows_with_the_table(schema):
    index = do("CREATE INDEX i ON users (age)", Kind.CREATE_INDEX, "users", "i")
    with schema.rehearsal(["users"]) as clone:
        found = clone.run(index)
        assert found.estimate_seconds > 2 * found.seconds  # 5,000 of 20,000 rows are taken along
        clone.run(do("ALTER TABLE users RENAME TO people", Kind.RENAME_TABLE, "users", new="people"))
        renamed = clone.run(do("CREATE INDEX j ON people (age)", Kind.CREATE_INDEX, "people", "j"))
        assert renamed.estimate_seconds > 2 * renamed.seconds
    assert found.log_bytes > 0


def recalled(schema: Schema, statement: Statement) -> tuple[str, str, list[str]]:
    """The dump before, the one after the statement and what was recalled, and those texts."""
    with schema.rehearsal() as clone:
        before = clone.dump()
        texts = [t for a in statement.actions for t in clone.recall(a)]
        assert clone.run(statement).error == ""
        for text in texts:
            assert clone.run(do(text, Kind.OTHER)).error == ""
        return before, clone.dump(), texts


@pytest.mark.parametrize(
    "statement",
    [
        do("DROP INDEX by_email", Kind.DROP_INDEX, "", "by_email"),
        do("DROP INDEX BY_EMAIL", Kind.DROP_INDEX, "", "main.BY_EMAIL"),
        do("DROP VIEW adults", Kind.DROP_VIEW, "", "adults"),  # its trigger goes with it
        do("DROP TRIGGER told", Kind.DROP_TRIGGER, "", "told"),
        do("PRAGMA user_version = 8", Kind.SET, "", "user_version", alone=True),
    ],
    ids=lambda s: s.text,
)
def test_what_is_recalled_brings_everything_back(schema, statement):
    before, after, texts = recalled(schema, statement)
    assert texts
    assert before == after


@pytest.mark.parametrize("kind", [Kind.DROP_TABLE, Kind.DROP_COLUMN, Kind.ADD_COLUMN, Kind.INSERT, Kind.TRUNCATE])
def test_nothing_is_recalled_where_rows_would_be_lost(schema, kind):
    with schema.rehearsal() as clone:
        assert list(clone.recall(Action(kind, "users", "age"))) == []


def test_a_module_that_is_not_loaded_is_told(schema, path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = "CREATE VIRTUAL TABLE ghosts USING no_such_module (x)"
        connection.execute("INSERT INTO sqlite_master VALUES ('table', 'ghosts', 'ghosts', 0, ?)", (sql,))
        connection.commit()
    with pytest.raises(Unavailable, match="ghosts"), schema.rehearsal():
        pass
