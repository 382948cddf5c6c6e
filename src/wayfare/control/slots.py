"""A few threads for what must not hold up the one that looks: claimed only where a thread is free to work on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import structlog

from wayfare.core.errors import WayfareError

T = TypeVar("T")

CLOSE_SECONDS_MAX = 3.0

log = structlog.get_logger("wayfare.schedules")


class Slots:
    def __init__(self, count: int, name: str) -> None:
        self._free = threading.Semaphore(count)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._at_work: set[Future[None]] = set()

    def use(self, claim: Callable[[], T | None], work: Callable[[T], None]) -> None:
        """Where a thread is free: claim, and work on what was claimed there. What is not claimed, others may."""
        if not self._free.acquire(blocking=False):
            return
        claimed = None
        try:
            claimed = claim()
        finally:
            if claimed is None:
                self._free.release()
        if claimed is not None:
            submitted = self._pool.submit(self._worked, work, claimed)
            self._at_work.add(submitted)
            submitted.add_done_callback(self._at_work.discard)

    def close(self) -> None:
        """Waits a little; what takes longer is taken over by whoever comes next."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(list(self._at_work), CLOSE_SECONDS_MAX)

    def _worked(self, work: Callable[[T], None], claimed: T) -> None:
        try:
            work(claimed)
        except WayfareError as error:  # its lease runs out, and somebody tries again
            log.warning("what was begun could not be finished", error=str(error))
        except Exception as error:
            log.error("unexpected error", exc_info=error)
        finally:
            self._free.release()
