"""Never more at once than allowed, over all runs and workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.bed import Bed, Workers, put
from wayfare.core.plan import Phase
from wayfare.core.status import Status
from wayfare.settings import Settings


def most_at_once(lines: Sequence[dict[str, Any]], source: str = "") -> int:
    changes = [(line["at"], 1 if "begin" in line else -1, line.get("begin") or line.get("end")) for line in lines]
    at_once = most = 0
    for _, change, file in sorted(changes):
        if file.startswith(source):
            at_once += change
            most = max(most, at_once)
    return most


def load(source: str) -> Phase:
    steps = (put(f"{source}{i}", seconds=0.1, limit_key=source) for i in range(8))
    return Phase("load", tuple(steps), together=True)


def test_the_global_limit_holds_over_two_runs(tmp_path: Path, workers: Workers) -> None:
    with Bed(Settings(tmp_path, "", workers=3, per_source=3), workers) as bed:
        one, two = bed.run(load("a")), bed.run(load("b"))
        bed.worker()
        for run in (one, two):
            bed.until(run, Status.SUCCEEDED)
        assert most_at_once(bed.lines(one) + bed.lines(two)) == 3


def test_the_limit_of_each_source_holds_over_three_workers(
    tmp_path: Path, workers: Workers, postgresql: Callable[[], str]
) -> None:
    with Bed(Settings(tmp_path, postgresql(), workers=6, per_source=2), workers) as bed:
        both = replace(load("a"), steps=load("a").steps + load("b").steps)
        run = bed.run(both)
        for _ in range(3):
            bed.worker()
        bed.until(run, Status.SUCCEEDED)
        lines = bed.lines(run)
    assert most_at_once(lines) <= 6
    assert most_at_once(lines, "a") == most_at_once(lines, "b") == 2
