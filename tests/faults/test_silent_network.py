"""A line that stands, and on which nothing passes any more: it is given up, told, and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faults.chaos_proxy import ChaosProxy
from faults.copying import UnderWay, events, under_way
from faults.ground import same, sql
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.events import Name
from wayfare.core.status import Status
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh

pytestmark = pytest.mark.slow

ROWS = 600
LETTERS = 200_000  # a row; all of them together are more than sockets hold
STALL = {"stall_seconds": "2"}


@pytest.fixture
def source(server: Fresh) -> Address:
    address = server()
    numbers = {
        "postgresql": f"generate_series(1, {ROWS}) AS t(n)",
        "mysql": f"(SELECT seq AS n FROM seq_1_to_{ROWS}) t",
    }
    kind = "text" if address.system == "postgresql" else "longtext"
    sql(
        address,
        f"CREATE TABLE letters (id integer PRIMARY KEY, t {kind})",
        f"INSERT INTO letters SELECT n, repeat(chr(65 + n % 20), {LETTERS}) FROM {numbers[address.system]}",
    )
    return address


@pytest.fixture
def proxy(source: Address) -> Iterator[ChaosProxy]:
    with ChaosProxy(source) as proxy:
        yield proxy


def until_told(copy: UnderWay) -> None:
    copy.until(lambda run: any(e.name is Name.STEP_FAILED for e in copy.store.events(run.id)))


@pytest.mark.parametrize("native", ["1", "0"])
def test_silence_in_the_middle_of_rows(
    source: Address, proxy: ChaosProxy, duckdb: Address, home: Path, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYFARE_NATIVE", native)
    request = CopyRequest(replace(proxy.address, options=STALL), duckdb, rows_per_second=150)
    with under_way(home, request) as copy:
        copy.until_rows()
        proxy.silent = True
        until_told(copy)
        proxy.silent = False
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    told = next(e.data for e in events(home) if e.name is Name.STEP_FAILED)
    assert (told["code"], told["retryable"]) == ("unreachable", True)
    assert "nothing came for 2 seconds" in told["message"]
    assert f"127.0.0.1:{proxy.port}" in told["where"]
    assert same(source, duckdb)


def test_a_server_that_thinks_first_is_not_cut(source: Address) -> None:
    """Before the first row, silence is work: three seconds of sorting, with a limit of one."""
    sleep = "pg_sleep(3)" if source.system == "postgresql" else "sleep(3)"
    with open_database(replace(source, options={"stall_seconds": "1"})) as database:
        table = next(t for t in database.tables() if t.name == "letters")
        slow = f"CREATE VIEW slow AS SELECT id, t FROM letters, (SELECT {sleep} AS s) AS w ORDER BY id"
        sql(source, slow)
        views = replace(table, name="slow", key=(), indexes=(), hints=())
        chunk = next(iter(database.split(table, ROWS)))
        assert sum(b.num_rows for b in database.read(views, replace(chunk, by="", low=None, high=None))) == ROWS
