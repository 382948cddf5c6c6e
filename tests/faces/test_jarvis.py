"""Document 004's universal migration service over HTTP, on real databases; failures in its envelope."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

import wayfare.copy.steps  # noqa: F401  registers the effects
from moving import data, file_address, home
from wayfare.core.ports import WHOLE
from wayfare.engine.engine import Engine
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces
from wayfare.systems.registry import open_database

FIELDS = {"success": bool, "tables_migrated": list, "tables_failed": list, "total_tables": int, "errors": list}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with home(tmp_path_factory.mktemp("home")) as (settings, store), Engine(settings, store, open_database):
        yield TestClient(create_app(store, faces(), Access.to(store, settings)))


@pytest.fixture
def chinook(tmp_path: Path) -> Path:
    path = tmp_path / "chinook.sqlite"
    path.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    return path


def body(source: Path, target: Path, **more: object) -> dict[str, object]:
    ends = {"source": {"database": str(source)}, "destination": {"database": str(target)}}
    return {"source_type": "sqlite", "dest_type": "duckdb", "operation_type": "full", **ends, **more}


def test_health(client: TestClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert {"clickhouse", "postgresql", "mysql"} <= set(answer.json()["destinations"])


def test_migrate_answers_as_the_document_prints(client: TestClient, chinook: Path, tmp_path: Path) -> None:
    answer = client.post("/migrate", json=body(chinook, tmp_path / "out.duckdb"))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {name: type(found[name]) for name in FIELDS} == FIELDS
    assert found["success"], found
    assert found["total_tables"] == len(found["tables_migrated"]) == 11
    assert {"table": "Track", "records": 3503} in found["tables_migrated"]
    with open_database(file_address("duckdb", tmp_path / "out.duckdb")) as target:
        track = next(t for t in target.tables() if t.name == "Track")
        assert sum(b.num_rows for b in target.read(track, WHOLE)) == 3503


def test_an_incremental_migration_takes_a_time(client: TestClient, chinook: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.duckdb"
    assert client.post("/migrate", json=body(chinook, target)).json()["success"]
    again = body(chinook, target, operation_type="incremental", last_sync_time="2024-01-01T00:00:00Z")
    found = client.post("/migrate", json=again).json()
    assert found["success"], found


def problem(answer: httpx2.Response, code: int) -> str:
    found = answer.json()
    assert answer.status_code == code, found
    assert found["success"] is False
    assert found["errors"] == [found["error"]]
    return str(found["error"])


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_like_to_like_is_blocked(client: TestClient, kind: str) -> None:
    ends = {"source": {"host": "localhost"}, "destination": {"host": "localhost"}}
    answer = client.post("/migrate", json={"source_type": kind, "dest_type": kind, "operation_type": "full", **ends})
    assert "blocked" in problem(answer, 400)


def test_bad_requests_name_the_field(client: TestClient, chinook: Path, tmp_path: Path) -> None:
    good = body(chinook, tmp_path / "out.duckdb")
    assert "source_type" in problem(client.post("/migrate", json={**good, "source_type": None}), 400)
    assert "no system called 'oracle'" in problem(client.post("/migrate", json={**good, "source_type": "oracle"}), 400)
    assert "surprise" in problem(client.post("/migrate", json={**good, "surprise": 1}), 400)
    assert "operation_type" in problem(client.post("/migrate", json={**good, "operation_type": "half"}), 400)
    assert "last_sync_time" in problem(client.post("/migrate", json={**good, "last_sync_time": "2024-01-01"}), 400)
    assert "not a JSON object" in problem(client.post("/migrate", content=b"{"), 400)
    assert not (tmp_path / "out.duckdb").exists()


def test_a_missing_source_is_said_and_nothing_is_made(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/migrate", json=body(tmp_path / "no.sqlite", tmp_path / "out.duckdb"))
    assert "no.sqlite" in problem(answer, 400)
    assert not (tmp_path / "out.duckdb").exists()


def test_a_large_body_is_refused(client: TestClient) -> None:
    assert client.post("/migrate", content=b" " * (2 << 20)).status_code == 413


def test_test_connection(client: TestClient, chinook: Path, tmp_path: Path) -> None:
    one = client.post("/test-connection", json={"source_type": "sqlite", "source": {"database": str(chinook)}})
    assert one.json()["success"] is True
    assert "SQLite" in one.json()["source"]["version"]
    both = {"source_type": "sqlite", "source": {"database": str(chinook)}}
    both |= {
        "dest_type": "postgresql",
        "destination": {"host": "127.0.0.1", "port": 1, "database": "x", "password": "canary"},
    }
    failed = client.post("/test-connection", json=both)
    assert failed.status_code == 200
    assert failed.json()["success"] is False
    assert failed.json()["destination"]["message"].startswith("Destination connection failed")
    assert "canary" not in failed.text
    assert "names no connection" in problem(client.post("/test-connection", json={}), 400)


def test_an_unknown_path(client: TestClient) -> None:
    assert client.get("/nothing").status_code == 404
