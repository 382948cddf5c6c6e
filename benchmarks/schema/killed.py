"""kill -9 of a runner in the middle of a rewriting ALTER: what stays, and when the next one may begin."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.results import Figure
from benchmarks.schema.ground import entry, ground, says
from wayfare.core.address import Address
from wayfare.core.changes import Outcome, Policy
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ROUNDS = 5
FREE_MS_MAX = 2000.0
REWRITE = says("alter table users add column lost uuid default gen_random_uuid()", Kind.ADD_COLUMN, "users", "lost")
BUILD = says(
    "create index concurrently lost_index on users (payload)",
    Kind.CREATE_INDEX,
    "users",
    "lost_index",
    alone=True,
    concurrently=True,
)


def figures() -> Iterator[Figure]:
    """A runner is killed half a second into its statement, ROUNDS times each."""
    with ground() as address, PostgreSQL(address) as db:
        for name, statement in (("a rewriting ALTER", REWRITE), ("a concurrent index build", BUILD)):
            free, left, cleared = [], 0, 0
            for _ in range(ROUNDS):
                intent = db.schema().shape(statement)
                kill_in_the_middle(address, statement)
                free.append(until_free(db))
                left += committed(db)
                while (outcome := db.schema().outcome(statement, intent)) is Outcome.AT_WORK:
                    time.sleep(0.02)
                cleared += outcome is Outcome.NOT_DONE and not invalid(db)
            yield Figure(
                f"{name}, {ROUNDS} rounds: the lock was free after, at most", max(free) * 1e3, FREE_MS_MAX, "ms"
            )
            yield Figure(f"{name}: columns or entries left", left, 0, "")
            yield Figure(f"{name}: rounds not told as not done, or not cleared", ROUNDS - cleared, 0, "")


def kill_in_the_middle(address: Address, statement: Statement) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    runner = context.Process(target=carry, args=(address.url(reveal=True), statement.text, there))
    runner.start()
    here.recv()
    time.sleep(0.5)
    assert runner.pid
    os.kill(runner.pid, signal.SIGKILL)
    runner.join()


def carry(url: str, text: str, ready: Connection) -> None:
    statement = next(s for s in (REWRITE, BUILD) if s.text == text)  # its details cannot be sent
    with PostgreSQL(Address.parse(url, where="")) as db:
        held = db.schema().lock("doomed")
        assert held
        ready.send(True)
        held.carry([statement], entry("lost"), Policy())


def until_free(db: PostgreSQL) -> float:
    """Seconds until another runner has the lock."""
    began = time.perf_counter()
    while True:
        held = db.schema().lock("the next")
        if held:
            with held:
                return time.perf_counter() - began
        time.sleep(0.01)


def committed(db: PostgreSQL) -> int:
    found = db.execute("select count(*) n from pg_attribute where attname = 'lost'").to_pylist()[0]["n"]
    return int(found) + len(db.schema().entries("benchmark"))


def invalid(db: PostgreSQL) -> int:
    return int(db.execute("select count(*) n from pg_index where not indisvalid").to_pylist()[0]["n"])
