"""The hash of a row, and the digest of a set of rows, from Arrow batches.

The numbers are defined by `hash.h`; this is what it is fed with, natively and in `fallback`, which agree bit by bit:

    value                          bytes hashed
    boolean                        one byte, 0 or 1
    integer, decimal, date, time   as Arrow keeps it, little-endian
    float                          the same; every NaN counts as one NaN, while -0.0 differs from 0.0
    text, bytes, UUID              its bytes
    list                           the 64-bit hashes of its elements, in order
    NULL                           none: a constant stands for it, and whatever lies beneath is ignored

A row's hash depends on the values and their column numbers, not on names, batches, slices or offsets. A digest does not
depend on the order of rows, so chunks may be read in any order and on any number of threads.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.kernel import fallback
from wayfare.kernel.loader import load

Hashes: TypeAlias = npt.NDArray[np.uint64]

_SUM_MASK = 2**64 - 1
_VALUES = -1  # in place of a column number: give each value's own hash
_NOTHING = ctypes.create_string_buffer(16)  # where Arrow keeps no buffer for values without bytes


@dataclass(frozen=True, slots=True)
class Digest:
    """What a set of rows comes to: its size and two sums of row hashes, each modulo 2**64."""

    rows: int = 0
    sums: tuple[int, int] = (0, 0)

    def __add__(self, other: Digest) -> Digest:
        first, second = self.sums[0] + other.sums[0], self.sums[1] + other.sums[1]
        return Digest(self.rows + other.rows, (first & _SUM_MASK, second & _SUM_MASK))

    def hex(self) -> str:
        """Both sums as 32 hex digits."""
        return f"{self.sums[0]:016x}{self.sums[1]:016x}"

    @classmethod
    def from_hashes(cls, hashes: Hashes) -> Digest:
        library = _library()
        if library is None:
            return cls(len(hashes), fallback.fold(hashes))
        sums = np.zeros(2, np.uint64)
        hashes = np.ascontiguousarray(hashes, np.uint64)
        library.wf_fold_rows(hashes.ctypes.data, len(hashes), sums.ctypes.data)
        return cls(len(hashes), (int(sums[0]), int(sums[1])))


EMPTY = Digest()


def rows_hash(batch: pa.RecordBatch) -> Hashes:
    """One hash a row: uint64, shape (rows,)."""
    library = _library()
    if library is None:
        return fallback.rows_hash(batch)
    sums = np.zeros(batch.num_rows, np.uint64)
    for number, array in enumerate(batch.columns):
        _hash_column(library, array, number, sums)
    library.wf_finish_rows(sums.ctypes.data, len(sums))
    return sums


def rows_digest(batch: pa.RecordBatch) -> Digest:
    return Digest.from_hashes(rows_hash(batch))


def buckets(keys: Hashes, rows: Hashes, count: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Sums of row hashes (modulo 2**64) and numbers of rows, both of shape (count,): a key's hash picks the bucket.

    `count` is a power of two.
    """
    places = (keys & np.uint64(count - 1)).astype(np.int64)
    sums = np.zeros(count, np.uint64)
    np.add.at(sums, places, rows)
    return sums, np.bincount(places, minlength=count).astype(np.int64)


@lru_cache(maxsize=1)
def _library() -> Any:
    library = load("wayfare.kernel")
    if library is None:
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    plain: list[Any] = [pointer, number, pointer, number, number, pointer]  # valid, first, data, rows, column, out
    library.wf_hash_fixed.argtypes = [pointer, number, pointer, number, number, number, pointer]
    library.wf_hash_variable.argtypes = [pointer, number, pointer, pointer, number, number, number, pointer]
    library.wf_hash_bool.argtypes = library.wf_hash_float32.argtypes = library.wf_hash_float64.argtypes = plain
    library.wf_finish_rows.argtypes = [pointer, number]
    library.wf_fold_rows.argtypes = [pointer, number, pointer]
    functions = (library.wf_hash_fixed, library.wf_hash_variable, library.wf_hash_bool, library.wf_hash_float32)
    for function in (*functions, library.wf_hash_float64, library.wf_finish_rows, library.wf_fold_rows):
        function.restype = None
    return library


def _hash_column(library: Any, array: pa.Array, column: int, out: Hashes) -> None:
    """Add one column to the rows' sums, or with _VALUES store the values' own hashes in `out`."""
    rows, first, kind = len(array), array.offset, array.type
    if rows == 0:
        return
    buffers = array.buffers()
    valid = buffers[0].address if buffers[0] is not None and array.null_count else None
    target = out.ctypes.data
    if pa.types.is_list(kind):
        offsets, elements = fallback.elements(array)
        inner = np.zeros(len(elements), np.uint64)
        _hash_column(library, elements, _VALUES, inner)
        library.wf_hash_variable(valid, first, offsets.ctypes.data, inner.ctypes.data, 8, rows, column, target)
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        data = _address(buffers[2])
        library.wf_hash_variable(valid, first, buffers[1].address + 4 * first, data, 1, rows, column, target)
    elif pa.types.is_boolean(kind):
        library.wf_hash_bool(valid, first, _address(buffers[1]), rows, column, target)
    elif pa.types.is_float32(kind):
        library.wf_hash_float32(valid, first, buffers[1].address + 4 * first, rows, column, target)
    elif pa.types.is_float64(kind):
        library.wf_hash_float64(valid, first, buffers[1].address + 8 * first, rows, column, target)
    else:
        width = fallback.fixed_width(kind)
        library.wf_hash_fixed(valid, first, _address(buffers[1]) + width * first, width, rows, column, target)


def _address(buffer: pa.Buffer | None) -> int:
    return ctypes.addressof(_NOTHING) if buffer is None else int(buffer.address)
