"""Connections, schedules, people and the audit, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from faces.server import Server
from moving import data, home
from wayfare.access.rates import Limit
from wayfare.access.scopes import Role
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces
from wayfare.store.schema import AUDIT

SECRET = "hunter2hunter2"
MYSQL = f"mysql://root:{SECRET}@127.0.0.1:1/shop"


@pytest.fixture
def chinook(tmp_path: Path) -> str:
    path = tmp_path / "chinook.sqlite"
    path.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    return f"sqlite:///{quote(str(path))}"


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    """Nothing is saved there, at first."""
    with httpx2.Client(verify=False, base_url=server.url, timeout=60) as client:
        yield client
        for what in ("connections", "schedules"):
            for found in client.get(f"/api/{what}").json()[what]:
                assert client.delete(f"/api/{what}/{found['name']}").status_code == 204


def add(http: httpx2.Client, name: str, url: str) -> Any:
    answer = http.post("/api/connections", json={"name": name, "url": url})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/connections/{name}"
    return answer.json()


def test_a_connection_and_its_secret(http: httpx2.Client) -> None:
    made = add(http, "legacy", MYSQL)
    assert made["url"] == "mysql://root:***@127.0.0.1:1/shop"
    for reference in ("legacy", made["id"], made["number"]):
        assert http.get(f"/api/connections/{reference}").json() == made
    assert SECRET not in http.get("/api/connections").text
    assert http.post("/api/connections", json={"name": "legacy", "url": MYSQL}).status_code == 409
    tested = http.post("/api/connections/legacy/test").json()
    assert (tested["ok"], tested["code"]) == (False, "unreachable")
    assert SECRET not in json.dumps(tested)
    assert http.get("/api/connections/legacy").json()["checked"] == tested
    changed = http.put("/api/connections/legacy", json={"name": "old", "url": made["url"].replace("/shop", "/other")})
    assert (changed.status_code, changed.json()["database"]) == (200, "other")
    elsewhere = http.put("/api/connections/old", json={"name": "old", "url": made["url"].replace(":1/", ":2/")})
    assert (elsewhere.status_code, elsewhere.json()["where"]) == (400, "password")
    assert http.delete("/api/connections/old").status_code == 204
    assert http.get("/api/connections/old").status_code == 404


def test_a_change_names_the_version_it_was_made_from(http: httpx2.Client) -> None:
    made = add(http, "legacy", MYSQL)
    tag = http.get("/api/connections/legacy").headers["etag"]
    body = {"name": "legacy", "url": made["url"].replace("/shop", "/other")}
    changed = http.put("/api/connections/legacy", json=body, headers={"If-Match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)
    stale = http.put("/api/connections/legacy", json=body, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")


def test_what_is_in_a_database(http: httpx2.Client, chinook: str) -> None:
    assert http.post("/api/connections/-/test", json={"url": chinook}).json()["version"].startswith("SQLite")
    add(http, "shop", chinook)
    found = http.get("/api/connections/shop/tables").json()
    track = next(table for table in found["tables"] if table["name"] == "Track")
    assert (track["rows_estimate"], track["key"], track["bytes_estimate"] > 0) == (3503, ["TrackId"], True)
    assert [c["name"] for c in track["columns"]][:2] == ["TrackId", "Name"]


def test_the_systems_there_are(http: httpx2.Client) -> None:
    found = {system["name"]: system for system in http.get("/api/systems").json()["systems"]}
    assert found["postgresql"]["port"] == 5432
    assert found["sqlite"]["in_a_path"]
    assert found["zoho"]["source_only"]


def test_a_run_names_its_connections(http: httpx2.Client, chinook: str, tmp_path: Path) -> None:
    add(http, "shop", chinook)
    body = {"source": "@shop", "target": f"duckdb:///{quote(str(tmp_path / 'out.duckdb'))}", "dry_run": True}
    assert len(http.post("/api/runs", json=body).json()["plan"]["subject"]["tables"]) == 11
    unknown = http.post("/api/runs", json={**body, "source": "@nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_a_schedule(http: httpx2.Client, chinook: str, tmp_path: Path) -> None:
    add(http, "shop", chinook)
    copy = {"source": "@shop", "target": f"duckdb:///{quote(str(tmp_path / 'out.duckdb'))}"}
    body = {"name": "spring", "at": "2027-03-28T02:30", "zone": "Europe/Berlin", "copy": copy}
    made = http.post("/api/schedules", json=body)
    assert made.status_code == 201, made.text
    found = made.json()
    assert found["copy"]["source"] == "@shop"
    assert found["next_times"][0]["local"] == "2027-03-28T03:00:00+02:00"
    assert found["next_times"][0]["note"].startswith("there is no 02:30 in Europe/Berlin")
    assert http.get("/api/schedules").json()["schedules"] == [found]
    assert http.get("/api/schedules/spring").json() == found
    paused = http.post("/api/schedules/spring/pause").json()
    assert (paused["paused"], paused["next_times"]) == (True, [])
    assert http.post("/api/schedules/spring/resume").json()["next_times"] == found["next_times"]
    assert http.get("/api/schedules/spring/starts").json() == {"starts": []}
    assert http.post("/api/schedules/spring/burn").status_code == 400


@pytest.mark.parametrize(
    ("times", "where"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"at": "tomorrow"}, "at"),
        ({"at": "99999-01-01T00:00"}, "at"),
        ({"cron": "@daily", "zone": "Mars/Olympus"}, "zone"),
        ({}, "cron"),
        ({"cron": "@daily", "at": "2030-01-01T00:00"}, "cron"),
    ],
)
def test_times_that_cannot_be(http: httpx2.Client, times: dict[str, str], where: str) -> None:
    answer = http.post("/api/schedules/-/times", json=times)
    assert (answer.status_code, answer.json()["where"]) == (400, where), answer.text
    assert answer.json()["remedy"]


def test_times_with_a_zone_of_their_own(http: httpx2.Client) -> None:
    body = {"at": "2030-06-01T12:00:00+05:30", "zone": "UTC"}
    assert (
        http.post("/api/schedules/-/times", json=body).json()["next_times"][0]["local"] == "2030-06-01T06:30:00+00:00"
    )
    assert len(http.post("/api/schedules/-/times", json={"cron": "@hourly"}).json()["next_times"]) == 5


class Place:
    """Two tenants that have to sign in, with an Admin each."""

    def __init__(self, client: TestClient, access: Access, store: Any) -> None:
        self.client, self.access, self.store = client, access, store

    def headers(self, name: str) -> dict[str, str]:
        answer = self.client.post("/api/sign-in", json={"username": name, "password": SECRET})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with home(tmp_path / "home") as (settings, store):
        access = replace(Access.to(store, settings, enabled=True), limit=Limit(1_000_000))
        access.entrance.tenants.add(LOCAL, "other")
        for tenant in ("default", "other"):
            accounts = access.entrance.accounts
            accounts.add(LOCAL, f"ada-{tenant}", f"{tenant}@x.org", Redacted(SECRET), role=Role.ADMIN, tenant=tenant)
        with TestClient(create_app(store, faces(), access)) as client:
            yield Place(client, access, store)


def test_signing_in(place: Place) -> None:
    wrong = place.client.post("/api/sign-in", json={"username": "ada-default", "password": "wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "not_signed_in")
    me = place.client.get("/api/me", headers=place.headers("ada-other")).json()
    assert (me["name"], me["tenant"], me["local"], "admin" in me["scopes"]) == ("ada-other", "other", False, True)


def test_nobody_has_to_sign_in_here(http: httpx2.Client) -> None:
    assert http.get("/api/me").json()["local"]


def test_what_others_have_is_not_there(place: Place) -> None:
    """Check 11, for what is saved."""
    mine, theirs = place.headers("ada-default"), place.headers("ada-other")
    body = {"name": "secret", "url": "postgresql://u:p@10.9.9.9/db"}
    assert place.client.post("/api/connections", json=body, headers=theirs).status_code == 201
    copy = {"source": "@secret", "target": "@secret"}
    body = {"name": "secret", "cron": "@daily", "copy": copy}
    assert place.client.post("/api/schedules", json=body, headers=theirs).status_code == 201
    for method, path in (
        *(("GET", "connections/secret"), ("DELETE", "connections/secret"), ("POST", "connections/secret/test")),
        *(("GET", "connections/secret/tables"), ("GET", "schedules/secret"), ("DELETE", "schedules/secret")),
        *(("POST", "schedules/secret/pause"), ("GET", "schedules/secret/starts")),
    ):
        assert place.client.request(method, f"/api/{path}", headers=mine).status_code == 404, path
    assert place.client.get("/api/connections", headers=mine).json() == {"connections": []}
    assert place.client.get("/api/schedules", headers=mine).json() == {"schedules": []}
    assert place.client.post("/api/runs", json=copy, headers=mine).status_code == 404
    assert len(place.client.get("/api/schedules", headers=theirs).json()["schedules"]) == 1


def test_the_audit_and_its_chain(place: Place) -> None:
    admin = place.headers("ada-default")
    for number in range(3):
        body = {"name": f"c{number}", "url": "postgresql://u:p@10.9.9.9/db"}
        place.client.post("/api/connections", json=body, headers=admin)
    found = place.client.get("/api/audit?limit=2", headers=admin).json()["entries"]
    assert [(e["who"], e["action"], e["details"]["name"]) for e in found] == [
        ("ada-default", "connections.create", "c2"),
        ("ada-default", "connections.create", "c1"),
    ]
    older = place.client.get(f"/api/audit?before={found[-1]['sequence']}", headers=admin).json()["entries"]
    assert older[0]["details"]["name"] == "c0"
    chain = place.client.get("/api/audit/chain", headers=admin).json()
    assert chain == {"entries": found[0]["sequence"], "broken": ""}
    with place.store.write() as transaction:
        forged = sa.update(AUDIT).where(AUDIT.c.sequence == found[1]["sequence"])
        transaction.execute(forged.values(outcome="forged"))
    broken = place.client.get("/api/audit/chain", headers=admin).json()["broken"]
    assert broken == f"Entry {found[1]['sequence']} was changed."
