"""A decoder written in ctypes fills the buffers as a C one would."""

import ctypes

import pyarrow as pa
import pytest

from wayfare.core.errors import Refused
from wayfare.kernel.buffers import BYTES_ROOM_MIN, Columns, Layout, Slot, WireColumn


def put(columns: Columns, index: int, row: int, value: bytes | None) -> None:
    """Write one value as columns.h describes it."""
    struct: WireColumn = columns[index]
    slot = columns.layout.slots[index]
    if value is None:
        struct.nulls += 1
    else:
        octet = ctypes.c_uint8.from_address(struct.valid + row // 8)
        octet.value |= 1 << row % 8
    if slot.variable:
        start = ctypes.c_int32.from_address(struct.offsets + 4 * row).value
        end = start + len(value or b"")
        if end > struct.bytes_room:
            columns.grow(index, end)
        ctypes.memmove(columns[index].bytes + start, value or b"", end - start)
        ctypes.c_int32.from_address(struct.offsets + 4 * (row + 1)).value = end
    elif value is not None:
        ctypes.memmove(struct.data + row * slot.width, value, slot.width)


def filled(layout: Layout, rows: list[list[bytes | None]]) -> pa.RecordBatch:
    columns = layout.columns()
    for row, values in enumerate(rows):
        for index, value in enumerate(values):
            put(columns, index, row, value)
    batch = columns.batch(len(rows))
    batch.validate(full=True)
    return batch


def test_every_layout_becomes_its_arrow_type() -> None:
    layout = Layout(
        [
            Slot("id", pa.int64()),
            Slot("paid", pa.bool_()),
            Slot("name", pa.string()),
            Slot("price", pa.decimal128(10, 2)),
            Slot("mark", pa.binary(16)),
        ]
    )
    wide = (12345).to_bytes(16, "little", signed=True)
    rows = [
        [(7).to_bytes(8, "little"), b"\1", "ä".encode(), wide, b"0123456789abcdef"],
        [None, None, None, None, None],
        [(-1).to_bytes(8, "little", signed=True), b"\0", b"", (-1).to_bytes(16, "little", signed=True), b"\0" * 16],
    ]
    batch = filled(layout, rows)
    assert batch.schema == layout.schema
    assert [list(map(str, c.to_pylist())) for c in batch.columns] == [
        ["7", "None", "-1"],
        ["True", "None", "False"],
        ["ä", "None", ""],
        ["123.45", "None", "-0.01"],
        ["b'0123456789abcdef'", "None", "b'" + "\\x00" * 16 + "'"],
    ]


def test_room_grows_and_keeps_what_was_there_and_the_next_batch_remembers() -> None:
    layout = Layout([Slot("text", pa.binary())])
    large = b"x" * (3 * BYTES_ROOM_MIN)
    assert filled(layout, [[b"small"], [large], [None], [b"end"]]).column(0).to_pylist() == [
        b"small",
        large,
        None,
        b"end",
    ]
    assert layout.columns()[0].bytes_room >= len(large)


def test_bytes_used_counts_all_variable_columns() -> None:
    columns = Layout([Slot("a", pa.string()), Slot("n", pa.int32()), Slot("b", pa.binary())]).columns()
    put(columns, 0, 0, b"abc")
    put(columns, 2, 0, b"de")
    assert columns.bytes_used(0) == 0
    assert columns.bytes_used(1) == 5


def test_a_column_may_be_finished_from_its_wire_type() -> None:
    def split(array: pa.Array) -> pa.Array:
        return pa.array([None if v is None else list(v) for v in array.to_pylist()], pa.list_(pa.int32()))

    layout = Layout([Slot("numbers", pa.list_(pa.int32()), wire=pa.binary(), finish=split)])
    assert filled(layout, [[b"\1\2"], [None], [b""]]).column(0).to_pylist() == [[1, 2], None, []]


def test_an_empty_batch_and_no_columns() -> None:
    assert filled(Layout([Slot("a", pa.string()), Slot("b", pa.bool_())]), []).num_rows == 0
    assert Layout([]).columns().batch(3).num_rows == 3


def test_two_gibibytes_in_one_value_are_refused_by_name() -> None:
    with pytest.raises(Refused, match="photo"):
        Layout([Slot("photo", pa.binary())]).columns().grow(0, 2**31)
