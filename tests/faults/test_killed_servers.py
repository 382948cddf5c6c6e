"""A server dies in the middle of a copy. It comes back, and the same copy goes on: every row once, and equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from beds import running
from faults.copying import failure, under_way
from faults.ground import ITEMS, VISITS, fill, same, sql, tables
from faults.servers import Mortal
from moving import move
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MIDWAY = {"rows_per_chunk": 1_000, "rows_per_second": 8_000}
OURS = {"items", "visits"}
DURABLE = "SET GLOBAL innodb_flush_log_at_trx_commit = 2"  # throw-away servers are faster than they are safe


@pytest.fixture
def lasting(mortal: Mortal) -> Mortal:
    """A server that remembers what it has committed."""
    if mortal.address.system == "mysql":
        sql(mortal.address, DURABLE)
    return mortal


def counts(address: Address) -> list[int]:
    return [int(sql(address, f"SELECT count(*) FROM {table}")[0][0]) for table in ("items", "visits")]


def killed_and_gone_on_with(mortal: Mortal, request: CopyRequest, home: Path) -> None:
    with under_way(home, request) as copy:
        copy.until_rows()
        mortal.kill()
    run, _ = copy.end()
    assert run.status is Status.FAILED
    told = failure(home)
    assert told["code"] == "unreachable", told
    assert f"127.0.0.1:{mortal.address.port}" in told["where"], told
    assert told["remedy"], told
    mortal.start()
    again, report = move(home, request)
    assert again.status is Status.SUCCEEDED, again.reason
    assert report.outcome == "equal"
    assert counts(request.target) == [ITEMS, VISITS]
    assert same(request.source, request.target)
    assert tables(request.target) == OURS


def test_the_source(lasting: Mortal, duckdb: Address, home: Path) -> None:
    fill(lasting.address)
    killed_and_gone_on_with(lasting, CopyRequest(lasting.address, duckdb, **MIDWAY), home)


def test_the_target(lasting: Mortal, sqlite: Address, home: Path) -> None:
    fill(sqlite)
    killed_and_gone_on_with(lasting, CopyRequest(sqlite, lasting.address, **MIDWAY), home)


def test_the_target_of_a_relay(lasting: Mortal, postgresql: Fresh, home: Path) -> None:
    source = postgresql()
    fill(source)
    killed_and_gone_on_with(lasting, CopyRequest(source, lasting.address, **MIDWAY), home)


def test_a_target_that_is_back_at_once(lasting: Mortal, sqlite: Address, home: Path) -> None:
    """The attempts of a step outlast a short restart: nobody has to do anything."""
    fill(sqlite)
    with under_way(home, CopyRequest(sqlite, lasting.address, **MIDWAY)) as copy:
        copy.until_rows()
        lasting.kill()
        lasting.start()
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert counts(lasting.address) == [ITEMS, VISITS]


def test_a_target_that_forgot_what_it_had_committed(tmp_path: Path, sqlite: Address, home: Path) -> None:
    """Its last second is gone. The proof notices, nothing is published, and the same command begins anew."""
    fill(sqlite)
    with running("mariadb", tmp_path) as fresh:
        mortal = Mortal(fresh())
        request = CopyRequest(sqlite, mortal.address, **MIDWAY)
        sql(mortal.address, "SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        try:
            with under_way(home, request) as copy:
                copy.until_rows()
                mortal.kill()
                mortal.start()
            run, report = copy.end()
            if run.status is Status.FAILED:
                assert report.outcome == "different"
                assert not tables(mortal.address) & OURS
                run, report = move(home, request)
            assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
            assert counts(mortal.address) == [ITEMS, VISITS]
        finally:
            mortal.stop()
