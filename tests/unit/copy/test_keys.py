"""Foreign keys between different types: left out, and told, where the target has none such."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from wayfare.copy.keys import without_circles, without_keys_abroad, without_mixed_keys
from wayfare.core.tables import Column, ForeignKey, Table


def table_of(name: str, *columns: Column, keys: tuple[ForeignKey, ...] = ()) -> Table:
    return Table(name, columns, foreign_keys=keys)


def test_only_keys_of_unequal_types_are_left_out() -> None:
    whole, small = Column("id", pa.int32(), native="INTEGER"), Column("small", pa.int16(), native="SMALLINT")
    like = ForeignKey("like", ("id",), "parent", ("id",))
    mixed = ForeignKey("mixed", ("small",), "parent", ("id",))
    elsewhere = replace(mixed, name="elsewhere", parent="not copied")
    kept, findings = without_mixed_keys(
        [table_of("parent", whole), table_of("child", whole, small, keys=(like, mixed, elsewhere))]
    )
    assert kept[1].foreign_keys == (like, elsewhere)
    assert [(f.code, f.where) for f in findings] == [("foreign_key_not_carried", "child")]
    assert "parent" in findings[0].message


def test_a_circle_is_opened_at_one_place_and_everything_else_stays() -> None:
    number = Column("id", pa.int32(), native="INTEGER")
    a_b, b_c, c_a, a_a = (ForeignKey(n, ("id",), n[-1], ("id",)) for n in ("a_b", "b_c", "c_a", "a_a"))
    copies = [
        table_of("a", number, keys=(a_b, a_a)),
        table_of("b", number, keys=(b_c,)),
        table_of("c", number, keys=(c_a,)),
    ]
    kept, findings = without_circles(copies)
    assert [c.foreign_keys for c in kept] == [(a_b, a_a), (b_c,), ()]
    assert [(f.code, f.where) for f in findings] == [("foreign_key_not_carried", "c")]
    assert "circle" in findings[0].message


def test_keys_to_another_namespace_are_left_out_where_the_target_has_none() -> None:
    number = Column("id", pa.int32(), native="INTEGER")
    home = ForeignKey("home", ("id",), "parent", ("id",), parent_namespace="shop")
    abroad = replace(home, name="abroad", parent_namespace="archive")
    child = replace(table_of("child", number, keys=(home, abroad)), namespace="shop")
    kept, findings = without_keys_abroad([child])
    assert kept[0].foreign_keys == (home,)
    assert [(f.code, f.where) for f in findings] == [("foreign_key_not_carried", "shop.child")]
    assert "namespace" in findings[0].message
    assert "--map" not in findings[0].advice
