"""Slow-downs are told from other loads: pure, on made-up samples with the noise of real ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from wayfare.core.changes import Query, Sample, Waiting
from wayfare.schema.watch import Limits, Spent, Watcher, between, latency, merged, slowed, stood_still, touches

TICK = 0.5


class Load:
    """Four queries on two tables, each call's time log-normal around its mean."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.counted: dict[str, Query] = {}
        self.texts = {
            "u1": "select age from users where id = $1",
            "u2": 'update "users" set age = $1 where id = $2',
            "e1": "select kind from events where id = $1",
            "e2": "insert into events values ($1)",
        }

    def tick(self, slower: Mapping[str, float], waiting: tuple[Waiting, ...] = (), failed: int = 0) -> Sample:
        self.now += TICK
        for key, text in self.texts.items():
            before = self.counted.get(key, Query(text, 0, 0.0, 0.0))
            calls = self.random.randint(60, 110)
            times = [self.random.lognormvariate(1.0, 0.6) * slower.get(key[0], 1.0) for _ in range(calls)]
            self.counted[key] = Query(
                text,
                before.calls + calls,
                before.total_ms + sum(times),
                before.squares_ms2 + sum(t * t for t in times),
            )
        return Sample(self.now, dict(self.counted), waiting, commits=int(self.now * 100), rollbacks=failed)


def watcher(load: Load) -> Watcher:
    first = load.tick({})
    parts = []
    for _ in range(20):
        second = load.tick({})
        parts.append(between(first, second))
        first = second
    made = Watcher(Limits(), ("public.users",), merged(parts))
    made.look(first)
    return made


@pytest.mark.parametrize("seed", range(6))
def test_sixty_percent_slower_is_found_in_four_ticks(seed: int) -> None:
    load = Load(seed)
    watching = watcher(load)
    for _ in range(4):
        watching.look(load.tick({"u": 1.6}))
    assert "users are" in watching.verdict


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("everywhere", [1.0, 2.5], ids=["quiet", "busy processor"])
def test_two_minutes_without_a_false_alarm(seed: int, everywhere: float) -> None:
    load = Load(seed)
    watching = watcher(load)
    for _ in range(240):
        watching.look(load.tick({"u": everywhere, "e": everywhere}))
    assert watching.verdict == ""


def test_a_lock_wait_beyond_the_limit_is_told() -> None:
    load = Load(1)
    watching = watcher(load)
    watching.look(load.tick({}, waiting=(Waiting("select 1", 4.0),)))
    assert watching.verdict == ""
    watching.look(load.tick({}, waiting=(Waiting("select 1", 6.5),)))
    assert "6.5 s" in watching.verdict


def test_failing_transactions_are_told() -> None:
    load = Load(2)
    watching = watcher(load)
    failed = 0
    for _ in range(3):
        failed += 500
        watching.look(load.tick({}, failed=failed))
    assert "of transactions fail" in watching.verdict


def test_a_server_that_forgot_its_counters_is_no_alarm() -> None:
    load = Load(3)
    watching = watcher(load)
    load.counted = {}
    for _ in range(4):
        watching.look(load.tick({}))
    assert watching.verdict == ""


def test_too_few_calls_say_nothing() -> None:
    assert slowed({"a": Spent(100, 100.0)}, {"a": Spent(19, 190.0)}, ["a"], 20) is None
    slower = slowed({"a": Spent(100, 100.0)}, {"a": Spent(20, 40.0)}, ["a"], 20)
    assert slower
    assert slower.ratio == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(6))
def test_calls_that_waited_for_a_processor_are_no_alarm(seed: int) -> None:
    """A call that has to give its processor away takes a thousand times as long: here and there, by chance."""
    load = Load(seed)
    watching = watcher(load)
    for _ in range(240):
        load.tick({})
        hit = load.random.choice(list(load.texts))
        query = load.counted[hit]
        load.counted[hit] = replace(query, total_ms=query.total_ms + 400, squares_ms2=query.squares_ms2 + 400**2)
        watching.look(load.tick({}))
    assert watching.verdict == ""
    assert max(point.ratio or 0 for point in watching.points) > Limits().ratio_max, "the ratio alone would have told"


def test_the_p99_of_a_log_normal_load() -> None:
    rng = random.Random(4)
    times = [rng.lognormvariate(1.0, 0.6) for _ in range(20_000)]
    _, p99 = latency({"a": Spent(len(times), sum(times), sum(t * t for t in times))})
    assert p99 == pytest.approx(sorted(times)[int(len(times) * 0.99)], rel=0.1)


@pytest.mark.parametrize(
    ("query", "tables", "expected"),
    [
        ("select 1 from users", ["users"], True),
        ("select 1 from public.users u", ["users"], True),
        ('select 1 from "Users"', ["public.users"], True),
        ("select users_id from orders", ["users"], False),
        ("select 1 from `shop`.`users`", ["shop.users"], True),
    ],
)
def test_which_queries_a_change_touches(query: str, tables: list[str], expected: bool) -> None:
    assert touches(query, tables) is expected


def test_only_who_waits_behind_the_change_has_it_ended() -> None:
    elsewhere = Waiting("select 1", 60.0, ("somebody",))
    behind = Waiting("select 2", 5.2, ("wayfare schema 7",), behind_us=True)
    assert stood_still([elsewhere], 5.0) == ""
    assert stood_still([behind], 5.2) == ""
    assert stood_still([elsewhere, behind], 5.0) == "clients waited 5.2 s behind the change."
