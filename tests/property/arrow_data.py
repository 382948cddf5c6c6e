"""Hypothesis strategies for every Arrow type that travels (see core.tables): arrays, slices and batches."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
DECIMALS = {pa.decimal128(5, 2): 10**5, pa.decimal128(38, 10): 10**38, pa.decimal256(76, 30): 10**76}


def _integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


def _scaled(kind: pa.DataType, limit: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-limit + 1, limit - 1).map(lambda n: Decimal(n).scaleb(-kind.scale, Context(prec=90)))


VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    **{getattr(pa, f"int{b}")(): _integers(b, True) for b in (8, 16, 32, 64)},
    **{getattr(pa, f"uint{b}")(): _integers(b, False) for b in (8, 16, 32, 64)},
    **{kind: _scaled(kind, limit) for kind, limit in DECIMALS.items()},
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): TEXT,
    pa.binary(): st.binary(max_size=60),
    pa.binary(16): st.binary(min_size=16, max_size=16),
    pa.date32(): _integers(32, True),
    pa.time64("us"): st.integers(-3_020_399_000_000, 3_020_399_000_000),
    pa.time64("ns"): st.integers(0, 86_399_999_999_999),
    **{pa.timestamp(unit): _integers(64, True) for unit in ("s", "ms", "us", "ns")},
    **{pa.timestamp(unit, "UTC"): _integers(64, True) for unit in ("s", "ms", "us", "ns")},
}
LISTS = [pa.list_(pa.int32()), pa.list_(pa.string()), pa.list_(pa.float64()), pa.list_(pa.list_(pa.bool_()))]
TYPES = [*VALUES, *LISTS]


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_list(kind):
        return st.lists(st.none() | values(kind.value_type), max_size=5)
    return VALUES[kind]


def to_array(items: list[Any], kind: pa.DataType) -> pa.Array:
    """Dates and timestamps are given as their integers, since Python's own end at year 9999."""
    if pa.types.is_temporal(kind):
        bits = pa.int32() if kind.bit_width == 32 else pa.int64()
        return pa.array(items, bits).view(kind)
    return pa.array(items, kind)


@st.composite
def arrays(draw: st.DrawFn, kind: pa.DataType, rows: int) -> pa.Array:
    """An array, often a slice of a longer one, so that offsets are not zero."""
    before, after = draw(st.integers(0, 9)), draw(st.integers(0, 3))
    size = before + rows + after
    items = draw(st.lists(st.none() | values(kind), min_size=size, max_size=size))
    return to_array(items, kind).slice(before, rows)


@st.composite
def batches(draw: st.DrawFn, kinds: list[pa.DataType] | None = None, rows_max: int = 20) -> pa.RecordBatch:
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=5)) if kinds is None else kinds
    rows = draw(st.integers(0, rows_max))
    columns = [draw(arrays(kind, rows)) for kind in kinds]
    return pa.RecordBatch.from_arrays(columns, [f"c{i}" for i in range(len(kinds))])
