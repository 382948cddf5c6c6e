"""A soak: schedules every few seconds, three workers on a store in PostgreSQL, one of them killed every minute.

    uv run python -m benchmarks.soak --minutes 30

Sources change all the while. In the end every time that was due must be accounted for, every run must have come to an
end, and each target must equal its source, row by row. What came out is written to docs/soak.md; the exit code is 0
when all of it holds.
"""

from __future__ import annotations

import argparse
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.places import ROOT, WAYFARE, environment
from wayfare.control import schedules
from wayfare.control.copies import verify
from wayfare.control.timetable import Timetable
from wayfare.copy.request import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import Mismatch
from wayfare.core.events import Name
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.core.status import ENDED, Status
from wayfare.settings import Settings
from wayfare.store.records import Run
from wayfare.store.store import Store
from wayfare.systems.beside import beside
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testbed import server

DOCUMENT = ROOT / "docs" / "soak.md"
WORKERS = 3
EVERY_SECONDS = (5, 7, 11, 13)  # one schedule for each; primes, so that they meet in ever other ways
KILL_EVERY_SECONDS = 60.0
BACK_AFTER_SECONDS = 3.0
REST_SECONDS_MAX = 180.0  # how long what is under way may take to come to its end
ROWS = 2_000
LOOK_SECONDS = 0.5


@dataclass
class Lane:
    """One schedule: its source, its target, and how often."""

    seconds: int
    source: Address
    target: Address

    @property
    def name(self) -> str:
        return f"every-{self.seconds}-seconds"

    @property
    def request(self) -> CopyRequest:
        return CopyRequest(self.source, self.target)


@dataclass
class Outcome:
    minutes: float
    kills: int = 0
    due: Counter[str] = field(default_factory=Counter)  # what became of the times that were due
    runs: Counter[str] = field(default_factory=Counter)  # how runs ended
    adopted: int = 0  # runs that another worker brought to their end
    troubles: list[str] = field(default_factory=list)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--minutes", type=float, default=30.0)
    minutes = words.parse_args().minutes
    outcome = soak(minutes)
    if minutes >= 30:
        DOCUMENT.write_text(page(outcome))
    print(page(outcome))
    return 1 if outcome.troubles else 0


def soak(minutes: float) -> Outcome:
    outcome = Outcome(minutes)
    with ExitStack() as opened:
        place = opened.enter_context(server())
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="wayfare-soak-")))
        lanes = [_lane(place, seconds) for seconds in EVERY_SECONDS]
        settings = _settings(place, folder)
        store = opened.enter_context(closing(Store.open(settings)))
        for lane in lanes:
            schedules.create(store, LOCAL, lane.name, Timetable(f"*/{lane.seconds} * * * * *"), lane.request)
        with _workers(settings) as workers:
            with _changing(lanes):
                _kill_now_and_then(workers, settings, time.monotonic() + minutes * 60, outcome)
            _come_to_rest(store, lanes, outcome)
        _account(store, lanes, outcome)
        for lane in lanes:
            if verify(lane.request, rows=True).outcome != "equal":
                outcome.troubles.append(f"the target of {lane.name} is not its source.")
    return outcome


def _lane(place: Address, seconds: int) -> Lane:
    ends = [replace(place, database=f"{side}_{seconds}") for side in ("source", "target")]
    for end in ends:
        _execute(place, f"CREATE DATABASE {end.database}")
    _execute(
        ends[0],
        "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, seen timestamptz NOT NULL DEFAULT now())",
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " customer bigint NOT NULL REFERENCES customers, amount numeric(12,2) NOT NULL)",
        f"INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, {ROWS}) n",
        f"INSERT INTO orders (customer, amount) SELECT 1 + n % {ROWS}, n / 7.0 FROM generate_series(1, {ROWS * 3}) n",
    )
    return Lane(seconds, *ends)


def _settings(place: Address, folder: Path) -> Settings:
    _execute(place, "CREATE DATABASE store")
    key = Redacted(secrets.token_hex(16))
    return Settings(folder / "home", replace(place, database="store").url(), workers=4, key=key)


def _execute(address: Address, *statements: str) -> None:
    with psycopg.connect(autocommit=True, **parameters(address)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def _changing(lanes: Sequence[Lane]) -> Iterator[None]:
    """While this is open, rows of the sources come, change and go, a few times a second."""

    def change(over: threading.Event) -> None:
        chance = random.Random(7)
        with ExitStack() as opened:
            connections = [
                opened.enter_context(psycopg.connect(autocommit=True, **parameters(lane.source))) for lane in lanes
            ]
            while not over.wait(0.3):
                one = chance.randint(1, ROWS)
                for connection in connections:
                    connection.execute("UPDATE customers SET seen = now(), name = name || '.' WHERE id = %s", (one,))
                    connection.execute("INSERT INTO orders (customer, amount) VALUES (%s, %s)", (one, one / 3))
                    connection.execute("DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)")

    with beside("changing", change):
        yield


@contextmanager
def _workers(settings: Settings) -> Iterator[list[subprocess.Popen[bytes]]]:
    workers = [_worker(settings, number) for number in range(WORKERS)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(60)


def _worker(settings: Settings, number: int) -> subprocess.Popen[bytes]:
    home = settings.home.with_name(f"worker-{number}")
    home.mkdir(exist_ok=True)
    given = {"WAYFARE_HOME": str(home), "WAYFARE_STORE": settings.store_url, "WAYFARE_KEY": settings.key.reveal()}
    with (home / "output").open("ab") as output:
        return subprocess.Popen([str(WAYFARE), "worker"], env=environment(**given), stdout=output, stderr=output)


def _kill_now_and_then(
    workers: list[subprocess.Popen[bytes]], settings: Settings, until: float, outcome: Outcome
) -> None:
    chance = random.Random(11)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, KILL_EVERY_SECONDS))
        if left < KILL_EVERY_SECONDS:
            return
        number = chance.randrange(WORKERS)
        if workers[number].poll() is not None:
            outcome.troubles.append(f"worker {number} had ended by itself with {workers[number].returncode}.")
        workers[number].kill()
        workers[number].wait()
        outcome.kills += 1
        time.sleep(BACK_AFTER_SECONDS)
        workers[number] = _worker(settings, number)


def _come_to_rest(store: Store, lanes: Sequence[Lane], outcome: Outcome) -> None:
    """Each schedule copies what has become of its source, and is paused; then everything under way ends."""
    still = time.time()
    deadline = time.monotonic() + REST_SECONDS_MAX
    left = {lane.name for lane in lanes}
    while time.monotonic() < deadline:
        for name in list(left):
            if _copied_since(store, name, still):
                schedules.pause(store, LOCAL, name)
                left.discard(name)
        if not left and all(run.status in ENDED for run in _runs(store)) and not _claimed(store, lanes):
            return
        time.sleep(LOOK_SECONDS)
    outcome.troubles.append(
        f"after {REST_SECONDS_MAX:.0f} s something was still under way; not copied: {left or 'none'}."
    )


def _copied_since(store: Store, name: str, still: float) -> bool:
    """Did a run that was due after that instant succeed?"""
    starts = schedules.starts(store, schedules.get(store, name))
    fresh = [s["run"] for s in starts if s["due_at"] > still and s["state"] == "started"]
    return any(store.run(run).status is Status.SUCCEEDED for run in fresh)


def _claimed(store: Store, lanes: Sequence[Lane]) -> bool:
    return any(s["state"] == "claimed" for lane in lanes for s in _starts(store, lane))


def _starts(store: Store, lane: Lane) -> Sequence[Mapping[str, Any]]:
    return schedules.starts(store, schedules.get(store, lane.name), limit=1_000_000)


def _runs(store: Store) -> Sequence[Run]:
    return store.runs(limit=1_000_000)


def _account(store: Store, lanes: Sequence[Lane], outcome: Outcome) -> None:
    runs = {run.id: run for run in _runs(store)}
    for lane in lanes:
        _account_for(store, lane, runs, outcome)
    for run in runs.values():
        events = store.events(run.id, limit=100_000)
        outcome.adopted += any(event.name is Name.ADOPTED for event in events)
        code = next((e.data.get("code", "") for e in reversed(events) if e.name is Name.STEP_FAILED), "")
        outcome.runs[f"{run.status}" + (f", {code}" if run.status is Status.FAILED else "")] += 1
        # A run that went on in another view of a source that had changed must say so: it proves nothing else.
        if run.status is not Status.SUCCEEDED and code != Mismatch.code:
            outcome.troubles.append(f"run {run.id} ended as {run.status}: {run.reason}")


def _account_for(store: Store, lane: Lane, runs: Mapping[str, Run], outcome: Outcome) -> None:
    """Every time that was due has a start of its own, or is among those that a later one stands for."""
    schedule, starts = schedules.get(store, lane.name), _starts(store, lane)
    last = max(s["due_at"] for s in starts)
    due = sum(1 for _ in takewhile(lambda due: due.at <= last, schedule.timetable.after(schedule.created_at)))
    told = len(starts) + sum(s["passed_over"] for s in starts)
    if told != due:
        outcome.troubles.append(f"{lane.name} was due {due} times, and {told} are told.")
    for start in starts:
        outcome.due[start["state"]] += 1
        if start["state"] == "failed" or (start["state"] == "started" and start["run"] not in runs):
            outcome.troubles.append(f"{lane.name}, due at {start['due_at']:.0f}: {start['state']}, {start['reason']}")
    outcome.due["stood for by a later one"] += sum(s["passed_over"] for s in starts)


def page(outcome: Outcome) -> str:
    """docs/soak.md."""
    rows = [("killed with kill -9", outcome.kills), ("runs that another worker went on with", outcome.adopted)]
    rows += [(f"times due: {what}", count) for what, count in sorted(outcome.due.items())]
    rows += [(f"runs: {how}", count) for how, count in sorted(outcome.runs.items())]
    verdict = "Everything was accounted for, and every target equals its source." if not outcome.troubles else ""
    return "\n".join(
        [
            "# Soak",
            "",
            f"{WORKERS} workers on a store in PostgreSQL carry out {len(EVERY_SECONDS)} schedules, due every "
            f"{', '.join(map(str, EVERY_SECONDS))} seconds, for {outcome.minutes:g} minutes. Each copies two tables",
            "between two databases whose rows change all the while; once a minute a worker is killed with `kill -9`,",
            f"and comes back {BACK_AFTER_SECONDS:g} seconds later. Made by:",
            "",
            f"    uv run python -m benchmarks.soak --minutes {outcome.minutes:g}",
            "",
            "| what | how many |",
            "| --- | --- |",
            *(f"| {what} | {count:,} |" for what, count in rows),
            "",
            "A time that comes while the run before is still at work is passed. A run that was killed while",
            "its source changed may end as failed with `mismatch`: what it had read is no longer there to be",
            "proven. Nothing of it is put in place, and the next time copies anew.",
            "",
            *([verdict] if verdict else ["**Not as it should be:**", "", *(f"- {one}" for one in outcome.troubles)]),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
