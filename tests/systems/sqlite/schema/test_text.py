"""The text of a schema: one spelling for what means the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from wayfare.systems.databases.sqlite.schema import objects
from wayfare.systems.databases.sqlite.schema.canonical import canonical

SPELLINGS = """
CREATE TABLE t (a INT,b INT) ; CREATE TABLE t(a INT, b INT)
CREATE TABLE "t" ( a INT ) ; CREATE TABLE t(a INT)
CREATE TABLE [t]( `a` INT ) ; CREATE TABLE t(a INT)
CREATE TABLE "order"(a INT) ; CREATE TABLE "order"(a INT)
CREATE TABLE t(a TEXT DEFAULT "x") ; CREATE TABLE t(a TEXT DEFAULT "x")
CREATE TABLE t(a TEXT DEFAULT 'x  y') ; CREATE TABLE t(a TEXT DEFAULT 'x  y')
CREATE TABLE t(a INT CHECK(a>=0)) ; CREATE TABLE t(a INT CHECK (a>=0))
CREATE TABLE t(a INT REFERENCES "u"("b")) ; CREATE TABLE t(a INT REFERENCES u(b))
CREATE TABLE t(a "weird name" , "b c" INT) ; CREATE TABLE t(a "weird name", "b c" INT)
CREATE INDEX i ON"t"(a) ; CREATE INDEX i ON t(a)
CREATE TABLE t(a INT /* why */, b INT) ; CREATE TABLE t(a INT /* why */, b INT)
"""


@pytest.mark.parametrize("line", SPELLINGS.strip().splitlines())
def test_one_spelling(line):
    given, expected = line.split(" ; ")
    assert canonical(given) == expected
    assert canonical(expected) == expected


def test_a_comment_ends_its_line():
    assert canonical("CREATE TABLE t(a INT -- first\n, b INT)") == "CREATE TABLE t(a INT -- first\n, b INT)"


EVERYTHING = (
    "CREATE TABLE \"select\" (id INTEGER PRIMARY KEY, \"group\" TEXT DEFAULT 'a''b', n REAL DEFAULT -1.5)",
    "CREATE TABLE t (a INT, b INT AS (a||'x') STORED, c BLOB DEFAULT x'00ff', CONSTRAINT k CHECK (a IN (1) AND b<>3))",
    "CREATE TABLE w (a TEXT COLLATE NOCASE, PRIMARY KEY (a)) WITHOUT ROWID",
    "CREATE TABLE s (a INTEGER NOT NULL, b ANY) STRICT",
    "CREATE UNIQUE INDEX i ON t (a DESC, lower(b)) WHERE a IS NOT NULL",
    "CREATE VIEW v (x, y) AS\nWITH z AS (SELECT 1 AS one)\nSELECT one, -one FROM z WHERE one NOT IN (2) OR one->>'a'",
    "CREATE TRIGGER g AFTER UPDATE ON t WHEN new.a > old.a BEGIN INSERT INTO s VALUES (1, 'x;y'); SELECT 1; END",
)


def test_a_dump_can_be_run_and_gives_the_same_dump():
    with closing(sqlite3.connect(":memory:")) as one, closing(sqlite3.connect(":memory:")) as two:
        for text in EVERYTHING:
            one.execute(text)
        one.execute("PRAGMA user_version = 3")
        two.executescript(objects.dump(one))
        assert objects.dump(two) == objects.dump(one)
        assert objects.dump(one).count(";\n") == len(EVERYTHING) + 1


@pytest.mark.parametrize(
    "there_and_back",
    [
        ("ALTER TABLE t ADD COLUMN x INT", "ALTER TABLE t DROP COLUMN x"),
        ("ALTER TABLE t RENAME TO u", "ALTER TABLE u RENAME TO t"),
        ("ALTER TABLE t RENAME COLUMN a TO z", "ALTER TABLE t RENAME COLUMN z TO a"),
        ("CREATE TABLE x (a)", "DROP TABLE x"),
        ("CREATE INDEX x ON t (c)", "DROP INDEX x"),
        ("PRAGMA user_version = 9", "PRAGMA user_version = 0"),
    ],
)
@pytest.mark.parametrize("layout", ["({})", "(\n  {}\n)"])
def test_there_and_back_is_the_same_dump(there_and_back, layout):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t " + layout.format("a INT, b INT, c TEXT"))
        connection.execute("CREATE TABLE child (a INT REFERENCES t (a))")
        connection.execute("CREATE INDEX i ON t (a)")
        connection.execute("CREATE VIEW v AS SELECT a, b FROM t")
        before = objects.dump(connection)
        there, back = there_and_back
        connection.execute(there)
        assert objects.dump(connection) != before
        connection.execute(back)
        assert objects.dump(connection) == before
