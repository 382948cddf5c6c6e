"""While somebody is at work on a claim, its lease is renewed; when they die, it runs out, and another goes on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from wayfare.core.errors import WayfareError
from wayfare.store.claims import LEASE_SECONDS

log = structlog.get_logger("wayfare.schedules")


_at_work: Counter[str] = Counter()
_guard = threading.Lock()


def at_work(claim: str) -> bool:
    """Is this very process at work on it? Then nobody here takes it over, however late its renewal is.

    On a machine that stands still for longer than a lease, who looks for what others have left behind may wake before
    who renews.
    """
    with _guard:
        return _at_work[claim] > 0


@contextmanager
def held(claim: str, renew: Callable[[], object]) -> Iterator[None]:
    """`renew` is called three times in a lease until the block is left. `claim` names it in this process."""
    with _noted(claim), _renewed(renew):
        yield


@contextmanager
def _noted(claim: str) -> Iterator[None]:
    with _guard:
        _at_work[claim] += 1
    try:
        yield
    finally:
        with _guard:
            _at_work[claim] -= 1
            if not _at_work[claim]:
                del _at_work[claim]


@contextmanager
def _renewed(renew: Callable[[], object]) -> Iterator[None]:
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
