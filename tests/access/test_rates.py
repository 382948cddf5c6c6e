"""Rate limits, decided in memory and in the store (check 31)."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from access.world import Clock
from wayfare.access.rates import Limit, MemoryRates, StoreRates
from wayfare.core.errors import RateLimited
from wayfare.settings import Settings
from wayfare.store.store import Store

MINUTELY = Limit(100, 60)


@pytest.fixture(params=["in memory", "embedded", "postgresql"])
def rates(request, tmp_path):
    clock = Clock()
    if request.param == "in memory":
        yield MemoryRates(clock), clock
        return
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    with closing(Store.open(Settings(tmp_path / "home", url))) as store:
        yield StoreRates(store, clock), clock


def test_of_150_calls_at_once_100_are_allowed(rates):
    taken = [rates[0].take("ada", MINUTELY) for _ in range(150)]
    assert [verdict.allowed for verdict in taken] == [True] * 100 + [False] * 50
    assert [verdict.remaining for verdict in taken] == [*range(99, -1, -1), *[0] * 50]
    assert taken[-1].limit == 100
    assert taken[-1].retry_after_seconds == pytest.approx(0.6, abs=1e-3)
    assert taken[-1].reset_seconds == pytest.approx(60, abs=1e-3)


def test_the_allowance_comes_back_evenly(rates):
    made, clock = rates
    for _ in range(100):
        made.take("ada", MINUTELY)
    clock.now += 30
    assert [made.take("ada", MINUTELY).allowed for _ in range(51)] == [True] * 50 + [False]
    clock.now += 3600
    assert made.take("ada", MINUTELY).remaining == 99


def test_callers_do_not_share(rates):
    made, _ = rates
    once = Limit(1, 60)
    assert made.take("ada", once).allowed
    assert not made.take("ada", once).allowed
    assert made.take("bob", once).allowed


def test_a_refused_call_costs_nothing(rates):
    made, clock = rates
    twice = Limit(2, 10)
    for _ in range(50):
        last = made.take("ada", twice)
    assert last.retry_after_seconds == 5
    clock.now += 5
    assert made.take("ada", twice).allowed


def test_insisting():
    made = MemoryRates(Clock())
    once = Limit(1, 60)
    made.take("ada", once).insist()
    with pytest.raises(RateLimited) as limited:
        made.take("ada", once).insist()
    assert limited.value.retry_after_seconds == 60


@with_settings(max_examples=200, deadline=None)
@given(st.integers(1, 1000), st.integers(1, 3600), st.lists(st.floats(0, 100), max_size=60))
def test_no_more_than_the_burst_and_what_has_come_back(calls, seconds, waits):
    clock, limit = Clock(), Limit(calls, seconds)
    made, began, allowed = MemoryRates(clock), clock.now, 0
    for wait in waits:
        clock.now += wait
        allowed += made.take("ada", limit).allowed
        assert allowed <= calls + (clock.now - began) * calls / seconds + 1e-6 * calls + 1


WORKER = """
    import sys
    from pathlib import Path
    from wayfare.access.rates import Limit, StoreRates
    from wayfare.settings import Settings
    from wayfare.store.store import Store

    home, url, calls, at = sys.argv[1:]
    store = Store.open(Settings(Path(home), url))
    rates = StoreRates(store, lambda: float(at))
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(rates.take("ada", Limit(100, 60)).allowed for _ in range(int(calls))))
"""


def test_four_processes_allow_exactly_100_of_150(settings, store):
    """At one moment, so that nothing comes back meanwhile."""
    arguments = [str(settings.home), settings.store_url]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WORKER), *arguments, str(calls), "1800000000"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for calls in (38, 38, 37, 37)
    ]
    try:
        assert all(worker.stdout.readline() == "ready\n" for worker in workers)
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert sum(int(worker.communicate(timeout=60)[0]) for worker in workers) == 100
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def test_who_has_everything_back_is_forgotten(store):
    clock = Clock()
    made = StoreRates(store, clock)
    made.take("ada", MINUTELY)
    assert made.prune() == 0
    clock.now += 1
    assert made.prune() == 1
