"""All tools over one path, in turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.data import AGGREGATES, Dataset, plain
from benchmarks.ends import End
from benchmarks.measure import Cost, measure
from benchmarks.paths import BARE, OURS
from benchmarks.places import environment
from benchmarks.results import Entry, Race, Run
from benchmarks.tools import TOOLS, Trip

VERIFYING = frozenset({"verify", "prove"})  # the report's phases in which nothing is moved
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Say = Callable[[str], None]


def race(
    path: str,
    ends: tuple[End, End],
    data: Dataset,
    tools: Mapping[str, str],
    programs: Mapping[str, Path],
    *,
    rounds: int,
    say: Say,
) -> Race:
    """`tools` maps each tool to why it cannot run, "" when it can. A tool that fails once is not asked again."""
    runs: dict[str, list[Run]] = {tool: [] for tool in tools}
    void = dict(tools)
    for number in range(rounds):
        for tool in rotated([t for t in tools if not void[t]], number):
            with scratch() as folder:
                trip = Trip(*ends, data.name, folder, programs)
                run, void[tool] = attempt(tool, trip, data)
            runs[tool].append(run)
            say(f"  {tool:20} {_told(run)}{' VOID: ' + void[tool] if void[tool] else ''}")
    entries = tuple(Entry(tool, tuple(runs[tool]), void[tool]) for tool in tools)
    return Race(path, data.name, data.rows, entries)


def rotated(tools: Sequence[str], number: int) -> Sequence[str]:
    """Another tool begins each round: nobody always runs behind the same one."""
    turn = number % len(tools) if tools else 0
    return [*tools[turn:], *tools[:turn]]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one run, on the same disk as the servers' data."""
    with tempfile.TemporaryDirectory(prefix="wayfare-bench-run-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def attempt(tool: str, trip: Trip, data: Dataset) -> tuple[Run, str]:
    """One measured copy into a cleared target, and what is wrong with it ("" when nothing is)."""
    prepare(trip.source, trip.target)
    call = TOOLS[tool](trip)
    cost = measure(
        call.words,
        trip.scratch / "log",
        environment(**call.environment),
        servers={trip.source.pid, trip.target.pid} - {0},
        timeout=patience(data.rows),
        folder=call.folder,
    )
    verify = verification_seconds(trip.scratch / "home") if tool in (OURS, BARE) else 0.0
    run = Run(cost.wall, verify, cost.client_cpu, cost.server_cpu, cost.rss_peak, cost.load_before)
    return run, _wrong(cost, trip.target, data)


def patience(rows: int) -> float:
    """Seconds after which a tool is given up: the slowest that finish move more than 10,000 rows a second."""
    return 120 + rows / 10_000


def gist(text: str) -> str:
    """The last lines that say something, as one, without colours."""
    lines = [line.strip() for line in _COLOURS.sub("", text).splitlines() if line.strip()]
    return " / ".join(dict.fromkeys(lines[-3:]))[-400:]


def prepare(source: End, target: End) -> None:
    """An empty target, and nothing left to write that would disturb the next measurement."""
    target.clear()
    for end in (source, target):
        end.settle()
    os.sync()


def verification_seconds(home: Path) -> float:
    """From the run's report. 0 when the run left none: its exit code then voids the measurement."""
    reports = [json.loads(file.read_text()) for file in home.glob("runs/*/report.json")]
    return sum(float(p["seconds"]) for report in reports for p in report["phases"] if p["name"] in VERIFYING)


def _wrong(cost: Cost, target: End, data: Dataset) -> str:
    if cost.exit_code:
        return f"exit code {cost.exit_code}: {gist(cost.tail)}"
    names = AGGREGATES[data.name]
    try:
        found = tuple(map(plain, target.ask(data.name, names)))
    except Exception as error:  # each driver has its own; whatever it says voids the measurement
        return f"the target cannot be checked: {gist(str(error))}"
    pairs = zip(names, found, data.expected, strict=True)
    return "; ".join(f"{name} is {one}, not {other}" for name, one, other in pairs if one != other)


def _told(run: Run) -> str:
    return (
        f"wall {run.wall:6.2f} s  verify {run.verify:5.2f}  CPU {run.client_cpu:6.2f} + {run.server_cpu:6.2f}"
        f"  RSS {run.rss_peak / 1e6:5.0f} MB  load {run.load_before:.1f}"
    )
