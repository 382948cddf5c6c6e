"""A runner is killed in a long ALTER: the server goes on with it, which the next runner sees, and waits for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from beds import running
from wayfare.core.address import Address
from wayfare.core.changes import Outcome, Policy, Schema, Standing
from wayfare.core.statements import Action, Kind, Statement
from wayfare.schema.carry import Change, carry_out
from wayfare.systems.databases.mysql import testbed
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.databases.mysql.schema.carry import MARK
from wayfare.systems.testing import Fresh

SECONDS_MAX = 60.0
ROWS = 1_000_000  # whose copy takes some seconds
ALTER = Statement(
    "ALTER TABLE users ADD COLUMN extra INT, ALGORITHM=COPY",
    1,
    1,
    (Action(Kind.ADD_COLUMN, "users", "extra", {"clauses": ["ALGORITHM=COPY"]}),),
)
RUNNER = """
import sys
from systems.mysql.schema.test_kill import MySql, Address, carried
with MySql(Address.parse(sys.argv[1])) as database:
    carried(database.schema(), "who is killed")
"""


def carried(schema: Schema, by: str) -> Standing:
    with _lock(schema, by) as held:
        change = Change("changes", "1", "a long one", "", (ALTER,), by=by)
        return carry_out(schema, held, change, Policy()).standing


def _lock(schema: Schema, by: str) -> Any:
    """A server may take a moment to see that the last holder's connection has ended."""
    deadline = time.monotonic() + SECONDS_MAX
    while (held := schema.lock(by)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return held


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running("mariadb", tmp_path_factory.mktemp("mariadb")) as fresh:
        yield fresh


@pytest.fixture
def database(maria: Fresh) -> Iterator[MySql]:
    with MySql(maria()) as found:
        found.execute("CREATE TABLE users (id INT PRIMARY KEY, age INT)")
        found.execute(f"INSERT INTO users SELECT seq, seq % 90 FROM seq_1_to_{ROWS}")
        yield found


@contextmanager
def killed(address: Address) -> Iterator[int]:
    """The number of the server's process that has the ALTER, whose runner is gone."""
    command = [sys.executable, "-c", RUNNER, address.url(reveal=True)]
    with subprocess.Popen(command, env={"PYTHONPATH": ":".join(sys.path)}) as process:
        try:
            number = _at_work(address)
        finally:
            process.kill()
    yield number


def _at_work(address: Address) -> int:
    asked = f"SELECT id FROM information_schema.processlist WHERE info LIKE '{MARK}%' AND stage = 1 AND progress > 0"
    deadline = time.monotonic() + SECONDS_MAX
    with closing(testbed.connect(address)) as eye, eye.cursor() as cursor:
        while not cursor.execute(asked):
            assert time.monotonic() < deadline, "the ALTER was not seen"
            time.sleep(0.02)
        return int(cursor.fetchone()[0])


def _outcome(schema: Schema, intent: str) -> Outcome:
    deadline = time.monotonic() + SECONDS_MAX
    while (found := schema.outcome(ALTER, intent)) is Outcome.AT_WORK:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_what_goes_on_without_its_runner_is_done_in_the_end(database: MySql) -> None:
    schema = database.schema()
    intent = schema.shape(ALTER)
    with killed(database.address):
        assert schema.outcome(ALTER, intent) is Outcome.AT_WORK
        assert _outcome(schema, intent) is Outcome.DONE
    (entry,) = schema.entries()
    assert (entry.standing, entry.done, entry.intent) == (Standing.APPLYING, 0, intent)


def test_the_next_runner_waits_for_it_and_does_it_once(database: MySql) -> None:
    """Twice would be refused: the column would be there already."""
    schema = database.schema()
    with killed(database.address):
        assert carried(schema, "the next") is Standing.APPLIED
    (entry,) = schema.entries()
    assert (entry.standing, entry.done, entry.intent) == (Standing.APPLIED, 1, "")
    assert "`extra`" in schema.dump()


def test_what_somebody_ends_is_not_done_and_done_again(database: MySql) -> None:
    schema = database.schema()
    before, intent = schema.dump(), schema.shape(ALTER)
    with killed(database.address) as number, closing(testbed.connect(database.address)) as somebody:
        somebody.cursor().execute(f"KILL QUERY {number}")
        assert _outcome(schema, intent) is Outcome.NOT_DONE
    assert schema.dump() == before
    assert carried(schema, "the next") is Standing.APPLIED
    assert "`extra`" in schema.dump()
