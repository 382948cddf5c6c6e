"""Load the native library of a folder, if it was built. WAYFARE_NATIVE=0 acts as if none were."""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec


def load(package: str) -> ctypes.CDLL | None:
    """The library built from `_native.c` in `package`, or None. Calls through it release the GIL."""
    if os.environ.get("WAYFARE_NATIVE") == "0":
        return None
    spec = find_spec(f"{package}._native")
    if spec is None or not spec.origin:
        return None
    try:
        return ctypes.CDLL(spec.origin)
    except OSError:
        return None  # built for another machine: the fallback serves
