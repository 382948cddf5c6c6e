"""How soon a copy goes on after kill -9, and what it repeats.

What happened is read from the run's journal in its data directory, the one place that outlives the killed process.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import Dataset
from benchmarks.ends import End
from benchmarks.places import environment
from benchmarks.race import Say, gist, prepare, scratch
from benchmarks.results import Figure
from benchmarks.tools import Call, Trip, wayfare

SECONDS_MAX = 3.0
CHUNKS = 24
CHUNKS_BEFORE_KILL = 6
WAIT_SECONDS_MAX = 300.0


@dataclass(frozen=True, slots=True)
class Mark:
    """One event of loading a chunk."""

    name: str  # "step_started" or "step_done"
    step: str
    at: float  # seconds since the epoch


def figures(source: End, target: End, data: Dataset, say: Say) -> list[Figure]:
    """Kill a copy in its middle, start the same command again, and read from its journal what went on."""
    prepare(source, target)
    with scratch() as folder:
        call = _slowly(wayfare(Trip(source, target, data.name, folder, {})), data.rows)
        journal = folder / "home" / "wayfare.db"
        killed = _killed_midway(call, folder / "first.log", journal)
        restarted = time.time()
        again = _start(call, folder / "second.log")
        code = again.wait(WAIT_SECONDS_MAX)
        if code:
            raise RuntimeError(f"the resumed copy failed: {gist((folder / 'second.log').read_text())}")
        marks = _marks(journal)
    rows = int(target.ask(data.name, ["count(*)"])[0])
    if rows != data.rows:
        raise RuntimeError(f"the resumed copy has {rows:,} rows, not {data.rows:,}")
    found = figures_of(marks, killed, restarted)
    for figure in found:
        say(f"  {figure.what}: {figure.value:.2f} {figure.unit}")
    return found


def _slowly(call: Call, rows: int) -> Call:
    """In small chunks, so that a kill falls between them."""
    return Call([*call.words, "--rows-per-chunk", str(rows // CHUNKS)], call.environment, call.folder)


def _start(call: Call, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            call.words,
            stdout=out,
            stderr=out,
            env=environment(**call.environment),
            cwd=call.folder,
            start_new_session=True,
        )


def _killed_midway(call: Call, log: Path, journal: Path) -> float:
    """Gives the time of the kill, when a few chunks were done. Raises when the copy ended before."""
    program = _start(call, log)
    while sum(m.name == "step_done" for m in _marks(journal)) < CHUNKS_BEFORE_KILL:
        if program.poll() is not None:
            raise RuntimeError(f"the copy ended before it could be killed: {gist(log.read_text())}")
        time.sleep(0.02)
    killed = time.time()
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    return killed


def _marks(journal: Path) -> list[Mark]:
    if not journal.exists():
        return []
    query = "select name, step, at from events where name in ('step_started','step_done') and step like 'load %'"
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        try:
            return [Mark(*row) for row in connection.execute(f"{query} order by sequence")]
        except sqlite3.OperationalError:  # the tables are still being made
            return []


def figures_of(marks: list[Mark], killed: float, restarted: float) -> list[Figure]:
    done_before = {m.step for m in marks if m.name == "step_done" and m.at <= killed}
    started_before = {m.step for m in marks if m.name == "step_started" and m.at <= killed}
    after = [m for m in marks if m.at > restarted]
    begun = min(m.at for m in after if m.name == "step_started") - restarted
    landed = min(m.at for m in after if m.name == "step_done") - restarted
    repeated = {m.step for m in after if m.name == "step_started"} & done_before
    twice = sum(n > 1 for n in Counter(m.step for m in marks if m.name == "step_done").values())
    return [
        Figure("from the restart to the first chunk begun", begun, SECONDS_MAX, "s"),
        Figure("from the restart to the first chunk landed", landed, None, "s"),
        Figure("chunks in flight at the kill", len(started_before - done_before), None, "chunks"),
        Figure("finished chunks that were repeated", len(repeated) + twice, 0, "chunks"),
    ]
