"""BlueGreen where queries are counted: green is compared with what the same queries took on blue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from faces.handing import Pair, closed, two_databases, two_servers, until
from faces.orchestrating import Office, opened_office
from psql import sql
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import COUNTING

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with two_servers(*COUNTING) as roots, two_databases(roots, "counted") as made:
        for address in (made.blue, made.green):
            sql(address, "create extension pg_stat_statements")
        sql(made.blue, "insert into orders (n) select g from generate_series(1, 30000) g")
        sql(made.blue, "insert into lines (n) select g from generate_series(1, 3000) g")
        until(lambda: sql(made.green, "select count(*) from lines") == [(3000,)])
        for address in (made.blue, made.green):
            sql(address, "analyze")
        yield made


@pytest.fixture
def office(tmp_path: Path, pair: Pair) -> Iterator[Office]:
    with opened_office(tmp_path / "home", lambda: pair.blue) as found:
        found.register("shop", pair.blue, "Staging", copy=pair.green)
        yield found


@contextmanager
def readers(pair: Pair) -> Iterator[None]:
    """Ask for one order, and for one line: the change touches only orders."""
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                with pair.client(prepare_threshold=None) as client:
                    while not stop.wait(0.002):
                        client.execute("select id from orders where n = 77")
                        client.execute("select id from lines where id = 77")
            except psycopg.Error:
                continue

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def begin(office: Office, script: str) -> tuple[str, str]:
    migration = office.draft("shop", script, name="a_change", strategy="BlueGreen")
    body = {"baselineSeconds": 3, "observationSeconds": 8}
    return migration, office.ask("dba", "POST", f"/migrations/{migration}/execute", body, 202)["executionId"]


def test_what_is_slower_on_green_brings_blue_back(office: Office, pair: Pair) -> None:
    with readers(pair):
        done = office.ended(*begin(office, "ALTER TABLE orders DROP CONSTRAINT orders_n_key;"))
    assert done["status"] == "RolledBack", done
    assert "queries of orders are" in done["reason"]
    assert (closed(pair.blue), closed(pair.green)) == (False, False)
    assert sql(pair.green, "select 1 from pg_constraint where conname = 'orders_n_key'")


def test_what_is_no_slower_stays(office: Office, pair: Pair) -> None:
    """Meanwhile somebody writes on blue, by asking for that: it is told."""
    with readers(pair):
        run = begin(office, "ALTER TABLE orders ADD COLUMN note text;")
        until(lambda: closed(pair.blue) and not closed(pair.green))
        with psycopg.connect(autocommit=True, **parameters(pair.blue)) as stubborn:
            stubborn.execute("begin read write; insert into orders (n) values (-700), (-800); commit")
        done = office.ended(*run)
    assert done["status"] == "Succeeded", done
    (told,) = [f for f in done["findings"] if f["code"] == "written_on_blue"]
    assert told["message"].startswith("2 rows")
    path = f"/migrations/{run[0]}/executions/{run[1]}/metrics"
    points = office.ask("viewer", "GET", path, None, 200)["members"]["copy"]["points"]
    assert any(point["ratio"] for point in points), "it was compared"
    assert (closed(pair.blue), closed(pair.green)) == (True, False)
