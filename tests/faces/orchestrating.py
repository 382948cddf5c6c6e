"""A server with accounts and an engine, a PostgreSQL that it changes, and people who ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from wayfare.access.rates import MemoryRates
from wayfare.access.scopes import Role
from wayfare.control.capabilities import register
from wayfare.core.address import Address
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.engine.engine import Engine
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces
from wayfare.settings import Settings
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

PASSWORD = "Admin123!"
PEOPLE = {
    "viewer": Role.VIEWER,
    "dev": Role.DEVELOPER,
    "dba": Role.DBA,
    "admin": Role.ADMIN,
    "boss": Role.ADMIN,
    "chief": Role.ADMIN,
}
QUICK = {"observationSeconds": 0, "baselineSeconds": 0}  # these tests are about what happens, not about watching
ENDED = ("Succeeded", "Failed", "RolledBack")


@dataclass
class Office:
    """`ask(who, method, path, json)` on /api/v1."""

    client: TestClient
    tokens: dict[str, str]
    fresh: Callable[[], Address]
    store: Store

    def ask(self, who: str, method: str, path: str, json: Any = None, status: int | None = None) -> Any:
        """The answer's JSON where a status is expected, else the answer."""
        sent = {"Authorization": f"Bearer {self.tokens[who]}"}
        found: httpx2.Response = self.client.request(method, f"/api/v1{path}", json=json, headers=sent)
        if status is None:
            return found
        assert found.status_code == status, found.text
        return found.json() if found.content else None

    def register(self, name: str, address: Address, environment: str = "Production", **replicas: Address) -> str:
        body = {
            "name": name,
            "type": "PostgreSQL",
            "environment": environment,
            "masterConnectionString": string(address),
            "replicas": [
                {"replicaId": key.replace("_", "-"), "connectionString": string(at), "role": "AsyncReplica"}
                for key, at in replicas.items()
            ],
        }
        return str(self.ask("dba", "POST", "/databases", body, 201)["databaseId"])

    def draft(self, database: str, script: str, rollback: str = "", name: str = "a_change", **more: Any) -> str:
        body = {
            "name": name,
            "targetDatabaseId": database,
            "migrationScript": script,
            "rollbackScript": rollback,
            **more,
        }
        self.forget_calls()
        return str(self.ask("dev", "POST", "/migrations", body, 201)["migrationId"])

    def forget_calls(self) -> None:
        """Ten drafts a minute are enough for people, not for tests."""
        state = self.client.app.state  # type: ignore[attr-defined]
        state.access = replace(state.access, rates=MemoryRates())

    def execute(self, migration: str, who: str = "dba", **more: Any) -> dict[str, Any]:
        """Started, and followed to its end."""
        started = self.ask(who, "POST", f"/migrations/{migration}/execute", {**QUICK, **more}, 202)
        return self.ended(migration, started["executionId"])

    def ended(self, migration: str, execution: str, seconds: float = 120) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found: dict[str, Any] = self.ask(
                "viewer", "GET", f"/migrations/{migration}/executions/{execution}", None, 200
            )
            if found["status"] in ENDED:
                return found
            time.sleep(0.1)
        raise AssertionError(f"it goes on: {found}")

    def approve(self, migration: str, *who: str) -> None:
        self.ask("dev", "POST", f"/migrations/{migration}/submit-approval", None, 201)
        for name in who:
            self.ask(name, "POST", f"/migrations/{migration}/approve", {"notes": "seen"}, 200)


def string(address: Address) -> str:
    parts = {
        "Host": address.host,
        "Port": address.port,
        "Database": address.database,
        "Username": address.user,
        "Password": "x",
    }
    return ";".join(f"{name}={value}" for name, value in parts.items())


@contextmanager
def opened_office(folder: Path, fresh: Callable[[], Address], **settings: Any) -> Iterator[Office]:
    register()
    made = Settings(folder, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.open(made)
    access = Access.to(store, made, enabled=True)
    access = replace(access, connections=replace(access.connections, loopback=True))
    entrance = access.entrance
    tokens = {}
    for who, role in PEOPLE.items():
        password = Redacted(PASSWORD)
        user = entrance.accounts.add(LOCAL, who, f"{who}@example.com", password, role=role, tenant="default")
        tokens[who] = entrance.sign_in.of(user).token
    with Engine(made, store, open_database), TestClient(create_app(store, faces(), access)) as client:
        yield Office(client, tokens, fresh, store)
    store.close()
