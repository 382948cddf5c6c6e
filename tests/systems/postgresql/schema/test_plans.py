"""Queries without values, planned on a clone."""

from __future__ import annotations

from systems.postgresql.schema.scripts import says
from wayfare.core.changes import Plans
from wayfare.core.statements import Kind

BY_AGE = "select name from users where age = $1"
READS = {
    "by age": BY_AGE,
    "by id": "select name from users where id = $1 and age between $2 and $3 limit $4",
    "writes": "insert into users (id, name) values ($1, $2) on conflict (id) do update set age = $3",
    "removes": "with gone as (delete from users where id = $1 returning *) select count(*) from gone",
    "squashed": "select name from users where id in ($1 /*, ... */)",
    "per cent": "select name from users where name like '%a%' and id % 2 = 0",
}


def test_queries_are_planned_without_values(schema):
    with schema.rehearsal(["users"]) as clone:
        assert isinstance(clone, Plans)
        found = clone.plans(READS)
        assert {key: plan.error for key, plan in found.items()} == dict.fromkeys(READS, "")
        assert all(plan.cost > 0 for plan in found.values())
        assert found["by age"].whole == ("users",)
        assert found["by id"].indexes == ("users_pkey",)
        assert found["by id"].whole == ()


def test_a_query_that_a_change_breaks_or_helps(schema):
    with schema.rehearsal(["users"]) as clone:
        before = clone.plans({"1": BY_AGE})["1"]
        assert clone.run(says("create index by_age on users (age)", Kind.CREATE_INDEX, "users")).error == ""
        better = clone.plans({"1": BY_AGE})["1"]
        assert (better.indexes, better.whole) == (("by_age",), ())
        assert better.cost < before.cost
        assert clone.run(says("alter table users drop column age", Kind.DROP_COLUMN, "users")).error == ""
        assert 'column "age" does not exist' in clone.plans({"1": BY_AGE})["1"].error


def test_what_cannot_be_planned_says_so_and_the_next_can(schema):
    texts = {"1": "select name from users where at > now() - interval $1", "2": "selct", "3": BY_AGE}
    with schema.rehearsal() as clone:
        found = clone.plans(texts)
    assert [bool(plan.error) for plan in found.values()] == [True, True, False]


def test_a_text_cannot_smuggle_a_second_statement_in(schema):
    with schema.rehearsal() as clone:
        before = clone.dump()
        found = clone.plans({"1": "select 1; drop table users", "2": "select 1; commit; drop table orders"})
        assert all(plan.error for plan in found.values())
        assert clone.dump() == before


def test_nothing_is_carried_out(schema):
    """Neither in the clone nor in the database."""
    with schema.rehearsal(["users"]) as clone:
        clone.plans({"1": "delete from users", "2": "update users set age = 0"})
        assert clone.run(says("alter table users add check (age > 0) not valid", Kind.ADD_CHECK, "users")).error == ""
        sized = clone.plans({"1": "select * from users"})["1"].cost
    with schema.rehearsal(["users"]) as another:
        assert another.plans({"1": "select * from users"})["1"].cost == sized
