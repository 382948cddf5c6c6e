"""Two PostgreSQL servers of which one subscribes to the other, clients that know both, and who looks at them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest

from psql import sql
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.options import parameters

TABLES = """
create table orders (id bigserial primary key, n bigint unique);
create table lines (id bigint generated always as identity primary key, n bigint)
"""
WRITES = "-c default_transaction_read_only=off"
PAUSE_SECONDS = 0.003  # or whoever writes and looks takes the processor from what is looked at


@dataclass
class Pair:
    blue: Address
    green: Address

    def client(self, **more: Any) -> psycopg.Connection[Any]:
        """As an application connects: both servers, whichever takes writes."""
        given = {**parameters(self.blue), "host": "127.0.0.1,127.0.0.1", "target_session_attrs": "read-write", **more}
        return psycopg.connect(autocommit=True, **{**given, "port": f"{self.blue.port},{self.green.port}"})


@contextmanager
def two_servers(*settings: str) -> Iterator[tuple[Address, Address]]:
    """Skips the test, with the reason, where they cannot be had."""
    try:
        with testbed.server("max_prepared_transactions = 2", *settings) as blue, testbed.server(*settings) as green:
            yield blue, green
    except Unavailable as error:
        pytest.skip(str(error))


@contextmanager
def two_databases(roots: tuple[Address, Address], name: str) -> Iterator[Pair]:
    """Two of one name, as clients want it; the second has all tables of the first, and subscribes to them."""
    for root in roots:
        sql(root, f"create database {name}")
    made = Pair(*(replace(root, database=name) for root in roots))
    for address in (made.blue, made.green):
        sql(address, TABLES)
    sql(made.blue, "insert into orders (n) select -g from generate_series(1, 100) g")
    sql(made.blue, "create publication ours for all tables")
    at = f"host=127.0.0.1 port={made.blue.port} dbname={name} user={made.blue.user}"
    sql(made.green, f"create subscription {name} connection '{at}' publication ours")
    until(lambda: sql(made.green, "select distinct srsubstate from pg_subscription_rel") == [("r",)])
    yield made
    with psycopg.connect(autocommit=True, options=WRITES, **parameters(made.green)) as last:
        last.execute(f"drop subscription if exists {name}")


def until(ready: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
    return found


def closed(address: Address) -> bool:
    """Does who connects now only read? Asked again when a switch ends the very client that asks."""
    for _ in range(20):
        with suppress(psycopg.OperationalError):
            return bool(sql(address, "show default_transaction_read_only") == [("on",)])
    raise AssertionError("whoever asks is ended")


@dataclass
class Writer:
    """Numbers rows, and knows which of them were acknowledged."""

    pair: Pair
    acknowledged: list[int] = field(default_factory=list)
    collisions: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        number, connection = 0, None
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                connection = connection or self.pair.client()
                connection.execute("insert into orders (n) values (%s) on conflict (n) do nothing", (number,))
                connection.execute("insert into lines (n) values (%s)", (number,))
            except psycopg.errors.UniqueViolation as error:
                self.collisions.append(str(error))
                break
            except psycopg.Error:  # the same number once more, wherever one can write by now
                with suppress(psycopg.Error, AttributeError):
                    connection.close()  # type: ignore[union-attr]
                connection = None
                continue
            self.acknowledged.append(number)
            number += 1
        if connection:
            connection.close()

    @contextmanager
    def at_work(self) -> Iterator[Writer]:
        thread = threading.Thread(target=self.write)
        thread.start()
        try:
            until(lambda: len(self.acknowledged) > 20)
            yield self
        finally:
            self._stop.set()
            thread.join()

    def more(self) -> None:
        """Waits until more were written: somebody takes writes."""
        seen = len(self.acknowledged)
        until(lambda: len(self.acknowledged) > seen + 20 or self.collisions)


@contextmanager
def never_both(pair: Pair) -> Iterator[list[str]]:
    """Looks at green, then at blue, all the time: once green is closed, it is never open before blue is closed."""
    faults: list[str] = []
    stop = threading.Event()

    def look() -> None:
        begun = False
        while not stop.wait(0.01):
            green_open = not closed(pair.green)
            begun = begun or not green_open
            if begun and green_open and not closed(pair.blue):
                faults.append("both take writes")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield faults
    finally:
        stop.set()
        thread.join()
