"""A hundred runners that want the same lock at the same moment: one has it, and how long the others took to know."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import statistics
import threading
import time
from collections.abc import Iterator

from benchmarks.results import Figure
from benchmarks.schema import contenders_sqlite
from benchmarks.schema.ground import sendable
from wayfare.core.address import Address
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.database import PostgreSQL

CONTENDERS = 100
PROCESSES = 4
MS_MAX = 50.0


def figures() -> Iterator[Figure]:
    """Each is connected already; they are threads of PROCESSES processes."""
    with testbed.server("max_connections = 400") as address:
        with PostgreSQL(address) as db, db.schema().lock("first") as held:  # type: ignore[union-attr]
            assert held.fence
        context = multiprocessing.get_context("spawn")
        gate, answers, over = context.Barrier(PROCESSES), context.Queue(), context.Event()
        runners = [
            context.Process(target=group, args=(sendable(address), gate, answers, over)) for _ in range(PROCESSES)
        ]
        for each in runners:
            each.start()
        found = [answers.get() for _ in range(CONTENDERS)]
        over.set()
        for each in runners:
            each.join()
    winners = sum(won for won, _ in found)
    times = sorted(seconds * 1e3 for _, seconds in found)
    yield Figure(f"PostgreSQL, {CONTENDERS} at once: half of them knew within", statistics.median(times), None, "ms")
    yield Figure("PostgreSQL: all of them knew within", times[-1], MS_MAX, "ms")
    yield Figure("PostgreSQL: winners beside the one", abs(winners - 1), 0, "")
    yield from contenders_sqlite.figures(CONTENDERS, MS_MAX)


def group(
    address: Address,
    gate: multiprocessing.synchronize.Barrier,
    answers: multiprocessing.Queue[tuple[bool, float]],
    over: multiprocessing.synchronize.Event,
) -> None:
    """A process's share of the runners: threads with a database each, which begin together."""
    number = CONTENDERS // PROCESSES
    ready = threading.Barrier(number, action=gate.wait)
    threads = [threading.Thread(target=contend, args=(address, ready, answers, over)) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def contend(
    address: Address,
    ready: threading.Barrier,
    answers: multiprocessing.Queue[tuple[bool, float]],
    over: multiprocessing.synchronize.Event,
) -> None:
    with PostgreSQL(address) as db:
        db.check()  # connects
        ready.wait()
        began = time.perf_counter()
        held = db.schema().lock("contender")
        answers.put((held is not None, time.perf_counter() - began))
        over.wait()
        if held:
            with held:
                pass
