"""The places of an embedded store's lanes: never more than allowed, and whoever waits comes to turn."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from wayfare.engine.slots import Slots


def staying() -> bool:
    return False


def test_never_more_than_allowed() -> None:
    slots = Slots(3, 2)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    counting = threading.Lock()

    def lane(source: str) -> None:
        with slots.taken(source, staying) as found:
            assert found
            with counting:
                now[source] += 1
                most[source] = max(most[source], now[source])
                most["all"] = max(most["all"], now.total())
            threading.Event().wait(0.002)
            with counting:
                now[source] -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lane, ["a", "b", ""] * 40))
    assert now.total() == 0
    assert most["all"] == 3
    assert most["a"] <= 2
    assert most["b"] <= 2
    assert slots.room("a")


def test_room_is_what_is_left_for_a_source() -> None:
    slots = Slots(3, 1)
    with slots.taken("a", staying):
        assert not slots.room("a")
        assert slots.room("b")
        assert slots.room("")
        with slots.taken("", staying), slots.taken("", staying):
            assert not slots.room("b")


def test_whoever_waits_comes_before_whoever_asks_for_room() -> None:
    slots = Slots(2, 1)
    begun = threading.Event()

    def wait() -> None:
        with slots.taken("a", staying):
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        with slots.taken("a", staying):
            pool.submit(wait)
            while not slots.wanted:
                threading.Event().wait(0.001)
            assert not slots.room("b")
        assert begun.wait(10)


def test_whoever_waits_leaves_with_the_process() -> None:
    slots = Slots(1, 1)
    with slots.taken("a", staying), slots.taken("b", lambda: True) as found:
        assert not found
    assert slots.room("a")
