"""Whatever a cast gives, casting it back gives the source again: the meaning of exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from property.arrow_data import LISTS, TYPES, arrays
from wayfare.core.tables import Column, Meaning
from wayfare.flow.convert import conversion
from wayfare.flow.exact import attempt
from wayfare.kernel.hashing import rows_hash

S = pa.string()
WIDER: dict[pa.DataType, list[Column]] = {}


def _lands(kind: pa.DataType, *targets: pa.DataType | tuple[pa.DataType, Meaning]) -> None:
    pairs = (t if isinstance(t, tuple) else (t, Meaning.PLAIN) for t in targets)
    WIDER.setdefault(kind, []).extend(Column("c", t, meaning=m) for t, m in pairs)


for _kind in TYPES:
    if _kind not in LISTS and _kind not in (pa.binary(), pa.binary(16)):
        _lands(_kind, S)  # bytes become hex digits, which nobody takes for bytes again
for _bits in (8, 16, 32):
    _lands(getattr(pa, f"int{_bits}")(), pa.int64(), pa.float64(), pa.decimal128(12, 2), (S, Meaning.NUMBER))
    _lands(getattr(pa, f"uint{_bits}")(), pa.int64(), pa.uint64(), pa.decimal256(40, 20))
_lands(pa.uint64(), pa.decimal128(20, 0), (S, Meaning.NUMBER))
_lands(pa.int64(), pa.decimal128(19, 0), pa.decimal128(38, 0))
_lands(pa.decimal128(5, 2), pa.decimal128(38, 10), pa.decimal256(76, 30), pa.float64(), (S, Meaning.NUMBER))
_lands(pa.decimal128(38, 10), pa.decimal256(76, 30), (S, Meaning.NUMBER))
_lands(pa.decimal256(76, 30), (S, Meaning.NUMBER))
_lands(pa.float32(), pa.float64(), (S, Meaning.NUMBER))
_lands(pa.float64(), (S, Meaning.NUMBER))
_lands(pa.bool_(), pa.int8(), pa.decimal128(1, 0), (S, Meaning.BITS))
for _unit in ("s", "ms", "us", "ns"):
    _lands(pa.timestamp(_unit), pa.timestamp(_unit, "UTC"))
    _lands(pa.timestamp(_unit, "UTC"), pa.timestamp(_unit))
_lands(pa.time64("us"), pa.time64("ns"))

PAIRS = [(Column("c", kind), target) for kind, targets in WIDER.items() for target in targets]


def _hashes(array: pa.Array) -> list[int]:
    return rows_hash(pa.RecordBatch.from_arrays([array], ["c"])).tolist()


@settings(max_examples=200)
@given(st.data())
def test_there_and_back_is_the_same(data: Any) -> None:
    source, target = data.draw(st.sampled_from(PAIRS))
    array = data.draw(arrays(source.type, 6))
    landed = conversion(source, target).run(array)
    landed.validate()
    assert landed.type == target.type
    assert landed.is_null().equals(array.is_null())
    back = conversion(target, source).run(landed)
    assert _hashes(back) == _hashes(array)


NARROWING = [
    (Column("c", a), Column("c", b))
    for group in (
        [pa.int8(), pa.int64(), pa.uint8(), pa.uint64(), pa.decimal128(5, 2), pa.decimal128(38, 10), pa.bool_()],
        [pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns"), pa.date32()],
        [pa.float32(), pa.float64(), pa.int64()],
    )
    for a in group
    for b in group
    if a != b
]


@settings(max_examples=200)
@given(st.data())
def test_what_is_not_refused_survives(data: Any) -> None:
    """Narrowing keeps a value exactly or turns it away; it never changes one."""
    source, target = data.draw(st.sampled_from(NARROWING))
    array = data.draw(arrays(source.type, 8))
    landed, bad = attempt(conversion(source, target).run, array)
    back = conversion(target, source).run(landed)
    for place, (before, after) in enumerate(zip(_hashes(array), _hashes(back), strict=True)):
        refused = bad is not None and bad[place]
        minus_zero = pa.types.is_floating(source.type) and str(array[place].as_py()) == "-0.0"
        assert refused or before == after or minus_zero
        assert not refused or landed[place].as_py() is None


PARSED = [kind for kind in TYPES if kind not in LISTS and not pa.types.is_binary(kind) and kind != S]
PARSED.remove(pa.binary(16))
ALMOST = st.text("0123456789.-+eE:TZ /naif", max_size=12) | st.sampled_from(
    ["2024-02-30", "2024-13-01", "1e5", "0x1F", "1_000", " 1", "1 ", "--1", "24:00:00", "23:59:60", "1,5", "٣", "½"]
)


@settings(max_examples=200)
@given(st.sampled_from(PARSED), st.lists(ALMOST, min_size=1, max_size=6))
def test_text_is_taken_at_its_word_or_refused(kind: pa.DataType, texts: list[str]) -> None:
    there, back = conversion(Column("c", S), Column("c", kind)), conversion(Column("c", kind), Column("c", S))
    landed, bad = attempt(there.run, pa.array(texts, S))
    printed = back.run(landed)
    assert _hashes(there.run(printed)) == _hashes(landed)
    for place, text in enumerate(texts):
        if bad is not None and bad[place]:
            assert landed[place].as_py() is None
        elif pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            assert Decimal(text) == Decimal(printed[place].as_py())
        elif pa.types.is_floating(kind):
            assert float(text) == float(printed[place].as_py()) or text.lower().strip("+-") == "nan"
        else:
            assert "½" not in text
            assert "٣" not in text


@settings(max_examples=100)
@given(st.sampled_from(LISTS).flatmap(lambda kind: arrays(kind, 5)))
def test_lists_become_json_that_reads_back(array: pa.Array) -> None:
    column = Column("c", array.type)
    landed = conversion(column, Column("c", S, meaning=Meaning.JSON)).run(array)
    for before, after in zip(array.to_pylist(), landed.to_pylist(), strict=True):
        assert _worded(before) == (None if after is None else json.loads(after))


def _worded(value: Any) -> Any:
    if isinstance(value, list):
        return [_worded(v) for v in value]
    if isinstance(value, float) and not -1e400 < value < 1e400:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value
