"""Clients who want a table as soon as a change is at work on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psql import sql
from wayfare.core.address import Address

SECONDS_MAX = 60.0


@contextmanager
def client(at_work: Callable[[], object], wait: Callable[[], object]) -> Iterator[None]:
    """Somebody who wants the table as soon as the change is at work."""

    def want() -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not at_work() and time.monotonic() < deadline:
            time.sleep(0.05)
        wait()

    thread = threading.Thread(target=want)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def reader(address: Address) -> Iterator[None]:
    at_work = "select 1 from pg_locks where relation = 'users'::regclass and mode = 'AccessExclusiveLock' and granted"
    with client(lambda: sql(address, at_work), lambda: sql(address, "select count(*) from users")):
        yield
