"""A bad network between Wayfare and a server: an equal end, or a clear word; never a part, never a row twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faults.chaos_proxy import ChaosProxy
from faults.copying import failure, roll_back, under_way
from faults.ground import ITEMS, VISITS, fill, same, sql, tables
from moving import move
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CUTS = 3
CHUNKS = {"rows_per_chunk": 2_000}
THROTTLED = {**CHUNKS, "rows_per_second": 8_000}


@pytest.fixture
def target(server: Fresh) -> Address:
    return server()


@pytest.fixture
def proxy(target: Address) -> Iterator[ChaosProxy]:
    with ChaosProxy(target) as proxy:
        yield proxy


@pytest.fixture
def source(sqlite: Address) -> Address:
    fill(sqlite)
    return sqlite


def all_there(source: Address, target: Address) -> None:
    assert same(source, target)
    assert sql(target, "SELECT count(*), count(DISTINCT id) FROM items") == [(ITEMS, ITEMS)]
    assert sql(target, "SELECT count(*) FROM visits") == [(VISITS,)]
    assert tables(target) == {"items", "visits"}


def test_cut_in_the_middle_of_batches(source: Address, target: Address, proxy: ChaosProxy, home: Path) -> None:
    """Between Wayfare and the target, on the way in."""
    proxy.cut_after, proxy.cuts = 200_000, CUTS
    run, report = move(home, CopyRequest(source, proxy.address, **CHUNKS))
    assert proxy.cuts == 0, "the network was as bad as it should be"
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    all_there(source, target)


def test_cut_while_reading(server: Fresh, duckdb: Address, home: Path) -> None:
    """Between the source and Wayfare. A snapshot that broke is told; the same copy goes on with a new one."""
    source = server()
    fill(source)
    with ChaosProxy(source) as proxy:
        request = CopyRequest(proxy.address, duckdb, **THROTTLED)
        with under_way(home, request) as copy:
            copy.until_rows()
            proxy.cut_after, proxy.cuts = 50_000, CUTS
        run, report = copy.end()
        assert proxy.cuts < CUTS
        proxy.cuts = 0
        if run.status is Status.FAILED:
            assert failure(home)["code"] == "unreachable", failure(home)
            run, report = move(home, request)
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert sql(duckdb, "SELECT count(*), count(DISTINCT id) FROM items") == [(ITEMS, ITEMS)]
    assert same(source, duckdb)


def test_every_connection_reset(source: Address, target: Address, proxy: ChaosProxy, home: Path) -> None:
    with under_way(home, CopyRequest(source, proxy.address, **THROTTLED)) as copy:
        copy.until_rows()
        proxy.reset()
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    all_there(source, target)


def test_latency(source: Address, target: Address, proxy: ChaosProxy, home: Path) -> None:
    proxy.latency = 0.02
    run, report = move(home, CopyRequest(source, proxy.address, **CHUNKS))
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    all_there(source, target)


@pytest.mark.parametrize("ending", ["it passes", "then reset"])
def test_a_black_hole(source: Address, target: Address, proxy: ChaosProxy, home: Path, ending: str) -> None:
    """Nothing passes for a while: the copy stands still, and goes on by itself when the network is back."""
    with under_way(home, CopyRequest(source, proxy.address, **THROTTLED)) as copy:
        copy.until_rows()
        proxy.silent = True
        time.sleep(1)
        if ending == "then reset":
            proxy.reset()
        proxy.silent = False
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    all_there(source, target)


def test_a_network_that_stays_bad(source: Address, target: Address, proxy: ChaosProxy, home: Path) -> None:
    """The attempts end. What was there before is untouched, and undoing leaves nothing behind."""
    sql(target, "CREATE TABLE items (id integer PRIMARY KEY, old varchar(10))", "INSERT INTO items VALUES (1, 'kept')")
    proxy.cut_after, proxy.cuts = 60_000, 10**9
    request = CopyRequest(source, proxy.address, **CHUNKS)
    run, _ = move(home, request)
    assert run.status is Status.FAILED
    told = failure(home)
    assert told["code"] == "unreachable", told
    assert f"127.0.0.1:{proxy.port}" in told["where"]
    assert told["remedy"], told
    assert sql(target, "SELECT id, old FROM items") == [(1, "kept")]
    proxy.cuts = 0
    assert roll_back(home).status is Status.UNDONE
    assert sql(target, "SELECT id, old FROM items") == [(1, "kept")]
    assert tables(target) == {"items"}
    run, report = move(home, replace(request, target=target))
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal")
