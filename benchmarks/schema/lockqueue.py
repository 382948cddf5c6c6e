"""Eight clients while a column is added behind a reader of six seconds: how long the unluckiest of them waits."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import random
import threading
import time
from collections.abc import Iterator, Mapping

import psycopg

from benchmarks.results import Figure
from benchmarks.schema import lockqueue_mysql
from benchmarks.schema.ground import entry, ground, says
from wayfare.core.address import Address
from wayfare.core.changes import Policy
from wayfare.core.statements import Kind
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters

CLIENTS = 8
READER_SECONDS = 6.0
WORST_MS_MAX = 110.0
ROWS = 100_000


def figures() -> Iterator[Figure]:
    with ground(ROWS) as address:
        worst, _ = measured(address, None)
        yield Figure("PostgreSQL, nobody changes anything: worst wait of a client", worst, None, "ms")
        for name, locks in (("locks known", {"users": "AccessExclusiveLock"}), ("locks unknown", {})):
            worst, seconds = measured(address, locks)
            yield Figure(f"PostgreSQL, {name}: until the change was done", seconds, None, "s")
            yield Figure(f"PostgreSQL, {name}: worst wait of a client", worst, WORST_MS_MAX, "ms")
    yield from lockqueue_mysql.figures(WORST_MS_MAX)


def measured(address: Address, locks: Mapping[str, str] | None) -> tuple[float, float]:
    """The worst wait in ms, and the seconds of the change."""
    context = multiprocessing.get_context("spawn")
    over, answers = context.Event(), context.Queue()
    clients = [context.Process(target=client, args=(address.url(reveal=True), over, answers)) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for _ in clients:
        answers.get()  # each says that it is connected
    time.sleep(0.5)
    began = time.perf_counter()
    reader = threading.Thread(target=read, args=(address,))
    reader.start()
    time.sleep(0.3)
    if locks is not None:
        change(address, locks)
    seconds = time.perf_counter() - began
    reader.join()
    over.set()
    worst = max(answers.get() for _ in clients)
    for each in clients:
        each.join()
    return worst * 1e3, seconds


def client(url: str, over: multiprocessing.synchronize.Event, answers: multiprocessing.Queue[float]) -> None:
    """Reads single rows until it is over, and tells its longest wait in seconds."""
    worst, address = 0.0, Address.parse(url, where="")
    with psycopg.connect(autocommit=True, **parameters(address)) as connection:
        answers.put(0.0)
        while not over.is_set():
            began = time.perf_counter()
            connection.execute("select age from users where id = %s", (random.randint(1, ROWS),)).fetchone()
            worst = max(worst, time.perf_counter() - began)
            time.sleep(0.005)
    answers.put(worst)


def read(address: Address) -> None:
    with psycopg.connect(**parameters(address)) as connection:
        connection.execute("select 1 from users limit 1")
        time.sleep(READER_SECONDS)


def change(address: Address, locks: Mapping[str, str]) -> None:
    with PostgreSQL(address) as db:
        held = db.schema().lock("benchmark")
        assert held
        with held:
            add = says("alter table users add column added integer", Kind.ADD_COLUMN, "users", "added")
            held.carry([add], entry("1"), Policy(locks=locks))
        db.execute("alter table users drop column added")
