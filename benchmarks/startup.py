"""What it costs before anything moves: asking for help, and copying a table of one row."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.measure import Cost, measure
from benchmarks.places import WAYFARE, environment
from benchmarks.race import Say, gist, scratch
from benchmarks.results import Figure

HELP_CPU_MS_MAX = 300
TIMES = 7


def figures(say: Say) -> list[Figure]:
    """Medians."""
    told = _median([_help() for _ in range(TIMES)])
    copied = _median([_copy_of_one_row() for _ in range(TIMES)])
    found = [
        Figure("`wayfare --help`, CPU", told[0], HELP_CPU_MS_MAX, "ms"),
        Figure("`wayfare --help`, wall time", told[1], None, "ms"),
        Figure("a copy of one row, SQLite to SQLite, with verification and report, CPU", copied[0], None, "ms"),
        Figure("a copy of one row, wall time", copied[1], None, "ms"),
    ]
    for figure in found:
        say(f"  {figure.what}: {figure.value:.0f} {figure.unit}")
    return found


def _median(costs: Sequence[Cost]) -> tuple[float, float]:
    """CPU and wall time in milliseconds. Raises RuntimeError when one of them failed."""
    for cost in costs:
        if cost.exit_code:
            raise RuntimeError(f"exit code {cost.exit_code}: {gist(cost.tail)}")
    return 1000 * statistics.median(c.client_cpu for c in costs), 1000 * statistics.median(c.wall for c in costs)


def _help() -> Cost:
    with scratch() as folder:
        return measure([str(WAYFARE), "--help"], folder / "log", environment(), folder=folder)


def _copy_of_one_row() -> Cost:
    with scratch() as folder:
        source, target = folder / "source.db", folder / "target.db"
        _make(source)
        words = [str(WAYFARE), "copy", f"sqlite:///{source}", f"sqlite:///{target}", "--json"]
        return measure(words, folder / "log", environment(WAYFARE_HOME=str(folder / "home")), folder=folder)


def _make(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table one (id integer primary key, label text)")
        connection.execute("insert into one values (1, 'one')")
        connection.commit()
