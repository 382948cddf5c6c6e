"""Document 001 on servers that replicate: a logical subscriber really applies, a standby is looked at and observed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from faces.orchestrating import QUICK, Office, opened_office
from psql import sql
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.store.shelf import Shelf
from wayfare.store.wanted import APPROVALS
from wayfare.systems.beside import beside
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.dialect import literal
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import standby


@dataclass
class Servers:
    primary: Address
    standby: Address
    subscriber: Address


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    try:
        with testbed.server("max_wal_senders = 8") as root, testbed.server() as other, standby(root) as copy:
            primary, subscriber = testbed.fresh(root)(), testbed.fresh(other)()
            for address in (primary, subscriber):
                sql(address, "create table users (id bigint primary key, email text)")
            sql(primary, "insert into users select g, 'u' || g from generate_series(1, 200) g")
            sql(primary, "create publication ours for all tables")
            at = f"host={root.host} port={root.port} dbname={primary.database} user={root.user}"
            sql(subscriber, f"create subscription ours connection '{at}' publication ours")
            until(lambda: sql(subscriber, "select count(*) from users") == [(200,)])
            yield Servers(primary, replace(copy, database=primary.database), subscriber)
            sql(subscriber, "alter subscription ours disable")
    except Unavailable as error:
        pytest.skip(str(error))


def until(ready: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Office]:
    with opened_office(tmp_path_factory.mktemp("home"), lambda: servers.primary) as found:
        found.register("shop", servers.primary, "Production", replica_1=servers.standby, copy=servers.subscriber)
        yield found


def columns(address: Address) -> list[str]:
    query = (
        "select attname::text from pg_attribute where attrelid = 'users'::regclass and attnum > 0 and not attisdropped"
    )
    return sorted(row[0] for row in sql(address, query))


def order(execution: dict[str, Any]) -> list[str]:
    return [step["name"] for phase in execution["phases"] for step in phase["steps"] if phase["name"] != "check"]


def test_each_server_is_known_for_what_it_is(office: Office) -> None:
    health = office.ask("viewer", "GET", "/databases/shop/health", None, 200)
    assert health["isHealthy"] is True
    assert {m["member"]: m["role"] for m in health["members"]} == {
        "master": "Master",
        "replica-1": "AsyncReplica",
        "copy": "LogicalReplica",
    }
    assert all(m["activeConnections"] > 0 for m in health["members"])


def test_what_adds_goes_to_the_subscriber_first(office: Office, servers: Servers) -> None:
    migration = office.draft("shop", "ALTER TABLE users ADD COLUMN age int;", name="add_age")
    done = office.execute(migration)
    assert done["status"] == "Succeeded", done
    assert order(done) == [
        "look at replica-1", "change copy", "observe copy", "change master", "observe master", "observe replica-1",
    ]  # fmt: skip
    for address in (servers.primary, servers.standby, servers.subscriber):
        assert columns(address) == ["age", "email", "id"]
    sql(servers.primary, "insert into users values (1001, 'x', 7)")
    until(lambda: sql(servers.subscriber, "select age from users where id = 1001") == [(7,)])
    path = f"/migrations/{migration}/executions/{done['executionId']}/rollback"
    assert office.ask("dba", "POST", path, {"reason": "no"}, 200)["status"] == "RolledBack"
    until(lambda: columns(servers.standby) == ["email", "id"])
    for address in (servers.primary, servers.subscriber):
        assert columns(address) == ["email", "id"]


def test_what_takes_away_goes_to_the_primary_first(office: Office, servers: Servers) -> None:
    migration = office.draft("shop", "ALTER TABLE users RENAME COLUMN email TO mail;", name="rename")
    office.approve(migration, "boss")
    done = office.execute(migration)
    assert done["status"] == "Succeeded", done
    names = order(done)
    assert names.index("change master") < names.index("change copy")
    assert columns(servers.subscriber) == ["id", "mail"]


def test_canary_ends_with_the_primary(office: Office, servers: Servers) -> None:
    migration = office.draft("shop", "ALTER TABLE users ADD COLUMN note text;", name="note", strategy="Canary")
    done = office.execute(migration)
    assert done["status"] == "Succeeded", done
    assert [phase["name"] for phase in done["phases"]] == ["check", "canary 10%", "canary 100%", "replicas"]
    assert "note" in columns(servers.subscriber)
    assert "note" in columns(servers.primary)


def test_a_standby_with_an_old_transaction_is_waited_for(office: Office, servers: Servers) -> None:
    """Its limit is half a minute: here it is only seen that a young one does not hold anything up."""
    with psycopg.connect(**parameters(servers.standby)) as reader:
        reader.execute("select 1 from users limit 1")
        migration = office.draft("shop", "CREATE TABLE fresh (id int);", name="fresh")
        assert office.execute(migration)["status"] == "Succeeded"


@contextmanager
def replaying_in_the_end(standby: Address) -> Iterator[None]:
    """Whatever was paused in between."""
    try:
        yield
    finally:
        sql(standby, "select pg_wal_replay_resume()")


@contextmanager
def written_to(primary: Address) -> Iterator[None]:
    def write(over: threading.Event) -> None:
        with psycopg.connect(autocommit=True, **parameters(primary)) as connection:
            while not over.wait(0.05):
                connection.execute("update ticks set n = n + 1")

    sql(primary, "create table if not exists ticks (id int primary key, n int)")
    sql(primary, "insert into ticks values (1, 0) on conflict do nothing")
    with beside("ticks", write):
        yield


@pytest.fixture
def pair(office: Office, servers: Servers) -> str:
    """The primary and its standby: an index is none of the subscriber's business."""
    return office.register(f"pair-{time.time_ns()}", servers.primary, "Staging", replica_1=servers.standby)


def lagging(office: Office, servers: Servers, pair: str, name: str, **wish: Any) -> tuple[str, str]:
    """The migration and execution of a change whose standby stopped replaying while the primary was changed."""
    migration = office.draft(pair, f"CREATE INDEX {name} ON users (id);", name=name)
    body = {**QUICK, "replicationLagSecondsMax": 1, **wish}
    with psycopg.connect(**parameters(servers.primary)) as writer:
        writer.execute("update users set id = id where id = 1")  # in the way of the index, until the standby is paused
        execution = office.ask("dba", "POST", f"/migrations/{migration}/execute", body, 202)["executionId"]
        until(lambda: "change master" in running(office, migration, execution))
        sql(servers.standby, "select pg_wal_replay_pause()")
    return migration, execution


def running(office: Office, migration: str, execution: str) -> list[str]:
    found = office.ask("viewer", "GET", f"/migrations/{migration}/executions/{execution}", None, 200)
    return [step["name"] for phase in found["phases"] for step in phase["steps"] if step["status"] == "Running"]


def paused(office: Office, migration: str, execution: str) -> dict[str, Any]:
    path = f"/migrations/{migration}/executions/{execution}"
    until(lambda: office.ask("viewer", "GET", path, None, 200)["status"] == "Paused")
    found: dict[str, Any] = office.ask("viewer", "GET", path, None, 200)
    return found


def indexes(address: Address) -> set[str]:
    return {row[0] for row in sql(address, "select indexname::text from pg_indexes where tablename = 'users'")}


def test_a_lag_for_ever_pauses_until_it_ends(office: Office, servers: Servers, pair: str) -> None:
    with written_to(servers.primary), replaying_in_the_end(servers.standby):
        migration, execution = lagging(office, servers, pair, "by_lag")
        found = paused(office, migration, execution)
        assert re.match(r"replica-1 is \d+ s behind, where 1 s are allowed\.", found["reason"]), found
        assert found["performanceMetrics"]["replicationLagSeconds"] > 1
        path = f"/migrations/{migration}/executions/{execution}/resume"
        office.ask("dba", "POST", path, None, 200)
        assert paused(office, migration, execution)["reason"]  # it is still behind
        sql(servers.standby, "select pg_wal_replay_resume()")
        until(lambda: "by_lag" in indexes(servers.standby))
        office.ask("dba", "POST", path, None, 200)
        assert office.ended(migration, execution)["status"] == "Succeeded"
    assert "by_lag" in indexes(servers.primary)


def test_a_lag_takes_the_change_back_where_that_is_wished(office: Office, servers: Servers, pair: str) -> None:
    before = indexes(servers.primary)
    with written_to(servers.primary), replaying_in_the_end(servers.standby):
        migration, execution = lagging(office, servers, pair, "by_lag_again", rollbackOnLag=True)
        done = office.ended(migration, execution)
        assert done["status"] == "RolledBack", done
        assert re.match(r"replica-1 is \d+ s behind", done["reason"]), done
        assert indexes(servers.primary) == before
    until(lambda: indexes(servers.standby) == before)


def test_who_is_behind_before_the_change_has_it_wait(office: Office, servers: Servers, pair: str) -> None:
    with written_to(servers.primary), replaying_in_the_end(servers.standby):
        sql(servers.standby, "select pg_wal_replay_pause()")
        migration = office.draft(pair, "CREATE INDEX too_early ON users (id);")
        time.sleep(1.5)  # so much it is behind at least
        body = {**QUICK, "replicationLagSecondsMax": 1}
        execution = office.ask("dba", "POST", f"/migrations/{migration}/execute", body, 202)["executionId"]
        assert "behind" in paused(office, migration, execution)["reason"]
        assert "too_early" not in indexes(servers.primary)
    path = f"/migrations/{migration}/executions/{execution}"
    office.ask("dba", "POST", f"{path}/cancel", None, 200)
    until(lambda: office.ask("viewer", "GET", path, None, 200)["status"] == "Failed")


def test_the_wrong_server_as_the_primary(office: Office, servers: Servers) -> None:
    office.register("upside-down", servers.standby, "Staging")
    migration = office.draft("upside-down", "CREATE TABLE a (id int);")
    error = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 400)["error"]
    assert "registered as the primary is a standby" in error["message"]


def test_a_replica_that_is_gone_is_named(office: Office, servers: Servers) -> None:
    gone = Address("postgresql", "127.0.0.1", 1, "x", "x")
    office.register("half", servers.primary, "Staging", replica_9=gone)
    migration = office.draft("half", "CREATE TABLE b (id int);")
    error = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 502)["error"]
    assert (error["code"], error["details"][0]["field"]) == ("UNREACHABLE", "replica-9")


def test_an_approval_expires(office: Office) -> None:
    migration = office.draft("shop", "ALTER TABLE users RENAME COLUMN id TO key;", name="expires")
    office.approve(migration, "boss")
    shelf = Shelf(office.store, APPROVALS)
    record = shelf.find(1, newest_first=True)[0]
    with office.store.write() as transaction:
        shelf.change(transaction, record, {"expires_at": time.time() - 1})
    found = office.ask("viewer", "GET", f"/migrations/{migration}/approvals", None, 200)["approvals"][0]
    assert found["status"] == "Expired"
    refused = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 409)
    assert "expired" in refused["error"]["message"]


def test_a_history_that_is_replicated_is_refused(office: Office, servers: Servers) -> None:
    """The last one: a table cannot be taken out of a publication of all."""
    office.execute(office.draft("shop", "ALTER TABLE users ADD COLUMN seen int;"))
    for address in (servers.primary, servers.subscriber):
        assert sql(address, "select to_regclass('_wayfare_revisions') is not null") == [(True,)]
    sql(servers.subscriber, "create table if not exists ticks (id int primary key, n int)")  # as the primary has
    sql(servers.subscriber, "alter subscription ours refresh publication with (copy_data = false)")
    before = [columns(address) for address in (servers.primary, servers.subscriber)]
    done = office.execute(office.draft("shop", "ALTER TABLE users ADD COLUMN unseen int;"), strategy="Phased")
    assert done["status"] == "Failed", done
    assert "brings the history of another server" in str(done)
    assert [columns(address) for address in (servers.primary, servers.subscriber)] == before


def test_a_standby_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """Its primary looks as if nobody replicated from it; the standby still has to have replayed the change."""
    with ExitStack() as stack:
        try:
            root = stack.enter_context(testbed.server("max_wal_senders = 8"))
            copy = stack.enter_context(standby(root))
        except Unavailable as error:
            pytest.skip(str(error))
        primary = testbed.fresh(root)()
        sql(primary, "create table users (id bigint primary key)")
        away = replace(copy, database=primary.database)
        until(lambda: sql(copy, f"select 1 from pg_database where datname = '{primary.database}'"))
        until(lambda: columns(away) == ["id"])
        office = stack.enter_context(opened_office(tmp_path / "home", lambda: primary))
        office.register("pair", primary, "Staging", replica_1=away)
        ((source,),) = sql(copy, "show primary_conninfo")
        follow(copy, "")
        until(lambda: sql(root, "select count(*) from pg_stat_replication") == [(0,)])
        migration = office.draft("pair", "ALTER TABLE users ADD COLUMN age int;", name="add_age")
        wanted = {"phases": ["replica-1", "master"], **QUICK}
        execution = office.ask("dba", "POST", f"/migrations/{migration}/execute", wanted, 202)["executionId"]
        until(lambda: columns(primary) == ["age", "id"])
        time.sleep(2)
        path = f"/migrations/{migration}/executions/{execution}"
        assert office.ask("dba", "GET", path, None, 200)["status"] == "Running"
        follow(copy, source)
        done = office.ended(migration, execution)
        assert done["status"] == "Succeeded", done
        assert columns(away) == ["age", "id"]


def follow(copy: Address, source: str) -> None:
    sql(copy, f"alter system set primary_conninfo = {literal(source)}")
    sql(copy, "select pg_reload_conf()")
