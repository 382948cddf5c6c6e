"""Bytes as text and back, a column at a time: hex digits and UUIDs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.flow.exact import Inexact, validity

Octets = npt.NDArray[np.uint8]

UUID_BYTES, UUID_CHARACTERS = 16, 36
_DASHES = [8, 13, 18, 23]
_NIL = "00000000-0000-0000-0000-000000000000"
_DIGIT_PLACES = np.array([i for i in range(UUID_CHARACTERS) if i not in _DASHES])
_HEX = np.frombuffer(b"".join(f"{n:02x}".encode() for n in range(256)), np.uint8).reshape(256, 2)
_WRITTEN = r"^\{?(.{8})-?(.{4})-?(.{4})-?(.{4})-?(.{12})\}?$"
_BAD = 255
_DIGITS = np.full(256, _BAD, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _DIGITS[ord(_digit)] = int(_digit, 16)


def uuid_to_text(array: pa.Array) -> pa.Array:
    """fixed_size_binary(16) → 8-4-4-4-12 lower-case hex digits."""
    rows = len(array)
    octets = np.frombuffer(array.buffers()[1] or b"", np.uint8, rows * UUID_BYTES, array.offset * UUID_BYTES)
    text = np.full((rows, UUID_CHARACTERS), ord("-"), np.uint8)
    text[:, _DIGIT_PLACES] = _HEX[octets].reshape(rows, 2 * UUID_BYTES)
    offsets = np.arange(rows + 1, dtype=np.int32) * UUID_CHARACTERS
    return _with_nulls(array, pa.string(), offsets, text)


def text_to_uuid(array: pa.Array) -> pa.Array:
    """With or without dashes and braces, upper or lower case. Raises Inexact for anything else."""
    text = array.fill_null(_NIL)
    if not len(text) or pc.all(pc.equal(pc.binary_length(text), UUID_CHARACTERS)).as_py():
        written = _bytes_of(text).reshape(len(text), UUID_CHARACTERS)
        if not (written[:, _DASHES] == ord("-")).all():
            raise Inexact("not a UUID")
        return _parsed(array, written[:, _DIGIT_PLACES])
    bare = pc.replace_substring_regex(text, _WRITTEN, r"\1\2\3\4\5")
    if pc.any(pc.not_equal(pc.binary_length(bare), 2 * UUID_BYTES)).as_py():
        raise Inexact("not a UUID")
    return _parsed(array, _bytes_of(bare))


def _parsed(array: pa.Array, characters: Octets) -> pa.Array:
    """From 32 hex digits a value; NULL where `array` is."""
    digits = _DIGITS[characters].reshape(len(array), UUID_BYTES, 2)
    if (digits == _BAD).any():
        raise Inexact("not a UUID")
    octets = np.ascontiguousarray(digits[:, :, 0] << 4 | digits[:, :, 1])
    valid = _bitmap(array)
    return pa.Array.from_buffers(pa.binary(UUID_BYTES), len(array), [valid, pa.py_buffer(octets)])


def hex_text(array: pa.Array) -> pa.Array:
    """binary → two lower-case hex digits a byte."""
    array = array.cast(pa.binary())
    if not len(array):
        return pa.array([], pa.string())
    offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
    return _with_nulls(array, pa.string(), (offsets - offsets[0]) * 2, _HEX[_bytes_of(array)])


def _bytes_of(array: pa.Array) -> Octets:
    """The bytes of all values of a variable-width array, one after the other."""
    _, starts, data = array.buffers()
    if starts is None or data is None:
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(starts, np.int32, len(array) + 1, array.offset * 4)
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def _with_nulls(array: pa.Array, kind: pa.DataType, offsets: npt.NDArray[np.int32], text: Octets) -> pa.Array:
    buffers = [_bitmap(array), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))]
    return pa.Array.from_buffers(kind, len(array), buffers)


def _bitmap(array: pa.Array) -> pa.Buffer | None:
    return pa.py_buffer(np.packbits(validity(array), bitorder="little")) if array.null_count else None
