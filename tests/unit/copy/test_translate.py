"""Expressions and views across dialects, as `text; expected` pairs."""

from __future__ import annotations

import pytest

from wayfare.copy.translate import expression, view

PLACES = {("public", "customer"): ("main", "customer"), ("public", "orders"): ("main", "bestellung")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'active'::character varying", "'active'"),
        ("0", "0"),
        ("'2020-01-01'::date", "'2020-01-01'"),
        ("now()", "CURRENT_TIMESTAMP"),
        ("(price > (0)::numeric)", '("price" > (0))'),
        (
            "((r)::text = ANY ((ARRAY['G'::character varying, 'PG'::character varying])::text[]))",
            "((\"r\") IN ('G', 'PG'))",
        ),
        ("(a IS NOT NULL OR b BETWEEN 1 AND 2)", '("a" IS NOT NULL OR "b" BETWEEN 1 AND 2)'),
    ],
)
def test_what_surely_means_the_same_is_translated(text: str, expected: str) -> None:
    assert expression(text, "postgres", "duckdb") == expected


@pytest.mark.parametrize(
    "text",
    [
        "nextval('x'::regclass)",
        "gen_random_uuid()",
        "('now'::text)::date",
        "(x)::numeric > 1",
        "my_function(a)",
        "((",
        "a",
    ],
)
def test_what_may_mean_something_else_is_not(text: str) -> None:
    assert expression(text, "postgres", "duckdb") is None


def test_a_view_reads_the_tables_where_they_were_copied_to() -> None:
    text = "SELECT c.id FROM public.customer c JOIN orders o ON o.cid = c.id"
    translated = view(text, "postgres", "duckdb", PLACES)
    assert '"main"."customer" AS "c"' in translated
    assert '"main"."bestellung" AS "o"' in translated


def test_a_view_of_something_not_copied_says_so() -> None:
    with pytest.raises(ValueError, match="reads staff, which is not copied"):
        view("SELECT * FROM staff", "postgres", "duckdb", PLACES)


def test_a_view_may_name_its_own_parts() -> None:
    text = "WITH recent AS (SELECT id FROM orders) SELECT * FROM recent"
    assert '"bestellung"' in view(text, "postgres", "sqlite", PLACES)
