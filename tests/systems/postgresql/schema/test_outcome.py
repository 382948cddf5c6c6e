"""What became of statements whose runner was lost: told by the catalog, and halves are removed."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from systems.postgresql.schema.scripts import ADD_COLUMN, BUILD, entry, says
from wayfare.core.changes import Outcome, Policy
from wayfare.core.errors import SystemFailed
from wayfare.core.statements import Kind
from wayfare.systems.databases.postgresql.options import parameters

INVALID = "select count(*) n from pg_index where not indisvalid"


def until(db, query: str) -> None:
    for _ in range(1500):
        if db.execute(query).to_pylist() == [{"n": 1}]:
            return
        time.sleep(0.02)
    raise AssertionError(query)


def interrupted(db, schema, statement, *, look=lambda: None) -> None:
    """Its connection is ended while it waits for an old transaction: as when the server loses its runner."""
    with psycopg.connect(**parameters(db.address)) as old:
        old.execute("update users set age = 1 where id = 1")

        def carry() -> None:
            with schema.lock("lost") as held, pytest.raises(SystemFailed):
                held.carry([statement], entry(), Policy())

        thread = threading.Thread(target=carry)
        thread.start()
        working = "application_name like 'wayfare schema %' and wait_event_type = 'Lock' and state = 'active'"
        until(db, f"select count(*) n from pg_stat_activity where {working}")
        look()
        db.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {working}")
        thread.join()


def test_a_build_that_was_interrupted_leaves_a_half_that_is_removed(schema, db):
    intent = schema.shape(BUILD)
    seen = []
    interrupted(db, schema, BUILD, look=lambda: seen.append(schema.outcome(BUILD, intent)))
    assert seen == [Outcome.AT_WORK]
    assert db.execute(INVALID).to_pylist() == [{"n": 1}]
    assert schema.outcome(BUILD, intent) is Outcome.NOT_DONE
    assert db.execute(INVALID).to_pylist() == [{"n": 0}]
    with schema.lock("next") as held:
        held.carry([BUILD], entry(), Policy())
    assert schema.outcome(BUILD, intent) is Outcome.DONE
    assert schema.outcome(BUILD, intent) is Outcome.DONE


def test_an_index_that_was_invalid_before_is_left_alone(schema, db):
    with psycopg.connect(autocommit=True, **parameters(db.address)) as other, pytest.raises(psycopg.Error):
        other.execute("create unique index concurrently theirs on users (age)")
    intent = schema.shape(BUILD)
    assert schema.outcome(BUILD, intent) is Outcome.NOT_DONE
    assert db.execute(INVALID).to_pylist() == [{"n": 1}]


def test_a_drop_that_was_interrupted_can_be_done_again(schema, db):
    db.execute("create index by_name on users (name)")
    drop = says("drop index concurrently by_name", Kind.DROP_INDEX, "", "by_name", alone=True, concurrently=True)
    intent = schema.shape(drop)
    assert schema.outcome(drop, intent) is Outcome.NOT_DONE
    interrupted(db, schema, drop)
    assert schema.outcome(drop, intent) is Outcome.NOT_DONE
    with schema.lock("next") as held:
        held.carry([drop], entry(), Policy())
    assert schema.outcome(drop, intent) is Outcome.DONE


def test_a_reindexing_that_was_interrupted_is_not_done(schema, db):
    again = says("reindex index concurrently users_pkey", Kind.REINDEX, "", "users_pkey", alone=True, concurrently=True)
    intent = schema.shape(again)
    interrupted(db, schema, again)
    assert db.execute(INVALID).to_pylist() == [{"n": 1}]
    assert schema.outcome(again, intent) is Outcome.NOT_DONE
    assert db.execute(INVALID).to_pylist() == [{"n": 0}]
    with schema.lock("next") as held:
        held.carry([again], entry(), Policy())
    assert schema.outcome(again, intent) is Outcome.DONE


def test_a_partition_that_is_half_detached_is_detached(schema, db):
    db.execute("create table parts (id int) partition by range (id)")
    db.execute("create table part_1 partition of parts for values from (0) to (9)")
    text = "alter table parts detach partition part_1 concurrently"
    detach = says(text, Kind.DETACH_PARTITION, "parts", "part_1", alone=True, concurrently=True)
    intent = schema.shape(detach)
    assert schema.outcome(detach, intent) is Outcome.NOT_DONE
    with psycopg.connect(**parameters(db.address)) as old:
        old.execute("select * from parts")
        with psycopg.connect(autocommit=True, **parameters(db.address)) as other:
            other.execute("set statement_timeout = 500")
            with pytest.raises(psycopg.errors.QueryCanceled):
                other.execute(text)
    assert schema.outcome(detach, intent) is Outcome.DONE
    assert db.execute("select count(*) n from pg_inherits").to_pylist() == [{"n": 0}]


CHANGES = [
    ADD_COLUMN,
    says("alter table users alter age type bigint", Kind.ALTER_TYPE, "users", "age"),
    says("alter table users alter age set default 1", Kind.SET_DEFAULT, "users", "age"),
    says("alter table users add check (age > -1)", Kind.ADD_CHECK, "users"),
    says("alter table users rename to people", Kind.RENAME_TABLE, "users", "", new="people"),
    says("truncate orders", Kind.TRUNCATE, "orders"),
    says("create table new (a int)", Kind.CREATE_TABLE, "new"),
    says("drop table orders", Kind.DROP_TABLE, "orders"),
    says("create schema shop", Kind.CREATE_SCHEMA, "", "shop"),
    says("create type mood as enum ('a')", Kind.CREATE_TYPE, "", "mood"),
    says("create function f() returns int language sql as 'select 1'", Kind.CREATE_FUNCTION, "", "f", signature="f()"),
    says("create view v as select 1 one", Kind.CREATE_VIEW, "", "v"),
    says("comment on column users.age is 'x'", Kind.COMMENT, "users", "age"),
    says("grant select on users to public", Kind.GRANT, "users"),
    says("alter table users enable row level security", Kind.ALTER_TABLE, "users"),
    says("create extension citext", Kind.CREATE_EXTENSION, "", "citext"),
    says("create sequence s", Kind.CREATE_SEQUENCE, "", "s"),
]


@pytest.mark.parametrize("statement", CHANGES, ids=lambda s: s.text)
def test_its_shape_tells_whether_it_was_done(schema, db, statement):
    intent = schema.shape(statement)
    db.execute("insert into users select g, 'name ' || g, 1 from generate_series(10000, 30000) g")
    db.execute("analyze users")
    assert schema.outcome(statement, intent) is Outcome.NOT_DONE, "rows and statistics do not count"
    db.execute(statement.text)
    assert schema.outcome(statement, intent) is Outcome.DONE
