"""The server is killed while one database takes another's place: nothing is lost, and never do both take writes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import asking
from faces.handing import Pair, Writer, closed, never_both, two_databases, two_servers, until
from faces.server import Server, serving
from psql import sql

CHANGE = "ALTER TABLE orders ADD COLUMN note text;"
ENDED = ("Succeeded", "Failed", "RolledBack")

pytestmark = pytest.mark.longest


@pytest.fixture
def pair() -> Iterator[Pair]:
    with two_servers() as roots, two_databases(roots, "shop") as made:
        yield made


def ask(server: Server, method: str, path: str, json: Any = None) -> Any:
    answer = asking.request(method, f"{server.url}/api/v1{path}", json=json, timeout=60)
    assert answer.status_code < 300, answer.text
    return answer.json()


def begin(server: Server, pair: Pair, observe: float) -> str:
    """The path of an execution that is under way."""
    replica = {"replicaId": "copy", "connectionString": pair.green.url(), "role": "AsyncReplica"}
    body = {"name": "shop", "type": "PostgreSQL", "environment": "Staging", "masterConnectionString": pair.blue.url()}
    ask(server, "POST", "/databases", {**body, "replicas": [replica]})
    draft = {"name": "a_note", "targetDatabaseId": "shop", "migrationScript": CHANGE, "strategy": "BlueGreen"}
    migration = ask(server, "POST", "/migrations", draft)["migrationId"]
    wish = {"observationSeconds": observe, "baselineSeconds": 0}
    execution = ask(server, "POST", f"/migrations/{migration}/execute", wish)["executionId"]
    return f"/migrations/{migration}/executions/{execution}"


def ended(server: Server, path: str) -> dict[str, Any]:
    found: dict[str, Any] = until(lambda: (e := ask(server, "GET", path))["status"] in ENDED and e, 180)
    return found


def changed(pair: Pair) -> bool:
    return bool(sql(pair.green, "select 1 from pg_attribute where attname = 'note'"))


def whole(pair: Pair, writer: Writer) -> None:
    assert not writer.collisions
    assert {row[0] for row in sql(pair.green, "select n from orders")} >= set(writer.acknowledged)


def test_killed_while_nobody_can_write(pair: Pair, tmp_path: Path) -> None:
    """A client's process on blue is stopped, so that the switch stands still where blue is frozen."""
    with never_both(pair) as faults, Writer(pair).at_work() as writer, pair.client() as client:
        with serving(tmp_path / "home") as server:
            path = begin(server, pair, 2)
            until(lambda: changed(pair))
            os.kill(client.info.backend_pid, signal.SIGSTOP)
            until(lambda: closed(pair.blue))
            server.end(signal.SIGKILL)
        os.kill(client.info.backend_pid, signal.SIGCONT)
        assert (closed(pair.blue), closed(pair.green)) == (True, True), "nobody takes writes until somebody looks"
        with serving(tmp_path / "home") as server:
            done = ended(server, path)
            assert done["status"] == "Succeeded", done
        writer.more()
    assert not faults
    assert (closed(pair.blue), closed(pair.green)) == (True, False)
    whole(pair, writer)


def test_killed_anywhere(pair: Pair, tmp_path: Path) -> None:
    """Again and again, at times that nobody chose."""
    with never_both(pair) as faults, Writer(pair).at_work() as writer:
        with serving(tmp_path / "home") as server:
            path = begin(server, pair, 0)
            until(lambda: closed(pair.green))
            time.sleep(random.uniform(0, 0.6))
            server.end(signal.SIGKILL)
        for _ in range(3):
            with serving(tmp_path / "home") as server:
                if ask(server, "GET", path)["status"] in ENDED:
                    break
                time.sleep(random.uniform(0, 0.6))
                server.end(signal.SIGKILL)
        with serving(tmp_path / "home") as server:
            done = ended(server, path)
            assert done["status"] == "Succeeded", done
        writer.more()
    assert not faults
    assert changed(pair)
    assert (closed(pair.blue), closed(pair.green)) == (True, False)
    whole(pair, writer)
