"""Threads: what must never wait has its own, whatever holds the others; and a request goes to a thread only once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

QUICK_THREADS = 16
P = ParamSpec("P")
T = TypeVar("T")

_quick = anyio.CapacityLimiter(QUICK_THREADS)


async def quickly(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """For what takes milliseconds, and is asked while every other thread may be waiting for a database."""
    return await anyio.to_thread.run_sync(lambda: act(*args, **kwargs), limiter=_quick)


class OneThread(APIRoute):
    """For `APIRouter(route_class=OneThread)`: FastAPI sends the answer of a `def` endpoint to a thread a second time,
    to see whether it is of its type, which takes a microsecond where the way there and back takes a hundred."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, in_thread(endpoint) if inspect.isfunction(endpoint) else endpoint, **more)


def in_thread(endpoint: Callable[P, Any]) -> Callable[P, Any]:
    """The endpoint as a coroutine function, with the same parameters, name and words; as it is where it is one."""
    if inspect.iscoroutinefunction(endpoint) or inspect.isgeneratorfunction(endpoint):
        return endpoint

    @functools.wraps(endpoint)
    async def elsewhere(*args: P.args, **kwargs: P.kwargs) -> Any:
        return await run_in_threadpool(endpoint, *args, **kwargs)

    return elsewhere
