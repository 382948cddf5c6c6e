"""BlueGreen on real servers: a logical subscriber is changed, and clients that look for who takes writes go there."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest

from faces.orchestrating import Office, opened_office
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.options import parameters

CHANGE = "ALTER TABLE orders ADD COLUMN note text;"
STEPS = ["close copy to writers", "change copy", "follow copy", "switch to copy", "observe copy"]
TABLES = """
create table orders (id bigserial primary key, n bigint unique);
create table lines (id bigint generated always as identity primary key, n bigint)
"""


@dataclass
class Pair:
    blue: Address
    green: Address

    def client(self, **more: Any) -> psycopg.Connection[Any]:
        """As an application connects: both servers, whichever takes writes."""
        given = {**parameters(self.blue), "host": "127.0.0.1,127.0.0.1", "target_session_attrs": "read-write", **more}
        return psycopg.connect(autocommit=True, **{**given, "port": f"{self.blue.port},{self.green.port}"})


@pytest.fixture(scope="module")
def roots() -> Iterator[tuple[Address, Address]]:
    try:
        with testbed.server("max_prepared_transactions = 2") as blue, testbed.server() as green:
            yield blue, green
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def pair(roots: tuple[Address, Address], request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two databases of one name, as clients want it; the second has all tables of the first, and subscribes to them."""
    name = f"shop_{abs(hash(request.node.name))}"
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
    with psycopg.connect(autocommit=True, options="-c default_transaction_read_only=off", **of(made.green)) as last:
        last.execute(f"drop subscription if exists {name}")


@pytest.fixture
def office(tmp_path: Any, pair: Pair) -> Iterator[Office]:
    with opened_office(tmp_path / "home", lambda: pair.blue) as found:
        found.register("shop", pair.blue, "Staging", copy=pair.green)
        yield found


def of(address: Address) -> dict[str, Any]:
    return parameters(address)


def sql(address: Address, statement: str) -> Any:
    with psycopg.connect(autocommit=True, **of(address)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def until(ready: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
    return found


def closed(address: Address) -> bool:
    return bool(sql(address, "show default_transaction_read_only") == [("on",)])


def columns(address: Address) -> list[str]:
    query = "select attname::text from pg_attribute where attrelid = 'orders'::regclass and attnum > 0"
    return [row[0] for row in sql(address, f"{query} and not attisdropped order by 1")]


def steps(execution: dict[str, Any]) -> list[str]:
    return [step["name"] for phase in execution["phases"] for step in phase["steps"] if phase["name"] != "check"]


def draft(office: Office, script: str = CHANGE, rollback: str = "") -> str:
    return office.draft("shop", script, rollback, name="a_note", strategy="BlueGreen")


@dataclass
class Writer:
    """Numbers rows, and knows which of them were acknowledged."""

    pair: Pair
    acknowledged: list[int] = field(default_factory=list)
    collisions: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        number, connection = 0, None
        while not self._stop.is_set():
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
        while not stop.is_set():
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
    with psycopg.connect(options="-c default_transaction_read_only=off", **of(pair.green)) as holder:
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
    assert "no logical subscriber" in error["message"]
    assert office.execute(migration, phases=["copy"])["status"] == "Succeeded"
