"""The source changes under the copy: a snapshot does not see it; without one it is told; never a silent mixture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faults.copying import failure, roll_back, under_way
from faults.ground import ITEMS, fill, same, sql, tables
from moving import home as opened
from moving import move
from wayfare.control.copies import CopyRequest, start_copy
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.engine.engine import Engine
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh

SLOWLY = {"rows_per_chunk": 1_000, "rows_per_second": 8_000}
CHANGES = (
    "UPDATE items SET note = 'changed'",
    "DELETE FROM items WHERE id % 2 = 0",
    "INSERT INTO items SELECT id + 1000000, price, 'new' FROM items",
)


@pytest.mark.slow
def test_a_snapshot_does_not_see_it(server: Fresh, duckdb: Address, home: Path) -> None:
    source = server()
    fill(source)
    with under_way(home, CopyRequest(source, duckdb, **SLOWLY)) as copy:
        copy.until_rows()
        sql(source, *CHANGES)
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert sql(duckdb, "SELECT count(*), sum(id), count(*) FILTER (note LIKE 'item %') FROM items") == [
        (ITEMS, ITEMS * (ITEMS + 1) // 2, ITEMS)
    ]
    assert not same(source, duckdb), "the source has gone on since"


@pytest.mark.slow
def test_writers_of_a_file_wait(sqlite: Address, duckdb: Address, home: Path) -> None:
    """SQLite has no view for several readers: while they read, nobody writes."""
    fill(sqlite)
    with under_way(home, CopyRequest(sqlite, duckdb, **SLOWLY)) as copy:
        copy.until_rows()
        sql(sqlite, *CHANGES)
    run, report = copy.end()
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert sql(duckdb, "SELECT count(*), sum(id) FROM items") == [(ITEMS, ITEMS * (ITEMS + 1) // 2)]


@pytest.mark.slow
def test_without_a_snapshot_it_is_told(sqlite: Address, duckdb: Address, home: Path) -> None:
    """Chunks of one file are read at different times. What was copied is not what is there: nothing is published."""
    fill(sqlite)
    source = replace(sqlite, options={"snapshot": "off"})
    with under_way(home, CopyRequest(source, duckdb, **SLOWLY)) as copy:
        copy.until_rows()
        sql(sqlite, *CHANGES)
    run, report = copy.end()
    if run.status is Status.SUCCEEDED:
        assert same(sqlite, duckdb)
        return
    told = failure(home)
    assert told["code"] == "mismatch", told
    assert "items" in told["message"]
    assert report.outcome == "different"
    assert any(f.code == "rows_differ" and f.advice for f in report.findings)
    assert roll_back(home).status is Status.UNDONE
    assert tables(duckdb) == set()


@pytest.mark.slow
@pytest.mark.parametrize("system", ["postgresql", "mariadb", "sqlite"])
def test_it_changes_while_the_copy_is_paused(
    system: str, request: pytest.FixtureRequest, duckdb: Address, home: Path
) -> None:
    """Half was read before, half after: no proof of the first half holds any longer."""
    source = request.getfixturevalue(system)
    source = source if isinstance(source, Address) else source()
    fill(source)
    wanted = CopyRequest(source, duckdb, **SLOWLY)
    with under_way(home, wanted) as copy:
        copy.until_rows()
        copy.ask("pause")
    assert copy.end()[0].status is Status.WAITING
    sql(source, *CHANGES)
    run, report = move(home, wanted)
    assert (run.status, report.outcome) == (Status.FAILED, "different")
    run, report = move(home, wanted)
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), "the same command begins anew"
    assert same(source, duckdb)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE items ADD COLUMN extra integer",
        "ALTER TABLE items RENAME COLUMN note TO remark",
        "DROP TABLE items",
        "ALTER TABLE items DROP COLUMN note",
    ],
)
def test_columns_that_changed_since_the_plan(server: Fresh, duckdb: Address, home: Path, change: str) -> None:
    source = server()
    fill(source, 10, 3)
    with opened(home) as (settings, store):
        run, _ = start_copy(store, CopyRequest(source, duckdb))
        sql(source, change)
        with Engine(settings, store, open_database) as engine:
            engine.work(until=run.id)
        assert store.run(run.id).status is Status.FAILED
    told = failure(home)
    assert told["code"] == "conflict", told
    assert "items" in told["message"]
    assert told["remedy"]
    assert tables(duckdb) == set()
