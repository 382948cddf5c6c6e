"""While somebody is at work on a claim, its lease is renewed; when they die, it runs out, and another goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from wayfare.core.errors import WayfareError
from wayfare.store.claims import LEASE_SECONDS

log = structlog.get_logger("wayfare.schedules")


@contextmanager
def held(renew: Callable[[], object]) -> Iterator[None]:
    """`renew` is called three times in a lease until the block is left."""
    left = threading.Event()

    def renewing() -> None:
        while not left.wait(LEASE_SECONDS / 3):
            try:
                renew()
            except WayfareError as error:  # the store is away; whoever takes over then finds the run by its id
                log.warning("a lease cannot be renewed", error=str(error))

    thread = threading.Thread(target=renewing, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
