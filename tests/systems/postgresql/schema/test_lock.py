"""One runner at a time: the lock, its row and its fence, through a pooler too, and after a runner was killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from beds import running
from systems.postgresql.schema.scripts import ADD_COLUMN, BUILD, entry
from wayfare.core.address import Address
from wayfare.core.changes import Changeable, Policy, Standing
from wayfare.core.errors import LockLost
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.schema.port import PostgreSQLSchema
from wayfare.systems.databases.postgresql.testcluster import pooler

RUNNER = """
import sys, time
from wayfare.core.address import Address
from wayfare.core.changes import Entry, Policy, Standing
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL
with PostgreSQL(Address.parse(sys.argv[1], where="")) as db, db.schema().lock("doomed") as held:
    print("held", flush=True)
    script = [
        Statement("alter table users add column lost integer", 1, 1, (Action(Kind.ADD_COLUMN, "users", "lost"),)),
        Statement("select pg_sleep(300)", 2, 1, (Action(Kind.SELECT),)),
    ]
    held.carry(script, Entry("revisions", "1", "", "", Standing.APPLIED, 1, 1), Policy())
"""


def test_a_database_says_that_its_schema_can_be_changed(db):
    assert isinstance(db, Changeable)


def test_one_holds_it_and_the_fence_grows(schema):
    assert schema.holder() is None
    with schema.lock("anna") as held:
        assert held.alive()
        assert schema.lock("bob") is None
        found = schema.holder()
        assert found
        assert (found.by, found.fence, found.alive) == ("anna", held.fence, True)
    assert schema.holder() is None
    with schema.lock("bob") as again:
        assert again.fence == held.fence + 1


def test_who_loses_makes_no_tables(schema, db):
    with psycopg.connect(**parameters(db.address)) as other:
        other.execute("select pg_advisory_xact_lock(%s)", (0x77617966617265,))
        assert schema.lock("bob") is None
        assert db.execute("select to_regclass('_wayfare_lock') is null n").to_pylist() == [{"n": True}]


def test_many_at_once_have_one_winner(schema):
    gate, won = threading.Barrier(20), []

    def run(name: str) -> None:
        gate.wait()
        held = schema.lock(name)
        if held:
            won.append(held)

    threads = [threading.Thread(target=run, args=(f"runner {n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with won[0]:
        assert len(won) == 1


def test_entries_are_kept_replaced_and_forgotten(schema):
    with schema.lock("anna") as held:
        first, second = entry("1", started_at=1.5), entry("2", started_at=2.5, history="changes")
        held.keep(second)
        held.keep(first)
        assert schema.entries() == [first, second]
        assert schema.entries("changes") == [second]
        assert schema.entries(limit=1) == [second]
        failed = replace(first, standing=Standing.FAILED, error="no", ended_at=3.25, intent="x", by="anna@host:1")
        held.keep(failed)
        assert schema.entries() == [failed, second]
        held.forget("revisions", "1")
        held.forget("revisions", "1")
        assert schema.entries() == [second]


def taken_over(held, db: PostgreSQL) -> None:
    """The lock's connection is ended, and another runner takes it."""
    with psycopg.connect(autocommit=True, **parameters(db.address)) as other:
        ended = other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'wayfare lock' and datname = current_database()"
        )
        assert ended.fetchall() == [(True,)]
    for _ in range(500):
        next_one = db.schema().lock("the next")
        if next_one:
            return next_one
        time.sleep(0.02)
    raise AssertionError("the lock was not free")


def test_who_lost_the_lock_writes_nothing(schema, db):
    with schema.lock("anna") as held, taken_over(held, db):
        assert not held.alive()
        for write in (
            lambda: held.keep(entry()),
            lambda: held.forget("revisions", "1"),
            lambda: held.carry([ADD_COLUMN], entry(), Policy()),
            lambda: held.carry([BUILD], entry(), Policy()),
        ):
            with pytest.raises(LockLost):
                write()
        assert schema.entries() == []
        assert "email" not in schema.dump()


def test_the_fence_alone_keeps_an_old_runner_out(schema, db):
    """Its connection is alive, but somebody has a higher number: as after a pooler gave the lock twice."""
    with schema.lock("anna") as held:
        db.execute("update _wayfare_lock set fence = fence + 1")
        with pytest.raises(LockLost, match="has taken over"):
            held.carry([ADD_COLUMN], entry(), Policy())
        with pytest.raises(LockLost, match="has taken over"):
            held.carry([BUILD], entry(), Policy())
        assert "email" not in schema.dump()
        assert "by_name" not in schema.dump()


def test_a_runner_that_is_killed_commits_nothing_and_frees_the_lock(schema, db):
    command = [sys.executable, "-c", RUNNER, db.address.url(reveal=True)]
    runner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert runner.stdout
        assert runner.stdout.readline() == "held\n"
        until_it_sleeps(db)
    finally:
        runner.kill()
        runner.wait()
        runner.stdout.close()
    for _ in range(1500):
        held = schema.lock("the next")
        if held:
            break
        time.sleep(0.02)
    with held:
        assert "lost" not in schema.dump()
        assert schema.entries() == []
        held.carry([ADD_COLUMN], entry(), Policy())
    assert "email" in schema.dump()


def until_it_sleeps(db: PostgreSQL) -> None:
    for _ in range(1500):
        asked = "select count(*) n from pg_stat_activity where query = 'select pg_sleep(300)' and state = 'active'"
        if db.execute(asked).to_pylist() == [{"n": 1}]:
            return
        time.sleep(0.02)
    raise AssertionError("the runner never came to its statement")


def test_a_row_that_is_left_is_told_as_such(schema, db):
    with schema.lock("anna") as held:
        held.keep(entry())
    db.execute("update _wayfare_lock set holder = 'gone'")
    found = schema.holder()
    assert found
    assert (found.by, found.alive) == ("gone", False)
    with schema.lock("bob") as again:
        assert again.fence == held.fence + 1


@pytest.fixture(scope="module")
def pooled(fresh, tmp_path_factory) -> Iterator[Address]:
    server = fresh()
    with running(lambda scratch: pooler(server), tmp_path_factory.mktemp("pooler")) as address:
        yield address


def test_through_a_pooler_one_holds_it(pooled):
    """A lock of a connection would be given twice here: the pooler hands the connection on after each transaction."""
    with PostgreSQL(pooled) as one, PostgreSQL(pooled) as two:
        one.execute("create table users (id bigint primary key)")
        held = one.schema().lock("anna")
        assert held
        with held:
            assert two.schema().lock("bob") is None
            held.carry([ADD_COLUMN], entry("1"), Policy())
            held.keep(entry("2"))
            assert two.schema().lock("bob") is None
            found = two.schema().holder()
            assert found
            assert (found.by, found.alive) == ("anna", True)
        left = two.execute("show lock_timeout").to_pylist()
        assert left == [{"lock_timeout": "0"}], "nothing of ours stays on a connection that others get"
        with two.schema().lock("bob") as other:
            assert other.fence == held.fence + 1


def test_the_schema_has_the_whole_port(schema):
    from wayfare.core.changes import Schema

    checked: Schema = schema
    assert isinstance(checked, PostgreSQLSchema)
