"""Which queries are tried on a clone, and what is said of those that changed: pure."""

from __future__ import annotations

import pytest

from wayfare.core.changes import Planned, Query
from wayfare.core.findings import Severity
from wayfare.schema.queries import QUERIES_MAX, Tried, chosen, counted, judged


def query(text: str, total_ms: float = 1.0) -> Query:
    return Query(text, 1, total_ms, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select age from users where id = $1", True),
        ("  /* the shop */ -- its list\n(SELECT 1 FROM public.users) UNION SELECT 2", True),
        ('WITH u AS (SELECT * FROM "Users") SELECT count(*) FROM u', True),
        ("update users set age = $1", True),
        ("merge into users using x on true when matched then do nothing", True),
        ("select 1 from orders", False),
        ("alter table users add column a int", False),
        ("copy users to stdout", False),
        ("explain select 1 from users", False),
        ("selected users", False),
        ("select 1 from _wayfare_revisions, users", False),
    ],
)
def test_which_queries_are_tried(text: str, expected: bool) -> None:
    assert bool(chosen({"1": query(text)}, ["users"])) is expected


def test_those_that_take_the_most_time_come_first() -> None:
    found = chosen({str(n): query(f"select {n} from users", n) for n in range(QUERIES_MAX + 10)}, ["users"])
    assert list(found) == [str(n) for n in reversed(range(10, QUERIES_MAX + 10))]


def test_what_broke_before_is_no_news() -> None:
    refused = Planned(error="there is no such thing.")
    tried = [Tried("1", "select 1", refused, refused), Tried("2", "select 2", refused, Planned(1.0))]
    assert list(judged(tried, 1.4)) == []
    assert counted(tried) == {"queries_tried": 0, "queries_not_planned": 2}


def test_what_breaks_is_an_error_and_what_becomes_dearer_a_warning() -> None:
    cheap, dear = Planned(8.2, (), ("by_age",)), Planned(84.0, ("users",))
    tried = [
        Tried("1", "select a\n  from users", cheap, Planned(error="column a does not exist.")),
        Tried("2", "select b from users", cheap, dear),
        Tried("3", "select c from users", cheap, Planned(8.2 * 1.4, (), ("by_age",))),
        Tried("4", "select d from users", dear, cheap),
    ]
    broken, dearer = judged(tried, 1.4)
    assert (broken.code, broken.severity, broken.where) == ("query_breaks", Severity.ERROR, "query 1")
    assert broken.message == "a query breaks: column a does not exist. It is: select a from users"
    assert (dearer.code, dearer.severity, dearer.where) == ("query_dearer", Severity.WARNING, "query 2")
    assert dearer.message == (
        "by the planner, on a sample, this costs 84 instead of 8.2 (users is read whole, by_age is not used): "
        "select b from users"
    )
    assert counted(tried) == {"queries_tried": 4, "queries_not_planned": 0}
