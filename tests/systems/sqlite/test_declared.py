"""What the text of CREATE statements tells."""

from __future__ import annotations

import pytest

from wayfare.systems.databases.sqlite import declared, dialect

WHOLE = """CREATE TABLE "we(ird" ( -- a comment, with CHECK (1)
  id INTEGER CONSTRAINT pk PRIMARY KEY AUTOINCREMENT,
  [a b] TEXT COLLATE NOCASE CONSTRAINT "un""ique" UNIQUE DEFAULT 'CHECK (x)',
  `c` INT CHECK (c IN (1, 2, ')')) /* , */ CHECK(c <> 3),
  d INT GENERATED ALWAYS AS (c * (2 + 1)) STORED,
  e AS (lower("a b")),
  f INT CONSTRAINT up REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED,
  g INT REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT pair UNIQUE (c, [a b] DESC),
  UNIQUE (d),
  CONSTRAINT positive CHECK (c > 0 AND "a b" <> ','),
  CONSTRAINT away FOREIGN KEY (c, d) REFERENCES q (x, y) ON DELETE CASCADE
) WITHOUT ROWID"""


def test_a_table_of_everything() -> None:
    found = declared.table(WHOLE)
    assert found.checks == [("", "c IN (1, 2, ')')"), ("", "c <> 3"), ("positive", "c > 0 AND \"a b\" <> ','")]
    assert found.uniques == {("a b",): 'un"ique', ("c", "a b"): "pair", ("d",): ""}
    assert found.references == [("up", True), ("", False), ("away", False)]
    assert found.generated == {"d": "c * (2 + 1)", "e": 'lower("a b")'}
    assert found.collations == {"a b": "NOCASE"}
    assert found.autoincrement
    assert found.comment == ""


def test_comments_come_back() -> None:
    mark = dialect.COMMENT
    text = f'CREATE TABLE "t" {mark}first\n{mark}second\n({mark}the key\n "id" INT, b INT)'
    found = declared.table(text)
    assert (found.comment, found.comments) == ("first\nsecond", {"id": "the key"})


INDEXES = {
    "CREATE INDEX i ON t (a, b DESC)": ("a, b DESC", ""),
    "CREATE UNIQUE INDEX i ON t(lower(a), (b + 1)) WHERE a > 1": ("lower(a), (b + 1)", "a > 1"),
    'CREATE INDEX "i (" ON "t" ("a)") where b = \')\'': ('"a)"', "b = ')'"),
}


@pytest.mark.parametrize("sql", INDEXES)
def test_the_parts_of_an_index(sql: str) -> None:
    assert declared.index(sql) == INDEXES[sql]


def test_the_select_of_a_view() -> None:
    assert declared.view('CREATE VIEW "as" (x, "AS y") AS SELECT 1 AS x, 2') == "SELECT 1 AS x, 2"
