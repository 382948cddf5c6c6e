"""Which tables are meant, and what they are called afterwards."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.copy.naming import NamingRules, place_tables
from wayfare.copy.selection import select
from wayfare.core.errors import NotFound
from wayfare.core.tables import Column, Table

FLAT = NamingRules(has_namespaces=False, default_namespace="", name_bytes_max=64)
DEEP = NamingRules(has_namespaces=True, default_namespace="main", name_bytes_max=63)
FOLDING = NamingRules(has_namespaces=True, default_namespace="main", name_bytes_max=63, folds_case=True)


def table(name: str, namespace: str = "public", *columns: str) -> Table:
    return Table(name, tuple(Column(c, pa.int64()) for c in columns or ("id",)), namespace=namespace)


TABLES = [table("orders"), table("order_lines"), table("orders", "archive"), table("Staff", "hr")]


@pytest.mark.parametrize(
    ("patterns", "exclude", "labels"),
    [
        ((), (), ["public.orders", "public.order_lines", "archive.orders", "hr.Staff"]),
        (("orders",), (), ["public.orders", "archive.orders"]),
        (("archive.*",), (), ["archive.orders"]),
        (("order*",), ("archive.*",), ["public.orders", "public.order_lines"]),
        (("staff",), (), ["hr.Staff"]),
    ],
)
def test_patterns(patterns: tuple[str, ...], exclude: tuple[str, ...], labels: list[str]) -> None:
    assert [t.label for t in select(TABLES, patterns, exclude)] == labels


def test_a_pattern_that_matches_nothing_names_the_closest() -> None:
    with pytest.raises(NotFound, match="'ordrs'") as caught:
        select(TABLES, ("ordrs",))
    assert "orders" in caught.value.remedy
    assert caught.value.where == "--tables"


def test_an_empty_source_says_so() -> None:
    with pytest.raises(NotFound, match="no tables"):
        select([], ("x",))


def test_the_default_namespace_becomes_the_targets_and_others_stay() -> None:
    places, findings = place_tables(TABLES, DEEP, "public")
    assert places[("public", "orders")] == ("main", "orders")
    assert places[("archive", "orders")] == ("archive", "orders")
    assert findings == []


def test_two_tables_that_would_be_one_are_refused() -> None:
    _, findings = place_tables(TABLES, FLAT, "public")
    assert [(f.code, f.severity) for f in findings] == [("name_collision", "error")]
    assert "public.orders and archive.orders" in findings[0].message


def test_a_rename_settles_a_collision() -> None:
    places, findings = place_tables(TABLES, FLAT, "public", {"archive.orders": "old_orders"})
    assert places[("archive", "orders")] == ("", "old_orders")
    assert findings == []


def test_a_rename_of_nothing_is_refused() -> None:
    _, findings = place_tables(TABLES[:1], DEEP, "public", {"nothing": "x"})
    assert [f.code for f in findings] == ["rename_of_nothing"]


def test_a_target_that_ignores_case_cannot_hold_both() -> None:
    both = [table("Orders"), table("orders"), table("t", "public", "a", "A")]
    _, findings = place_tables(both, FOLDING, "public")
    assert [f.code for f in findings] == ["name_collision", "name_collision"]


def test_a_name_longer_than_the_target_allows_is_refused() -> None:
    _, findings = place_tables([table("ü" * 32)], DEEP, "public")
    assert [f.code for f in findings] == ["name_too_long"]
    assert "64 bytes" in findings[0].message


def test_names_that_the_target_does_not_have_are_refused_with_their_place() -> None:
    choosy = replace(FLAT, fault=lambda name, is_table: "is a bad word" if name == "bad" else "")
    places, findings = place_tables([table("bad"), table("good", "public", "id", "bad")], choosy, "public")
    assert places[("public", "bad")] == ("", "bad")
    assert [(f.code, f.severity, f.where) for f in findings] == [
        ("name_impossible", "error", "public.bad"),
        ("name_impossible", "error", "public.good.bad"),
    ]
    assert findings[0].message == "'bad' is a bad word, and the target has no such names."
    _, findings = place_tables([table("bad")], choosy, "public", {"bad": "better"})
    assert findings == []
