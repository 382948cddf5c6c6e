"""What was looked up in the last second need not be looked up again: so long, at most, does a revoked right last."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

FRESH_SECONDS = 1.0
ENTRIES_MAX = 10_000


class NotAtHand(LookupError):
    """It was not looked up in the last second, or was not found then."""


class Recent(Generic[K, V]):
    """Thread-safe: every step is one operation on a dict. What was not found is not kept, so that nobody fills it."""

    def __init__(self, look_up: Callable[[K], V | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._look_up = look_up
        self._clock = clock
        self._kept: dict[K, tuple[float, V]] = {}

    def at_hand(self, key: K) -> V:
        """Takes a microsecond, as nothing is looked up. Raises NotAtHand."""
        kept = self._kept.get(key)
        if kept is not None and 0 <= self._clock() - kept[0] < FRESH_SECONDS:
            return kept[1]
        raise NotAtHand

    def __call__(self, key: K) -> V | None:
        with suppress(NotAtHand):
            return self.at_hand(key)
        now = self._clock()
        found = self._look_up(key)
        if found is None:
            self._kept.pop(key, None)
        else:
            if len(self._kept) >= ENTRIES_MAX:
                self._kept.clear()
            self._kept[key] = (now, found)
        return found

    def forget(self) -> None:
        self._kept.clear()
