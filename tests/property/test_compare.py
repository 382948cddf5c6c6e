"""Change one thing in a table, whatever it is, and the comparison finds exactly that."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from property.arrow_data import DECIMALS, LISTS, VALUES, values
from wayfare.core.address import Address
from wayfare.core.tables import Column, Table
from wayfare.flow.compare import Comparison, compare
from wayfare.flow.digest import table_digest
from wayfare.flow.scan import Side
from wayfare.systems.databases.memory.database import MemoryDatabase, Stored

NAMES = (f"compare{i}" for i in itertools.count())
KINDS = [
    k for k in (*VALUES, *LISTS) if not pa.types.is_temporal(k) and k not in DECIMALS and not pa.types.is_float32(k)
]


def side(table: Table, rows: list[dict[str, Any]]) -> Side:
    database = MemoryDatabase(Address("memory", host=next(NAMES)))
    database._shelf.tables[table.label] = Stored(table, [dict(row) for row in rows])
    return Side(database, table)


def look(table: Table, source: list[dict[str, Any]], target: list[dict[str, Any]]) -> Comparison:
    sides = side(table, source), side(table, target)
    digests = [table_digest(s.database, table) for s in sides]
    found = compare(*sides, key=table.key)
    assert found.equal == (digests[0] == digests[1])
    assert (found.rows_source, found.rows_target) == (len(source), len(target))
    return found


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, list[dict[str, Any]]]:
    """A table with or without a key, and rows that are all different when it has one."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    columns = (Column("id", pa.int64()), *(Column(f"c{i}", kind) for i, kind in enumerate(kinds)))
    table = Table("t", columns, key=draw(st.sampled_from([(), ("id",)])))
    count = draw(st.integers(1, 12))
    rows = [{"id": n, **{c.name: draw(st.none() | values(c.type)) for c in columns[1:]}} for n in range(count)]
    return table, rows


@settings(max_examples=30)
@given(tables(), st.randoms(use_true_random=False))
def test_equal_tables_are_equal_in_any_order(made: tuple[Table, list[dict[str, Any]]], chance: Any) -> None:
    table, rows = made
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert look(table, rows, shuffled).equal


@settings(max_examples=80)
@given(tables(), st.data())
def test_one_changed_value_is_found(made: tuple[Table, list[dict[str, Any]]], data: Any) -> None:
    table, rows = made
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(table.columns[1:]))
    other = data.draw(st.none() | values(column.type))
    before = rows[place][column.name]
    assume(repr(other) != repr(before))
    changed = [dict(row) for row in rows]
    changed[place][column.name] = other
    found = look(table, rows, changed)
    if table.key:
        assert found.total == 1
        assert [(d.kind, d.key, d.column) for d in found.differences] == [("changed", f"id={place}", column.name)]
        assert found.differences[0].source != found.differences[0].target
    else:
        assert {d.kind for d in found.differences} == {"missing", "extra"}
        assert found.total == 2


@settings(max_examples=30)
@given(tables(), st.data())
def test_one_missing_extra_or_doubled_row_is_found(made: tuple[Table, list[dict[str, Any]]], data: Any) -> None:
    table, rows = made
    place = data.draw(st.integers(0, len(rows) - 1))
    without = rows[:place] + rows[place + 1 :]
    for source, target, kind in (
        (rows, without, "missing"),
        (without, rows, "extra"),
        (rows, [*rows, rows[place]], "doubled"),
    ):
        found = look(table, source, target)
        assert (found.total, [d.kind for d in found.differences]) == (1, [kind])
        assert found.differences[0].key.startswith(f"id={place}")
