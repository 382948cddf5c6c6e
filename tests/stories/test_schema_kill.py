"""The server is killed while it changes a database, and started again: the change comes to its end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import asking
from beds import running
from faces.server import Server, serving
from psql import sql
from wayfare.core.address import Address
from wayfare.systems.databases.postgresql.options import parameters

SCRIPT = "\n".join(f"CREATE INDEX CONCURRENTLY i{n} ON users (age, id);" for n in range(3))
ENDED = ("Succeeded", "Failed", "RolledBack")

pytestmark = pytest.mark.longest


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    with running("postgresql", tmp_path_factory.mktemp("postgresql")) as create:
        yield create


def ask(server: Server, method: str, path: str, json: Any = None) -> Any:
    answer = asking.request(method, f"{server.url}/api/v1{path}", json=json, timeout=60)
    assert answer.status_code < 300, answer.text
    return answer.json()


def until(ready: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
    return found


def test_killed_in_a_concurrent_build(fresh: Callable[[], Address], tmp_path: Path) -> None:
    address = fresh()
    sql(address, "create table users (id bigint primary key, age int)")
    sql(address, "insert into users select g, g % 90 from generate_series(1, 1000) g")
    home = tmp_path / "home"
    with serving(home) as server, psycopg.connect(**parameters(address)) as old:
        body = {"name": "app", "type": "PostgreSQL", "environment": "Staging", "masterConnectionString": address.url()}
        ask(server, "POST", "/databases", body)
        draft = {"name": "three_indexes", "targetDatabaseId": "app", "migrationScript": SCRIPT}
        migration = ask(server, "POST", "/migrations", draft)["migrationId"]
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select 1 from users limit 1")  # a snapshot that a concurrent build waits for
        wish = {"observationSeconds": 0, "baselineSeconds": 0}
        execution = ask(server, "POST", f"/migrations/{migration}/execute", wish)["executionId"]
        building = "select 1 from pg_stat_activity where query like 'CREATE INDEX CONCURRENTLY i%' and state = 'active'"
        until(lambda: sql(address, building))
        server.end(signal.SIGKILL)
    with serving(home) as server:
        path = f"/migrations/{migration}/executions/{execution}"
        done = until(lambda: (e := ask(server, "GET", path))["status"] in ENDED and e, 180)
        assert done["status"] == "Succeeded", done
    valid = "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where indisvalid order by 1"
    assert sql(address, f"{valid.replace('where', 'where relname ~ $$^i[0-9]$$ and')}") == [("i0",), ("i1",), ("i2",)]
    assert sql(address, "select count(*) from pg_index where not indisvalid") == [(0,)]
    entries = sql(address, "select name, standing, done, total from _wayfare_revisions")
    assert entries == [("three_indexes", "applied", 3, 3)]
