"""Foreign keys between different types: left out, and told, where the target has none such."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from wayfare.copy.keys import without_mixed_keys
from wayfare.copy.subject import TableCopy
from wayfare.core.tables import Column, ForeignKey, Table


def copy_of(name: str, *columns: Column, keys: tuple[ForeignKey, ...] = ()) -> TableCopy:
    table = Table(name, columns, foreign_keys=keys)
    return TableCopy(name, name, table, table, (), ())


def test_only_keys_of_unequal_types_are_left_out() -> None:
    whole, small = Column("id", pa.int32(), native="INTEGER"), Column("small", pa.int16(), native="SMALLINT")
    like = ForeignKey("like", ("id",), "parent", ("id",))
    mixed = ForeignKey("mixed", ("small",), "parent", ("id",))
    elsewhere = replace(mixed, name="elsewhere", parent="not copied")
    kept, findings = without_mixed_keys(
        [copy_of("parent", whole), copy_of("child", whole, small, keys=(like, mixed, elsewhere))]
    )
    assert kept[1].landed.foreign_keys == (like, elsewhere)
    assert [(f.code, f.where) for f in findings] == [("foreign_key_not_carried", "child")]
    assert "parent" in findings[0].message
