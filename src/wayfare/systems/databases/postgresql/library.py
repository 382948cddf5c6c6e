"""The functions of _native.c, or None where they were not built."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from typing import Any

from wayfare.kernel.loader import load
from wayfare.kernel.stream import Window

STATUS_MORE, STATUS_CONTROL, STATUS_FULL, STATUS_ROOM = 0, 1, 2, 3
STATUS_MALFORMED, STATUS_VALUE = -1, -2


class Progress(ctypes.Structure):
    """`batch` of _native.c."""

    _fields_ = (
        ("row", ctypes.c_int64),
        ("rows_max", ctypes.c_int64),
        ("taken", ctypes.c_int64),
        ("bytes_max", ctypes.c_int64),
        ("needed", ctypes.c_int64),
        ("where", ctypes.c_int32),
    )


class Filling(ctypes.Structure):
    """`parcel` of _native.c."""

    _fields_ = (
        ("out", ctypes.c_void_p),
        ("room", ctypes.c_int64),
        ("filled", ctypes.c_int64),
        ("needed", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("digest", ctypes.c_uint64 * 2),
    )


_POINTER, _NUMBER, _INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
_TO_INT, _TO_NUMBER = ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int64)

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "wf_pg_decode": (_INT, [ctypes.POINTER(Window), _POINTER, _INT, ctypes.POINTER(Progress)]),
    "wf_pg_count": (_NUMBER, [_POINTER, _POINTER, _NUMBER, _POINTER]),
    "wf_pg_elements": (_INT, [_POINTER, _POINTER, _NUMBER, _POINTER]),
    "wf_pg_encode": (_NUMBER, [_POINTER, _INT, _TO_NUMBER, _NUMBER, _POINTER, _NUMBER, _TO_INT, _TO_INT]),
    "wf_pg_pass": (_INT, [ctypes.POINTER(Window), _INT, ctypes.POINTER(Filling)]),
}


def library() -> Any:
    """Asked for each stream, so that WAYFARE_NATIVE is honoured whenever it is set."""
    return None if os.environ.get("WAYFARE_NATIVE") == "0" else _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Any:
    found = load("wayfare.systems.databases.postgresql")
    if found is None:
        return None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found
