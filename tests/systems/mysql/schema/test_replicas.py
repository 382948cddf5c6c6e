"""A primary and its replica, of both kinds: who is what, how far it is, and what keeps it from going on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from wayfare.core.changes import Entry, Part, Policy, Replicates, Standing
from wayfare.core.errors import Conflict, Forbidden, Invalid, Unavailable, Unreachable
from wayfare.core.redacted import Redacted
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.mysql import testbed
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.databases.mysql.testcluster import PAIRS

SECONDS_MAX = 30.0
ENTRY = Entry("changes", "1", "a change", "", Standing.APPLIED, 1, 1)
CREATE = Statement("CREATE TABLE seen (id INT PRIMARY KEY)", 1, 1, (Action(Kind.CREATE_TABLE, "seen"),))


@dataclass
class Pair:
    primary: MySql
    replica: MySql

    def feeding(self, words: str) -> None:
        """STOP or START what the replica replays, or RESET what it knows of it."""
        with testbed.connect(self.replica.address) as connection, connection.cursor() as cursor:
            cursor.execute(words if not self.replica.server().maria else words.replace("REPLICA", "SLAVE"))

    def follow(self) -> None:
        """Wait until the replica has what the primary has."""
        written = self.primary.schema().position()
        assert soon(lambda: self.replica.schema().reached(written))


def soon(ask: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS_MAX
    while not (found := ask()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)
    return found


def long_query(server: MySql, report: Any, seconds: float) -> str:
    """ "" where it is not told."""
    time.sleep(0.15)  # InnoDB looks anew only when it was not asked for 100 ms
    return next((q for q in server.schema().long_queries(seconds) if f"process {report.thread_id()} " in q), "")


def raised(kind: type[Exception], ask: Callable[[], Any]) -> Callable[[], Exception | None]:
    def tried() -> Exception | None:
        try:
            ask()
        except kind as error:
            return error
        return None

    return tried


@pytest.fixture(scope="module", params=sorted(PAIRS))
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(PAIRS[request.param](tmp_path_factory.mktemp("pair")))
        except Unavailable as reason:
            pytest.skip(str(reason))


@pytest.fixture(scope="module")
def fresh(servers: Any) -> Any:
    return testbed.fresh_on(servers[0])


@pytest.fixture
def pair(servers: Any, fresh: Any) -> Iterator[Pair]:
    address = fresh()
    beside = replace(servers[1], database=address.database)
    with MySql(address) as primary:
        soon(lambda: not raised(Exception, lambda: testbed.connect(beside).close())())
        with MySql(beside) as replica:
            yield Pair(primary, replica)


def test_each_knows_its_part(pair):
    assert isinstance(pair.primary.schema(), Replicates)
    assert soon(lambda: pair.primary.schema().part() is Part.PRIMARY)
    assert pair.replica.schema().part() is Part.REPLICA


def test_who_has_no_copy_is_alone(db):
    schema = db.schema()
    assert (schema.part(), schema.position(), schema.reached(""), schema.pooled()) == (Part.ALONE, "", True, False)


def test_a_change_of_the_primary_reaches_the_replica(pair):
    before = pair.primary.schema().position()
    with pair.primary.schema().lock("a runner") as held:
        held.carry([CREATE], ENTRY, Policy())
    pair.follow()
    assert pair.replica.execute("SELECT count(*) AS n FROM seen").to_pylist() == [{"n": 0}]
    assert [e.version for e in pair.replica.schema().entries()] == ["1"]
    assert pair.primary.schema().position() != before
    assert pair.primary.schema().reached(before)
    assert pair.primary.schema().lag_seconds() == 0
    assert soon(lambda: pair.replica.schema().lag_seconds() == 0)


@pytest.mark.parametrize("wrong", ["here", "0-1", "3E11FA47-71CA-11E1-9E33-C80AA9429562", "' OR 1", "0/1A2B"])
def test_what_is_no_position_is_refused(pair, wrong):
    with pytest.raises(Invalid, match="no position"):
        pair.replica.schema().reached(wrong)


def test_a_replica_that_was_stopped_is_behind_and_says_so(pair):
    pair.follow()
    pair.feeding("SET GLOBAL read_only = 1")
    pair.feeding("STOP REPLICA")
    try:
        pair.primary.execute("CREATE TABLE later (id INT PRIMARY KEY)")
        assert not pair.replica.schema().reached(pair.primary.schema().position())
        assert pair.replica.schema().part() is Part.REPLICA
        with pytest.raises(Conflict, match="somebody stopped it"):
            pair.replica.schema().lag_seconds()
        pair.feeding("SET GLOBAL read_only = 0")  # it was made a primary of its own
        assert (pair.replica.schema().part(), pair.replica.schema().lag_seconds()) == (Part.ALONE, 0)
    finally:
        pair.feeding("SET GLOBAL read_only = 0")
        pair.feeding("START REPLICA")
    pair.follow()


def test_a_replica_that_cannot_replay_says_why(pair):
    """It has the column already, so the primary's statement fails there."""
    pair.primary.execute("CREATE TABLE twice (id INT PRIMARY KEY)")
    pair.follow()
    pair.replica.execute("ALTER TABLE twice ADD COLUMN q INT")
    pair.primary.execute("ALTER TABLE twice ADD COLUMN q INT")
    try:
        error = soon(raised(Conflict, lambda: pair.replica.schema().lag_seconds()))
        assert "stopped replaying" in str(error)
        assert "START REPLICA" in str(error)
        assert pair.replica.schema().part() is Part.REPLICA
    finally:
        pair.replica.execute("ALTER TABLE twice DROP COLUMN q")
        pair.feeding("START REPLICA")
    pair.follow()


def test_a_replica_that_does_not_hear_is_not_up_to_date(pair):
    pair.follow()
    pair.feeding("STOP REPLICA IO_THREAD")
    try:
        with pytest.raises(Unreachable, match="does not hear from its primary"):
            pair.replica.schema().lag_seconds()
        assert pair.replica.schema().part() is Part.REPLICA
    finally:
        pair.feeding("START REPLICA IO_THREAD")
    pair.follow()
    assert soon(lambda: not raised(Unreachable, lambda: pair.replica.schema().lag_seconds())())


def test_a_reader_on_the_replica_makes_it_late(pair):
    """What replays a change waits for who reads the table; meanwhile the distance grows."""
    pair.primary.execute("CREATE TABLE users (id INT PRIMARY KEY)")
    pair.follow()
    with closing(testbed.connect(pair.replica.address)) as report:
        report.begin()
        report.cursor().execute("SELECT * FROM users")
        pair.primary.execute("ALTER TABLE users ADD COLUMN q INT")
        written = pair.primary.schema().position()
        assert soon(lambda: pair.replica.schema().lag_seconds() >= 1)
        assert not pair.replica.schema().reached(written)
        assert soon(lambda: long_query(pair.replica, report, 1))
        report.rollback()
    pair.follow()


def test_long_queries_are_found_on_either(pair):
    """The replica's machine is in another time zone: an hour is an hour there as well."""
    for server in (pair.primary, pair.replica):
        with closing(testbed.connect(server.address)) as report:
            report.cursor().execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            found = soon(lambda: long_query(server, report, 0))  # noqa: B023
            assert found.startswith(f"process {report.thread_id()} (user wayfare) for ")
            assert server.schema().long_queries(1800) == []


def test_clients_are_counted(pair):
    before = pair.primary.schema().connections()
    with closing(testbed.connect(pair.primary.address)):
        assert pair.primary.schema().connections() == before + 1


def test_without_the_right_to_ask_it_is_said_which(pair):
    database = pair.primary.address.database
    pair.primary.execute(f"CREATE USER '{database}'@'%' IDENTIFIED BY 'x'")
    pair.primary.execute(f"GRANT ALL ON {database}.* TO '{database}'@'%'")
    address = replace(pair.primary.address, user=database, password=Redacted("x"))
    with MySql(address) as small, pytest.raises(Forbidden, match="GRANT REPLICA"):
        small.schema().part()
