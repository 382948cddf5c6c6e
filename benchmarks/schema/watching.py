"""A changed table's queries become 60 % slower: how soon the watch says so, and how soon a run has taken it back."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.results import Figure
from benchmarks.schema.ground import ground
from wayfare.control.capabilities import register
from wayfare.control.runs import wait
from wayfare.core.address import Address
from wayfare.core.changes import Sample
from wayfare.core.events import Name
from wayfare.core.status import Status
from wayfare.engine.engine import Engine
from wayfare.schema.plan import Strategy, Wish, checksum_of, plan_change
from wayfare.schema.study import Draft, study
from wayfare.schema.subject import MASTER, Member
from wayfare.schema.text.reading import read
from wayfare.schema.watch import TICK_SECONDS, Costs, Limits, Watcher, between
from wayfare.settings import Settings
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import COUNTING
from wayfare.systems.registry import open_database

ROWS = 100_000
PROCESSES = 2
CLIENTS = 3  # of each process
MS = 5.0  # each query sleeps so long, beside its work
SLOWER = 0.6
ROUNDS = 6
RUNS = 3
BASELINE_SECONDS = 20.0
QUIET_SECONDS = 120.0
BURN_SECONDS = 60.0
DETECTED_SECONDS_MAX = 2.0
ROLLED_BACK_SECONDS_MAX = 30.0
KNOBS = """
create table knob (ms float8); insert into knob values ({ms}); create table knob_beside as select * from knob;
create extension pg_stat_statements
"""
READS = (
    (0.45, "select age, pg_sleep((select ms from knob) / 1000.0) from users where id = %s", ROWS),
    (0.65, "select sum(age), (select pg_sleep((select ms from knob) / 2000.0)) from users where id < %s", 50),
    (1.00, "select kind, pg_sleep((select ms from knob_beside) / 1000.0) from events where id = %s", ROWS),
)
WRITES = (
    (0.5, "update users set age = age where id = %s", ROWS),
    (1.0, "select kind from events where id = %s", ROWS),
)
UP = """create function dawdle() returns trigger language plpgsql as $$
begin perform pg_sleep(0.004); return new; end $$;
create trigger dawdled before update on users for each row execute function dawdle();"""
Calls = tuple[tuple[float, str, int], ...]


def figures() -> Iterator[Figure]:
    with ground(ROWS, *COUNTING) as address:
        with psycopg.connect(autocommit=True, **parameters(address)) as connection:
            connection.execute(KNOBS.format(ms=MS).encode())
        with clients(address, READS):
            yield from noticed(address)
        with clients(address, WRITES):
            yield from taken_back(address)


def noticed(address: Address) -> Iterator[Figure]:
    with PostgreSQL(address) as db, psycopg.connect(autocommit=True, **parameters(address)) as knob:
        time.sleep(3)
        before = db.schema().sample()
        time.sleep(BASELINE_SECONDS)
        costs = between(before, db.schema().sample())
        yield from quiet(db, costs, QUIET_SECONDS, "two minutes of quiet")
        with burning():
            yield from quiet(db, costs, BURN_SECONDS, "a minute of a busy processor")
        seconds = [detected(db, knob, costs) for _ in range(ROUNDS)]
    found = [s for s in seconds if s is not None]
    yield Figure(
        f"queries {SLOWER:.0%} slower: rounds of {ROUNDS} in which it was not noticed", ROUNDS - len(found), 0, ""
    )
    yield Figure("… noticed, at the latest, within", max(found, default=0.0), DETECTED_SECONDS_MAX, "s")


def looks(db: PostgreSQL, seconds: float) -> Iterator[Sample]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        yield db.schema().sample()
        time.sleep(max(0.0, TICK_SECONDS - (time.monotonic() - began)))


def quiet(db: PostgreSQL, costs: Costs, seconds: float, what: str) -> Iterator[Figure]:
    """Each look is judged by itself: an alarm does not end the watch."""
    watcher, alarms = Watcher(Limits(), ("users",), costs), 0
    for sample in looks(db, seconds):
        watcher.verdict = ""
        watcher.look(sample)
        alarms += bool(watcher.verdict)
    ratios = [p.ratio for p in watcher.points if p.ratio is not None]
    told = f"{what}, {len(ratios)} looks that could compare"
    yield Figure(
        f"{told}: the greatest ratio (alarm above {watcher.limits.ratio_max:g})", max(ratios, default=0.0), None, "×"
    )
    yield Figure(f"{what}: false alarms", alarms, 0, "")


def detected(db: PostgreSQL, knob: psycopg.Connection[tuple[object, ...]], costs: Costs) -> float | None:
    """Seconds from the slow-down to the verdict; None within ten."""
    watcher = Watcher(Limits(), ("users",), costs)
    for sample in looks(db, 4 * TICK_SECONDS + random.random() * TICK_SECONDS):
        watcher.look(sample)
    if watcher.verdict:
        raise RuntimeError(f"an alarm before anything was slower: {watcher.verdict}")
    mean = statistics.mean(s.mean_ms for k, s in costs.items() if "users" in watcher.last.queries[k].text)  # type: ignore[union-attr]
    knob.execute("update knob set ms = ms + %s", (SLOWER * mean,))
    began = time.monotonic()
    try:
        for sample in looks(db, 10):
            watcher.look(sample)
            if watcher.verdict:
                return time.monotonic() - began
        return None
    finally:
        knob.execute("update knob set ms = %s", (MS,))
        time.sleep(2)


@contextmanager
def clients(address: Address, calls: Calls) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    groups = [context.Process(target=group, args=(address, calls, over)) for _ in range(PROCESSES)]
    for each in groups:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in groups:
            each.join()


def group(address: Address, calls: Calls, over: multiprocessing.synchronize.Event) -> None:
    threads = [threading.Thread(target=client, args=(address, calls, over)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def client(address: Address, calls: Calls, over: multiprocessing.synchronize.Event) -> None:
    with psycopg.connect(autocommit=True, **parameters(address)) as connection:
        while not over.is_set():
            chance = random.random()
            _, query, most = next(call for call in calls if chance < call[0])
            connection.execute(query.encode(), (random.randint(1, most),))
            time.sleep(0.004)


@contextmanager
def burning() -> Iterator[None]:
    """One process for each processor, which only counts."""
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    burners = [context.Process(target=burn, args=(over,)) for _ in range(multiprocessing.cpu_count())]
    for each in burners:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in burners:
            each.join()


def burn(over: multiprocessing.synchronize.Event) -> None:
    while not over.is_set():
        sum(range(100_000))


def taken_back(address: Address) -> Iterator[Figure]:
    """A trigger that sleeps, through the engine: times are those of the run's own journal."""
    register()
    found = []
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(Path(home))
        store = Store.open(settings)
        with Engine(settings, store, open_database):
            found = [one_run(store, address, number) for number in range(RUNS)]
        store.close()
    yield Figure(
        f"{RUNS} runs with a slow trigger: asked for their way back within", max(a for a, _ in found), None, "s"
    )
    yield Figure("… and had gone it after", max(b for _, b in found), ROLLED_BACK_SECONDS_MAX, "s")


def one_run(store: Store, address: Address, number: int) -> tuple[float, float]:
    """(seconds from the change to the verdict, and from there to the end). Raises RuntimeError for another end."""
    with PostgreSQL(address) as db:
        found = study(db.schema(), Draft(read(UP, "postgres")), replica=db)
        limits = Limits(baseline_seconds=10, observe_seconds=20)
        part = db.schema().part()
    members = (Member(MASTER, part),)
    wish = Wish(f"slow-{number}", "dawdling", checksum_of(UP, ""), found, members, Strategy.DIRECT, limits=limits)
    made = store.create_run(
        kind="schema",
        title="dawdling",
        request={},
        fingerprint=f"slow-{number}",
        plan=plan_change(wish),
        addresses={MASTER: address},
    )
    ended = wait(store, made.id, 120, until=frozenset({Status.UNDONE, Status.FAILED, Status.SUCCEEDED}))
    if ended.status is not Status.UNDONE or "slower" not in ended.reason:
        raise RuntimeError(f"{ended.status}: {ended.reason}")
    events = store.events(made.id, limit=1000)
    done = next(e.at for e in events if e.name is Name.STEP_DONE and e.step.startswith("change"))
    asked = next(e.at for e in events if e.at > done and e.data.get("to") == Status.UNDOING.value)
    assert ended.ended_at
    return asked - done, ended.ended_at - asked
