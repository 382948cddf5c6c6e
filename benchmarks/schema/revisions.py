"""Two thousand revisions: how long they take, and how fast the server tells of them; and a hundred runners at once."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.synchronize
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.places import WAYFARE, environment
from benchmarks.results import Figure
from benchmarks.schema.ground import sendable
from benchmarks.serving import Served, serving
from wayfare.core.address import Address
from wayfare.schema.revisions import runner
from wayfare.schema.revisions.files import read_folder
from wayfare.schema.revisions.runner import Options
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.registry import open_database

REVISIONS = 2_000
TABLES = 20
REQUESTS = 200
P99_MS_MAX = 100.0
CONTENDERS = 100
PROCESSES = 4
WAIT_SECONDS = 120.0


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = written(Path(scratch) / "revisions")
        with places(Path(scratch)) as found:
            for name, url in found:
                yield from measured(name, url, folder, Path(scratch))
    yield from contended()


@contextmanager
def places(scratch: Path) -> Iterator[list[tuple[str, str]]]:
    with testbed.server() as server:
        address = testbed.fresh(server)()
        there = f"postgresql://{address.user}@{address.host}:{address.port}/{address.database}"
        yield [("PostgreSQL", there), ("SQLite", f"sqlite:///{scratch / 'app.db'}")]


def written(folder: Path) -> Path:
    """The first ones make tables, all others add a column to one of them."""
    folder.mkdir()
    for number in range(1, REVISIONS + 1):
        table = f"t{number % TABLES}"
        text = f"create table {table} (id integer primary key);"
        if number > TABLES:
            text = f"alter table {table} add column c{number} integer;"
        (folder / f"{number:05}_change.sql").write_text(text)
    return folder


def measured(name: str, url: str, folder: Path, scratch: Path) -> Iterator[Figure]:
    home = scratch / f"home {name}"
    command = [str(WAYFARE), "schema", "apply", url, "--folder", str(folder)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment(WAYFARE_HOME=str(home)))
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stdout[-500:]}{done.stderr[-500:]}")
    seconds = time.perf_counter() - began
    yield Figure(f"{name}: {REVISIONS:,} revisions of a statement each, by `wayfare schema apply`", seconds, None, "s")
    with serving(home, WAYFARE_SCHEMA_DATABASE=url, WAYFARE_REVISIONS=str(folder)) as served:
        times = asked(served)
    yield Figure(f"{name}: GET /api/migrations/status, half within", statistics.median(times), None, "ms")
    yield Figure(f"{name}: … 99 of 100 within", sorted(times)[int(0.99 * len(times)) - 1], P99_MS_MAX, "ms")


def asked(served: Served) -> list[float]:
    """Milliseconds of each request, in their order. Raises RuntimeError where not all are told as applied."""
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        with urllib.request.urlopen(f"{served.url}/api/migrations/status", timeout=30) as answer:
            body = json.load(answer)
        times.append((time.perf_counter() - began) * 1e3)
        if (body["applied"], body["pending_count"]) != (REVISIONS, 0):
            raise RuntimeError(f"{body['applied']} applied, {body['pending_count']} pending")
    return times


def contended() -> Iterator[Figure]:
    """Each of a hundred `apply`s five revisions that nobody has applied: one does, and the others find nothing left."""
    with tempfile.TemporaryDirectory() as scratch, testbed.server("max_connections = 400") as server:
        folder = Path(scratch)
        for number in range(1, 6):
            (folder / f"{number}_t.sql").write_text(f"create table t{number} (id integer);")
        address = sendable(testbed.fresh(server)())
        context = multiprocessing.get_context("spawn")
        gate, answers = context.Barrier(PROCESSES), context.Queue()
        groups = [context.Process(target=group, args=(address, folder, gate, answers)) for _ in range(PROCESSES)]
        for each in groups:
            each.start()
        found = [answers.get() for _ in range(CONTENDERS)]
        for each in groups:
            each.join()
    failed = [error for _, _, error in found if error]
    for error in failed[:3]:
        print(f"  {error}")
    yield Figure(f"{CONTENDERS} apply at once: the last was done within", max(s for _, s, _ in found), None, "s")
    yield Figure("… that applied something, beside one", abs(sum(n > 0 for n, _, _ in found) - 1), 0, "")
    yield Figure("… revisions that were applied twice, or not", abs(sum(n for n, _, _ in found) - 5), 0, "")
    yield Figure("… that failed", len(failed), 0, "")


def group(
    address: Address,
    folder: Path,
    gate: multiprocessing.synchronize.Barrier,
    answers: multiprocessing.Queue[tuple[int, float, str]],
) -> None:
    ready = threading.Barrier(CONTENDERS // PROCESSES, action=gate.wait)
    threads = [
        threading.Thread(target=contend, args=(address, folder, ready, answers)) for _ in range(CONTENDERS // PROCESSES)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def contend(
    address: Address, folder: Path, ready: threading.Barrier, answers: multiprocessing.Queue[tuple[int, float, str]]
) -> None:
    """Tells how many it applied itself, the seconds, and what failed."""
    number, failed = 0, ""
    with open_database(address) as database:
        assert isinstance(database, PostgreSQL)
        database.check()  # connects
        ready.wait()
        began = time.perf_counter()
        try:
            number = len(
                runner.apply(database.schema(), read_folder(folder), Options(wait_seconds=WAIT_SECONDS)).entries
            )
        except Exception as error:  # whatever it is, the figures tell it
            failed = f"{type(error).__name__}: {error}"
        answers.put((number, time.perf_counter() - began, failed))
