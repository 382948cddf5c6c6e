"""What becomes of times that passed while nobody was there to start anything: a pure decision."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from wayfare.control.timetable import Timetable

LATE_SECONDS = 60.0  # a start that late is still on time: a process restarted, or the store was away for a moment
ALL_MAX = 100  # missed times that `run_all` makes up for
ALL_SECONDS_MAX = 7 * 86_400.0  # … none of them older
COUNT_MAX = 10_000  # passed times are counted so far: a schedule of every second may have slept for months


class Missed(StrEnum):
    RUN_ONCE = "run_once"  # once for all that were missed
    SKIP = "skip"  # wait for the next time
    RUN_ALL = "run_all"  # one run for each, the newest hundred of the last week


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a schedule that is due."""

    start: float | None  # the time that a run is started for, now
    next_at: float | None  # when the schedule is due again; None: never
    passed_over: int = 0  # times that get no run


def decide(timetable: Timetable, due_at: float, now: float, missed: Missed) -> Decision:
    """`due_at` ≤ `now` is the oldest time that has not been dealt with."""
    if missed is Missed.RUN_ALL:
        return _one_of_all(timetable, due_at, now)
    next_at = _next(timetable, now)
    passed = _count(timetable, due_at, now)
    if missed is Missed.RUN_ONCE:
        return Decision(due_at, next_at, passed)
    fresh = due_at if due_at > now - LATE_SECONDS else _newest(timetable, now - LATE_SECONDS, now)
    return Decision(fresh, next_at, passed + (fresh is None))


def _one_of_all(timetable: Timetable, due_at: float, now: float) -> Decision:
    """The oldest that is to be made up for; the schedule stays due for those after it."""
    oldest = now - ALL_SECONDS_MAX
    kept: deque[float] = deque([due_at] if due_at >= oldest else [], maxlen=ALL_MAX)
    count = len(kept)
    for due in takewhile(lambda d: d.at <= now, timetable.after(max(due_at, oldest))):
        kept.append(due.at)
        count += 1
    before = 0 if due_at >= oldest else 1 + _count(timetable, due_at, oldest)
    if not kept:
        return Decision(None, _next(timetable, now), before)
    return Decision(kept[0], _next(timetable, kept[0]), before + count - len(kept))


def _next(timetable: Timetable, after: float) -> float | None:
    due = next(timetable.after(after), None)
    return due.at if due else None


def _count(timetable: Timetable, after: float, until: float) -> int:
    count = 0
    for _ in takewhile(lambda d: d.at <= until, timetable.after(after)):
        count += 1
        if count == COUNT_MAX:
            break
    return count


def _newest(timetable: Timetable, after: float, until: float) -> float | None:
    newest = deque(takewhile(lambda d: d.at <= until, timetable.after(after)), maxlen=1)
    return newest[0].at if newest else None
