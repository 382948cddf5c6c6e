"""Exact or refused: how a conversion tells which values it cannot keep.

A conversion is a plain function over an array that raises ValueError (Arrow's own, or Inexact) as soon as one value
would change. That costs nothing while all is well; only when it raises are the offenders searched for, by halving.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Convert: TypeAlias = Callable[[pa.Array], pa.Array]
Mask: TypeAlias = npt.NDArray[np.bool_]


class Inexact(ValueError):
    """A value would not survive the conversion."""


def attempt(convert: Convert, array: pa.Array) -> tuple[pa.Array, Mask | None]:
    """The converted array, and which values became NULL because they cannot be kept (None: none)."""
    try:
        return convert(array), None
    except (ValueError, OverflowError):
        bad = np.zeros(len(array), np.bool_)
        _search(convert, array, bad)
        return convert(without(array, bad)), bad


def _search(convert: Convert, array: pa.Array, bad: Mask) -> None:
    """Mark the offenders among values that are known to hold at least one."""
    if len(array) == 1:
        bad[0] = True
        return
    middle = len(array) // 2
    for part, marks in ((array[:middle], bad[:middle]), (array[middle:], bad[middle:])):
        try:
            convert(part)
        except (ValueError, OverflowError):
            _search(convert, part, marks)


def without(array: pa.Array, bad: Mask) -> pa.Array:
    """The array with NULL where `bad`."""
    return pc.if_else(pa.array(bad), pa.scalar(None, array.type), array)


def validity(array: pa.Array) -> Mask:
    """True where there is a value."""
    found: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return found


def integers(array: pa.Array) -> npt.NDArray[np.int64]:
    """The 64-bit integers of a date, time, timestamp or integer array; 0 under NULL."""
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    elif pa.types.is_temporal(array.type):
        array = array.view(pa.int64())
    if array.null_count:
        array = array.fill_null(0)
    found: npt.NDArray[np.int64] = array.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return found


def from_integers(values: npt.NDArray[np.int64], valid: Mask, kind: pa.DataType) -> pa.Array:
    """A temporal or integer array of `kind` from its integers."""
    bits: Any = np.int32 if kind.bit_width == 32 else np.int64
    return pa.array(values.astype(bits), mask=None if valid.all() else ~valid).view(kind)


def each(array: pa.Array, kind: pa.DataType, convert: Callable[[Any], Any]) -> pa.Array:
    """Convert value by value in Python, each different value once."""
    encoded = array.dictionary_encode()
    return pa.array([convert(v) for v in encoded.dictionary.to_pylist()], kind).take(encoded.indices)


def join(*parts: Any) -> pa.Array:
    """Texts side by side, value by value; NULL where any part is NULL."""
    return pc.binary_join_element_wise(*parts, pa.scalar("", pa.string()))
