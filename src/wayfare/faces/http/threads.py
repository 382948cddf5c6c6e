"""Threads for what must never wait: sign-in, readiness and streams have their own, whatever holds the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

QUICK_THREADS = 16
P = ParamSpec("P")
T = TypeVar("T")

_quick = anyio.CapacityLimiter(QUICK_THREADS)


async def quickly(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """For what takes milliseconds, and is asked while every other thread may be waiting for a database."""
    return await anyio.to_thread.run_sync(lambda: act(*args, **kwargs), limiter=_quick)
