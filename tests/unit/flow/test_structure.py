"""Each thing a target may lack is found under its own code, and what servers merely rename or rewrite is not."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Meaning, Table
from wayfare.flow.structure import compare_structure, compare_structures

ORDERS = Table(
    "orders",
    (
        Column("id", pa.int64(), False, identity=Identity(next=101)),
        Column("customer", pa.int32(), False),
        Column("state", pa.string(), length=20, default="'new'"),
        Column("total", pa.decimal128(10, 2)),
        Column("gross", pa.decimal128(12, 4), generated="total * 1.19"),
    ),
    key=("id",),
    namespace="shop",
    indexes=(
        Index("orders_customer", ("customer",)),
        Index("orders_mark", ("state", "total"), unique=True, constraint=True),
        Index("orders_lower", (), expression="lower(state)"),
    ),
    foreign_keys=(ForeignKey("to_customer", ("customer",), "customers", ("id",), on_delete="CASCADE"),),
    checks=(Check("positive", "total > 0"), Check("named", "state <> ''")),
)


def altered(name: str, **changes: object) -> Table:
    columns = tuple(replace(c, **changes) if c.name == name else c for c in ORDERS.columns)
    return replace(ORDERS, columns=columns)


def without(name: str) -> Table:
    return replace(ORDERS, columns=tuple(c for c in ORDERS.columns if c.name != name))


FAULTS = [
    ("primary_key_lost", replace(ORDERS, key=())),
    ("primary_key_lost", replace(ORDERS, key=("id", "customer"))),
    ("index_lost", replace(ORDERS, indexes=ORDERS.indexes[1:])),
    ("index_lost", replace(ORDERS, indexes=ORDERS.indexes[:2])),
    ("unique_lost", replace(ORDERS, indexes=(ORDERS.indexes[0], ORDERS.indexes[2]))),
    ("unique_lost", replace(ORDERS, indexes=(*ORDERS.indexes[::2], replace(ORDERS.indexes[1], unique=False)))),
    ("foreign_key_lost", replace(ORDERS, foreign_keys=())),
    ("foreign_key_changed", replace(ORDERS, foreign_keys=(replace(ORDERS.foreign_keys[0], on_delete=""),))),
    ("check_lost", replace(ORDERS, checks=ORDERS.checks[1:])),
    ("column_missing", without("total")),
    ("column_type_changed", altered("total", type=pa.float64())),
    ("column_type_changed", altered("state", meaning=Meaning.JSON)),
    ("column_type_changed", altered("state", length=10)),
    ("column_nullability_changed", altered("total", nullable=False)),
    ("column_nullability_changed", altered("customer", nullable=True)),
    ("default_lost", altered("state", default="")),
    ("identity_lost", altered("id", identity=None)),
    ("sequence_behind", altered("id", identity=Identity(next=100))),
    ("column_extra", replace(ORDERS, columns=(*ORDERS.columns, Column("more", pa.int8())))),
    ("column_order_changed", replace(ORDERS, columns=ORDERS.columns[::-1])),
]


@pytest.mark.parametrize(("code", "actual"), FAULTS)
def test_each_fault_is_one_finding(code: str, actual: Table) -> None:
    findings = compare_structure(ORDERS, actual)
    assert [f.code for f in findings] == [code]
    assert findings[0].where.startswith("shop.orders")


HARMLESS = [
    ORDERS,
    replace(ORDERS, indexes=tuple(replace(i, name=f"ix_{n}", constraint=False) for n, i in enumerate(ORDERS.indexes))),
    replace(ORDERS, indexes=(*ORDERS.indexes, Index("made_for_the_key", ("total",)))),
    replace(ORDERS, indexes=(*ORDERS.indexes[:2], replace(ORDERS.indexes[2], expression="lower((state)::text)"))),
    replace(ORDERS, foreign_keys=(replace(ORDERS.foreign_keys[0], name="fk_1"),)),
    replace(ORDERS, checks=(Check("chk_1", "(`total` > 0)"), Check("chk_2", "(\"state\" <> '')"))),
    replace(ORDERS, checks=(Check("positive", "total > 0::numeric"), ORDERS.checks[1])),
    altered("id", identity=Identity(next=500)),
    altered("state", length=None),
    altered("gross", type=pa.float64()),
    replace(ORDERS, comment="other", rows_estimate=7, origin="elsewhere"),
]


@pytest.mark.parametrize("actual", HARMLESS)
def test_names_and_rewriting_do_not_matter(actual: Table) -> None:
    assert compare_structure(ORDERS, actual) == ()


def test_an_index_that_the_primary_key_already_gives_is_not_missed() -> None:
    expected = replace(ORDERS, indexes=(Index("again", ("id",), unique=True),))
    assert compare_structure(expected, replace(ORDERS, indexes=())) == ()


def test_a_sequence_counting_down_is_behind_when_it_is_above() -> None:
    expected = altered("id", identity=Identity(next=-5, increment=-1))
    assert [f.code for f in compare_structure(expected, altered("id", identity=Identity(-4, -1)))] == [
        "sequence_behind"
    ]
    assert compare_structure(expected, altered("id", identity=Identity(-6, -1))) == ()


def test_a_missing_table_is_one_finding() -> None:
    found = compare_structures([ORDERS, replace(ORDERS, name="other")], [ORDERS])
    assert [(f.code, f.where) for f in found] == [("table_missing", "shop.other")]
