"""kill -9 after every kind of event: the same command goes on, and ends with the same target, every row once."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from beds import running
from moving import file_address, home
from prepared import Process, start
from wayfare.control.copies import CopyRequest, verify
from wayfare.core.address import Address
from wayfare.core.events import Name
from wayfare.core.status import Status
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

SECONDS_MAX = 60.0
ROWS = 3_000


@pytest.fixture
def source(tmp_path: Path) -> Address:
    """A parent, its child in several chunks, and a table without a key."""
    path = tmp_path / "source.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent, amount DECIMAL(10,2));"
            "CREATE TABLE keyless (what TEXT, n INTEGER);"
        )
        connection.executemany("INSERT INTO parent VALUES (?, ?)", [(i, f"name {i}") for i in range(20)])
        children = [(i, i % 20, round(i / 100, 2)) for i in range(ROWS)]
        connection.executemany("INSERT INTO child VALUES (?, ?, ?)", children)
        connection.executemany("INSERT INTO keyless VALUES ('same', ?)", [(i % 3,) for i in range(30)])
    return file_address("sqlite", path)


@pytest.fixture(params=["duckdb", pytest.param("postgresql", marks=pytest.mark.thorough)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    if request.param == "duckdb":
        yield file_address("duckdb", tmp_path / "target.duckdb")
        return
    with running(request.param, tmp_path) as fresh:
        yield fresh()


def begin(source: Address, target: Address, home: Path) -> Process | Popen[str]:
    words = ("copy", source.url(reveal=True), target.url(reveal=True), "--json", "--rows-per-chunk", "1000")
    with (home / "said").open("a") as said:
        return start(*words, environ={**os.environ, "WAYFARE_HOME": str(home)}, stdout=said, stderr=said)


def moments_of(store: Store) -> set[tuple[str, str]]:
    """What has happened so far, by kind: the second chunk of a table brings nothing that the first has not.

    Attempts do not count, nor whom the engine adopted: a run that is killed over and over has ever more of those.
    """
    runs = store.runs()
    events = store.events(runs[0].id, limit=10_000) if runs else []
    kinds = {step.name: step.tag for step in store.plan(runs[0].id).steps} if runs else {}
    return {(e.name, kinds.get(e.step, e.step)) for e in events if e.name is not Name.ADOPTED}


def wait_for(ready: Callable[[], bool], child: Process | Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "no progress"
        if child.poll() is not None:
            return
        time.sleep(0.002)


@pytest.mark.longest
@pytest.mark.timeout(600)
def test_killed_after_every_kind_of_event(source: Address, target: Address, tmp_path: Path) -> None:
    kills = 0
    seen: set[tuple[str, str]] = set()
    with home(tmp_path / "home") as (_, store):
        while [r.status for r in store.runs()] != [Status.SUCCEEDED]:
            child = begin(source, target, tmp_path / "home")
            wait_for(lambda: moments_of(store) > seen, child)  # noqa: B023  called within this round
            child.send_signal(signal.SIGKILL)  # also in the moment between the run's end and the command's
            assert child.wait() in (0, -signal.SIGKILL), (tmp_path / "home" / "said").read_text()
            kills, seen = kills + (child.returncode != 0), moments_of(store)
        runs = store.runs()
        assert [r.status for r in runs] == [Status.SUCCEEDED], "one run, resumed every time"
        events = store.events(runs[0].id, limit=10_000)
    assert kills > 10
    done = Counter(e.step for e in events if e.name is Name.STEP_DONE)
    assert {name: n for name, n in done.items() if n > 1} == {}, "what was done is not done again"
    assert verify(CopyRequest(source, target), rows=True).outcome == "equal"
    with open_database(target) as database:
        assert sorted(t.name for t in database.tables()) == ["child", "keyless", "parent"]
