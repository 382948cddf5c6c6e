"""Document 001 while a statement is at work: who waits too long behind it has it ended, and nothing of it stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from beds import running
from faces.orchestrating import Office, opened_office
from psql import counting, sql
from wayfare.core.address import Address
from wayfare.core.changes import Changeable
from wayfare.systems.databases.mysql.testbed import connect
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh

SECONDS_MAX = 60.0
TABLE = """
create table users (id bigint primary key, email text, age int);
insert into users select g, 'u' || g, g % 90 from generate_series(1, 500) g;
create table other (id int);
create function slow(seconds float) returns int language sql volatile as $$ select 1 from pg_sleep(seconds) $$;
"""
AT_WORK = "select 1 from pg_stat_activity where application_name like 'wayfare schema %' and state = 'active'"


@pytest.fixture(scope="module")
def fresh() -> Iterator[Fresh]:
    with counting() as created:
        yield created


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, fresh: Fresh) -> Iterator[Office]:
    with opened_office(tmp_path_factory.mktemp("home"), fresh) as found:
        yield found


@pytest.fixture
def address(fresh: Fresh) -> Address:
    made = fresh()
    sql(made, TABLE)
    return made


@pytest.fixture
def database(office: Office, address: Address) -> str:
    return office.register(f"shop-{address.database}", address, "Staging")


def dumped(address: Address) -> str:
    with open_database(address) as found:
        assert isinstance(found, Changeable)
        return found.schema().dump()


def begun(office: Office, database: str, script: str, **more: Any) -> tuple[str, str]:
    """The migration, and its execution: a client may wait for one second."""
    migration = office.draft(database, script)
    wish = {"baselineSeconds": 0, "observationSeconds": 0, "clientWaitSecondsMax": 1, **more}
    started = office.ask("dba", "POST", f"/migrations/{migration}/execute", wish, 202)
    return migration, started["executionId"]


def until(address: Address, query: str) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not sql(address, query):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@contextmanager
def client(address: Address, statement: str) -> Iterator[list[Any]]:
    """Somebody else's statement in a thread; its rows are in the list after the block."""
    rows: list[Any] = []
    thread = threading.Thread(target=lambda: rows.extend(sql(address, statement) or ["done"]))
    thread.start()
    try:
        yield rows
    finally:
        thread.join()


def test_a_long_rewrite_is_ended_for_its_readers(office: Office, database: str, address: Address) -> None:
    """It would take 50 s. The queries are not counted here, and still it is seen who waits."""
    before = dumped(address)
    migration, execution = begun(office, database, "ALTER TABLE users ADD COLUMN slowly int DEFAULT slow(0.1);")
    until(address, AT_WORK)
    with client(address, "select count(*) from users") as rows:
        done = office.ended(migration, execution)
    assert done["status"] == "RolledBack", done
    assert done["reason"].startswith("master: clients waited 1.")
    assert rows == [(500,)]
    assert dumped(address) == before
    assert sql(address, "select * from _wayfare_revisions") == []
    assert not sql(address, AT_WORK)
    quick = office.draft(database, "ALTER TABLE users ADD COLUMN quickly int;")
    assert office.execute(quick)["status"] == "Succeeded"  # nothing is in the way of the next


def test_what_is_half_done_is_taken_back(office: Office, database: str, address: Address) -> None:
    """The first statement is committed by itself before the second is ended."""
    before = dumped(address)
    script = "CREATE INDEX CONCURRENTLY a ON users (age);\nALTER TABLE users ADD COLUMN slowly int DEFAULT slow(0.1);"
    migration, execution = begun(office, database, script)
    until(address, f"{AT_WORK} and query like 'ALTER%'")
    with client(address, "select count(*) from users"):
        done = office.ended(migration, execution)
    assert done["status"] == "RolledBack", done
    assert "clients waited" in done["reason"]
    assert dumped(address) == before
    assert sql(address, "select standing from _wayfare_revisions") == [("undone",)]


def test_a_build_that_waits_is_let_wait(office: Office, database: str, address: Address) -> None:
    """A concurrent build waits for an old snapshot, three times as long as a client may wait: nobody waits for it."""
    with psycopg.connect(**parameters(address)) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select 1 from other")
        migration, execution = begun(office, database, "CREATE INDEX CONCURRENTLY a ON users (age);")
        until(address, f"{AT_WORK} and wait_event_type = 'Lock' and now() - query_start > '3 seconds'")
        assert sql(address, "select count(*) from users") == [(500,)]
    assert office.ended(migration, execution)["status"] == "Succeeded"


def test_a_build_that_others_wait_for_is_ended(office: Office, database: str, address: Address) -> None:
    """Nothing of it is left, not even an invalid index."""
    before = dumped(address)
    with psycopg.connect(**parameters(address)) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select 1 from other")
        migration, execution = begun(office, database, "CREATE INDEX CONCURRENTLY a ON users (age);")
        until(address, f"{AT_WORK} and wait_event_type = 'Lock'")
        with client(address, "begin; lock table users in share update exclusive mode; commit"):
            done = office.ended(migration, execution)
    assert done["status"] == "RolledBack", done
    assert "clients waited" in done["reason"]
    assert dumped(address) == before


def test_what_is_seen_meanwhile_is_drawn(office: Office, database: str, address: Address) -> None:
    """… and stays when the watching after the change begins."""
    sql(address, "create extension pg_stat_statements")
    script = "ALTER TABLE users ADD COLUMN slowly int DEFAULT slow(0.01);"  # five seconds
    migration, execution = begun(office, database, script, observationSeconds=1, clientWaitSecondsMax=60)
    until(address, AT_WORK)
    with client(address, "select count(*) from users"):
        done = office.ended(migration, execution)
    assert done["status"] == "Succeeded", done
    path = f"/migrations/{migration}/executions/{execution}/metrics"
    points = office.ask("viewer", "GET", path, None, 200)["members"]["master"]["points"]
    waiting = [point["waiting"] for point in points]
    assert 1 in waiting
    assert waiting[-1] == 0
    assert [point["at"] for point in points] == sorted({point["at"] for point in points})


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running("mariadb", tmp_path_factory.mktemp("mariadb")) as made:
        yield made


def test_where_each_change_commits_itself_it_is_ended_too(office: Office, maria: Fresh) -> None:
    """It would take 50 s. That server counts no queries unless it is told to."""
    address = maria()
    with closing(connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE users (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO users SELECT seq FROM seq_1_to_500")
        before = dumped(address)
        body = {"name": f"maria-{address.database}", "type": "MySQL", "environment": "Staging"}
        body["masterConnectionString"] = address.url(reveal=True)
        database = office.ask("dba", "POST", "/databases", body, 201)["databaseId"]
        script = "CREATE TABLE late AS SELECT id FROM users WHERE SLEEP(0.1) = 0;"
        migration, execution = begun(office, database, script)
        deadline = time.monotonic() + SECONDS_MAX
        while not cursor.execute("SELECT 1 FROM information_schema.processlist WHERE info LIKE '/* wayfare%'"):
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.05)
        cursor.execute("LOCK TABLES users WRITE")  # which waits, until the change is ended
        cursor.execute("UNLOCK TABLES")
        done = office.ended(migration, execution)
    assert done["status"] == "RolledBack", done
    assert done["reason"].startswith("master: clients waited ")
    assert dumped(address) == before
    with open_database(address) as found:
        assert isinstance(found, Changeable)
        assert [entry.standing for entry in found.schema().entries()] == ["undone"]
