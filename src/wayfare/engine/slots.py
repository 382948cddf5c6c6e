"""How many lanes are at work at once in the one process of an embedded store: in all, and for each source.

With them a lane need not wait until the queue is looked at: where there is room it begins at once. On a shared store
the limits are the queue's alone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.2  # how often whoever waits looks whether the process ends


class Slots:
    """Thread-safe. Lanes without a source count towards the whole only."""

    def __init__(self, most: int, most_per_source: int) -> None:
        self._most = most
        self._most_per_source = most_per_source
        self._taken: Counter[str] = Counter()
        self._waiting = 0
        self._changed = threading.Condition()

    def room(self, source: str) -> bool:
        """Would a lane of this source find a place now? Nobody is promised one."""
        with self._changed:
            return not self._waiting and self._free(source)

    @property
    def wanted(self) -> bool:
        """Does anybody wait for a place?"""
        return self._waiting > 0

    @contextmanager
    def taken(self, source: str, leaving: Callable[[], bool]) -> Iterator[bool]:
        """A place, once there is one, until this is left. False where the process ends before that."""
        with self._changed:
            self._waiting += 1
            try:
                while not (free := self._free(source)) and not leaving():
                    self._changed.wait(LOOK_SECONDS)
            finally:
                self._waiting -= 1
            self._taken[source] += free
        try:
            yield free
        finally:
            with self._changed:
                self._taken[source] -= free
                self._changed.notify_all()

    def _free(self, source: str) -> bool:
        if self._taken.total() >= self._most:
            return False
        return not source or self._taken[source] < self._most_per_source
