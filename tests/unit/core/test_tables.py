"""What a table knows of itself."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from wayfare.core.tables import Column, Index, Table

COLUMNS = (
    Column("id", pa.int64(), nullable=False),
    Column("code", pa.string(), nullable=False),
    Column("maybe", pa.int64()),
)


def leads(*indexes: Index, key: tuple[str, ...] = ()) -> list[str]:
    return [c.name for c in Table("t", COLUMNS, key=key, indexes=indexes).leading_columns]


def unique(*columns: str, **more: Any) -> Index:
    return Index("i", columns, unique=True, **more)


def test_a_primary_key_leads_alone() -> None:
    assert leads(unique("code"), key=("id", "code")) == ["id"]


def test_unique_indexes_lead_where_there_is_no_key() -> None:
    assert leads(unique("code", "id"), unique("id")) == ["code", "id"]


@pytest.mark.parametrize(
    "index",
    [
        Index("i", ("code",)),
        unique("maybe"),
        unique("code", "maybe"),
        unique("code", lengths=(10,)),
        unique("code", where="id > 5"),
        unique("code", method="hash"),
        unique(expression="lower(code)"),
    ],
)
def test_an_index_that_misses_rows_or_values_leads_nowhere(index: Index) -> None:
    assert leads(index) == []
