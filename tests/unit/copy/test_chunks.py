"""How many rows a chunk has: lanes are to end together."""

from __future__ import annotations

import pytest

from wayfare.copy.facts import evened


@pytest.mark.parametrize(
    ("rows", "rows_in_all", "chunks"),
    [(100, 0, 0), (100, 100, 1), (100, 101, 2), (100, 250, 4), (100, 400, 4), (100, 401, 8), (230_000, 3_000_000, 16)],
)
def test_chunks_come_in_even_numbers(rows: int, rows_in_all: int, chunks: int) -> None:
    each = evened(rows, rows_in_all)
    assert each <= rows
    assert -(-rows_in_all // each) == chunks
