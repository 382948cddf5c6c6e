"""Waiting for the right to change a schema: by asking now and then, as a waiter in the server's own queue would hold up
concurrent index builds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wayfare.core.changes import Held, Schema
from wayfare.core.errors import Busy

POLL_SECONDS = 0.25


@contextmanager
def locked(
    schema: Schema, by: str, wait_seconds: float, stopping: Callable[[], None] = lambda: None
) -> Iterator[tuple[Held, str]]:
    """The lock, and whom it was waited for. Raises Busy when it cannot be had in time, and what `stopping` raises."""
    waited_for = ""
    deadline = time.monotonic() + wait_seconds
    while (held := schema.lock(by)) is None:
        holder = schema.holder()
        waited_for = holder.by if holder else waited_for
        if time.monotonic() >= deadline:
            who = f"{waited_for} changes" if waited_for else "another runner changes"
            raise Busy(f"{who} this schema now.", where="lock", remedy="Wait for its end, or wait longer for it.")
        stopping()
        time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 so that those who wait do not ask together
    with held:
        yield held, waited_for
