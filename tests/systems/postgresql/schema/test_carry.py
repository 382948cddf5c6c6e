"""Statements with their entry: all or nothing, behind a reader, and refused with their place."""

from __future__ import annotations

import threading
from dataclasses import replace

import psycopg
import pytest

from systems.postgresql.schema.scripts import ADD_COLUMN, BUILD, entry, says
from wayfare.core.changes import Policy, Standing
from wayfare.core.errors import Busy, Forbidden, Refused, Stopped
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.schema.ladder import MODES, conflicting, rung

EVERYTHING = {"users": "AccessExclusiveLock"}


def test_statements_and_their_entry_are_one_transaction(schema):
    with schema.lock("anna") as held:
        script = [ADD_COLUMN, says("update users set email = name where id <= 10", Kind.UPDATE, "users")]
        done = held.carry(script, entry(), Policy(locks=EVERYTHING))
        assert (done.rows, done.tries) == (10, 1)
        assert [e.version for e in schema.entries()] == ["1"]
        assert "email text" in schema.dump()


def test_a_refusal_undoes_all_and_names_the_place(schema):
    wrong = Statement("alter table users\n  add column b int,\n  add column b int", 7, 3, (Action(Kind.ADD_COLUMN),))
    with schema.lock("anna") as held:
        with pytest.raises(Refused, match="42701") as refused:
            held.carry([ADD_COLUMN, wrong], entry(), Policy())
        assert refused.value.where == "line 7, column 3"
        assert schema.entries() == []
        assert "email" not in schema.dump()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("select nope", "line 7, column 10"),
        ("select 1,\n  nope", "line 8, column 3"),
        ("select 'é€',\nnope", "line 8, column 1"),
        ("selct 1", "line 7, column 3"),
        ("alter table missing add column a int", "line 7, column 3"),
    ],
)
def test_errors_say_line_and_column(schema, text, where):
    with schema.lock("anna") as held, pytest.raises(Refused) as refused:
        held.carry([Statement(text, 7, 3)], entry(), Policy())
    assert refused.value.where == where


def test_rows_that_break_a_constraint_are_told_with_its_name(schema):
    twice = says("insert into users values (1, 'again', 1)", Kind.INSERT, "users")
    with schema.lock("anna") as held, pytest.raises(Refused, match=r"users_pkey.*23505"):
        held.carry([twice], entry(), Policy())


def test_a_deferred_constraint_speaks_at_the_end(schema, db):
    db.execute("alter table orders add constraint known foreign key (user_id) references users deferrable")
    script = [
        says("set constraints all deferred", Kind.SET),
        says("insert into orders values (9999, 777777, '')", Kind.INSERT, "orders"),
    ]
    with schema.lock("anna") as held, pytest.raises(Refused, match="known"):
        held.carry(script, entry(), Policy())
    assert schema.entries() == []


def test_copied_rows_are_carried(schema, db):
    copy = replace(says("copy users (id, name) from stdin", Kind.COPY, "users"), rows="9001\ta\n9002\tb\n")
    with schema.lock("anna") as held:
        assert held.carry([copy], entry(), Policy()).rows == 2
    assert db.execute("select count(*) n from users where id > 9000").to_pylist() == [{"n": 2}]


def test_copied_rows_that_are_wrong_are_refused(schema):
    copy = replace(says("copy users (id, name) from stdin", Kind.COPY, "users"), rows="x\ta\n")
    with schema.lock("anna") as held, pytest.raises(Refused, match="22P02"):
        held.carry([copy], entry(), Policy())


def test_percent_signs_are_text(schema, db):
    with schema.lock("anna") as held:
        held.carry([says("insert into users values (9001, '%s %d', 1)", Kind.INSERT, "users")], entry(), Policy())
    assert db.execute("select name from users where id = 9001").to_pylist() == [{"name": "%s %d"}]


@pytest.mark.parametrize("text", ["commit", "begin"])
def test_a_script_cannot_end_our_transaction(schema, text):
    with schema.lock("anna") as held, pytest.raises(Refused, match="transaction is ours"):
        held.carry([ADD_COLUMN, says(text, Kind.TRANSACTION)], entry(), Policy())
    assert "email" not in schema.dump()


def test_what_must_run_alone_is_not_taken_along(schema):
    with schema.lock("anna") as held, pytest.raises(Refused, match="within a transaction"):
        held.carry([ADD_COLUMN, BUILD], entry(), Policy())


def test_a_script_that_becomes_another_role_is_recorded(schema, db):
    db.execute("do $$ begin create role wayfare_app; exception when duplicate_object then null; end $$")
    db.execute("grant create on schema public to wayfare_app")
    try:
        script = [
            says("set role wayfare_app", Kind.SET),
            says("create table theirs (a int)", Kind.CREATE_TABLE, "theirs"),
        ]
        with schema.lock("anna") as held:
            held.carry(script, entry(), Policy())
            assert len(schema.entries()) == 1
        owner = db.execute("select tableowner::text o from pg_tables where tablename = 'theirs'").to_pylist()
        assert owner == [{"o": "wayfare_app"}]
    finally:
        db.execute("drop owned by wayfare_app")
        db.execute("drop role wayfare_app")


def test_a_statement_means_the_time_zone_of_the_database(schema, db):
    db.execute(f"alter database {db.address.database} set timezone = 'Asia/Tokyo'")
    made = says("create table zones as select current_setting('timezone') z", Kind.CREATE_TABLE, "zones")
    with PostgreSQL(db.address) as again, again.schema().lock("anna") as held:
        held.carry([made], entry(), Policy())
        assert again.execute("select z from zones").to_pylist() == [{"z": "Asia/Tokyo"}]


def test_a_right_that_is_missing_is_told_with_the_place(schema, db):
    db.execute("do $$ begin create role wayfare_weak; exception when duplicate_object then null; end $$")
    script = [says("set role wayfare_weak", Kind.SET), says("select * from users", Kind.SELECT, "users")]
    with schema.lock("anna") as held, pytest.raises(Forbidden) as missing:
        held.carry(script, entry(), Policy())
    assert missing.value.where.startswith("line 1, column ")


# Locks


@pytest.fixture
def reader(db):
    """A transaction that reads `users` until it is told to end."""
    with psycopg.connect(application_name="a long report", **without_name(db)) as connection:
        connection.execute("select 1 from users limit 1")
        yield connection


def without_name(db):
    return {k: v for k, v in parameters(db.address).items() if k != "application_name"}


@pytest.mark.parametrize("locks", [EVERYTHING, {}], ids=["known", "unknown"])
def test_a_lock_that_cannot_be_had_tells_who_has_it(schema, reader, locks):
    policy = Policy(lock_wait_seconds_max=0.6, locks=locks)
    with schema.lock("anna") as held:
        with pytest.raises(Busy) as busy:
            held.carry([ADD_COLUMN], entry(), policy)
        assert f"process {reader.info.backend_pid} (a long report" in busy.value.message
        assert "holds AccessShareLock on users" in busy.value.message
        assert busy.value.where == "line 1, column 1"
        assert schema.entries() == []


@pytest.mark.parametrize("locks", [EVERYTHING, {}], ids=["known", "unknown"])
def test_a_lock_is_had_once_its_holder_is_gone(schema, reader, locks):
    tries = []

    def stopping() -> None:
        tries.append(1)
        if len(tries) == 4:
            reader.rollback()

    with schema.lock("anna") as held:
        done = held.carry([ADD_COLUMN], entry(), Policy(locks=locks, stopping=stopping))
        assert done.tries >= 4
        assert done.waited_seconds > 0
        assert "email" in schema.dump()


def test_it_stops_between_tries(schema, reader):
    def stopping() -> None:
        raise Stopped("asked to")

    with schema.lock("anna") as held, pytest.raises(Stopped):
        held.carry([ADD_COLUMN], entry(), Policy(stopping=stopping))


def test_nobody_stands_behind_us_while_we_poll(schema, reader, db):
    """Meanwhile another may read: a lock that waits in the queue would keep them out while the reader reads."""
    seen, over = [], threading.Event()

    def read() -> None:
        with psycopg.connect(autocommit=True, **parameters(db.address)) as other:
            other.execute("set lock_timeout = 1000")
            while not over.is_set():
                seen.append(other.execute("select count(*) from users where id = 1").fetchone())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        with schema.lock("anna") as held, pytest.raises(Busy):
            held.carry([ADD_COLUMN], entry(), Policy(lock_wait_seconds_max=1.5, locks=EVERYTHING, ladder_ms=(50,)))
    finally:
        over.set()
        thread.join()
    assert seen
    assert set(seen) == {(1,)}


def test_a_statement_that_takes_too_long_is_refused(schema):
    with schema.lock("anna") as held, pytest.raises(Refused, match="57014"):
        held.carry([says("select pg_sleep(60)", Kind.SELECT)], entry(), Policy(statement_seconds_max=0.2))


def test_the_ladder_polls_first_and_then_stands_longer_and_longer():
    steps = [rung(seconds, 60, (50, 100, 250), known=True) for seconds in (0, 19.9, 20, 33, 34, 47, 59)]
    assert [(s.polls, s.queue_ms) for s in steps] == [
        *((True, 50), (True, 50), (False, 50), (False, 50), (False, 100), (False, 250), (False, 250)),
    ]
    assert not rung(0, 60, (50,), known=False).polls


def test_conflicts_of_modes_go_both_ways():
    assert all((a in conflicting(b)) == (b in conflicting(a)) for a in MODES for b in MODES)
    assert conflicting("AccessExclusiveLock") == list(MODES)
    assert sum(len(conflicting(mode)) for mode in MODES) == 38


# Alone


def test_an_index_is_built_concurrently_and_recorded(schema):
    shares: list[float] = []
    with schema.lock("anna") as held:
        held.carry([BUILD], entry(), Policy(progress=shares.append))
        assert "CREATE INDEX by_name" in schema.dump()
        assert len(schema.entries()) == 1
    assert shares == sorted(shares)


def test_a_build_that_fails_leaves_no_half(schema, db):
    twice = says(
        "create unique index concurrently by_age on users (age)",
        Kind.CREATE_INDEX,
        "users",
        "by_age",
        alone=True,
        concurrently=True,
    )
    with schema.lock("anna") as held:
        with pytest.raises(Refused, match="23505"):
            held.carry([twice], entry(), Policy())
        assert db.execute("select count(*) n from pg_index where not indisvalid").to_pylist() == [{"n": 0}]
        assert schema.entries() == []


def test_a_build_waits_for_old_transactions_and_gives_up(schema, db, reader):
    reader.execute("update users set age = 1 where id = 1")
    with schema.lock("anna") as held, pytest.raises(Busy, match="a long report"):
        held.carry([BUILD], entry(), Policy(lock_wait_seconds_max=0.5))
    reader.rollback()
    assert db.execute("select count(*) n from pg_index where not indisvalid").to_pylist() == [{"n": 1}]
    with schema.lock("anna") as held:  # … and the next try removes what had to stay
        held.carry([BUILD], entry(), Policy())
    assert db.execute("select count(*) n from pg_index where not indisvalid").to_pylist() == [{"n": 0}]
    assert "by_name" in schema.dump()


def test_other_statements_alone_are_carried_too(schema):
    with schema.lock("anna") as held:
        done = held.carry([says("vacuum users", Kind.VACUUM, "users", alone=True)], entry(), Policy())
        assert done.tries == 1
        assert [e.standing for e in schema.entries()] == [Standing.APPLIED]
