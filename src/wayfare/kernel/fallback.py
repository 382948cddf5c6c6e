"""The row hash of `hash.h` in numpy, for machines without a compiler: the same numbers, some ten times slower."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.core.errors import Bug

Hashes: TypeAlias = npt.NDArray[np.uint64]
Octets: TypeAlias = npt.NDArray[np.uint8]
Offsets: TypeAlias = npt.NDArray[np.int32]

K0, K1 = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)
K2, K3 = np.uint64(0x8EBC6AF09C88C6E3), np.uint64(0x589965CC75374CC3)
K4 = np.uint64(0x1D8E4E27C47D124F)
G0, G1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
NULL = np.uint64(0x2D358DCCAA6C78A5)

_LOW, _HALF, _BLUR = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(29)
STRIPE_BYTES = 16
_WORD_BYTES = 8
LONG_BYTES = 4096  # from here on a value is hashed by itself, where it lies
GATHERED_BYTES_MAX = 1 << 20  # short values are gathered in blocks of this size, to bound the index arrays


def rows_hash(batch: pa.RecordBatch) -> Hashes:
    """One hash a row: uint64, shape (rows,)."""
    sums = np.zeros(batch.num_rows, np.uint64)
    for number, array in enumerate(batch.columns):
        salt = np.uint64((number + 1) * int(G0) & 0xFFFFFFFFFFFFFFFF)
        sums += _mum(values_hash(array) ^ salt, K4)
    return _mum(sums ^ (sums >> _BLUR) ^ K0, K1)


def fold(hashes: Hashes) -> tuple[int, int]:
    """The two sums of a digest."""
    return int(hashes.sum(dtype=np.uint64)), int(_mum(hashes ^ K2, K3).sum(dtype=np.uint64))


def values_hash(array: pa.Array) -> Hashes:
    """Each value's own hash, NULL's constant where there is none."""
    if not len(array):
        return np.zeros(0, np.uint64)
    kind = array.type
    if pa.types.is_list(kind):
        offsets, inside = elements(array)
        hashes = _variable(offsets.astype(np.int64) * 8, values_hash(inside).view(np.uint8))
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        _, starts, data = array.buffers()
        offsets = np.frombuffer(starts, np.int32, len(array) + 1, array.offset * 4)
        octets = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        hashes = _variable(offsets.astype(np.int64), octets)
    else:
        hashes = _fixed(_octets(array))
    if not array.null_count:
        return hashes
    return np.where(_bits(array.buffers()[0], array), hashes, NULL)


def elements(array: pa.Array) -> tuple[Offsets, pa.Array]:
    """A list array's offsets (from 0) and exactly the elements they speak of, whatever slice the array is."""
    offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
    return offsets - offsets[0], array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def fixed_width(kind: pa.DataType) -> int:
    """Bytes a value of a fixed-width type. Raises Bug for a type that does not travel (see core.tables)."""
    try:
        bits = int(kind.bit_width)
    except ValueError:
        bits = 0
    if bits % 8 or not bits or pa.types.is_dictionary(kind):
        raise Bug(f"values of {kind} do not travel, so they have no hash")
    return bits // 8


def _octets(array: pa.Array) -> Octets:
    """The bytes of fixed-width values: shape (rows, width)."""
    kind, rows = array.type, len(array)
    data = array.buffers()[1]
    if pa.types.is_boolean(kind):
        return _bits(data, array).astype(np.uint8).reshape(rows, 1)
    width = fixed_width(kind)
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        floats: Any = np.frombuffer(data, f"<f{width}", rows, array.offset * width)
        canonical = np.where(np.isnan(floats), floats.dtype.type(np.nan), floats)
        return np.ascontiguousarray(canonical).view(np.uint8).reshape(rows, width)
    return np.frombuffer(data, np.uint8, rows * width, array.offset * width).reshape(rows, width)


def _bits(buffer: pa.Buffer, array: pa.Array) -> npt.NDArray[np.bool_]:
    """A bitmap over the rows of an array, from its offset on."""
    octets = np.frombuffer(buffer, np.uint8)
    return np.unpackbits(octets, count=array.offset + len(array), bitorder="little")[array.offset :].astype(np.bool_)


def _fixed(octets: Octets) -> Hashes:
    rows, width = octets.shape
    if width == _WORD_BYTES:  # most values: half a stripe, the other half being zero
        sums = _mum(np.ascontiguousarray(octets).view(np.uint64).reshape(rows) ^ K0, K1)
        return _finish(sums, np.uint64(width))
    stripes = -(-width // STRIPE_BYTES)
    padded = np.zeros((rows, stripes * STRIPE_BYTES), np.uint8)
    padded[:, :width] = octets
    words = padded.view(np.uint64).reshape(rows, stripes, 2)
    if stripes == 1:
        return _finish(_mum(words[:, 0, 0] ^ K0, words[:, 0, 1] ^ K1), np.uint64(width))
    sums = _stripes(words, np.arange(stripes, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return _finish(sums, np.uint64(width))


def _variable(offsets: npt.NDArray[np.int64], octets: Octets) -> Hashes:
    """Values of any length: long ones where they lie, runs of short ones gathered."""
    lengths = np.diff(offsets)
    sums = np.zeros(len(lengths), np.uint64)
    long = np.flatnonzero(lengths >= LONG_BYTES)
    for row in long:
        sums[row] = _fixed_sum(octets[offsets[row] : offsets[row + 1]])
    short = np.where(lengths < LONG_BYTES, lengths, 0)
    block = (np.cumsum(short) // GATHERED_BYTES_MAX).astype(np.int64)
    edges = np.concatenate(([0], np.flatnonzero(np.diff(block)) + 1, [len(lengths)]))
    for start, end in pairwise(edges.tolist()):
        sums[start:end] += _gathered(offsets[start:end], short[start:end], octets)
    return _finish(sums, lengths.astype(np.uint64))


def _fixed_sum(octets: Octets) -> np.uint64:
    """The stripes of one value."""
    total, whole = np.uint64(0), len(octets) // STRIPE_BYTES
    with np.errstate(over="ignore"):
        for start in range(0, whole, GATHERED_BYTES_MAX // STRIPE_BYTES):
            end = min(whole, start + GATHERED_BYTES_MAX // STRIPE_BYTES)
            words = octets[start * STRIPE_BYTES : end * STRIPE_BYTES].view(np.uint64).reshape(-1, 2)
            total += _stripes(words, np.arange(start, end, dtype=np.uint64)).sum(dtype=np.uint64)
        if rest := octets[whole * STRIPE_BYTES :].tobytes():
            words = np.frombuffer(rest.ljust(STRIPE_BYTES, b"\0"), np.uint64).reshape(1, 2)
            total += _stripes(words, np.array([whole], np.uint64)).sum(dtype=np.uint64)
    return total


def _gathered(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], octets: Octets) -> Hashes:
    """The sums of many short values: their stripes side by side, what lies behind a value's end made zero."""
    counts = -(-lengths // STRIPE_BYTES)
    firsts = np.cumsum(counts) - counts  # each value's first stripe
    if not counts.any():
        return np.zeros(len(starts), np.uint64)
    places = _ramps(counts)
    stripes = _stripes_at(octets, np.repeat(starts, counts) + STRIPE_BYTES * places)
    there = counts > 0
    stripes[(firsts + counts - 1)[there]] &= _KEPT[(lengths[there] - 1) % STRIPE_BYTES]
    mixed = _stripes(stripes, places.astype(np.uint64))
    running: Hashes = np.concatenate((np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)))
    sums: Hashes = running[firsts + counts] - running[firsts]
    return sums


def _stripes_at(octets: Octets, places: npt.NDArray[np.int64]) -> Hashes:
    """The stripes that begin at those places, as pairs of words; the last may reach beyond the end."""
    if int(places.max()) + STRIPE_BYTES > len(octets):
        octets = np.concatenate((octets, np.zeros(STRIPE_BYTES, np.uint8)))
    everywhere = np.ndarray(len(octets) - STRIPE_BYTES + 1, f"V{STRIPE_BYTES}", octets, strides=(octets.strides[0],))
    found: Hashes = everywhere[places].view(np.uint64).reshape(-1, 2)
    return found


# By the bytes of a value's last stripe less one: which of its bits are the value's.
_KEPT = (np.tri(STRIPE_BYTES, dtype=np.uint8) * np.uint8(255)).view(np.uint64)


def _ramps(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, … length - 1 for every length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]), dtype=np.int64) - np.repeat(ends - lengths, lengths)


def _stripes(words: Hashes, places: Hashes) -> Hashes:
    """Stripes as pairs of words (last axis), each mixed with the keys of its place in its value."""
    return _mum(words[..., 0] ^ (K0 + places * G0), words[..., 1] ^ (K1 + places * G1))


def _finish(sums: Hashes, lengths: Hashes | np.uint64) -> Hashes:
    return _mum(sums ^ K2, lengths ^ K3)


def _mum(a: Hashes, b: Hashes | np.uint64) -> Hashes:
    """Both halves of the 128-bit product, xored: from four products of 32-bit halves, in as little memory as can be."""
    low, high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    cross = high * b_low
    high *= b_high
    middle = low * b_high
    low *= b_low
    low >>= _HALF
    cross += low
    np.bitwise_and(cross, _LOW, out=low)
    middle += low
    cross >>= _HALF
    middle >>= _HALF
    high += cross
    high += middle
    high ^= a * b
    return high
