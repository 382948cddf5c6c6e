"""BlueGreen on real servers: a logical subscriber is changed, and clients that look for who takes writes go there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from faces.handing import WRITES, Pair, Writer, closed, never_both, two_databases, two_servers, until
from faces.orchestrating import Office, opened_office
from psql import sql
from wayfare.core.address import Address
from wayfare.systems.databases.postgresql.options import parameters

CHANGE = "ALTER TABLE orders ADD COLUMN note text;"
STEPS = ["close copy to writers", "change copy", "follow copy", "switch to copy", "observe copy"]


@pytest.fixture(scope="module")
def roots() -> Iterator[tuple[Address, Address]]:
    with two_servers() as found:
        yield found


@pytest.fixture
def pair(roots: tuple[Address, Address], request: pytest.FixtureRequest) -> Iterator[Pair]:
    with two_databases(roots, f"shop_{abs(hash(request.node.name))}") as made:
        yield made


@pytest.fixture
def office(tmp_path: Any, pair: Pair) -> Iterator[Office]:
    with opened_office(tmp_path / "home", lambda: pair.blue) as found:
        found.register("shop", pair.blue, "Staging", copy=pair.green)
        yield found


def columns(address: Address) -> list[str]:
    query = "select attname::text from pg_attribute where attrelid = 'orders'::regclass and attnum > 0"
    return [row[0] for row in sql(address, f"{query} and not attisdropped order by 1")]


def steps(execution: dict[str, Any]) -> list[str]:
    return [step["name"] for phase in execution["phases"] for step in phase["steps"] if phase["name"] != "check"]


def draft(office: Office, script: str = CHANGE, rollback: str = "") -> str:
    return office.draft("shop", script, rollback, name="a_note", strategy="BlueGreen")


def test_writers_go_over_and_nothing_is_lost(office: Office, pair: Pair) -> None:
    migration = draft(office)
    with never_both(pair) as faults, Writer(pair).at_work() as writer:
        done = office.execute(migration)
        assert done["status"] == "Succeeded", done
        writer.more()
    assert not faults
    assert not writer.collisions
    assert (done["strategy"], steps(done)) == ("BlueGreen", STEPS)
    arrived = {row[0] for row in sql(pair.green, "select n from orders")}
    assert arrived >= {*writer.acknowledged, *(-g for g in range(1, 101))}
    assert {row[0] for row in sql(pair.green, "select n from lines")} >= set(writer.acknowledged)
    assert (columns(pair.green), columns(pair.blue)) == (["id", "n", "note"], ["id", "n"])
    assert (closed(pair.blue), closed(pair.green)) == (True, False)
    assert len(sql(pair.blue, "select 1 from orders")) < len(arrived), "some were written after the switch"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        sql(pair.blue, "insert into orders (n) values (-1000)")
    (told,) = [f for f in done["findings"] if f["code"] == "green_is_primary"]
    assert "PUT /api/v1/databases" in told["recommendation"]
    assert pair.blue.database in told["recommendation"], "the slot that blue keeps"


def test_afterwards_the_old_master_is_refused_and_green_can_be_registered(office: Office, pair: Pair) -> None:
    assert office.execute(draft(office))["status"] == "Succeeded"
    second = office.draft("shop", "CREATE TABLE fresh (id int);", name="second")
    error = office.ask("dba", "POST", f"/migrations/{second}/execute", {}, 400)["error"]
    assert "takes no writes" in error["message"]
    assert "PUT /api/v1/databases" in str(error)
    office.register("after", pair.green, "Staging")
    third = office.draft("after", "CREATE TABLE fresh (id int);", name="third", strategy="Phased")
    assert office.execute(third)["status"] == "Succeeded"
    assert sql(pair.green, "select count(*) from fresh") == [(0,)]


def test_rolled_back_before_the_switch(office: Office, pair: Pair) -> None:
    """The change makes replication fail, which is seen, and taken back: blue never noticed."""
    migration = draft(office, "ALTER TABLE orders ADD CONSTRAINT small CHECK (n < 1000000);")
    started = office.ask(
        "dba", "POST", f"/migrations/{migration}/execute", {"baselineSeconds": 0, "observationSeconds": 600}, 202
    )
    until(lambda: sql(pair.green, "select 1 from pg_constraint where conname = 'small'"))
    assert closed(pair.green)
    sql(pair.blue, "insert into orders (n) values (2000000)")
    done = office.ended(migration, started["executionId"])
    assert done["status"] == "RolledBack", done
    assert "copy: its subscription" in done["reason"] or "nobody has applied" in done["reason"]
    assert (closed(pair.blue), closed(pair.green)) == (False, False), "as they were"
    until(lambda: sql(pair.green, "select 1 from orders where n = 2000000"))


def test_rolled_back_after_the_switch_while_nothing_was_written(office: Office, pair: Pair) -> None:
    migration = draft(office)
    done = office.execute(migration)
    assert closed(pair.blue)
    path = f"/migrations/{migration}/executions/{done['executionId']}/rollback"
    assert office.ask("dba", "POST", path, {"reason": "no"}, 200)["status"] == "RolledBack"
    assert (closed(pair.blue), closed(pair.green)) == (False, False)
    assert columns(pair.green) == ["id", "n"]
    with pair.client() as client:
        client.execute("insert into orders (n) values (5000)")
    assert sql(pair.blue, "select 1 from orders where n = 5000")
    until(lambda: sql(pair.green, "select 1 from orders where n = 5000"))


def test_what_was_written_on_green_is_not_thrown_away(office: Office, pair: Pair) -> None:
    migration = draft(office)
    done = office.execute(migration)
    with pair.client() as client:
        client.execute("insert into orders (n, note) values (6000, 'x'), (6001, 'y')")
    path = f"/migrations/{migration}/executions/{done['executionId']}/rollback"
    error = office.ask("dba", "POST", path, {}, 409)["error"]
    assert "2 rows were written on copy" in error["message"]
    assert (closed(pair.blue), closed(pair.green)) == (True, False), "green is still the primary"
    assert columns(pair.green) == ["id", "n", "note"]


def started(office: Office, pair: Pair, **more: Any) -> tuple[str, str]:
    """A run that has changed green, and follows it for some seconds."""
    migration = draft(office, "CREATE TABLE beside (id int);")
    body = {"baselineSeconds": 0, "observationSeconds": 3, **more}
    execution = office.ask("dba", "POST", f"/migrations/{migration}/execute", body, 202)["executionId"]
    until(lambda: sql(pair.green, "select to_regclass('beside')") != [(None,)])
    return migration, execution


def test_green_that_falls_behind_is_taken_back(office: Office, pair: Pair) -> None:
    with psycopg.connect(options=WRITES, **parameters(pair.green)) as holder:
        run = started(office, pair, replicationLagSecondsMax=1, rollbackOnLag=True)
        holder.execute("lock table orders in exclusive mode")
        sql(pair.blue, "insert into orders (n) values (7000)")
        done = office.ended(*run)
        assert done["status"] == "RolledBack", done
        assert "behind" in done["reason"]
    until(lambda: sql(pair.green, "select 1 from orders where n = 7000"))


def test_a_switch_that_takes_too_long_is_taken_back(office: Office, pair: Pair) -> None:
    """A client's process on blue that does not end: nobody may write for as long as that is waited for, then all do."""
    with pair.client() as client:
        run = started(office, pair, switchSecondsMax=1)
        os.kill(client.info.backend_pid, signal.SIGSTOP)
        try:
            done = office.ended(*run)
        finally:
            os.kill(client.info.backend_pid, signal.SIGCONT)
    assert done["status"] == "RolledBack", done
    assert "clients are still there" in done["reason"]
    assert (closed(pair.blue), closed(pair.green)) == (False, False)
    assert sql(pair.green, "select to_regclass('beside')") == [(None,)]
    sql(pair.blue, "insert into orders (n) values (7000)")
    until(lambda: sql(pair.green, "select 1 from orders where n = 7000"))


@pytest.mark.parametrize(
    ("at", "breaks", "code", "told"),
    [
        ("blue", "create table forgotten (id int primary key)", "table_not_replicated", "forgotten does not arrive"),
        ("blue", "create unlogged table quick (id int primary key)", "table_not_replicated", "quick is unlogged"),
        ("blue", "alter table lines drop constraint lines_pkey", "replica_identity_missing", "lines has no replica"),
        ("blue", "create sequence lonely", "sequence_missing", "public.lonely"),
        ("green", "alter subscription {name} disable", "green_not_fed", "does not work"),
        ("blue", "alter publication ours set (publish = 'insert')", "table_not_replicated", "without some of INSERT"),
        ("blue", "begin; create temp table x (a int); rollback; begin; insert into orders (n) values (9); "
         "prepare transaction 'p_{name}'", "switch_unsafe", "prepared transaction"),
    ],
)  # fmt: skip
def test_what_would_be_lost_is_told_before_anything_changes(
    office: Office, pair: Pair, at: str, breaks: str, code: str, told: str
) -> None:
    name = pair.blue.database
    sql(getattr(pair, at), breaks.format(name=name))
    try:
        done = office.execute(draft(office))
        assert done["status"] == "Failed", done
        assert told in done["reason"]
        assert code in {f["code"] for f in done["findings"]}
        assert (closed(pair.blue), closed(pair.green)) == (False, False)
        assert columns(pair.green) == ["id", "n"]
    finally:
        with suppress(psycopg.Error):
            sql(pair.blue, f"rollback prepared 'p_{name}'")


def test_a_role_that_would_write_on_is_told(office: Office, pair: Pair) -> None:
    sql(pair.blue, "create role stubborn login")
    try:
        sql(pair.blue, "alter role stubborn set default_transaction_read_only = off")
        done = office.execute(draft(office))
        assert done["status"] == "Failed", done
        assert "stubborn would write on" in done["reason"]
    finally:
        sql(pair.blue, "drop role stubborn")


def test_a_dry_run_looks_too_and_changes_nothing(office: Office, pair: Pair) -> None:
    done = office.execute(draft(office), dryRun=True)
    assert done["status"] == "Succeeded", done
    assert "look at both servers" in [step["name"] for phase in done["phases"] for step in phase["steps"]]
    assert (closed(pair.blue), closed(pair.green)) == (False, False)


def test_without_a_subscriber_it_is_refused(office: Office, pair: Pair) -> None:
    office.register("lonely", pair.blue, "Staging")
    migration = office.draft("lonely", CHANGE, strategy="BlueGreen")
    error = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 400)["error"]
    assert "needs a logical subscriber" in error["message"]
    assert error["details"][0]["field"] == "strategy"


def test_phases_name_the_subscriber(office: Office, pair: Pair) -> None:
    migration = draft(office)
    error = office.ask("dba", "POST", f"/migrations/{migration}/execute", {"phases": ["nobody"]}, 400)["error"]
    assert "no 'nobody'" in error["message"]
    assert office.execute(migration, phases=["copy"])["status"] == "Succeeded"
