"""How a server's queries fare, told by those that count them: with their statistics switched on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from beds import running
from wayfare.core.changes import Entry, Policy, Sample, Standing, Watches
from wayfare.core.errors import Stopped
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.mysql import testbed
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.testing import Fresh

SECONDS_MAX = 20.0
ANEW_SECONDS = 0.2  # InnoDB looks anew who waits only when it was not asked for 100 ms
ENTRY = Entry("changes", "1", "a change", "", Standing.APPLIED, 1, 1)


@pytest.fixture(scope="module", params=[testbed.mariadb_counting, testbed.mysql_counting], ids=["mariadb", "mysql"])
def counting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running(request.param, tmp_path_factory.mktemp("counting")) as fresh:
        yield fresh


@pytest.fixture
def counted(counting: Fresh) -> Iterator[MySql]:
    with MySql(counting()) as database:
        database.execute("CREATE TABLE users (id INT PRIMARY KEY, age INT)")
        database.execute("INSERT INTO users VALUES (1, 1), (2, 2)")
        yield database


def calls(sample: Sample, words: str) -> int:
    return sum(q.calls for q in sample.queries.values() if words in q.text)


def test_queries_are_counted_by_what_they_ask(counted):
    schema = counted.schema()
    assert isinstance(schema, Watches)
    before = schema.sample()
    with closing(testbed.connect(counted.address)) as somebody:
        for number in range(7):
            somebody.cursor().execute(f"SELECT age FROM users WHERE id = {number}")
        somebody.cursor().execute("SELECT SLEEP(0.05)")
        somebody.ping()  # a statement is counted after its answer, and before the next one
    after = schema.sample()
    assert calls(after, "SELECT `age` FROM `users`") - calls(before, "SELECT `age` FROM `users`") == 7
    (slept,) = [q for q in after.queries.values() if "`SLEEP`" in q.text or "SLEEP (" in q.text]
    assert (slept.calls, slept.total_ms >= 50) == (1, True)
    assert slept.squares_ms2 == pytest.approx(slept.total_ms**2)
    assert after.at > before.at
    assert after.connections >= after.active >= 1


def test_the_queries_of_other_databases_are_not_told(counted, counting):
    with MySql(counting()) as other:
        other.execute("CREATE TABLE elsewhere (id INT)")
        other.execute("SELECT id FROM elsewhere")
    assert calls(counted.schema().sample(), "elsewhere") == 0


def test_commits_are_counted(counted):
    before = counted.schema().sample()
    with closing(testbed.connect(counted.address)) as somebody:
        for ending in (somebody.commit, somebody.rollback, somebody.commit):
            somebody.begin()
            somebody.cursor().execute("UPDATE users SET age = age + 1")
            ending()
    after = counted.schema().sample()
    assert (after.commits - before.commits, after.rollbacks - before.rollbacks) == (2, 1)


@pytest.mark.parametrize(
    ("held", "waits", "told"),
    [
        ("SELECT * FROM users", "ALTER TABLE users ADD COLUMN q INT", False),  # for the table's metadata
        ("UPDATE users SET age = 7 WHERE id = 1", "UPDATE users SET age = 8 WHERE id = 1", True),  # for a row
    ],
    ids=["metadata", "row"],
)
def test_who_waits_for_a_lock_is_seen(counted, held, waits, told):
    """Of rows it is told who is in the way."""
    with closing(testbed.connect(counted.address)) as first, closing(testbed.connect(counted.address)) as second:
        first.begin()
        first.cursor().execute(held)
        thread = threading.Thread(target=second.cursor().execute, args=(waits,))
        thread.start()
        try:
            found = _seen(counted.schema(), waits)
            assert found.blocked_by == ((str(first.thread_id()),) if told else ())
            assert found.seconds >= 0
        finally:
            first.rollback()
            thread.join()
    _nobody_waits(counted.schema())


def _seen(schema: Any, waits: str) -> Any:
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        for one in schema.sample().waiting:
            if one.query == waits:
                return one
        time.sleep(ANEW_SECONDS)
    raise AssertionError(f"nobody was seen to wait: {schema.sample().waiting}")


def _nobody_waits(schema: Any) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while found := schema.waiting():
        assert time.monotonic() < deadline, found
        time.sleep(ANEW_SECONDS)


@pytest.mark.parametrize(
    ("change", "waits", "behind"),
    [
        (("CREATE TABLE slow AS SELECT id FROM users WHERE SLEEP(300) = 0", Kind.CREATE_TABLE), "users", True),
        (("CREATE TABLE slow AS SELECT id FROM users WHERE SLEEP(300) = 0", Kind.CREATE_TABLE), "orders", False),
        (("UPDATE users SET age = age + SLEEP(300)", Kind.UPDATE), "users", True),
    ],
    ids=["table", "another table", "row"],
)
def test_who_waits_behind_a_change_of_ours_is_told(counted, change, waits, behind):
    """Of others who wait meanwhile it is not said."""
    counted.execute("CREATE TABLE orders (id INT PRIMARY KEY, age INT)")
    counted.execute("INSERT INTO orders VALUES (1, 1)")
    text, kind = change
    schema = counted.schema()
    asked = (
        f"UPDATE {waits} SET age = 8 WHERE id = 1" if kind is Kind.UPDATE else f"ALTER TABLE {waits} ADD COLUMN q INT"
    )
    with closing(testbed.connect(counted.address)) as first, closing(testbed.connect(counted.address)) as second:
        first.begin()
        first.cursor().execute("SELECT * FROM orders")
        reason: list[str] = []
        statement = Statement(text, 1, 1, (Action(kind, "users"),))
        ours = threading.Thread(target=_carried, args=(schema, statement, reason))
        ours.start()
        theirs = threading.Thread(target=second.cursor().execute, args=(asked,))
        try:
            _running(counted, text)
            theirs.start()
            found = _seen(schema, asked)
            assert found.behind_us is behind
            assert [w for w in schema.waiting() if w.query == asked]
        finally:
            reason.append("seen.")
            first.rollback()
            for thread in (ours, theirs):
                if thread.ident:
                    thread.join()
    _nobody_waits(schema)


def _carried(schema: Any, statement: Statement, reason: list[str]) -> None:
    """It works until there is a reason to end it."""
    with schema.lock("a test") as held, pytest.raises(Stopped):
        held.carry([statement], ENTRY, Policy(interrupted=lambda: "".join(reason)))


def _running(counted: MySql, text: str) -> None:
    """Until the server is at work on it. Its tables are not asked for: one that is being made is locked."""
    deadline = time.monotonic() + SECONDS_MAX
    beside = f"id <> CONNECTION_ID() AND info LIKE '%{text}%'"
    while not counted.execute(f"SELECT 1 AS n FROM information_schema.processlist WHERE {beside}").num_rows:
        assert time.monotonic() < deadline
        time.sleep(0.02)
