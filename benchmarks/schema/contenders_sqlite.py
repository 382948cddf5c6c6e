"""A hundred runners want one lock of SQLite at once: `uv run python -m benchmarks.schema.contenders_sqlite`."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from wayfare.core.address import Address
from wayfare.systems.databases.sqlite.database import SqliteDatabase

CONTENDERS = 100
ROUNDS = 10
MILLISECONDS_MAX = 50.0  # for who does not get it


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contended.db"
        found = [_round(path) for _ in range(ROUNDS)]
    for number, (winners, losers_ms) in enumerate(found, 1):
        print(f"round {number}: winners {winners}, losers median {losers_ms[len(losers_ms) // 2]:.1f} ms", end="")
        print(f", worst {losers_ms[-1]:.1f} ms (limit {MILLISECONDS_MAX:.0f})")


def _round(path: Path) -> tuple[int, list[float]]:
    start = threading.Barrier(CONTENDERS)
    ends: list[tuple[float, object]] = []

    def contend(number: int) -> None:
        schema = SqliteDatabase(Address("sqlite", database=str(path))).schema()
        start.wait()
        begun = time.perf_counter()
        held = schema.lock(f"runner {number}")
        ends.append(((time.perf_counter() - begun) * 1000, held))

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [held for _, held in ends if held is not None]
    for held in winners:
        held.__exit__(None, None, None)  # type: ignore[attr-defined]
    return len(winners), sorted(ms for ms, held in ends if held is None)


if __name__ == "__main__":
    main()
