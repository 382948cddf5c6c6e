"""Document 004's main backend: accounts, services and operations, with every status code and text it prints."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

import wayfare.copy.steps  # noqa: F401  registers the effects
from listening import listening
from moving import data, home
from wayfare.control.carrying import Policies
from wayfare.control.scheduler import Scheduler
from wayfare.core.status import Status
from wayfare.engine.engine import Engine
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces
from wayfare.faces.jarvis.words import STATUS, STATUS_WORDS, SUPPORTED, pair
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

PASSWORD = "securepassword123"
CANARY = "canary-77aa"
OPERATION = {
    *("id", "source_id", "source_name", "user_id", "username", "schedule", "status", "operation_type", "config_data"),
    *("result_data", "error_message", "created_at", "updated_at", "started_at", "completed_at"),
}


class Backend(TestClient):
    """The main backend with sign-in, carrying out what is asked of it."""

    store: Store

    def sign_in(self, name: str) -> Person:
        found = self.post("/api/auth/login", json={"username": name, "password": PASSWORD})
        if found.status_code != 200:
            made = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
            assert self.post("/api/auth/register", json=made).status_code == 201
            found = self.post("/api/auth/login", json={"username": name, "password": PASSWORD})
        return Person(self, found.json()["access_token"])


class Person:
    def __init__(self, backend: Backend, token: str) -> None:
        self.backend = backend
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return self.backend.request(method, f"/api/{path}", json=body, headers=self.headers)

    def good(self, method: str, path: str, body: Any = None) -> Any:
        answer = self(method, path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def refused(self, status: int, method: str, path: str, body: Any = None) -> str:
        answer = self(method, path, body)
        assert answer.status_code == status, answer.text
        return str(answer.json()["error"])

    def make(self, config: dict[str, Any], schedule: str = "2124-01-15T10:30:00", **more: Any) -> dict[str, Any]:
        body = {"source_id": 1, "schedule": schedule, "operation_type": "full", "config_data": config, **more}
        made: dict[str, Any] = self.good("POST", "operations", body)["operation"]
        return made


@contextmanager
def backend(path: Path, *, works: bool = False) -> Iterator[Backend]:
    """`works`: runs are carried out, by the one engine that a process can have."""
    with home(path) as (settings, store), ExitStack() as opened:
        # With accounts, nothing of this machine is lent; here all of it is, as the document's localhost has it.
        lends = Access.to(store, settings)
        access = replace(Access.to(store, settings, enabled=True), connections=lends.connections, calls=lends.calls)
        if works:
            opened.enter_context(Engine(settings, store, open_database))
            opened.enter_context(Scheduler(store, Policies(access.connections, access.calls)))
        made = Backend(create_app(store, faces(), access), base_url="http://127.0.0.1:5009")
        made.store = store
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with backend(tmp_path_factory.mktemp("home"), works=True) as made:
        made.sign_in("admin")
        yield made


@pytest.fixture
def ada(shared: Backend) -> Person:
    return shared.sign_in("ada")


@pytest.fixture
def chinook(tmp_path: Path) -> Path:
    path = tmp_path / "chinook.sqlite"
    path.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    return path


def config(source: Path, target: Path, **more: Any) -> dict[str, Any]:
    ends = {"source": {"database": str(source)}, "destination": {"database": str(target)}}
    return {"source_type": "sqlite", "dest_type": "duckdb", "operation_type": "full", **ends, **more}


SECRETIVE = {
    "source_type": "postgresql",
    "dest_type": "clickhouse",
    "source": {"host": "127.0.0.1", "port": 1, "database": "s", "username": "u", "password": CANARY},
    "destination": {"host": "127.0.0.1", "port": 1, "database": "d", "username": "u", "password": CANARY},
}


# Accounts


def test_an_account_from_registration_to_me(tmp_path: Path) -> None:
    with backend(tmp_path) as made:
        body = {"username": "admin", "email": "admin@example.com", "password": PASSWORD}
        registered = made.post("/api/auth/register", json=body)
        assert registered.status_code == 201
        assert registered.json()["message"] == "User registered successfully"
        user = registered.json()["user"]
        assert set(user) == {"id", "username", "email", "created_at", "updated_at"}
        assert (user["id"], user["username"], user["email"]) == (1, "admin", "admin@example.com")
        login = made.post("/api/auth/login", json={"username": "admin", "password": PASSWORD}).json()
        assert login["message"] == "Login successful"
        assert {"id": 1, "username": "admin", "email": "admin@example.com"}.items() <= login["user"].items()
        me = made.get("/api/auth/me", headers={"Authorization": f"Bearer {login['access_token']}"})
        assert me.json()["user"]["username"] == "admin"
        assert "taken" in made.post("/api/auth/register", json=body).json()["error"]
        assert made.post("/api/auth/register", json=body).status_code == 409
        wrong = made.post("/api/auth/login", json={"username": "admin", "password": "wrong-password"})
        assert wrong.status_code == 401
        assert set(wrong.json()) >= {"error"}


def test_without_a_token(shared: Backend) -> None:
    paths = ("auth/me", "database-master", "database-master/1", "operations", "operations/1", "operations/summary")
    for path in paths:
        answer = shared.get(f"/api/{path}")
        assert (answer.status_code, "error" in answer.json()) == (401, True), path
    assert shared.post("/api/operations/1/execute").status_code == 401
    assert shared.get("/health").status_code == 200


def test_bodies_that_cannot_be(shared: Backend, ada: Person) -> None:
    for body in ({"username": "x"}, {"username": "x", "email": "x@y.z", "password": PASSWORD, "role": "Admin"}):
        answer = shared.post("/api/auth/register", json=body)
        assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert "surprise" in ada.refused(400, "POST", "database-master", {"name": "x", "service_url": "y", "surprise": 1})
    assert "JSON" in str(shared.post("/api/auth/login", content=b"{").json()["error"])


# Services


def test_ours_is_there_from_the_beginning(tmp_path: Path) -> None:
    with backend(tmp_path) as made:
        admin = made.sign_in("admin")
        (first,) = admin.good("GET", "database-master")["databases"]
        assert set(first) == {"id", "name", "service_url", "created_at", "updated_at"}
        assert (first["id"], first["service_url"]) == (1, "http://localhost:5010")
        ours = {"name": "Universal Migration", "service_url": "http://localhost:5010"}
        registered = admin("POST", "database-master", ours)
        assert registered.status_code == 201
        assert registered.json()["message"] == "Database master created successfully"
        assert registered.json()["database"]["id"] == 1
        assert registered.json()["database"]["name"] == "Universal Migration"
        again = admin("POST", "database-master", ours)
        assert (again.status_code, again.json()["database"]["id"]) == (200, 1)
        other = admin.good("POST", "database-master", {"name": "Legacy", "service_url": "http://127.0.0.1:5001"})
        assert other["database"]["id"] == 2


def test_the_first_registration_has_id_one(tmp_path: Path) -> None:
    with backend(tmp_path) as made:
        admin = made.sign_in("admin")
        made_one = admin.good("POST", "database-master", {"name": "S", "service_url": "http://localhost:5010"})
        assert made_one["database"]["id"] == 1
        changed = admin.good("PUT", "database-master/1", {"name": "Renamed"})
        assert changed["message"] == "Database master updated successfully"
        assert changed["database"]["service_url"] == "http://localhost:5010"
        assert admin.good("GET", "database-master/1")["database"]["name"] == "Renamed"
        assert admin.good("DELETE", "database-master/1") == {"message": "Database master deleted successfully"}
        assert admin.good("GET", "database-master") == {"databases": []}
        assert admin.refused(404, "GET", "database-master/1") == "Database master not found"
        assert admin.refused(404, "DELETE", "database-master/7") == "Database master not found"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://10.0.0.1:5010", "ftp://example.com", "nonsense", "http://u:p@127.0.0.1/"]
)
def test_services_that_are_not_called(ada: Person, url: str) -> None:
    assert "service_url" in ada.refused(400, "POST", "database-master", {"name": "x", "service_url": url})


# Operations


def test_an_operation_as_printed(ada: Person, chinook: Path, tmp_path: Path) -> None:
    made = ada.make(config(chinook, tmp_path / "o.duckdb"), "2124-01-15T10:30:00")
    assert set(made) == OPERATION
    assert (made["source_id"], made["username"], made["schedule"]) == (1, "ada", "2124-01-15T10:30:00")
    assert (made["status"], made["operation_type"]) == ("pending", "full")
    assert [made[k] for k in ("result_data", "error_message", "started_at", "completed_at")] == [None] * 4
    assert ada.good("GET", f"operations/{made['id']}")["operation"] == made
    assert made in ada.good("GET", "operations")["operations"]
    status = ada.good("GET", f"operations/{made['id']}/status")
    assert (status["operation_id"], status["is_completed"], status["is_success"]) == (made["id"], False, False)
    assert (status["duration_seconds"], status["migration_results"]) == (None, None)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2124-01-15T10:30:00", "2124-01-15T10:30:00"),
        ("2124-01-15T05:00:00Z", "2124-01-15T10:30:00"),
        ("2124-01-15T05:00:00+00:00", "2124-01-15T10:30:00"),
        ("2124-01-15 05:00:00 UTC", "2124-01-15T10:30:00"),
        ("2124-01-15T10:30:00 IST", "2124-01-15T10:30:00"),
        ("2124-01-15T10:30:00+05:30", "2124-01-15T10:30:00"),
    ],
)
def test_schedules_are_indian_time(ada: Person, chinook: Path, tmp_path: Path, sent: str, answered: str) -> None:
    assert ada.make(config(chinook, tmp_path / "o.duckdb"), sent)["schedule"] == answered


def test_execute_as_printed(ada: Person, chinook: Path, tmp_path: Path) -> None:
    made = ada.make(config(chinook, tmp_path / "o.duckdb"))
    told = ada.refused(400, "POST", f"operations/{made['id']}/execute")
    assert "force=true" in told
    done = ada.good("POST", f"operations/{made['id']}/execute?force=true")
    assert done["message"] == "Operation executed successfully"
    assert done["status_code"] == 200
    assert done["operation"]["status"] == "completed"
    assert done["microservice_response"] == done["operation"]["result_data"]
    result = done["operation"]["result_data"]
    assert {"success", "tables_migrated", "tables_failed", "total_tables", "errors"} <= set(result)
    assert {"table": "Track", "records": 3503} in result["tables_migrated"]
    again = ada.good("POST", f"operations/{made['id']}/execute?force=true")
    assert again["message"] == "Operation already completed"
    status = ada.good("GET", f"operations/{made['id']}/status")
    assert status["is_completed"] is status["is_success"] is True
    assert status["duration_formatted"] == f"{status['duration_seconds']}s"
    results = status["migration_results"]
    assert (results["total_tables"], results["tables_migrated_count"], results["tables_failed_count"]) == (11, 11, 0)
    assert (results["total_records"], results["errors"]) == (15607, [])
    assert ada.refused(404, "POST", "operations/99999/execute") == "Operation not found"


def test_due_operations_start_by_themselves(ada: Person, chinook: Path, tmp_path: Path) -> None:
    made = ada.make(config(chinook, tmp_path / "o.duckdb"), "2024-01-15T10:30:00")
    deadline = time.monotonic() + 60
    while not (found := ada.good("GET", f"operations/{made['id']}/status"))["is_completed"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found["is_success"], found


@pytest.mark.parametrize(("end", "word"), [("source", "Source"), ("destination", "Destination")])
def test_connections_are_tried_first(ada: Person, chinook: Path, tmp_path: Path, end: str, word: str) -> None:
    broken = config(chinook, tmp_path / "o.duckdb", source_type="sqlite", dest_type="duckdb")
    kind = {"source": "source_type", "destination": "dest_type"}[end]
    broken |= {kind: "postgresql", end: {"host": "127.0.0.1", "port": 1, "database": "x", "password": CANARY}}
    made = ada.make(broken)
    answer = ada("POST", f"operations/{made['id']}/execute?force=true")
    assert answer.status_code == 400
    found = answer.json()
    assert found["error"] == f"{word} connection test failed"
    assert found["operation"]["status"] == "failed"
    assert found["operation"]["error_message"].startswith(f"{word} connection failed: ")
    assert CANARY not in answer.text
    assert not (tmp_path / "o.duckdb").exists()
    status = ada.good("GET", f"operations/{made['id']}/status")
    assert (status["is_completed"], status["is_success"]) == (True, False)
    assert status["migration_results"]["errors"] == [found["operation"]["error_message"]]


def test_a_failed_operation_can_be_mended_and_executed(ada: Person, chinook: Path, tmp_path: Path) -> None:
    made = ada.make(config(tmp_path / "no.sqlite", tmp_path / "o.duckdb"))
    path = f"operations/{made['id']}"
    assert ada("POST", f"{path}/execute?force=true").status_code == 400
    mended = ada.good("PUT", path, {"config_data": config(chinook, tmp_path / "o.duckdb")})
    assert mended["message"] == "Operation updated successfully"
    assert (mended["operation"]["status"], mended["operation"]["error_message"]) == ("pending", None)
    assert ada.good("POST", f"{path}/execute?force=true")["operation"]["status"] == "completed"


def test_operations_belong_to_who_made_them(shared: Backend, ada: Person, chinook: Path, tmp_path: Path) -> None:
    made = ada.make(config(chinook, tmp_path / "o.duckdb"))
    path, bob = f"operations/{made['id']}", shared.sign_in("bob")
    for method, where in (("GET", ""), ("GET", "/status"), ("PUT", ""), ("DELETE", ""), ("POST", "/execute")):
        body = {"operation_type": "full"} if method == "PUT" else None
        assert bob.refused(403, method, path + where, body) == "Not authorized"
    assert made["id"] not in [o["id"] for o in bob.good("GET", "operations")["operations"]]
    assert ada.good("DELETE", path) == {"message": "Operation deleted successfully"}
    assert ada.refused(404, "GET", path) == "Operation not found"


def test_passwords_are_kept_but_never_shown(shared: Backend, ada: Person) -> None:
    made = ada.make(SECRETIVE)
    path = f"operations/{made['id']}"
    assert made["config_data"]["source"]["password"] == "***"
    changed = ada.good("PUT", path, {"config_data": {**made["config_data"], "dest_type": "mysql"}})["operation"]
    assert (changed["config_data"]["dest_type"], changed["config_data"]["source"]["password"]) == ("mysql", "***")
    typed = ada.good("PUT", path, {"operation_type": "incremental"})["operation"]
    assert typed["operation_type"] == typed["config_data"]["operation_type"] == "incremental"
    texts = [ada("GET", p).text for p in (path, "operations", f"{path}/status", "operations/summary")]
    assert CANARY not in "".join(texts)
    assert CANARY not in str(shared.store.published(limit=10_000))
    from wayfare.control import migrations

    kept = migrations.get(shared.store, made["id"])
    assert migrations.document_of(shared.store, kept, {"source": {"password": "***"}})["source"]["password"] == CANARY


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"source_id": 999}, "source_id"),
        ({"schedule": "tomorrow"}, "schedule"),
        ({"schedule": "2024-01-15T10:30:00Z UTC"}, "schedule"),
        ({"operation_type": "half"}, "operation_type"),
        ({"operation_type": "incremental", "config_data": {**SECRETIVE, "operation_type": "full"}}, "operation_type"),
        ({"surprise": 1}, "surprise"),
        ({"status": "completed"}, "status"),
        ({"config_data": {"source_type": "postgresql"}}, "config_data.dest_type"),
        ({"config_data": {**SECRETIVE, "surprise": 1}}, "config_data.surprise"),
        ({"config_data": {**SECRETIVE, "dest_type": "postgresql"}}, "dest_type"),
        ({"config_data": {**SECRETIVE, "source_type": "oracle"}}, "source_type"),
        ({"config_data": {**SECRETIVE, "dest_type": "zoho"}}, "dest_type"),
        ({"config_data": {**SECRETIVE, "source": {**SECRETIVE["source"], "api_domain": "x"}}}, "source.api_domain"),
        ({"config_data": {**SECRETIVE, "source": {**SECRETIVE["source"], "host": "169.254.169.254"}}}, "source.host"),
    ],
)
def test_operations_that_cannot_be(ada: Person, change: dict[str, Any], where: str) -> None:
    body = {"source_id": 1, "schedule": "2124-01-01T00:00:00", "operation_type": "full", "config_data": SECRETIVE}
    told = ada.refused(400, "POST", "operations", {**body, **change})
    assert where in told
    assert CANARY not in told


def test_the_summary(shared: Backend, tmp_path: Path, chinook: Path) -> None:
    eve = shared.sign_in("eve")
    ids = [eve.make(config(chinook, tmp_path / f"{n}.duckdb"))["id"] for n in range(12)]
    incremental = config(chinook, tmp_path / "i.duckdb", operation_type="incremental")
    ids.append(eve.make(incremental, operation_type="incremental")["id"])
    eve.good("POST", f"operations/{ids[0]}/execute?force=true")
    found = eve.good("GET", "operations/summary")
    assert found["total_operations"] == 13
    assert found["by_status"] == {"pending": 12, "running": 0, "completed": 1, "failed": 0}
    assert found["by_type"] == {"full": 12, "incremental": 1}
    assert [o["id"] for o in found["recent_operations"]] == ids[:2:-1]
    keys = {"id", "status", "operation_type", "source_name", "created_at", "completed_at"}
    assert set(found["recent_operations"][0]) == keys


# Other services


class Migrates(BaseHTTPRequestHandler):
    """A server that speaks /migrate, and tests no connections."""

    asked: list[Any]
    answer: tuple[int, Any]
    gate: threading.Event

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, answer = 404, {"error": "not found"}
        if self.path == "/migrate":
            self.gate.wait(30)
            self.asked.append(body)
            status, answer = self.answer
        told = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def service() -> Iterator[tuple[str, type[Migrates]]]:
    answer = (200, {"success": True, "tables_migrated": [{"table": "t", "records": 5}], "total_tables": 1})
    handler = type("One", (Migrates,), {"asked": [], "gate": threading.Event(), "answer": answer})
    handler.gate.set()
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}", handler


def at_service(ada: Person, url: str) -> dict[str, Any]:
    registered = ada.good("POST", "database-master", {"name": "Elsewhere", "service_url": url})["database"]
    anything = {"source_type": "as400", "dest_type": "tape", "source": {"password": CANARY}, "deep": {"er": 1}}
    return ada.make(anything, source_id=registered["id"])


def test_another_service_is_called(ada: Person, service: tuple[str, type[Migrates]]) -> None:
    url, handler = service
    made = at_service(ada, url)
    done = ada.good("POST", f"operations/{made['id']}/execute?force=true")
    assert done["message"] == "Operation executed successfully"
    assert done["microservice_response"] == handler.answer[1]
    assert handler.asked[0]["source"]["password"] == CANARY
    assert handler.asked[0]["operation_type"] == "full"
    status = ada.good("GET", f"operations/{made['id']}/status")
    assert (status["source_name"], status["migration_results"]["total_records"]) == ("Elsewhere", 5)


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        ((500, {"error": "disk full"}), 500, "disk full"),
        ((200, {"success": False, "errors": ["a", "b"]}), 200, "a; b"),
        ((200, {"tables_migrated": []}), 200, "status 200"),
    ],
)
def test_a_service_that_fails(ada: Person, service: Any, answer: Any, code: int, told: str) -> None:
    url, handler = service
    handler.answer = answer
    made = at_service(ada, url)
    found = ada("POST", f"operations/{made['id']}/execute?force=true")
    assert found.status_code == 500
    assert found.json()["status_code"] == code
    assert told in found.json()["operation"]["error_message"]
    assert found.json()["operation"]["status"] == "failed"


def test_one_that_runs_is_not_started_changed_or_deleted(ada: Person, service: Any) -> None:
    url, handler = service
    handler.gate.clear()
    made = at_service(ada, url)
    path = f"operations/{made['id']}"
    first: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: first.append(ada("POST", f"{path}/execute?force=true")))
    thread.start()
    while ada.good("GET", path)["operation"]["status"] != "running":
        time.sleep(0.05)
    assert ada.refused(400, "POST", f"{path}/execute?force=true") == "Operation is already running"
    assert ada.refused(400, "PUT", path, {"operation_type": "full"}) == "Cannot update a running operation"
    assert ada.refused(400, "DELETE", path) == "Cannot delete a running operation"
    assert "needs it" in ada.refused(409, "DELETE", f"database-master/{made['source_id']}")
    handler.gate.set()
    thread.join()
    assert first[0].json()["message"] == "Operation executed successfully"
    assert len(handler.asked) == 1


# Words


def test_every_status_has_a_word() -> None:
    assert set(STATUS) == set(Status)
    assert set(STATUS.values()) == set(STATUS_WORDS)


@pytest.mark.parametrize(("source", "target"), sorted(SUPPORTED))
def test_supported_combinations_are_understood(source: str, target: str) -> None:
    assert [found.name for found in pair(source.upper(), target)] == [source, target]
