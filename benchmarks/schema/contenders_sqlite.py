"""The same for the lock of a SQLite file: threads of one process."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.results import Figure
from wayfare.core.address import Address
from wayfare.systems.databases.sqlite.database import SqliteDatabase

ROUNDS = 10


def figures(contenders: int, ms_max: float) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        found = [_round(Path(folder) / "contended.db", contenders) for _ in range(ROUNDS)]
    worst = [losers_ms[-1] for _, losers_ms in found]
    yield Figure(f"SQLite, {ROUNDS} rounds: all of them knew within, in half of the rounds", median(worst), None, "ms")
    yield Figure("SQLite: … and in every round", max(worst), ms_max, "ms")
    yield Figure("SQLite: rounds without exactly one winner", sum(winners != 1 for winners, _ in found), 0, "")


def _round(path: Path, contenders: int) -> tuple[int, list[float]]:
    start = threading.Barrier(contenders)
    ends: list[tuple[float, object]] = []

    def contend(number: int) -> None:
        schema = SqliteDatabase(Address("sqlite", database=str(path))).schema()
        start.wait()
        begun = time.perf_counter()
        held = schema.lock(f"runner {number}")
        ends.append(((time.perf_counter() - begun) * 1000, held))

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [held for _, held in ends if held is not None]
    for held in winners:
        held.__exit__(None, None, None)  # type: ignore[attr-defined]
    return len(winners), sorted(ms for ms, held in ends if held is None)
