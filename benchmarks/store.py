"""What the store of records costs, alone: `uv run python -m benchmarks.store [POSTGRESQL-URL]`.

Without a URL, PostgreSQL is started for it. Figures are of this machine, and worth nothing while it is busy.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.principal import LOCAL
from wayfare.settings import Settings
from wayfare.store import audit, rotation
from wayfare.store.schema import AUDIT, AUDIT_HEADS, COUNTERS
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql import testbed

ENTRIES = 100_000
STEPS = 1000
PROCESSES, UPDATES = 4, 150
SECRETS = 1000
HERE = "benchmark"  # the counter that all of them change


def main(url: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", Settings(Path(folder, "embedded")))
        with given(url) if url else testbed.server() as address:
            url = address if isinstance(address, str) else address.url(reveal=True)
            measure("PostgreSQL", Settings(Path(folder, "shared"), url))


@contextmanager
def given(url: str) -> Iterator[str]:
    yield url


def measure(name: str, settings: Settings) -> None:
    started = time.perf_counter()
    with closing(Store.open(settings)) as store:
        tell(name, "a new store is opened", (time.perf_counter() - started) * 1e3, "ms")
        tell(name, "a step is journalled (CPU)", journal(store), "µs")
        tell(name, "a run is read (CPU)", reading(store), "µs")
        tell(name, "an audited change", auditing(store), "µs")
        tell(name, f"{ENTRIES:,} entries are verified", verifying(store), "s")
        tell(name, f"{SECRETS:,} secrets are brought under a new key", rotating(store), "s")
    median, p99 = sharing(settings)
    tell(name, f"an update, {PROCESSES} processes at once: median", median, "ms")
    tell(name, f"an update, {PROCESSES} processes at once: p99", p99, "ms")


def tell(name: str, what: str, figure: float, unit: str) -> None:
    print(f"{name:12}{what:56}{figure:10.1f} {unit}", flush=True)


def journal(store: Store) -> float:
    plan = Plan("copy", {}, (Phase("p", tuple(Step("t", f"s{i}", {}) for i in range(STEPS))),))
    run = store.create_run(kind="copy", title="", request={}, fingerprint="", plan=plan, addresses={}).id
    lane, _ = store.work.begin(run, 1, "benchmark") or sys.exit("the run does not begin")

    def step() -> None:
        claim = store.work.claim(lane, 0) or sys.exit("no step is left")
        store.work.done(claim, {"rows": 1}, 0.1)

    return each(step, STEPS)


def reading(store: Store) -> float:
    run = store.run("last").id
    return each(lambda: store.run(run), STEPS)


def auditing(store: Store) -> float:
    def change() -> None:
        with store.write() as connection:
            store.audit(connection, LOCAL, "thing.change", "t", details={"name": "x"})

    return each(change, STEPS // 2, time.perf_counter)


def each(do: Callable[[], object], times: int, clock: Callable[[], float] = time.process_time) -> float:
    """Microseconds."""
    do()
    started = clock()
    for _ in range(times - 1):
        do()
    return (clock() - started) / (times - 1) * 1e6


def verifying(store: Store) -> float:
    """The chain is made as `audit.append` makes it, all in one transaction."""
    last, rows = audit.NOTHING, []
    for number in range(1, ENTRIES + 1):
        row = ["long", number, 1.5e9 + number, "u1", "connection.change", f"c{number}", "done", '{"name":"x"}', last]
        last = audit._hash(row)
        rows.append(dict(zip((*audit._FIELDS, "hash"), (*row, last), strict=True)))
    with store.everywhere.write() as connection:
        connection.execute(sa.insert(AUDIT), rows)
        sealed = store.sealer.seal(f"{ENTRIES} {last}", audit._place("long"))
        connection.execute(sa.insert(AUDIT_HEADS), {"tenant": "long", "sealed": sealed})
    started = time.perf_counter()
    with store.everywhere.snapshot() as connection:
        count, broken = audit.verify(connection, store.sealer, "long")
    if count != ENTRIES or broken:
        sys.exit(f"the chain does not hold: {broken}")
    return time.perf_counter() - started


def rotating(store: Store) -> float:
    with store.everywhere.write() as connection:
        for number in range(SECRETS):
            tenant = f"t{number}"
            sealed = store.sealer.seal("x" * 100, audit._place(tenant))
            connection.execute(sa.insert(AUDIT_HEADS), {"tenant": tenant, "sealed": sealed})
    started = time.perf_counter()
    done = rotation.rotate(store)
    if done.secrets.old or done.unreadable:
        sys.exit(f"secrets are left: {done}")
    return time.perf_counter() - started


def sharing(settings: Settings) -> tuple[float, float]:
    """(median, p99) of an update in milliseconds, with several processes at the same row."""
    with closing(Store.open(settings)) as store, store.write() as connection:
        connection.execute(sa.insert(COUNTERS), {"name": HERE, "value": 0})
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        taken = sorted(t for times in pool.map(update, [settings] * PROCESSES) for t in times)
    with closing(Store.open(settings)) as store, store.read() as connection:
        query = sa.select(COUNTERS.c.value).where(COUNTERS.c.name == HERE)
        if connection.execute(query).scalar_one() != PROCESSES * UPDATES:
            sys.exit("updates were lost")
    return statistics.median(taken) * 1e3, taken[int(len(taken) * 0.99)] * 1e3


def update(settings: Settings) -> list[float]:
    here, taken = COUNTERS.c.name == HERE, []
    with closing(Store.open(settings)) as store:
        for _ in range(UPDATES):
            started = time.perf_counter()
            with store.write() as connection:
                value = connection.execute(sa.select(COUNTERS.c.value).where(here).with_for_update()).scalar_one()
                connection.execute(sa.update(COUNTERS).where(here).values(value=value + 1))
            taken.append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    main(*sys.argv[1:])
