"""What the service costs and bears: reads, watchers, stalled clients, a store that leaves, a kill, a copy's first sign.

Clients are processes of their own, so that only the service's time is counted; how many they are, how often they ask
and for how long is fixed. CPU is the service's own, what it does beside answering included.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import outage
from benchmarks.race import Say, gist, scratch
from benchmarks.results import Figure
from benchmarks.serving import Served, serving, start
from benchmarks.watchers import READ_BYTES, Watcher, connect
from wayfare.core.events import Event, Name
from wayfare.core.plan import Phase, Plan, Step
from wayfare.engine.lock import Lock
from wayfare.settings import Settings
from wayfare.store.store import Store

READ_CPU_MS_MAX = 1.2
RESIDENT_MB_MAX = 150
LIST = "/api/runs?limit=10"
READS, READS_BEFORE = 2000, 300
WATCHERS, WATCHED_EVENTS, EVENTS_A_SECOND = 400, 500, 100
TOLD_MS_MAX = 250
STALLED, STALLED_EVENTS, STALLED_BYTES = 100, 2000, 1000
STALLED_MB_MAX = 20
WRITES_BEFORE_KILL = 200
READY_AGAIN_SECONDS_MAX = 3.0
FIRST_SIGN_SECONDS_MAX = 1.0
COPIED_ROWS = 300_000
SECONDS_MAX = 90  # for all that the clients of one figure do
PLAN = Plan("copy", {"title": "a → b", "tables": []}, (Phase("load", (Step("test.none", "load a"),)),))


def figures(say: Say) -> list[Figure]:
    found: list[Figure] = []
    for measure in (embedded_reads, shared_reads, watching, stalled, killed, first_sign, outage.figures):
        for figure in measure():
            amount = f"{figure.value:.2f}" if figure.unit in ("s", "ms") else f"{figure.value:.0f}"
            say(f"  {figure.what}: {amount} {figure.unit}")
            found.append(figure)
    return found


# Reads


def embedded_reads() -> Iterator[Figure]:
    with scratch() as folder:
        yield from _reads(folder, Settings(folder / "home"), "embedded store")


def shared_reads() -> Iterator[Figure]:
    with scratch() as folder, outage.postgresql() as server:
        url = server.url
        yield from _reads(folder, Settings(folder / "home", url), "PostgreSQL", WAYFARE_STORE=url)


def _reads(folder: Path, settings: Settings, where: str, **variables: str) -> Iterator[Figure]:
    with serving(folder / "home", "--auth-enabled", **variables) as served:
        token = served.token()
        with closing(Store.open(settings)) as store:
            run = _run(store)
        for what, path in (("a run", f"/api/runs/{run}"), ("a journal", f"/api/runs/{run}/journal"), ("runs", LIST)):
            _client("readers", served.port, token, path, READS_BEFORE)
            before = served.cpu()
            _client("readers", served.port, token, path, READS)
            spent = (served.cpu() - before) / READS * 1000
            yield Figure(f"an authenticated read of {what}, {where}, CPU", spent, READ_CPU_MS_MAX, "ms")
        yield Figure(f"resident memory after that, {where}", served.resident() / 1e6, RESIDENT_MB_MAX, "MB")


def _run(store: Store) -> str:
    return store.create_run(kind="copy", title="a → b", request={}, fingerprint="f", plan=PLAN, addresses={}).id


def _client(module: str, *words: object) -> str:
    """What it printed. Raises RuntimeError where it failed."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    if done.returncode:
        raise RuntimeError(f"{module}: {gist(done.stderr)}")
    return done.stdout


# Watchers


@contextmanager
def watched() -> Iterator[tuple[Served, Store, str]]:
    """A service, its store, and a run that nobody carries out, as we have the lock: its journal is ours to write."""
    with scratch() as folder, ExitStack() as opened:
        store = opened.enter_context(closing(Store.open(Settings(folder / "home"))))
        opened.callback(Lock(folder / "home").release)
        served = opened.enter_context(serving(folder / "home"))
        yield served, store, _run(store)


def write(store: Store, run: str, count: int, per_second: float, size: int = 20) -> None:
    began = time.monotonic()
    for number in range(count):
        data = {"code": "test", "severity": "info", "message": "x" * size, "where": "", "advice": ""}
        store.append(Event(run, Name.FINDING, f"finding {number}", data=data))
        time.sleep(max(0.0, began + (number + 1) / per_second - time.monotonic()))


def watching() -> Iterator[Figure]:
    with watched() as (served, store, run):
        words = map(str, (served.port, run, WATCHERS, WATCHED_EVENTS + 1, SECONDS_MAX))
        clients = subprocess.Popen([sys.executable, "-m", "benchmarks.watchers", *words], stdout=subprocess.PIPE)
        assert clients.stdout is not None
        clients.stdout.readline()  # all are told what has happened so far
        before = served.cpu()
        write(store, run, WATCHED_EVENTS, EVENTS_A_SECOND)
        told = json.loads(clients.communicate(timeout=SECONDS_MAX)[0])
        spent = served.cpu() - before
    who = f"{WATCHERS} WebSockets, {EVENTS_A_SECOND} events a second"
    yield Figure(f"{who}: lost", told["lost"], 0, "events")
    yield Figure(f"{who}: from an event's making to its arrival, median", told["p50"] * 1000, None, "ms")
    yield Figure("… 99 of 100 within", told["p99"] * 1000, TOLD_MS_MAX, "ms")
    yield Figure(f"… the service's CPU for {WATCHED_EVENTS} events", spent, None, "s")


def stalled() -> Iterator[Figure]:
    with watched() as (served, store, run):
        watcher = connect(served.port, run)  # the first one costs what all share
        time.sleep(1)
        before = served.resident()
        lines = [connect(served.port, run, receive_bytes=4096) for _ in range(STALLED)]
        write(store, run, STALLED_EVENTS, 1000, STALLED_BYTES)
        time.sleep(2)
        grown = (served.resident() - before) / 1e6
        for line in (watcher, *lines):
            line.close()
    what = f"{STALLED} WebSockets that read nothing of {STALLED_EVENTS * STALLED_BYTES / 1e6:.0f} MB: resident memory"
    yield Figure(f"{what}, more", grown, STALLED_MB_MAX, "MB")


# A kill


def killed() -> Iterator[Figure]:
    """kill -9 while somebody writes: what was acknowledged is there afterwards."""
    with scratch() as folder:
        kept: list[str] = []
        served = start(folder / "home")
        try:
            served.wait_for("/readyz", 200)
            writer = threading.Thread(target=_save_connections, args=(served, kept))
            writer.start()
            while len(kept) < WRITES_BEFORE_KILL and writer.is_alive():
                time.sleep(0.001)
        finally:
            served.end(signal.SIGKILL)
        writer.join()
        began = time.monotonic()
        with serving(folder / "home") as again:
            ready = time.monotonic() - began
            there = {c["name"] for c in again.get("/api/connections")["connections"]}
    if len(kept) < WRITES_BEFORE_KILL:
        raise RuntimeError("the writes failed before the kill")
    yield Figure("kill -9 during writes: acknowledged, and lost", len(set(kept) - there), 0, "writes")
    yield Figure("from the start after kill -9 until ready", ready, READY_AGAIN_SECONDS_MAX, "s")


def _save_connections(served: Served, kept: list[str]) -> None:
    for number in range(100 * WRITES_BEFORE_KILL):
        try:
            served.post("/api/connections", {"name": f"c{number}", "url": "sqlite:////tmp/none.db"})
        except OSError:  # it was killed
            return
        kept.append(f"c{number}")


# A copy's first sign


def first_sign() -> Iterator[Figure]:
    """From asking for a copy until a watcher is told that it runs, and of its first rows."""
    with scratch() as folder, serving(folder / "home") as served:
        _make(folder / "source.db")
        time.sleep(1)  # or the start of the service would be measured too
        began = time.monotonic()
        wish = {"source": f"sqlite:///{folder}/source.db", "target": f"sqlite:///{folder}/target.db"}
        run = served.post("/api/runs", wish)["run"]["id"]
        with closing(connect(served.port, run)) as line:
            line.settimeout(SECONDS_MAX)
            watcher = Watcher(line)
            running = _told(watcher, began, lambda amounts: amounts["status"] != "queued")
            rows = _told(watcher, began, lambda amounts: amounts["rows"] > 0)
    yield Figure("from asking for a copy until its watcher is told that it runs", running, None, "s")
    yield Figure("from asking for a copy until its watcher is told of rows", rows, FIRST_SIGN_SECONDS_MAX, "s")


def _told(watcher: Watcher, began: float, enough: Callable[[dict[str, Any]], bool]) -> float:
    while not (watcher.progress and enough(watcher.progress)):
        data = watcher.socket.recv(READ_BYTES)
        if not data:
            raise RuntimeError("the stream has ended")
        watcher.take(data)
    return time.monotonic() - began


def _make(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table one (id integer primary key, label text)")
        connection.executemany("insert into one values (?, ?)", ((i, f"label {i}") for i in range(COPIED_ROWS)))
        connection.commit()
