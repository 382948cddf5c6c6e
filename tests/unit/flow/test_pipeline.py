"""Reading ahead: order, errors, early closing; and no thread outlives its pipe."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from wayfare.core.errors import Stopped, Unreachable
from wayfare.flow.pipeline import piped
from wayfare.flow.throttle import Throttle


class Source:
    """An iterator that remembers who read it, how far, and whether it was closed."""

    def __init__(self, count: int, fail_at: int | None = None) -> None:
        self.count, self.fail_at = count, fail_at
        self.given = 0
        self.closed_by: threading.Thread | None = None
        self.read_by: threading.Thread | None = None

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self.count):
                self.read_by = threading.current_thread()
                if number == self.fail_at:
                    raise Unreachable("the line is dead.")
                self.given += 1
                yield number
        finally:
            self.closed_by = threading.current_thread()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def test_everything_arrives_in_order_from_another_thread() -> None:
    source = Source(100)
    assert list(piped(source)) == list(range(100))
    assert source.read_by is not threading.current_thread()


def test_an_error_arrives_after_what_came_before_it() -> None:
    pipe = piped(Source(10, fail_at=7))
    assert list(itertools.islice(pipe, 7)) == list(range(7))
    with pytest.raises(Unreachable, match="dead"):
        next(pipe)


def test_closing_early_stops_and_closes_the_reader_in_its_own_thread() -> None:
    source = Source(1_000_000)
    pipe = piped(source, depth=2)
    assert next(pipe) == 0
    pipe.close()
    assert source.given <= 5
    assert source.closed_by is source.read_by


def _stop_at(call: int):
    calls = iter(range(1000))

    def stopping() -> None:
        if next(calls) == call:
            raise Stopped("paused.")

    return stopping


def test_the_reader_is_at_most_depth_and_one_ahead() -> None:
    source = Source(50)
    for before, _ in enumerate(piped(source, depth=3)):
        assert source.given <= before + 5


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []
        self.lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.naps.append(seconds)
            self.now += seconds


def test_a_throttle_keeps_the_rate_after_its_burst() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock, clock.sleep)
    for _ in range(10):
        throttle.take(500)
    assert clock.now == pytest.approx(4.0)  # 5,000 rows, of which 1,000 were the burst
    assert max(clock.naps) <= 0.25


def test_rest_earns_no_more_than_the_burst() -> None:
    clock = Clock()
    throttle = Throttle(100, clock, clock.sleep)
    clock.now = 1000.0
    throttle.take(100)
    assert clock.now == 1000.0
    throttle.take(100)
    assert clock.now == pytest.approx(1001.0)


def test_a_batch_larger_than_the_burst_passes_in_the_end() -> None:
    clock = Clock()
    Throttle(10, clock, clock.sleep).take(100)
    assert clock.now == pytest.approx(9.0)


def test_threads_share_one_throttle() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock, clock.sleep)
    threads = [threading.Thread(target=lambda: [throttle.take(100) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now >= 3.0 - 1e-9  # 4,000 rows less the burst


def test_stopping_interrupts_a_long_wait() -> None:
    clock = Clock()
    with pytest.raises(Stopped):
        Throttle(1, clock, clock.sleep).take(1000, _stop_at(3))
    assert clock.now < 2.0
