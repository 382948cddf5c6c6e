"""Which database it is, how large it is, its copies, and how its queries fare."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest

from systems.postgresql.schema.scripts import ADD_COLUMN, entry, says
from wayfare.core.changes import Part, Policy, Replicates, Watches
from wayfare.core.errors import Invalid, Refused, Stopped, Unavailable
from wayfare.core.statements import Kind
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import COUNTING, pooler, standby


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgreSQL, PostgreSQL, PostgreSQL]]:
    """A primary that counts its queries, its hot standby, and the primary through a pooler."""
    with ExitStack() as stack:
        try:
            first = stack.enter_context(testbed.server(*COUNTING))
            second = stack.enter_context(standby(first, "max_standby_streaming_delay = -1"))
            third = stack.enter_context(pooler(first))
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield tuple(stack.enter_context(PostgreSQL(address)) for address in (first, second, third))


@pytest.fixture
def primary(servers) -> PostgreSQL:
    return servers[0]


@pytest.fixture
def copy(servers) -> PostgreSQL:
    return servers[1]


def test_an_identity_is_of_one_database_however_it_is_reached(servers, fresh):
    primary, copy, pooled = servers
    name = primary.schema().identity()
    assert copy.schema().identity() == name
    assert pooled.schema().identity() == name
    with PostgreSQL(fresh()) as other, PostgreSQL(replace(other.address, database="postgres")) as beside:
        assert len({name, other.schema().identity(), beside.schema().identity()}) == 3


def test_sizes_are_told_by_both_names(schema, db):
    db.execute("create schema shop; create table shop.items as select g from generate_series(1, 100) g")
    db.execute("create table parts (id int) partition by range (id)")
    db.execute("create table part_1 partition of parts for values from (0) to (1000)")
    db.execute("insert into parts select g from generate_series(0, 999) g")
    db.execute("analyze")
    with schema.lock("anna") as held:
        held.keep(entry())
    sizes = schema.sizes()
    assert (sizes["users"].rows, sizes["public.users"]) == (5000, sizes["users"])
    assert (sizes["shop.items"].rows, "items" in sizes) == (100, False)
    assert (sizes["parts"].rows, sizes["parts"].bytes) == (1000, sizes["part_1"].bytes)
    assert not [name for name in sizes if "_wayfare" in name]


def test_each_knows_its_part(servers, db):
    primary, copy, pooled = (server.schema() for server in servers)
    assert isinstance(primary, Replicates)
    assert (primary.part(), copy.part(), pooled.part()) == (Part.PRIMARY, Part.STANDBY, Part.PRIMARY)
    assert db.schema().part() is Part.ALONE
    assert (primary.pooled(), copy.pooled(), pooled.pooled()) == (False, False, True)


def test_a_standby_replays_what_the_primary_did(primary, copy):
    primary.execute("create table if not exists seen (a int)")
    behind = primary.schema().position()
    for _ in range(1500):
        if copy.schema().reached(behind):
            break
        time.sleep(0.02)
    assert copy.schema().reached(behind)
    assert copy.execute("select count(*) n from seen").to_pylist() == [{"n": 0}]
    assert primary.schema().reached(behind)
    assert not copy.schema().reached("FFFF/0")
    assert copy.schema().lag_seconds() >= 0
    assert primary.schema().lag_seconds() == 0
    with pytest.raises(Invalid, match="no position"):
        primary.schema().reached("here")


def test_a_standby_that_holds_still_is_behind(primary, copy):
    primary.execute("create table if not exists held (a int)")
    while not copy.schema().reached(primary.schema().position()):
        time.sleep(0.02)
    copy.execute("select pg_wal_replay_pause()")
    try:
        while copy.execute("select pg_get_wal_replay_pause_state() s").to_pylist() != [{"s": "paused"}]:
            time.sleep(0.02)
        primary.execute("insert into held values (1)")
        behind = primary.schema().position()
        arrived = f"select (pg_last_wal_receive_lsn() >= '{behind}')::int n"
        while copy.execute(arrived).to_pylist() != [{"n": 1}]:
            time.sleep(0.02)
        assert not copy.schema().reached(behind)
        assert copy.schema().lag_seconds() > 0
    finally:
        copy.execute("select pg_wal_replay_resume()")
    while not copy.schema().reached(behind):
        time.sleep(0.02)


def test_a_standby_refuses_changes(copy):
    with pytest.raises(Refused, match="read-only"):
        copy.schema().lock("anna")


def test_long_queries_are_found_on_either(primary, copy):
    for server in (primary, copy):
        with psycopg.connect(application_name="report", **without_name(server)) as reader:
            reader.execute("select 1 as by_hand")
            assert any("report" in q and "by_hand" in q for q in server.schema().long_queries(0))
            assert server.schema().long_queries(3600) == []


def without_name(db: PostgreSQL) -> dict[str, object]:
    return {k: v for k, v in parameters(db.address).items() if k != "application_name"}


def test_a_subscriber_knows_that_it_is_one(primary, fresh):
    primary.execute("create table if not exists told (a int primary key)")
    primary.execute("create publication news for table told")
    where = f"host=127.0.0.1 port={primary.address.port} user=postgres dbname=postgres"
    with PostgreSQL(fresh()) as other:
        other.execute("create table told (a int primary key)")
        before = other.schema().dump()
        with psycopg.connect(autocommit=True, **parameters(other.address)) as connection:
            connection.execute(f"create subscription ours connection '{where}' publication news")
            try:
                assert other.schema().part() is Part.SUBSCRIBER
                assert other.schema().lag_seconds() >= 0
                assert other.schema().dump() == before, "where it comes from, with a password, is not in the schema"
                with other.schema().rehearsal() as clone:
                    assert clone.dump() == before
            finally:
                connection.execute("drop subscription ours")
                primary.execute("drop publication news")


# Watching


def test_without_counting_it_says_what_to_switch_on(schema, primary):
    with pytest.raises(Unavailable, match=r"shared_preload_libraries .*CREATE EXTENSION"):
        schema.sample()
    primary.execute("drop extension if exists pg_stat_statements")
    with pytest.raises(Unavailable) as missing:
        primary.schema().sample()
    assert "shared_preload" not in missing.value.remedy


def test_queries_are_counted_with_their_squares(primary):
    primary.execute("create extension if not exists pg_stat_statements")
    assert isinstance(primary.schema(), Watches)
    primary.execute("create table if not exists counted (a int)")
    asked = "select count(*) as of_mine from counted"

    def look():
        return next((q for q in primary.schema().sample().queries.values() if q.text == asked), None)

    primary.execute(asked)
    first = look()
    for _ in range(9):
        primary.execute(asked)
    second = look()
    assert second.calls == first.calls + 9
    assert second.total_ms > first.total_ms
    assert second.squares_ms2 * second.calls >= second.total_ms**2 * 0.999, "a mean of squares is no less"


def test_who_waits_for_a_lock_is_seen(primary):
    primary.execute("create extension if not exists pg_stat_statements")
    primary.execute("create table if not exists users (id int)")
    with psycopg.connect(application_name="the blocker", **without_name(primary)) as blocker:
        blocker.execute("lock table users in access exclusive mode")
        waiter = threading.Thread(target=lambda: primary.execute("select count(*) as waited from users"))
        waiter.start()
        for _ in range(1500):
            found = primary.schema().sample()
            if found.waiting:
                break
            time.sleep(0.02)
        blocker.rollback()
        waiter.join()
    (waiting,) = found.waiting
    assert "waited" in waiting.query
    assert waiting.blocked_by == ("the blocker",)
    assert waiting.seconds >= 0
    assert found.connections >= 2
    assert found.active >= 1
    later = primary.schema().sample()
    assert later.at > found.at
    assert not later.waiting


# Of this table: there are others on the server, and autovacuum locks some of them for a moment.
CHANGED = """
select pid from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'users'::regclass
  and database = (select oid from pg_database where datname = current_database())
"""


def test_who_waits_behind_a_change_of_ours_is_told(primary):
    """Our own reading waits too, and is none for whom a change would be ended."""
    primary.execute("drop table if exists users; create table users (id int)")
    reason: list[str] = []
    policy = Policy(locks={"users": "AccessExclusiveLock"}, interrupted=lambda: "".join(reason))

    def change() -> None:
        with primary.schema().lock("anna") as held, pytest.raises(Stopped):
            held.carry([says("select pg_sleep(600)", Kind.SELECT)], entry(), policy)

    def stranger() -> None:
        with psycopg.connect(application_name="shop", **without_name(primary)) as connection:
            connection.execute("select count(*) as strangers from users")

    threads = [threading.Thread(target=change)]
    threads += [
        threading.Thread(target=stranger),
        threading.Thread(target=primary.execute, args=("select count(*) as ours from users",)),
    ]
    try:
        threads[0].start()
        _until(lambda: primary.execute(CHANGED).num_rows)
        for waiter in threads[1:]:
            waiter.start()
        _until(lambda: len(primary.schema().waiting()) == 2)
        found = primary.schema().waiting()
    finally:
        reason.append("seen.")
        for thread in threads:
            if thread.ident:
                thread.join()
    assert {"strangers" in waiting.query: waiting.behind_us for waiting in found} == {True: True, False: False}
    assert all("wayfare schema" in by for waiting in found for by in waiting.blocked_by)
    assert list(primary.schema().waiting()) == []


def _until(ready):
    for _ in range(1500):
        if ready():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_a_statement_is_ended_through_the_pooler(servers):
    """Which has its own numbers for connections, and passes the request on to the right one."""
    primary, _, pooled = servers
    reasons = iter([""] * 3)
    policy = Policy(interrupted=lambda: next(reasons, "for a reason."))
    late = says("create table late as select 1 as n from pg_sleep(600)", Kind.CREATE_TABLE)
    with pooled.schema().lock("anna") as held:
        with pytest.raises(Stopped, match="for a reason"):
            held.carry([late], entry(), policy)
        assert held.alive()
    assert "late" not in primary.schema().dump()


def test_a_change_through_the_pooler_reaches_the_standby(servers):
    primary, copy, pooled = servers
    primary.execute("drop table if exists users; create table users (id bigint primary key)")
    with pooled.schema().lock("anna") as held:
        held.carry([ADD_COLUMN], entry(), Policy())
    position = primary.schema().position()
    while not copy.schema().reached(position):
        time.sleep(0.02)
    assert copy.schema().dump() == primary.schema().dump()
    assert [e.version for e in copy.schema().entries()] == ["1"]
