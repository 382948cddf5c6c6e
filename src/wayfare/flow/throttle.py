"""A limit on rows per second, shared by the threads of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_SECONDS = 1.0  # so much may pass at once after a rest
NAP_SECONDS_MAX = 0.25  # a long wait is slept in pieces, so that a stopped run ends soon


class Throttle:
    """A token bucket that may be overdrawn: whoever takes more than there is waits until the debt is paid."""

    def __init__(
        self,
        rows_per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rows_per_second = rows_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._paid_until = clock() - BURST_SECONDS  # when all rows let through so far are due

    def take(self, rows: int, stopping: Callable[[], None] = lambda: None) -> None:
        """Wait until `rows` more may pass. `stopping` is called while waiting and may raise."""
        with self._lock:
            due = max(self._paid_until, self._clock() - BURST_SECONDS) + rows / self.rows_per_second
            self._paid_until = due
        while (left := due - self._clock()) > 0:
            stopping()
            self._sleep(min(left, NAP_SECONDS_MAX))
