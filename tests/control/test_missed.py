"""What becomes of times that passed while nobody was there."""

from __future__ import annotations

import pytest

from wayfare.control.missed import ALL_MAX, COUNT_MAX, Decision, Missed, decide
from wayfare.control.timetable import Due, Timetable

HOUR = 3600.0
HOURLY = Timetable("0 * * * *")
MINUTELY = Timetable("* * * * *")
SECONDLY = Timetable("* * * * * *")
ONCE = Timetable(at=Due(HOUR))


@pytest.mark.parametrize("missed", Missed)
def test_on_time(missed):
    assert decide(HOURLY, HOUR, HOUR + 1, missed) == Decision(HOUR, 2 * HOUR)
    assert decide(ONCE, HOUR, HOUR + 1, missed) == Decision(HOUR, None)


def test_run_once_stands_for_all_that_were_missed():
    assert decide(HOURLY, HOUR, 5 * HOUR + 1800, Missed.RUN_ONCE) == Decision(HOUR, 6 * HOUR, 4)
    assert decide(ONCE, HOUR, 99 * HOUR, Missed.RUN_ONCE) == Decision(HOUR, None)


def test_skip_waits_for_the_next_time():
    assert decide(HOURLY, HOUR, 5 * HOUR + 1800, Missed.SKIP) == Decision(None, 6 * HOUR, 5)
    assert decide(ONCE, HOUR, 99 * HOUR, Missed.SKIP) == Decision(None, None, 1)


def test_skip_keeps_a_time_that_has_only_just_passed():
    assert decide(HOURLY, HOUR, 5 * HOUR + 30, Missed.SKIP) == Decision(5 * HOUR, 6 * HOUR, 4)
    assert decide(MINUTELY, 60, HOUR + 59, Missed.SKIP) == Decision(HOUR, HOUR + 60, 59)


def walk(timetable: Timetable, due_at: float, now: float) -> tuple[list[float], int, float | None]:
    """Claims one after the other, as the scheduler does."""
    started, passed, due = [], 0, due_at
    while due is not None and due <= now:
        decision = decide(timetable, due, now, Missed.RUN_ALL)
        passed += decision.passed_over
        if decision.start is not None:
            started.append(decision.start)
        due = decision.next_at
    return started, passed, due


def test_run_all_makes_up_for_each_in_order():
    started, passed, next_at = walk(HOURLY, HOUR, 5 * HOUR + 1800)
    assert started == [1 * HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR]
    assert (passed, next_at) == (0, 6 * HOUR)


def test_run_all_is_bounded_in_number():
    started, passed, next_at = walk(MINUTELY, 60, 1000 * 60 + 5)
    assert started == [60.0 * m for m in range(901, 1001)]
    assert len(started) == ALL_MAX
    assert (passed, next_at) == (900, 1001 * 60)


def test_run_all_is_bounded_in_age():
    started, passed, next_at = walk(HOURLY, HOUR, 1000 * HOUR)
    assert started == [HOUR * h for h in range(901, 1001)]
    assert passed == 900
    assert next_at == 1001 * HOUR
    assert walk(ONCE, HOUR, 1000 * HOUR) == ([], 1, None)


def test_counting_ends_somewhere():
    assert decide(SECONDLY, 1, 40 * 86_400, Missed.RUN_ONCE).passed_over == COUNT_MAX
