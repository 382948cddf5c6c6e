"""What a rehearsal says a statement does, beside what it does to a table with rows; and that nothing stays."""

from __future__ import annotations

import psycopg
import pytest

from systems.postgresql.schema.scripts import BUILD, says
from wayfare.core.changes import Blocks, Rehearses
from wayfare.core.errors import Forbidden
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.schema.measure import blocks

ALL, SHARE, ROW, GENTLE = "AccessExclusiveLock", "ShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"
TRIGGER = "ShareRowExclusiveLock"
SETUP = """
create table parts (id bigint not null, at date not null) partition by range (at);
create table part_1 (id bigint not null, at date not null);
insert into part_1 select g, '2020-05-05' from generate_series(1, 1000) g;
create materialized view counts as select count(*) n from users;
create index by_age on users (age);
alter table users add constraint old check (age >= 0) not valid;
create function touched() returns trigger language plpgsql as $$ begin return new; end $$;
create table spare (a int);
"""
U, ORDERS = {"users"}, {"orders"}
# Statement, its kind; the locks, the tables rewritten, the indexes rebuilt, the tables read whole.
TRUTHS = [
    ("alter table users add column a int", Kind.ADD_COLUMN, {"users": ALL}, set(), set(), set()),
    ("alter table users add column a int not null default 5", Kind.ADD_COLUMN, {"users": ALL}, set(), set(), set()),
    ("alter table users add column a uuid default gen_random_uuid()", Kind.ADD_COLUMN, {"users": ALL}, U, set(), U),
    ("alter table users drop column age", Kind.DROP_COLUMN, {"users": ALL}, set(), set(), set()),
    ("alter table users rename column age to years", Kind.RENAME_COLUMN, {"users": ALL}, set(), set(), set()),
    ("alter table users rename to people", Kind.RENAME_TABLE, {"users": ALL}, set(), set(), set()),
    ("alter table users alter column age type bigint", Kind.ALTER_TYPE, {"users": ALL}, U, set(), U),
    ("alter table orders alter column note type varchar(40)", Kind.ALTER_TYPE, {"orders": ALL}, set(), set(), set()),
    ("alter table orders alter column note type text", Kind.ALTER_TYPE, {"orders": ALL}, set(), set(), set()),
    ("alter table orders alter column note type varchar(10)", Kind.ALTER_TYPE, {"orders": ALL}, ORDERS, set(), ORDERS),
    ("alter table users alter column age set not null", Kind.SET_NOT_NULL, {"users": ALL}, set(), set(), U),
    ("alter table users alter column name drop not null", Kind.DROP_NOT_NULL, {"users": ALL}, set(), set(), set()),
    ("alter table users alter column age set default 1", Kind.SET_DEFAULT, {"users": ALL}, set(), set(), set()),
    ("alter table users add constraint c check (age < 900)", Kind.ADD_CHECK, {"users": ALL}, set(), set(), U),
    ("alter table users add check (age < 900) not valid", Kind.ADD_CHECK, {"users": ALL}, set(), set(), set()),
    ("alter table users validate constraint old", Kind.VALIDATE_CONSTRAINT, {"users": GENTLE}, set(), set(), U),
    ("alter table orders add foreign key (user_id) references users", Kind.ADD_FOREIGN_KEY,
     {"orders": TRIGGER, "users": TRIGGER}, set(), set(), U | ORDERS),
    ("alter table orders add foreign key (user_id) references users not valid", Kind.ADD_FOREIGN_KEY,
     {"orders": TRIGGER, "users": TRIGGER}, set(), set(), set()),
    ("create index by_name on users (name)", Kind.CREATE_INDEX, {"users": SHARE}, set(), set(), U),
    ("alter table users add unique (name)", Kind.ADD_UNIQUE, {"users": ALL}, set(), set(), U),
    ("drop index by_age", Kind.DROP_INDEX, {"users": ALL}, set(), set(), set()),
    ("drop table spare", Kind.DROP_TABLE, {"spare": ALL}, set(), set(), set()),
    ("create trigger t before update on users for each row execute function touched()", Kind.CREATE_TRIGGER,
     {"users": TRIGGER}, set(), set(), set()),
    ("do $$ begin execute 'alter table ' || 'users alter column age type bigint'; end $$", Kind.BLOCK,
     {"users": ALL}, U, set(), U),
    ("update users set age = age + 1", Kind.UPDATE, {"users": ROW}, set(), set(), U),
    ("update users set age = 1 where id = 7", Kind.UPDATE, {"users": ROW}, set(), set(), set()),
    ("alter table spare set unlogged", Kind.ALTER_TABLE, {"spare": ALL}, {"spare"}, set(), {"spare"}),
    ("reindex table users", Kind.REINDEX, {"users": SHARE}, set(), {"users_pkey", "by_age"}, U),
    ("refresh materialized view counts", Kind.REFRESH, {"counts": ALL, "users": "AccessShareLock"}, {"counts"}, set(),
     U),
    ("alter table parts attach partition part_1 for values from ('2020-01-01') to ('2021-01-01')",
     Kind.ATTACH_PARTITION, {"parts": GENTLE, "part_1": ALL}, set(), set(), {"part_1"}),
    ("alter table users enable row level security", Kind.ALTER_TABLE, {"users": ALL}, set(), set(), set()),
    ("comment on table users is 'people'", Kind.COMMENT, {"users": GENTLE}, set(), set(), set()),
]  # fmt: skip
_OWN = """
select c.oid::regclass::text, l.mode from pg_locks l join pg_class c on c.oid = l.relation
where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relkind in ('r', 'p', 'm') and c.oid >= 16384
  and c.relnamespace <> 'pg_toast'::regnamespace
"""
_FILES = """
select c.oid, c.oid::regclass::text, c.relkind::text, pg_relation_filenode(c.oid), coalesce(s.seq_scan, 0)
from pg_class c left join pg_stat_xact_user_tables s on s.relid = c.oid
where c.relkind in ('r', 'm', 'i') and c.relnamespace = 'public'::regnamespace
"""
_ORDER = ["AccessShareLock", "RowShareLock", ROW, GENTLE, SHARE, TRIGGER, "ExclusiveLock", ALL]


def done_for_real(db: PostgreSQL, text: str) -> tuple[dict[str, str], set[str], set[str], set[str]]:
    """Locks, rewrites, rebuilds and scans of a statement on the real tables, with rows; it is rolled back."""
    with psycopg.connect(**parameters(db.address)) as real:
        before = {row[0]: row[1:] for row in real.execute(_FILES)}
        real.execute(text)
        after = {row[0]: row[1:] for row in real.execute(_FILES)}
        names = {name: name for name, *_ in before.values()} | {after[o][0]: before[o][0] for o in after if o in before}
        locks: dict[str, str] = {}
        for table, mode in real.execute(_OWN):
            told = names.get(table, table)
            if _ORDER.index(mode) >= _ORDER.index(locks.get(told, "AccessShareLock")):
                locks[told] = mode
        moved = {o for o in before if o in after and before[o][2] != after[o][2]}
        scanned = {before[o][0] for o in before if o in after and after[o][3] > before[o][3]}
        real.rollback()
    rewrites = {before[o][0] for o in moved if before[o][1] != "i"}
    indexes = {before[o][0] for o in moved if before[o][1] == "i"}
    return locks, rewrites, indexes, scanned


@pytest.mark.parametrize(
    ("text", "kind", "locks", "rewrites", "rebuilds", "scans"), TRUTHS, ids=[t[0][:60] for t in TRUTHS]
)
def test_what_it_says_is_what_happens(rehearsed, text, kind, locks, rewrites, rebuilds, scans):
    db, clone = rehearsed
    with clone.trying() as trying:
        found = trying.run(says(text, kind, "users", references="users"))
    assert not found.error
    assert (found.locks, {*found.rewrites}, {*found.rebuilds}, {*found.scans}) == (locks, rewrites, rebuilds, scans)
    real_locks, real_rewrites, real_indexes, real_scans = done_for_real(db, text)
    if kind is Kind.DROP_TABLE:
        real_locks = {"spare": ALL}  # nobody can see the locks of what is gone by name
    assert found.locks == real_locks
    assert {*found.rewrites} == real_rewrites
    assert {*found.rebuilds} == (set() if real_rewrites else real_indexes)
    assert {*found.scans} == real_scans
    assert found.blocks == {table: blocks(mode) for table, mode in locks.items()}


class Again:
    """The same schema for each statement: one server, and a clone that every statement has for itself."""

    def __init__(self, schema) -> None:
        self.trying = schema.rehearsal


@pytest.fixture(scope="module")
def rehearsed(fresh):
    from systems.postgresql.schema.conftest import USERS

    with PostgreSQL(fresh()) as db:
        db.execute(USERS)
        db.execute(SETUP)
        db.execute("analyze")
        yield db, Again(db.schema())


def test_it_can_be_rehearsed(schema):
    assert isinstance(schema, Rehearses)


def test_nothing_stays_and_the_real_schema_is_untouched(schema, db):
    before = schema.dump()
    databases = "select count(*) n from pg_database where datname like 'wayfare_rehearsal_%'"
    with schema.rehearsal() as trying:
        assert trying.dump() == before
        assert trying.run(says("alter table users add column a int", Kind.ADD_COLUMN, "users")).creates == ()
        found = trying.run(says("create index i on users (a)", Kind.CREATE_INDEX, "users", "i"))
        assert found.creates == ("i",), "the statement before it stays in the clone"
        assert trying.dump() != before
        assert schema.dump() == before
    assert schema.dump() == before
    assert db.execute(databases).to_pylist()[0]["n"] == 0


def test_a_refusal_is_told_and_leaves_the_clone_as_it_was(schema):
    with schema.rehearsal() as trying:
        before = trying.dump()
        found = trying.run(says("alter table users add column a int, add column a int", Kind.ADD_COLUMN, "users"))
        assert "42701" in found.error
        assert trying.dump() == before
        assert not trying.run(says("select 1", Kind.SELECT)).error


def test_what_is_made_and_dropped_is_told(schema):
    with schema.rehearsal() as trying:
        made = "do $$ begin create table a (id serial primary key); create type mood as enum ('ok'); end $$"
        assert trying.run(says(made, Kind.BLOCK)).creates == ("a", "a_id_seq", "a_pkey", "type mood")
        assert trying.run(says("drop table a", Kind.DROP_TABLE, "a")).drops == ("a", "a_id_seq", "a_pkey")


def test_a_concurrent_build_is_rehearsed_with_the_lock_that_is_known(schema):
    with schema.rehearsal() as trying:
        found = trying.run(BUILD)
        assert (found.locks, found.blocks) == ({"users": GENTLE}, {"users": Blocks.SCHEMA_CHANGES})
        assert (found.scans, found.creates) == (("users",), ("by_name",))
        drop = says("drop index concurrently by_name", Kind.DROP_INDEX, "", "by_name", alone=True, concurrently=True)
        found = trying.run(drop)
        assert (found.locks, found.drops) == ({"users": GENTLE}, ("by_name",))
        full = says("vacuum full users", Kind.VACUUM, "users", alone=True)
        found = trying.run(full)
        assert (found.locks, found.rewrites) == ({"users": ALL}, ("users",))


@pytest.mark.parametrize(
    "statement",
    [
        says("create role wayfare_nobody", Kind.OTHER),
        says("alter system set work_mem = '1MB'", Kind.OTHER, alone=True),
        says("create database wayfare_nowhere", Kind.DATABASE, alone=True),
    ],
    ids=lambda s: s.text,
)
def test_what_reaches_beyond_the_database_is_not_done(schema, db, statement):
    with schema.rehearsal() as trying:
        assert trying.run(statement).error
    left = "select (select count(*) from pg_roles where rolname = 'wayfare_nobody') + (select count(*) from pg_database"
    assert db.execute(f"{left} where datname = 'wayfare_nowhere') n").to_pylist() == [{"n": 0}]


def test_settings_of_a_script_hold_for_the_statements_after_it(schema, db):
    db.execute("create schema shop")
    with schema.rehearsal() as trying:
        trying.run(says("set local search_path = shop", Kind.SET))
        assert trying.run(says("create table a (b int)", Kind.CREATE_TABLE, "a")).creates == ("shop.a",)


def test_leftovers_of_dead_processes_are_swept(schema, db):
    with psycopg.connect(autocommit=True, **parameters(db.address)) as other:
        other.execute("create database wayfare_rehearsal_1000000000_dead")
        other.execute("create database wayfare_rehearsal_9000000000_alive")
    with schema.rehearsal():
        pass
    found = db.execute("select datname::text d from pg_database where datname like 'wayfare_rehearsal_%'").to_pylist()
    assert found == [{"d": "wayfare_rehearsal_9000000000_alive"}]
    with psycopg.connect(autocommit=True, **parameters(db.address)) as other:
        other.execute("drop database wayfare_rehearsal_9000000000_alive")


def test_without_the_right_it_says_which(schema, db):
    db.execute("create role wayfare_plain login")
    db.execute("grant usage on schema public to wayfare_plain; grant select on all tables in schema public to public")
    from dataclasses import replace

    try:
        with PostgreSQL(replace(db.address, user="wayfare_plain")) as plain:
            with pytest.raises(Forbidden, match="CREATEDB"), plain.schema().rehearsal():
                pass
            db.execute("alter role wayfare_plain createdb")
            with plain.schema().rehearsal({"orders"}) as trying:
                assert not trying.run(says("alter table users add column a int", Kind.ADD_COLUMN, "users")).error
    finally:
        db.execute("drop owned by wayfare_plain")
        db.execute("drop role wayfare_plain")


# Samples


def test_an_estimate_counts_the_whole_table(schema, db):
    db.execute("insert into users select g, 'name ' || g, g % 90 from generate_series(5001, 200000) g; analyze users")
    rewrite = says("alter table users add column a uuid default gen_random_uuid()", Kind.ADD_COLUMN, "users", "a")
    quick = says("alter table users add column b int", Kind.ADD_COLUMN, "users", "b")
    with schema.rehearsal(["users"]) as trying:
        before = trying.dump()
        assert before == schema.dump()
        found = trying.run(rewrite)
        assert found.estimate_seconds > 3 * found.seconds
        found = trying.run(quick)
        assert found.estimate_seconds == found.seconds
    with schema.rehearsal() as trying:
        found = trying.run(rewrite)
        assert found.estimate_seconds == found.seconds


def test_rows_whose_parents_were_not_taken_do_not_stand_in_the_way(schema, db):
    db.execute("insert into users select g, 'name ' || g, g % 90 from generate_series(5001, 200000) g; analyze users")
    db.execute("insert into orders select g, g from generate_series(5001, 200000) g; analyze orders")
    key = says(
        "alter table orders add foreign key (user_id) references users",
        Kind.ADD_FOREIGN_KEY,
        "orders",
        columns=["user_id"],
        references="users",
    )
    with schema.rehearsal(["users", "orders"]) as trying:
        found = trying.run(key)
        assert not found.error
        assert found.locks == {"orders": TRIGGER, "users": TRIGGER}
        assert found.estimate_seconds > found.seconds
        index = trying.run(says("create index i on orders (note)", Kind.CREATE_INDEX, "orders", "i"))
        assert index.estimate_seconds > 2 * index.seconds, "the sample is there again"


def test_what_the_rows_do_not_allow_is_a_refusal(schema):
    """Rows that are taken along are real ones."""
    with schema.rehearsal(["users"]) as trying:
        found = trying.run(says("alter table users add unique (age)", Kind.ADD_UNIQUE, "users"))
        assert "23505" in found.error


def test_statements_without_kind_are_measured_too(schema):
    with schema.rehearsal() as trying:
        assert trying.run(Statement("create table x ()", 1, 1)).creates == ("x",)
