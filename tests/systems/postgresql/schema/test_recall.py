"""What was there before: each inverse is carried out on the clone, and the dump is as it was."""

from __future__ import annotations

import pytest

from systems.postgresql.schema.scripts import says
from wayfare.core.statements import Action, Kind
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.schema.recall import loses_nothing

SETUP = """
create index by_age on users (age desc) where age > 3;
comment on index by_age is 'the old''s';
alter table users add constraint grown check (age >= 0);
comment on constraint grown on users is 'or born';
alter table orders add constraint of_user foreign key (user_id) references users on delete cascade;
alter table users alter column age set default 7;
create view names as select id, name from users;
comment on view names is 'who';
grant select on names to public;
create materialized view counts as select age, count(*) n from users group by age;
create unique index of_counts on counts (age);
create function twice(a integer) returns integer language sql as $$ select a * 2 $$;
create function twice(a text) returns text language sql as $$ select a || a $$;
create function once(a integer) returns integer language sql as $$ select a $$;
revoke all on function once(integer) from public;
comment on function once(integer) is 'once';
create procedure nothing() language plpgsql as $$ begin end $$;
create function touched() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touch before update of name on users for each row when (old.age is not null) execute function touched();
alter table users disable trigger touch;
create policy mine on users as restrictive for select to public using (age > 3);
create type mood as enum ('sad', 'so ''so''', 'ok');
create domain positive as integer default 1 constraint is_positive check (value > 0);
create type pair as (a integer, b text);
create schema shop;
comment on schema shop is 'to sell';
create extension citext;
comment on table users is 'people';
comment on column users.name is 'called';
grant select, update (name) on users to public;
grant usage on schema shop to public;
create sequence counter increment 5 maxvalue 1000 cycle;
create table parts (id int, at date) partition by range (at);
create table part_1 partition of parts for values from ('2020-01-01') to ('2021-01-01');
"""
# A statement, and what it does.
LOSSES = [
    ("drop index by_age", Action(Kind.DROP_INDEX, "", "by_age")),
    ("alter table users drop constraint grown", Action(Kind.DROP_CONSTRAINT, "users", "grown")),
    ("alter table orders drop constraint of_user", Action(Kind.DROP_CONSTRAINT, "orders", "of_user")),
    (
        "alter table users drop constraint users_pkey cascade",
        Action(Kind.DROP_CONSTRAINT, "users", "users_pkey", {"cascade": True}),
    ),
    ("alter table users alter age set default 9", Action(Kind.SET_DEFAULT, "users", "age")),
    ("alter table users alter age drop default", Action(Kind.DROP_DEFAULT, "users", "age")),
    ("alter table users alter id set default 9", Action(Kind.SET_DEFAULT, "users", "id")),
    ("alter table users alter name drop not null", Action(Kind.DROP_NOT_NULL, "users", "name")),
    ("alter table users alter age set not null", Action(Kind.SET_NOT_NULL, "users", "age")),
    ("alter table orders alter note type text", Action(Kind.ALTER_TYPE, "orders", "note", {"type": "text"})),
    ("alter table orders alter id type numeric", Action(Kind.ALTER_TYPE, "orders", "id", {"type": "numeric"})),
    (
        "create or replace view names as select id, name, age from users",
        Action(Kind.CREATE_VIEW, "", "names", {"replace": True}),
    ),
    ("drop view names", Action(Kind.DROP_VIEW, "", "names")),
    ("drop materialized view counts", Action(Kind.DROP_MATERIALIZED_VIEW, "", "counts")),
    (
        "create or replace function twice(a integer) returns integer language sql as $$ select a * 3 $$",
        Action(Kind.CREATE_FUNCTION, "", "twice", {"replace": True, "signature": "twice(integer)"}),
    ),
    ("drop function twice(text)", Action(Kind.DROP_FUNCTION, "", "twice", {"signature": "twice(text)"})),
    ("drop function once", Action(Kind.DROP_FUNCTION, "", "once")),
    ("drop procedure nothing()", Action(Kind.DROP_FUNCTION, "", "nothing", {"signature": "nothing()"})),
    ("drop trigger touch on users", Action(Kind.DROP_TRIGGER, "users", "touch")),
    ("drop policy mine on users", Action(Kind.DROP_POLICY, "users", "mine")),
    ("drop type mood", Action(Kind.DROP_TYPE, "", "mood")),
    ("drop domain positive", Action(Kind.DROP_TYPE, "", "positive")),
    ("drop type pair", Action(Kind.DROP_TYPE, "", "pair")),
    ("drop schema shop", Action(Kind.DROP_SCHEMA, "", "shop")),
    ("drop extension citext", Action(Kind.DROP_EXTENSION, "", "citext")),
    ("comment on table users is 'x'", Action(Kind.COMMENT, "users")),
    ("comment on column users.name is 'x'", Action(Kind.COMMENT, "users", "name")),
    ("comment on column users.age is 'x'", Action(Kind.COMMENT, "users", "age")),
    ("comment on view names is null", Action(Kind.COMMENT, "", "names")),
    ("comment on index by_age is null", Action(Kind.COMMENT, "", "by_age")),
    ("comment on function once(integer) is null", Action(Kind.COMMENT, "", "once")),
    ("comment on type mood is 'x'", Action(Kind.COMMENT, "", "mood")),
    ("comment on schema shop is 'x'", Action(Kind.COMMENT, "", "shop")),
    ("revoke all on users from public", Action(Kind.REVOKE, "users")),
    ("revoke all on schema shop from public", Action(Kind.REVOKE, "", "shop")),
    ("alter sequence counter increment 1 no cycle", Action(Kind.ALTER_SEQUENCE, "", "counter")),
    ("alter table parts detach partition part_1", Action(Kind.DETACH_PARTITION, "parts", "part_1")),
]


@pytest.fixture(scope="module")
def rich(fresh):
    from systems.postgresql.schema.conftest import USERS

    with PostgreSQL(fresh()) as db:
        db.execute(USERS)
        db.execute(SETUP)
        yield db


@pytest.mark.parametrize(("text", "action"), LOSSES, ids=[text for text, _ in LOSSES])
def test_it_comes_back_as_it_was(rich, text, action):
    with rich.schema().rehearsal() as clone:
        before = clone.dump()
        recalled = clone.recall(action)
        assert recalled
        assert not clone.run(says(text, action.kind, action.table, action.name)).error
        assert clone.dump() != before
        for statement in recalled:
            assert not clone.run(says(statement, Kind.OTHER)).error, statement
        assert clone.dump() == before


NOTHING = [
    Action(Kind.DROP_INDEX, "", "missing"),
    Action(Kind.DROP_TABLE, "users"),
    Action(Kind.DROP_COLUMN, "users", "age"),
    Action(Kind.ADD_COLUMN, "users", "new"),
    Action(Kind.CREATE_VIEW, "", "new"),
    Action(Kind.CREATE_FUNCTION, "", "twice", {"signature": "twice(date)", "replace": True}),
    Action(Kind.DROP_FUNCTION, "", "twice"),
    Action(Kind.CREATE_POLICY, "users", "mine"),
    Action(Kind.DROP_SCHEMA, "", "shop", {"cascade": True}),
    Action(Kind.ALTER_TYPE, "users", "id", {"type": "real"}),
    Action(Kind.ALTER_TYPE, "users", "age", {"type": "text", "using": "age::text || 'x'"}),
    Action(Kind.ALTER_TYPE, "missing", "age", {"type": "text"}),
    Action(Kind.ALTER_ENUM, "", "mood"),
    Action(Kind.DROP_SEQUENCE, "", "counter"),
    Action(Kind.COMMENT, "", "missing"),
]


def test_what_is_not_there_or_would_lose_rows_is_not_recalled(rich):
    with rich.schema().rehearsal() as clone:
        assert {str(action): list(clone.recall(action)) for action in NOTHING} == {str(a): [] for a in NOTHING}


def test_a_view_that_others_need_is_replaced_where_it_stands(rich):
    rich.execute("create view more as select * from names")
    with rich.schema().rehearsal() as clone:
        recalled = clone.recall(Action(Kind.CREATE_VIEW, "", "names", {"replace": True}))
        assert [statement.split(" AS ")[0] for statement in recalled] == ["CREATE OR REPLACE VIEW public.names"]
    rich.execute("drop view more")


@pytest.mark.parametrize(
    ("old", "new", "limited", "safe"),
    [
        ("integer", "bigint", False, True),
        ("bigint", "integer", False, True),
        ("integer", "numeric", False, True),
        ("integer", "numeric", True, False),
        ("numeric", "integer", False, False),
        ("numeric", "numeric", True, False),
        ("character varying", "text", False, True),
        ("text", "integer", False, False),
        ("uuid", "text", False, True),
        ("double precision", "real", False, False),
        ("timestamp with time zone", "date", False, False),
    ],
)
def test_types_there_and_back(old, new, limited, safe):
    assert loses_nothing(old, new, limited) is safe
