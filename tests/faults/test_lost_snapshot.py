"""The connections that hold the source's view are cut midway: the run opens another, and mixes nothing silently."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from faults.copying import UnderWay, events, failure, under_way
from faults.ground import ITEMS, fill, same, sql
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.events import Name
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh

pytestmark = pytest.mark.slow

EXPORTER = "query LIKE '%pg_export_snapshot%' AND state = 'idle in transaction' AND pid <> pg_backend_pid()"


def cut(source: Address) -> int:
    """How many connections were ended by the administrator: PostgreSQL's one holder, or all of MariaDB's."""
    if source.system == "postgresql":
        return len(sql(source, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {EXPORTER}"))
    others = sql(source, f"SELECT id FROM information_schema.processlist WHERE db = '{source.database}'")
    ours = len(others) - 1  # but the one that asks
    for (number,) in others:
        with suppress(pymysql.OperationalError):  # it had left by itself
            sql(source, f"KILL {number}")
    return ours


def until_a_chunk_is_done(copy: UnderWay) -> None:
    """Loaded and recorded: what comes from now on comes from another view."""
    copy.until(lambda run: bool(copy.store.outcomes(run.id, "copy.load")))


def test_the_run_goes_on_with_another_view(server: Fresh, duckdb: Address, home: Path) -> None:
    source = server()
    fill(source)
    request = CopyRequest(source, duckdb, rows_per_chunk=2_000, rows_per_second=2_500)
    with under_way(home, request) as copy:
        until_a_chunk_is_done(copy)
        assert cut(source) > 0
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert "view_renewed" in {f.code for f in report.findings}
    assert [e for e in events(home) if e.name is Name.ASKED] == [], "nobody had to resume it"
    assert sql(duckdb, "SELECT count(*), count(DISTINCT id) FROM items") == [(ITEMS, ITEMS)]
    assert same(source, duckdb)


def test_rows_of_two_states_are_not_taken_for_one(server: Fresh, duckdb: Address, home: Path) -> None:
    """Some rows of every chunk change between the two views: what was loaded in the first is no longer the source's."""
    source = server()
    fill(source)
    request = CopyRequest(source, duckdb, tables=("items",), rows_per_chunk=2_000, rows_per_second=2_500)
    with under_way(home, request) as copy:
        until_a_chunk_is_done(copy)
        sql(source, "UPDATE items SET note = concat(note, '!') WHERE id % 500 = 0")
        assert cut(source) > 0
        assert len(copy.store.outcomes(copy.store.run("last").id, "copy.load")) < ITEMS // 2_000, "it was too late"
    run, report = copy.end()
    assert run.status is Status.FAILED
    assert failure(home)["code"] == "mismatch"
    assert report.outcome == "different"
    with under_way(home, replace(request, rows_per_second=0)) as again:
        pass
    assert again.end()[0].status is Status.SUCCEEDED
    assert same(source, duckdb, tables=("items",))
