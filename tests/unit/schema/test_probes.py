"""Which questions statements raise, as text; SQLite answers some of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from wayfare.schema.probes import VIOLATIONS_MAX, probes
from wayfare.schema.text.reading import read

DIALECTS = ("postgres", "mysql", "sqlite", "tsql")
ROWS = f"LIMIT {VIOLATIONS_MAX}) AS violations"


def asked(script: str, dialect: str) -> list[str]:
    (statement,) = read(script, dialect)
    return [p.sql for p in probes(statement, dialect)]


@pytest.mark.parametrize(
    ("dialect", "script", "rest"),
    [
        ("postgres", "alter table s.t alter a set not null", 'FROM "s"."t" WHERE "a" IS NULL'),
        ("postgres", "alter table t add a int not null", 'FROM "t"'),
        ("postgres", "alter table t add unique (a, b)", 'FROM "t" WHERE "a" IS NOT NULL AND "b" IS NOT NULL'
         ' GROUP BY "a", "b" HAVING count(*) > 1'),
        ("postgres", "create unique index i on t (a)",
         'FROM "t" WHERE "a" IS NOT NULL GROUP BY "a" HAVING count(*) > 1'),
        ("postgres", "alter table t add unique nulls not distinct (a)", 'FROM "t" GROUP BY "a" HAVING count(*) > 1'),
        ("postgres", "alter table t add foreign key (a, b) references s.o (c, d)",
         'FROM "t" AS child WHERE child."a" IS NOT NULL AND child."b" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "s"."o"'
         ' AS parent WHERE parent."c" = child."a" AND parent."d" = child."b")'),
        ("postgres", "alter table t add check (a > 0)", 'FROM "t" WHERE NOT (a > 0)'),
        ("postgres", "alter table t alter a type varchar(5)", 'FROM "t" WHERE char_length(CAST("a" AS text)) > 5'),
        ("postgres", "alter table t alter a type int", 'FROM "t" WHERE "a" < -2147483648 OR "a" > 2147483647'),
        ("mysql", "alter table `t``s` add unique (a)",
         "FROM `t``s` WHERE `a` IS NOT NULL GROUP BY `a` HAVING count(*) > 1"),
        ("mysql", "alter table t modify a smallint", "FROM `t` WHERE `a` < -32768 OR `a` > 32767"),
        ("sqlite", "create unique index i on t (a)",
         'FROM "t" WHERE "a" IS NOT NULL GROUP BY "a" HAVING count(*) > 1'),
    ],
)  # fmt: skip
def test_asked(dialect, script, rest):
    (sql,) = asked(script, dialect)
    assert sql.startswith("SELECT count(*), min(example) FROM (SELECT CAST(")
    assert sql.endswith(f" AS example {rest} {ROWS}")


def test_tsql_counts_null_as_a_value_and_limits_in_front():
    (sql,) = asked("alter table t add constraint u unique (a)", "tsql")
    assert sql == (
        "SELECT count(*), min(example) FROM (SELECT TOP (1000) CAST(min([a]) AS nvarchar(4000)) AS example"
        " FROM [t] GROUP BY [a] HAVING count(*) > 1) AS violations"
    )


def test_a_primary_key_asks_for_null_and_for_duplicates():
    null, twice = asked("alter table t add primary key (a)", "postgres")
    assert 'WHERE "a" IS NULL' in null
    assert "HAVING" in twice


def test_a_column_said_again_asks_for_null_and_for_its_type():
    null, unfit = asked("alter table t modify a varchar(5) not null", "mysql")
    assert "`a` IS NULL" in null
    assert "char_length" in unfit


@pytest.mark.parametrize(
    "script",
    [
        "create table t (a int not null unique, b int references o (id), check (a > 0))",
        "alter table t add a int references o (id)",
        "alter table t add a int not null default 0",
        "alter table t add a int unique",
        "alter table t add constraint c check (a > 0) not valid",
        "alter table t add constraint u unique using index i",
        "alter table t alter a type text",
        "alter table t alter a type varchar(5) using left(a, 5)",
        "create index i on t (a)",
        "create unique index i on t (a) where b",
        "select 1",
    ],
)
def test_nothing_to_ask(script):
    assert not asked(script, "postgres")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_questions_are_sql_that_only_reads(dialect):
    scripts = ["alter table s.t add constraint f foreign key (a) references o (b)", "create unique index i on t (a)"]
    for sql in [sql for script in scripts for sql in asked(script, dialect)]:
        assert [a.kind for a in read(sql, dialect)[0].actions] == ["select"]


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("create unique index i on t (a)", (1, "7")),
        ("create unique index i on t (b)", (0, None)),
        ("alter table t alter column a set not null", (1, "NULL")),
        ("alter table t add constraint c check (b < 3)", (1, "one of them")),
        ("alter table t add constraint c check (b < 9)", (0, None)),
        ("alter table t add constraint f foreign key (b) references o (id)", (2, "2")),
    ],
)
def test_answered(script, answer):
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(
            "create table t (a, b); insert into t values (7, 1), (7, 2), (null, 3);"
            "create table o (id); insert into o values (1)"
        )
        (sql,) = asked(script, "sqlite")
        assert database.execute(sql).fetchone() == answer


def test_what_was_found_is_told():
    (statement,) = read('alter table "t{" add unique (a)', "postgres")
    (probe,) = probes(statement, "postgres")
    assert probe.violation.format(count=3, example="7") == "3 values of a are in t{ more than once, such as 7"
    assert probe.advice
