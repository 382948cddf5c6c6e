"""The native hash, the numpy one, and a third written as plainly as hash.h reads must agree, value for value."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property.arrow_data import TYPES, arrays, batches
from wayfare.kernel import fallback, hashing
from wayfare.kernel.loader import load

MASK = 2**64 - 1
K0, K1, K2, K3, K4 = (int(k) for k in (fallback.K0, fallback.K1, fallback.K2, fallback.K3, fallback.K4))
G0, G1, NULL = int(fallback.G0), int(fallback.G1), int(fallback.NULL)

needs_native = pytest.mark.skipif(load("wayfare.kernel") is None, reason="the native kernel is not built")


def mum(a: int, b: int) -> int:
    product = (a & MASK) * (b & MASK)
    return (product & MASK) ^ (product >> 64)


def value_hash(octets: bytes) -> int:
    total = 0
    for place, start in enumerate(range(0, len(octets), 16)):
        a, b = struct.unpack("<QQ", octets[start : start + 16].ljust(16, b"\0"))
        total += mum(a ^ (K0 + place * G0) & MASK, b ^ (K1 + place * G1) & MASK)
    return mum(total & MASK ^ K2, len(octets) ^ K3)


def scalar_hash(scalar: pa.Scalar) -> int:
    if not scalar.is_valid:
        return NULL
    kind = scalar.type
    if pa.types.is_list(kind):
        return value_hash(b"".join(struct.pack("<Q", scalar_hash(s)) for s in scalar.values))
    if pa.types.is_boolean(kind):
        return value_hash(bytes([scalar.as_py()]))
    if pa.types.is_floating(kind) and scalar.as_py() != scalar.as_py():
        return value_hash(struct.pack("<f" if kind == pa.float32() else "<d", float("nan")))
    if pa.types.is_temporal(kind):
        return value_hash(struct.pack("<i" if kind.bit_width == 32 else "<q", scalar.value))
    buffers = pa.array([scalar.as_py()], kind).buffers()
    return value_hash(bytes(buffers[-1])[: len(scalar.as_buffer()) if len(buffers) == 3 else kind.bit_width // 8])


def plain_rows(batch: pa.RecordBatch) -> list[int]:
    hashes = []
    for row in range(batch.num_rows):
        total = sum(mum(scalar_hash(c[row]) ^ (i + 1) * G0 & MASK, K4) for i, c in enumerate(batch.columns)) & MASK
        hashes.append(mum(total ^ total >> 29 ^ K0, K1))
    return hashes


@needs_native
@given(batches())
def test_native_and_fallback_agree(batch: pa.RecordBatch) -> None:
    native = hashing.rows_hash(batch)
    assert native.tolist() == fallback.rows_hash(batch).tolist()
    assert hashing.Digest.from_hashes(native).sums == fallback.fold(native)


@settings(max_examples=60)
@given(batches(rows_max=6))
def test_the_fallback_is_the_definition(batch: pa.RecordBatch) -> None:
    assert fallback.rows_hash(batch).tolist() == plain_rows(batch)


@settings(max_examples=30)
@given(st.sampled_from(TYPES).flatmap(lambda kind: arrays(kind, 5)))
def test_a_slice_hashes_as_its_copy(array: pa.Array) -> None:
    copy = pa.concat_arrays([array])
    whole = pa.RecordBatch.from_arrays([array], ["c"])
    rebuilt = pa.RecordBatch.from_arrays([copy.take(pa.array(range(len(copy))))], ["c"])
    assert hashing.rows_hash(whole).tolist() == hashing.rows_hash(rebuilt).tolist()


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 4095, 4096, 4097, 100_001, 20_000_000])
def test_every_length_up_to_twenty_megabytes(size: int) -> None:
    value = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    array = pa.array([b"before", value, None, value[:-1], b""], pa.binary())
    batch = pa.RecordBatch.from_arrays([array.slice(1)], ["c"])
    by_numpy = fallback.rows_hash(batch).tolist()
    assert hashing.rows_hash(batch).tolist() == by_numpy
    if size < 200_000:
        assert by_numpy == plain_rows(batch)


@pytest.mark.parametrize("rows_hash", [hashing.rows_hash, fallback.rows_hash])
def test_what_lies_under_a_null_is_ignored(rows_hash: Any) -> None:
    valid = pa.py_buffer(b"\x05")
    for kind, first, second in (
        (pa.int32(), [None, struct.pack("<3i", 1, 2, 3)], [None, struct.pack("<3i", 1, 9, 3)]),
        (pa.string(), [struct.pack("<4i", 0, 1, 3, 4), b"axxb"], [struct.pack("<4i", 0, 1, 1, 2), b"ab"]),
    ):
        hashes = []
        for parts in (first, second):
            buffers = [valid, *(pa.py_buffer(p) for p in parts if p is not None)]
            array = pa.Array.from_buffers(kind, 3, buffers)
            hashes.append(rows_hash(pa.RecordBatch.from_arrays([array], ["c"])).tolist())
        assert hashes[0] == hashes[1]


def _bits_to_floats(*bits: int) -> pa.Array:
    return pa.array(np.array(bits, np.uint64).view(np.float64))


@pytest.mark.parametrize("rows_hash", [hashing.rows_hash, fallback.rows_hash])
def test_every_nan_is_one_and_zero_has_its_sign(rows_hash: Any) -> None:
    array = _bits_to_floats(0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0, 1 << 63)
    hashes = rows_hash(pa.RecordBatch.from_arrays([array], ["c"])).tolist()
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(set(hashes)) == 3


@given(batches(kinds=[pa.int64(), pa.string()], rows_max=8), st.randoms())
def test_a_digest_forgets_order_and_batches_but_not_rows(batch: pa.RecordBatch, chance: Any) -> None:
    order = list(range(batch.num_rows))
    chance.shuffle(order)
    shuffled = batch.take(pa.array(order, pa.int64()))
    cut = chance.randint(0, batch.num_rows)
    whole = hashing.rows_digest(batch)
    assert whole == hashing.rows_digest(shuffled.slice(0, cut)) + hashing.rows_digest(shuffled.slice(cut))
    if batch.num_rows:
        doubled = whole + hashing.rows_digest(batch.slice(0, 1))
        assert (doubled.rows, doubled.sums) != (whole.rows, whole.sums)


@given(st.lists(st.tuples(st.integers(0, MASK), st.integers(0, MASK)), max_size=50))
def test_buckets_hold_the_sums_of_their_rows(pairs: list[tuple[int, int]]) -> None:
    keys, rows = (np.array([p[i] for p in pairs], np.uint64) for i in (0, 1))
    sums, counts = hashing.buckets(keys, rows, 8)
    for bucket in range(8):
        members = [row for key, row in pairs if key % 8 == bucket]
        assert (int(sums[bucket]), int(counts[bucket])) == (sum(members) & MASK, len(members))


def test_values_in_other_columns_or_lists_are_other_rows() -> None:
    texts = [[["ab"]], [["a", "b"]], [["a"], ["b"]], [[]], [None], [["a", None]], [[""]]]
    hashes = []
    for lists in texts:
        batch = pa.RecordBatch.from_arrays(
            [pa.array([v], pa.list_(pa.string())) for v in lists], list("xy")[: len(lists)]
        )
        hashes.append(int(hashing.rows_hash(batch)[0]))
    assert len(set(hashes)) == len(hashes)
    swapped = [pa.RecordBatch.from_pydict({"a": [a], "b": [b]}) for a, b in (("x", "y"), ("y", "x"))]
    assert hashing.rows_hash(swapped[0])[0] != hashing.rows_hash(swapped[1])[0]
