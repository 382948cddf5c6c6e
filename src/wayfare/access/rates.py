"""Rate limits by GCRA: one number for each caller says when their allowance is full again.

The number is the time at which a caller who makes no more calls has all of them back (the "theoretical arrival time").
A call moves it on by one interval; a call that would move it further ahead than the whole period is refused. So there
is nothing to count, and nothing has to be cleaned up to be right.
Times are whole microseconds, so that a limit of 100 is exactly 100.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import sqlalchemy as sa

from wayfare.access.pruning import now_and_then
from wayfare.access.tables import RATES
from wayfare.core.errors import RateLimited
from wayfare.store.store import Store

MICROSECONDS = 1_000_000
CALLERS_MAX = 100_000  # kept in memory before those who have their whole allowance are forgotten


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in so many seconds; all of them may come at once."""

    calls: int
    seconds: int = 60

    @property
    def period(self) -> int:
        return self.seconds * MICROSECONDS

    @property
    def interval(self) -> int:
        return self.period // self.calls


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the headers need. Faces round seconds up."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: float  # until the whole allowance is back
    retry_after_seconds: float  # 0 when the call was allowed

    def insist(self) -> None:
        """Raises RateLimited when the call was not allowed."""
        if not self.allowed:
            raise RateLimited(
                f"more than {self.limit} calls.",
                retry_after_seconds=self.retry_after_seconds,
                remedy=f"The next can be made in {self.retry_after_seconds:.0f} seconds.",
            )


class Rates(Protocol):
    def take(self, caller: str, limit: Limit) -> Verdict:
        """Count one call, if it is allowed. `caller` names who, and of what: limits do not share a caller."""


def advanced(full_at: int, now: int, limit: Limit) -> int | None:
    """When the allowance is full after one more call; None when that call is one too many."""
    after = max(full_at, now) + limit.interval
    return after if after - now <= limit.period else None


def verdict(full_at: int, now: int, limit: Limit, *, allowed: bool) -> Verdict:
    """What to tell, with the number as it is after the call (or refusal)."""
    ahead = max(0, full_at - now)
    remaining = (limit.period - ahead) // limit.interval
    wait = 0 if allowed else max(0, ahead + limit.interval - limit.period)
    return Verdict(allowed, limit.calls, max(0, remaining), ahead / MICROSECONDS, wait / MICROSECONDS)


class MemoryRates:
    """For one process. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, int] = {}
        self._lock = Lock()

    def take(self, caller: str, limit: Limit) -> Verdict:
        with self._lock:
            now = int(self._clock() * MICROSECONDS)
            have = self._full_at.get(caller, 0)
            after = advanced(have, now, limit)
            if after is not None:
                if len(self._full_at) >= CALLERS_MAX:
                    self._full_at = {name: at for name, at in self._full_at.items() if at > now}
                self._full_at[caller] = after
        return verdict(have if after is None else after, now, limit, allowed=after is not None)


_TYPES = {"now": sa.BigInteger, "interval": sa.BigInteger, "period": sa.BigInteger}
_AFTER = "CASE WHEN rates.full_at > :now THEN rates.full_at ELSE :now END + :interval"
_TAKE = sa.text(
    "INSERT INTO rates (caller, full_at) VALUES (:caller, :now + :interval)"
    f" ON CONFLICT (caller) DO UPDATE SET full_at = {_AFTER} WHERE {_AFTER} <= :now + :period"
    " RETURNING full_at"
).bindparams(*(sa.bindparam(name, type_=type_) for name, type_ in _TYPES.items()))


class StoreRates:
    """For all processes of a store: deciding and counting are one statement. Their clocks should agree."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._all = store.everywhere
        self._clock = clock

    def take(self, caller: str, limit: Limit) -> Verdict:
        now = int(self._clock() * MICROSECONDS)
        given = {"caller": caller, "now": now, "interval": limit.interval, "period": limit.period}
        with self._all.alone() as connection:
            after = connection.execute(_TAKE, given).scalar_one_or_none()
            if after is None:
                query = sa.select(RATES.c.full_at).where(RATES.c.caller == caller)
                return verdict(connection.execute(query).scalar_one(), now, limit, allowed=False)
        now_and_then(self.prune)
        return verdict(after, now, limit, allowed=True)

    def prune(self) -> int:
        """Forget who has their whole allowance; gives how many."""
        full = sa.select(RATES.c.caller).where(RATES.c.full_at < int(self._clock() * MICROSECONDS))
        with self._all.write() as connection:
            idle = full.with_for_update(skip_locked=True)  # who calls now keeps the row
            return connection.execute(sa.delete(RATES).where(RATES.c.caller.in_(idle))).rowcount
