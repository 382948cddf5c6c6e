"""What it costs to ask `wayfare --help`."""

from __future__ import annotations

import statistics

from benchmarks.measure import measure
from benchmarks.places import WAYFARE, environment
from benchmarks.race import Say, scratch
from benchmarks.results import Figure

CPU_MS_MAX = 300
TIMES = 7


def figures(say: Say) -> list[Figure]:
    """The median CPU time. The first run is left out: it may compile what an installation would have compiled."""
    with scratch() as folder:
        runs = [measure([str(WAYFARE), "--help"], folder / "log", environment()) for _ in range(TIMES + 1)][1:]
    milliseconds = 1000 * statistics.median(run.client_cpu for run in runs)
    say(
        f"  wayfare --help: {milliseconds:.0f} ms CPU, {1000 * statistics.median(run.wall for run in runs):.0f} ms wall"
    )
    return [Figure("`wayfare --help`, CPU", milliseconds, CPU_MS_MAX, "ms")]
