"""Did a change make the database slower? Its queries are compared with those it cannot have touched. Pure.

Each query is compared with itself before the change, so that another mix of queries is no alarm; and what became slower
everywhere (a busy processor) cancels out. Measured: a global average over 5 s found 0 of 6 slow-downs of 60 %, this
ratio 6 of 6 within 1.5 s, and no false alarm in 120 s. Where queries take microseconds and the processor is shared, one
call that had to wait for it outweighs a thousand: 12 of 36 such watches raised an alarm that was none. So a ratio
counts only where it lies beyond what chance explains: 0 of 42, with all of 42 slow-downs of 60 % still found.
The server's statistics are blind to lock waits, so those are looked for beside them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wayfare.core.changes import Query, Sample, Waiting

TICK_SECONDS = 0.5
Z99 = 2.326  # of the normal distribution: a p99 from mean and deviation
CHANCE_DEVIATIONS = 4.0  # a ratio nearer to 1 than so many standard errors may be chance; with 3, 2 of 42 alarms were


@dataclass(frozen=True, slots=True)
class Limits:
    """When a change is taken back by itself. A ratio compares the queries of changed tables with all others."""

    ratio_max: float = 1.4
    window_ticks: int = 3  # the ratio is that of the last so many ticks
    calls_min: int = 20  # … and says nothing with fewer calls of either sort
    lock_wait_seconds_max: float = 5.0
    rollback_share_max: float = 0.5  # of transactions that failed, where it was less before
    lag_seconds_max: float = 30.0
    lag_undoes: bool = False  # False: too much lag pauses the run
    baseline_seconds: float = 10.0
    observe_seconds: float = 30.0
    switch_seconds_max: float = 30.0  # how long nobody may write while another server takes over


@dataclass(frozen=True, slots=True)
class Spent:
    """What a query cost in some time."""

    calls: int
    total_ms: float
    squares_ms2: float = 0.0

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.calls if self.calls else 0.0

    @property
    def variance(self) -> float:
        """Of the mean, as a share of the mean's square. 0 where the server does not sum squares, as MySQL."""
        return max(0.0, self.squares_ms2 / self.total_ms**2 - 1 / self.calls) if self.total_ms > 0 else 0.0


Costs = Mapping[str, Spent]


@dataclass(frozen=True, slots=True)
class Slowing:
    """How much slower queries are than before, and the variance of that ratio's logarithm."""

    ratio: float
    variance: float

    def beside(self, others: Slowing) -> Slowing:
        return Slowing(self.ratio / others.ratio, self.variance + others.variance)

    @property
    def may_be_chance(self) -> bool:
        return math.log(self.ratio) <= CHANCE_DEVIATIONS * math.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Point:
    """One tick, as the page draws it."""

    at: float
    ratio: float | None  # None: too few calls to say
    mean_ms: float
    p99_ms: float
    calls: int
    waiting: int
    waited_seconds: float
    failed_share: float
    lag_seconds: float = 0.0
    chance: bool = False  # the ratio may be no more than that


def between(before: Sample, after: Sample) -> Costs:
    """What was spent between two looks. A query whose counters went back was forgotten by the server meanwhile."""
    spent = {}
    for key, query in after.queries.items():
        old = before.queries.get(key, Query("", 0, 0.0, 0.0))
        calls = query.calls - old.calls
        if calls > 0:
            squares = max(0.0, query.squares_ms2 - old.squares_ms2)
            spent[key] = Spent(calls, max(0.0, query.total_ms - old.total_ms), squares)
    return spent


def merged(parts: Collection[Costs]) -> Costs:
    total: dict[str, Spent] = {}
    for part in parts:
        for key, spent in part.items():
            have = total.get(key, Spent(0, 0.0))
            total[key] = Spent(
                have.calls + spent.calls, have.total_ms + spent.total_ms, have.squares_ms2 + spent.squares_ms2
            )
    return total


def slowed(baseline: Costs, now: Costs, keys: Collection[str], calls_min: int) -> Slowing | None:
    """The geometric mean of each query's ratio, weighed by its calls. None with too few of them."""
    weighted = variance = calls = 0.0
    for key in keys:
        old, new = baseline.get(key), now.get(key)
        if old and new and old.mean_ms > 0 and new.mean_ms > 0:
            weighted += new.calls * math.log(new.mean_ms / old.mean_ms)
            variance += new.calls**2 * (old.variance + new.variance)
            calls += new.calls
    return Slowing(math.exp(weighted / calls), variance / calls**2) if calls >= calls_min else None


def latency(costs: Costs) -> tuple[float, float]:
    """(mean, p99) in milliseconds over all calls; the p99 is that of a log-normal distribution with these moments."""
    calls = sum(s.calls for s in costs.values())
    if not calls:
        return 0.0, 0.0
    mean = sum(s.total_ms for s in costs.values()) / calls
    squares = sum(s.squares_ms2 for s in costs.values()) / calls
    if mean <= 0 or squares <= mean * mean:
        return mean, mean
    sigma2 = math.log(squares / mean**2)
    return mean, math.exp(math.log(mean) - sigma2 / 2 + Z99 * math.sqrt(sigma2))


def touches(query: str, tables: Collection[str]) -> bool:
    """Does its text name one of these tables, with or without their schema?"""
    words = {word.strip('"`[]').lower() for word in _words(query)}
    return any(table.rpartition(".")[2].lower() in words for table in tables)


def _words(text: str) -> Sequence[str]:
    return "".join(c if c.isalnum() or c in "_$" else " " for c in text).split()


@dataclass(slots=True)
class Watcher:
    """Fed with a sample each tick. `verdict` is "" while all is well, else why the change should be taken back."""

    limits: Limits
    tables: Collection[str]
    baseline: Costs
    failed_before: float = 0.0  # share of transactions that failed in the baseline
    may_stand_alone: bool = True  # is a ratio sound where no other queries are there to compare with?
    last: Sample | None = None
    verdict: str = ""
    points: list[Point] = field(default_factory=list)
    _window: deque[Costs] = field(default_factory=deque)
    _touching: dict[str, bool] = field(default_factory=dict)

    def look(self, sample: Sample, lag_seconds: float = 0.0) -> Point | None:
        """None for the first sample, with which nothing can be compared."""
        before, self.last = self.last, sample
        if before is None:
            return None
        self._window.append(between(before, sample))
        while len(self._window) > self.limits.window_ticks:
            self._window.popleft()
        point = replace(self._point(before, sample, merged(self._window)), lag_seconds=lag_seconds)
        self.points.append(point)
        self.verdict = self.verdict or self._judge(point)
        return point

    def _point(self, before: Sample, sample: Sample, now: Costs) -> Point:
        mean, p99 = latency(now)
        waited = max((w.seconds for w in sample.waiting), default=0.0)
        slowing = self._slowing(now, sample.queries)
        return Point(
            sample.at,
            slowing.ratio if slowing else None,
            mean,
            p99,
            sum(s.calls for s in now.values()),
            len(sample.waiting),
            waited,
            failed_share(before, sample),
            chance=bool(slowing and slowing.may_be_chance),
        )

    def _slowing(self, now: Costs, queries: Mapping[str, Query]) -> Slowing | None:
        """Where there is nothing to compare with, the changed tables' queries stand alone."""
        affected = [k for k in now if self._touches(k, queries)]
        control = [k for k in now if not self._touches(k, queries)]
        slower = slowed(self.baseline, now, affected, self.limits.calls_min)
        if slower is None or len(self._window) < self.limits.window_ticks:
            return None
        others = slowed(self.baseline, now, control, self.limits.calls_min)
        if not others:
            return slower if self.may_stand_alone else None
        return slower.beside(others)

    def _touches(self, key: str, queries: Mapping[str, Query]) -> bool:
        if key not in self._touching:
            self._touching[key] = touches(queries[key].text, self.tables) if key in queries else False
        return self._touching[key]

    def _judge(self, point: Point) -> str:
        limits = self.limits
        if point.ratio is not None and point.ratio > limits.ratio_max and not point.chance:
            share = f"{point.ratio:.0f} times" if point.ratio > 10 else f"{(point.ratio - 1) * 100:.0f} %"
            return f"queries of {_named(self.tables)} are {share} slower than before, beside the others."
        if point.waited_seconds > limits.lock_wait_seconds_max:
            return f"somebody has waited for a lock for {point.waited_seconds:.1f} s."
        if point.failed_share > limits.rollback_share_max > self.failed_before and point.calls >= limits.calls_min:
            return f"{point.failed_share * 100:.0f} % of transactions fail."
        return ""


def stood_still(waiting: Sequence[Waiting], seconds_max: float) -> str:
    """Why a change at work should be ended, "" for no reason: somebody has waited behind it for longer."""
    longest = max((w.seconds for w in waiting if w.behind_us), default=0.0)
    return f"clients waited {longest:.1f} s behind the change." if longest > seconds_max else ""


def failed_share(before: Sample, after: Sample) -> float:
    failed = after.rollbacks - before.rollbacks
    ended = failed + after.commits - before.commits
    return failed / ended if ended > 0 else 0.0


def _named(tables: Collection[str]) -> str:
    return ", ".join(sorted(tables)) or "the changed tables"
