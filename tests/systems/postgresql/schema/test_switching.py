"""The right to say who takes writes: what it freezes, whom it ends, what it knows of subscriptions."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from faces.handing import WRITES, Pair, two_databases, two_servers, until
from psql import sql
from wayfare.core.changes import Policy
from wayfare.core.errors import Busy, Invalid, NotFound, Refused, Unavailable, Unreachable
from wayfare.core.switches import Counter, Switches
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import pooler

from .scripts import ADD_COLUMN, entry


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with two_servers() as roots, two_databases(roots, "handed") as made:
        yield made


@pytest.fixture
def blue(pair: Pair) -> Iterator[PostgreSQL]:
    with PostgreSQL(pair.blue) as database:
        yield database
        with database.switch() as right:  # type: ignore[union-attr]
            right.thaw()


@pytest.fixture
def green(pair: Pair) -> Iterator[PostgreSQL]:
    with PostgreSQL(pair.green) as database:
        yield database
        with database.switch() as right:  # type: ignore[union-attr]
            right.thaw()
            right.feed(True)


def test_one_at_a_time(db):
    assert isinstance(db, Switches)
    with db.switch() as right, PostgreSQL(db.address) as other:
        assert other.switch() is None
        assert right.setting() == ""
    with db.switch() as right:
        assert right is not None


def test_who_connects_to_a_frozen_database_reads_and_the_right_writes(db):
    with db.switch() as right:
        right.freeze()
        right.freeze()
        assert (right.setting(), db.takes_writes()) == ("on", False)
        with psycopg.connect(autocommit=True, **parameters(db.address)) as client:
            assert client.execute("select 1").fetchone() == (1,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                client.execute("create table t (a int)")
        right.thaw("off")
        assert (right.setting(), db.takes_writes()) == ("off", True)
        right.thaw()
        assert (right.setting(), db.takes_writes()) == ("", True)


def test_a_schema_is_changed_although_it_is_frozen_only_by_who_wants_that(db):
    db.execute("create table users (id bigint primary key)")
    with db.switch() as right:
        right.freeze()
    with PostgreSQL(db.address) as other:
        with pytest.raises(Refused, match="read-only"):
            other.schema().lock("anna")
        with other.writing().lock("anna") as held:
            held.carry([ADD_COLUMN], entry(), Policy())
        assert [e.version for e in other.schema().entries()] == ["1"]


def test_clients_of_before_are_ended_and_those_after_stay(db):
    before = psycopg.connect(**parameters(db.address))
    before.execute("select 1")
    with db.switch() as right:
        right.freeze()
        with psycopg.connect(**parameters(db.address)) as after:
            assert right.end_others(10) >= 1
            assert after.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            before.execute("select 1")
        assert right.setting() == "on", "its own connection is not ended"
        with psycopg.connect(**parameters(db.address)) as reader:
            reader.execute("select 1")
            right.thaw()
            assert right.end_others(10) >= 1
            with pytest.raises(psycopg.OperationalError):
                reader.execute("select 1")
    before.close()


def test_without_its_connection_the_right_is_lost(db):
    with db.switch() as right:
        pid = "select pid from pg_stat_activity where application_name = 'wayfare switch' and datname = %s"
        with psycopg.connect(autocommit=True, **parameters(db.address)) as other:
            other.execute(f"select pg_terminate_backend(({pid}))", (db.address.database,))
            until(lambda: not other.execute(pid, (db.address.database,)).fetchall())
        with pytest.raises(Unreachable):
            right.freeze()
        with pytest.raises(Unreachable):
            right.thaw()
    assert db.takes_writes()


def test_writers_that_come_all_the_time_have_all_been_seen_when_others_are_ended(db):
    """Who was let in with the old setting is ended, however late they show: after that nothing is written."""
    db.execute("create table t (a int)")
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(autocommit=True, **parameters(db.address)) as client:
                    for _ in range(5):
                        client.execute("insert into t values (1)")
            except psycopg.Error:
                continue

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: db.execute("select count(*) n from t").to_pylist()[0]["n"] > 50)
        with db.switch() as right:
            right.freeze()
            right.end_others(20)
            rows = sql(db.address, "select count(*) from t")
            wrote = right.written()
            for _ in range(50):
                assert sql(db.address, "select count(*) from t") == rows
            assert right.written() == wrote >= rows[0][0]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_sequences_are_set_as_they_stand(blue, green, pair):
    sql(pair.blue, "create sequence \"Odd.Name\" start 5; select nextval('lines_id_seq')")
    with blue.switch() as of_blue, green.switch() as of_green:
        counters = of_blue.sequences()
        assert counters['public."Odd.Name"'] == Counter(5, called=False)
        assert counters["public.orders_id_seq"] == Counter(100, called=True)
        assert of_green.set_sequences(counters) == ['public."Odd.Name"']
        here = of_green.sequences()
        assert here == {name: counters[name] for name in here}
    sql(pair.blue, 'drop sequence "Odd.Name"')


def test_a_subscription_is_known_and_stopped(blue, green, pair):
    with blue.switch() as of_blue, green.switch() as of_green:
        (feed,) = of_green.feeds()
        assert (feed.name, feed.slot, feed.publications, feed.enabled) == ("handed", "handed", ("ours",), True)
        assert of_blue.feeds() == []
        assert of_green.arrived() == {"orders": True, "lines": True}
        assert all(not o.problem and not o.keyless for o in of_blue.offered(["ours"]))
        assert [o.problem for o in of_blue.offered([])] == ["is in none of the publications that are subscribed to"] * 2
        sql(pair.blue, "insert into orders (n) values (500)")
        position = of_blue.mark()
        until(lambda: of_blue.confirmed(feed.slot, position))
        assert sql(pair.green, "select 1 from orders where n = 500")
        of_green.feed(False)
        before = of_green.written()
        assert before >= 1
        sql(pair.blue, "insert into orders (n) values (501)")
        later = of_blue.mark()
        assert not of_blue.confirmed(feed.slot, later)
        assert of_green.written() == before
        of_green.freeze()
        of_green.feed(True)
        until(lambda: of_blue.confirmed(feed.slot, later))
        assert sql(pair.green, "select 1 from orders where n = 501"), "rows arrive in a frozen database"
        with pytest.raises(NotFound, match="no replication slot 'other'"):
            of_blue.confirmed("other", later)


def test_a_client_that_does_not_go_is_busy(db):
    with psycopg.connect(autocommit=True, **parameters(db.address)) as client, db.switch() as right:
        right.freeze()
        os.kill(client.info.backend_pid, signal.SIGSTOP)
        try:
            with pytest.raises(Busy, match="clients are still there"):
                right.end_others(0.5)
        finally:
            os.kill(client.info.backend_pid, signal.SIGCONT)
        right.end_others(10)


def test_rights_that_are_missing_are_told(db):
    name = db.address.database
    db.execute("create sequence counter")
    sql(db.address, f"create role low_{name} login; create role high_{name} superuser login")
    try:
        low = PostgreSQL(type(db.address)("postgresql", db.address.host, db.address.port, name, f"low_{name}"))
        with low, low.switch() as right:
            told = {f.code: f.message for f in right.obstacles()}
            every = " ".join(f.message for f in right.obstacles())
        assert set(told) == {"switch_forbidden"}
        assert "may not alter the database" in every
        assert "may not end connections of others" in every
        assert "public.counter" in every
        with db.switch() as right:
            assert right.obstacles() == []
    finally:
        sql(db.address, f"drop role low_{name}; drop role high_{name}")


def test_behind_a_pooler_there_is_no_switch(fresh):
    try:
        with pooler(fresh()) as address, PostgreSQL(address) as pooled:
            with pytest.raises(Invalid, match="a pooler stands between"):
                pooled.switch()
            assert pooled.takes_writes()
    except Unavailable as error:
        pytest.skip(str(error))


def test_options_of_the_url_are_kept(db):
    address = replace(db.address, options={"options": "-c work_mem=5MB"})
    with PostgreSQL(address) as other, other.switch() as right:
        right.freeze()
        assert right._connection.execute("show work_mem").fetchone() == ("5MB",)
        right.thaw()
    assert WRITES.endswith("off")
