"""The native part, where it was built: its structures and functions for ctypes."""

from __future__ import annotations

import ctypes
import os
from enum import IntEnum
from functools import lru_cache
from typing import Any

from wayfare.kernel.loader import load
from wayfare.kernel.stream import Window


class Halt(IntEnum):
    """Why the native part stopped: `enum status` of _native.c."""

    MORE = 0  # the input is used up, or all rows are written
    OTHER_PACKET = 1
    FULL = 2
    ROOM = 3
    NO_DATE = 4
    MALFORMED = 5
    LONG_PACKET = 6


class Progress(ctypes.Structure):
    """`wf_progress` of _native.c."""

    _fields_ = (
        ("rows_max", ctypes.c_int64),
        ("bytes_max", ctypes.c_int64),
        ("row", ctypes.c_int64),
        ("bytes", ctypes.c_int64),
        ("column", ctypes.c_int64),
        ("needed", ctypes.c_int64),
        ("digest", ctypes.c_uint64 * 2),
        ("lost", ctypes.c_void_p),
    )


class Source(ctypes.Structure):
    """`wf_source` of _native.c."""

    _fields_ = (
        ("text", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("valid", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("first", ctypes.c_int64),
    )


def library() -> ctypes.CDLL | None:
    """Asked for each stream, so that WAYFARE_NATIVE is honoured whenever it is set."""
    return None if os.environ.get("WAYFARE_NATIVE") == "0" else _loaded()


@lru_cache(maxsize=1)
def _loaded() -> ctypes.CDLL | None:
    found = load("wayfare.systems.databases.mysql")
    if found is None:
        return None
    pointer, number, progress = ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(Progress)
    window: list[Any] = [ctypes.POINTER(Window)]
    row: list[Any] = [pointer, number]
    columns: list[Any] = [pointer, number]  # or kinds
    found.wf_my_decode.argtypes = [*window, *columns, progress]
    found.wf_my_row.argtypes = [*row, *columns, progress]
    found.wf_my_lines.argtypes = [*window, *columns, pointer, number, progress]
    found.wf_my_row_line.argtypes = [*row, *columns, pointer, number, progress]
    found.wf_my_encode.argtypes = [pointer, number, number, pointer, number, progress]
    for function in (found.wf_my_decode, found.wf_my_row, found.wf_my_lines, found.wf_my_row_line, found.wf_my_encode):
        function.restype = ctypes.c_int32
    return found
