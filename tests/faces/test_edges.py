"""A service with accounts and two tenants, tried by somebody who means harm: over the wire, on every route."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets
from websockets.sync.client import connect
from websockets.typing import Origin

import asking
from control.test_webhooks import receiving
from faces.server import Server, serving
from moving import data
from wayfare.access.entrance import Entrance
from wayfare.access.scopes import Role
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.settings import Settings
from wayfare.store.store import Store

CANARY = "CANARYx7f3"
PASSWORD = f"{CANARY}-of-people"
CLOSED = "127.0.0.2"  # an address that is allowed, at whose port 1 nobody listens
URL = f"postgresql://u:{CANARY}-1@{CLOSED}:1/d?sslpassword={CANARY}-2"
ZOHO = (
    f"zoho://{CLOSED}:1/?client_id=x&client_secret={CANARY}-3&refresh_token={CANARY}-4&accounts_url=https://{CLOSED}:1"
)
ENV = {
    "WAYFARE_JWT_SECRET": f"{CANARY}-signs-tokens-and-is-long-enough",
    "WAYFARE_KEY": f"{CANARY}-seals-secrets",
    "WAYFARE_EGRESS_ALLOW": f"{CLOSED}/32",
    "WAYFARE_CALLS_PER_MINUTE": "1000000",
    "PGPASSWORD": f"{CANARY}-of-the-operator",
    **{f"ZOHO_{n}": f"{CANARY}-{n}" for n in ("REFRESH_TOKEN", "CLIENT_ID", "CLIENT_SECRET")},
    "ZOHO_API_DOMAIN": "https://www.zohoapis.com",
}
COPY = {"source": "sqlite:///chinook.sqlite", "target": "duckdb:///out.duckdb"}
ONCE_A_YEAR = {"cron": "0 0 1 1 *", "zone": "UTC"}
FILES = {"source": {"database": "chinook.sqlite"}, "destination": {"database": "again.duckdb"}}
CONFIG = {"source_type": "sqlite", "dest_type": "duckdb", **FILES}


@dataclass
class Edge:
    server: Server
    tokens: dict[str, str]
    seen: list[tuple[str, str]]  # every request, and its whole answer

    def __call__(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        headers |= more.pop("headers", {})
        answer = asking.request(method, self.server.url + path, json=body, headers=headers, timeout=60, **more)
        self.seen.append((f"{method} {path}", f"{answer.headers.raw!r} {answer.text}"))
        return answer

    def made(self, who: str, path: str, body: Any) -> dict[str, Any]:
        answer = self(who, "POST", path, body)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def rows(self, tenant: str) -> dict[str, list[Any]]:
        """Everything that is kept of a tenant."""
        with closing(sqlite3.connect(f"file:{self.server.home}/wayfare.db?mode=ro", uri=True)) as connection:
            tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
            mine = [t for t in tables if any(c[1] == "tenant" for c in connection.execute(f"pragma table_info('{t}')"))]
            mine.remove("webhooks")  # but for how far it has read of what everybody tells
            mine.append("(select id, tenant, version, kind, url, topics, sealed, updated_at from webhooks)")
            return {t: sorted(connection.execute(f"select * from {t} where tenant = ?", [tenant])) for t in mine}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    home = tmp_path_factory.mktemp("home")
    tokens = {}
    settings = Settings.read({**ENV, "WAYFARE_HOME": str(home)})
    with closing(Store.open(settings)) as store:
        entrance = Entrance.to(store, secret=ENV["WAYFARE_JWT_SECRET"].encode())
        entrance.tenants.add(LOCAL, "other")
        for tenant in ("default", "other"):
            add = entrance.accounts.add
            user = add(LOCAL, tenant, f"{tenant}@x.org", Redacted(PASSWORD), role=Role.ADMIN, tenant=tenant)
            tokens[tenant] = entrance.sign_in.of(user).token
            (home / "files" / tenant).mkdir(parents=True)
            (home / "files" / tenant / "chinook.sqlite").write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    with serving(home, "--auth-enabled", env=ENV) as server:
        yield Edge(server, tokens, [])


def told(edge: Edge) -> tuple[dict[str, Any], str]:
    """A webhook of the other tenant, and the id of a message that has reached it."""
    with receiving(CLOSED) as receiver:
        body = {"url": receiver.url, "topics": ["connection.*"]}
        webhook = edge.made("other", "/api/webhooks", body)["webhook"]
        edge.made("other", "/api/connections", {"name": "told", "url": URL})
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = edge("other", "GET", f"/api/webhooks/{webhook['id']}/deliveries?state=delivered").json()
            if found["deliveries"]:
                return webhook, found["deliveries"][0]["id"]
            time.sleep(0.1)
    raise AssertionError("nobody was told")


@pytest.fixture(scope="module")
def theirs(edge: Edge) -> dict[str, list[str]]:
    """What the other tenant has, by the name of a path's parameter: its id, number and name."""
    webhook, delivery = told(edge)
    edge("other", "PUT", f"/api/webhooks/{webhook['id']}", {"url": webhook["url"], "topics": ["nothing"]})
    run = edge.made("other", "/api/runs", COPY)["run"]["id"]
    until = time.monotonic() + 60
    while edge("other", "GET", f"/api/runs/{run}").json()["status"] != "succeeded" and time.monotonic() < until:
        time.sleep(0.2)
    connection = edge.made("other", "/api/connections", {"name": "shop", "url": URL})
    schedule = edge.made("other", "/api/schedules", {"name": "nightly", "copy": COPY, **ONCE_A_YEAR})
    edge.made("other", "/api/database-master", {"name": "ours", "service_url": "http://localhost:5010"})
    service = edge.made("other", "/api/database-master", {"name": "x", "service_url": f"http://{CLOSED}:1"})["database"]
    body = {"source_id": 1, "schedule": "2124-01-15T10:30:00", "config_data": CONFIG}
    operation = edge.made("other", "/api/operations", body)["operation"]
    return {
        "run": [run],
        "connection": [connection["id"], str(connection["number"]), "shop"],
        "schedule": [schedule["id"], str(schedule["number"]), "nightly"],
        "webhook": [webhook["id"], str(webhook["number"])],
        "delivery": [delivery],
        "service_id": [str(service["id"])],
        "operation_id": [str(operation["id"])],
        "wish": ["pause"],
        "name": ["report.json"],
    }


BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/runs"): COPY,
    ("POST", "/api/connections"): {"name": "mine", "url": URL},
    ("POST", "/api/connections/-/test"): {"url": URL},
    ("PUT", "/api/connections/{connection}"): {"name": "mine", "url": URL},
    ("POST", "/api/schedules"): {"name": "mine", "copy": COPY, **ONCE_A_YEAR},
    ("POST", "/api/schedules/-/times"): ONCE_A_YEAR,
    ("POST", "/api/webhooks"): {"url": f"http://{CLOSED}:1/hook"},
    ("PUT", "/api/webhooks/{webhook}"): {"url": f"http://{CLOSED}:1/hook"},
    ("POST", "/api/sign-in"): {"username": "x", "password": PASSWORD},
    ("POST", "/api/auth/register"): {"username": "eve", "email": "eve@x.org", "password": PASSWORD},
    ("POST", "/api/auth/login"): {"username": "x", "password": PASSWORD},
    ("POST", "/api/database-master"): {"name": "mine", "service_url": f"http://{CLOSED}:1"},
    ("PUT", "/api/database-master/{service_id}"): {"name": "mine"},
    ("POST", "/api/operations"): {"source_id": 1, "schedule": "2124-01-15T10:30:00", "config_data": CONFIG},
    ("PUT", "/api/operations/{operation_id}"): {"schedule": "2124-01-15T10:30:00"},
    ("POST", "/migrate"): CONFIG,
    ("POST", "/test-connection"): {"source_type": "sqlite", "source": {"database": "chinook.sqlite"}},
}


def described(edge: Edge) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every (method, path, operation) of every face."""
    for face in ("wayfare", "jarvis", "shell"):
        for path, methods in asking.get(f"{edge.server.url}/openapi/{face}.json").json()["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation


def test_another_tenants_ids_are_nothing_here(edge: Edge, theirs: dict[str, list[str]]) -> None:
    """Check 11, on every route there is: 404, and not a row has changed."""
    before = edge.rows("other")
    assert len([t for t, rows in before.items() if rows]) >= 8
    asked = 0
    for method, path, _ in described(edge):
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if not names:
            continue
        for reference in theirs[names[0]]:  # a parameter nobody has thought of fails here
            place = path.replace(f"{{{names[0]}}}", reference)
            for name in names[1:]:
                place = place.replace(f"{{{name}}}", theirs[name][0])
            for headers in ({}, {"Idempotency-Key": f"walk-{asked}"}):
                answer = edge("default", method, place, BODIES.get((method, path)), headers=headers)
                assert answer.status_code == 404, (method, place, answer.text)
                asked += 1
    assert asked >= 50
    assert edge.rows("other") == before


def test_another_tenants_run_is_not_streamed(edge: Edge, theirs: dict[str, list[str]]) -> None:
    url = edge.server.url.replace("http", "ws") + f"/ws/runs/{theirs['run'][0]}"
    for who, expected in (("default", 404), ("other", 0)):
        try:
            with connect(url, additional_headers={"Authorization": f"Bearer {edge.tokens[who]}"}) as socket:
                socket.recv()
                status = 0
        except websockets.InvalidStatus as error:
            status = error.response.status_code
        assert status == expected


def test_an_idempotency_key_is_not_shared(edge: Edge) -> None:
    headers = {"Idempotency-Key": "same"}
    body = {**COPY, "dry_run": True}
    first = edge("other", "POST", "/api/runs", body, headers=headers)
    assert first.status_code == 200
    second = edge("default", "POST", "/api/runs", body, headers=headers)
    assert "idempotency-replayed" not in second.headers


@pytest.mark.parametrize(
    "field", ["tenant", "id", "number", "version", "owner", "user_id", "status", "role", "scopes", "created_at", "ours"]
)
def test_nobody_sets_what_is_not_theirs(edge: Edge, theirs: dict[str, list[str]], field: str) -> None:
    """Check 15: what a body has no field for is refused on every route that takes one."""
    taking = {(method, path) for method, path, operation in described(edge) if "requestBody" in operation}
    assert taking == set(BODIES)
    before = {tenant: edge.rows(tenant) for tenant in ("default", "other")}
    for (method, path), body in BODIES.items():
        place = path
        for name, found in theirs.items():
            place = place.replace(f"{{{name}}}", found[0])
        answer = edge("other", method, place, {**body, field: "1"})
        assert answer.status_code in (400, 422), (method, path, answer.text)
        assert field in answer.text
    for tenant, rows in before.items():
        assert edge.rows(tenant) == rows


def hostile(home: Path) -> list[str]:
    own = [f"{home}/wayfare.db", f"{home}/key", "/etc/passwd", "../other/chinook.sqlite", f"{home}/files/other/x.db"]
    return [f"{system}:///{path}" for path in own for system in ("sqlite", "duckdb", "clickhouse")]


def test_files_are_the_tenants_own_on_every_route(edge: Edge) -> None:
    home = edge.server.home
    kept = (home / "files" / "other" / "chinook.sqlite").read_bytes()
    for url in [*hostile(home), "postgresql://u:p@127.0.0.1/d", "mysql://u:p@localhost/d", "zoho://www.zohoapis.com/"]:
        asked: list[tuple[str, Any]] = [("/api/connections", {"name": "bad", "url": url})]
        for ends in ({**COPY, "source": url}, {**COPY, "target": url}):
            asked += [("/api/runs", ends), ("/api/runs", {**ends, "dry_run": True})]
            asked += [("/api/schedules", {"name": "bad", "copy": ends, **ONCE_A_YEAR})]
        for path, body in asked:
            answer = edge("default", "POST", path, body)
            assert (answer.status_code, answer.json()["code"]) == (400, "address_refused"), (path, body, answer.text)
        tried = edge("default", "POST", "/api/connections/-/test", {"url": url}).json()
        assert (tried["ok"], tried["code"]) == (False, "address_refused")
    assert (home / "files" / "other" / "chinook.sqlite").read_bytes() == kept
    assert edge("default", "GET", "/api/connections").json()["connections"] == []


def test_files_are_the_tenants_own_in_document_004(edge: Edge) -> None:
    edge("default", "GET", "/api/database-master")
    for url in hostile(edge.server.home):
        system, _, path = url.partition(":///")
        end = {"source": {"database": path}} if system == "sqlite" else {"destination": {"database": path}}
        config = {**CONFIG, **({} if system == "sqlite" else {"dest_type": system}), **end}
        asked: list[tuple[str, dict[str, Any]]] = [("/migrate", config)]
        asked += [("/api/operations", {"source_id": 1, "schedule": "2024-01-15T10:30:00", "config_data": config})]
        for place, body in asked:
            answer = edge("default", "POST", place, body)
            assert (answer.status_code, answer.json()["code"]) == (400, "address_refused"), answer.text
        tried = edge("default", "POST", "/test-connection", {"dest_type": system, "destination": {"database": path}})
        assert tried.json()["success"] is False
        assert ("Name a server" if system == "clickhouse" else "below your own folder") in tried.json()["message"]


def test_the_operators_credentials_serve_nobody(edge: Edge) -> None:
    body = {"source_type": "zoho", "source": {"api_domain": "https://www.zohoapis.com"}}
    answer = edge("default", "POST", "/test-connection", body)
    assert answer.json()["success"] is False
    assert "lacks client_id, client_secret, refresh_token" in answer.json()["message"]
    answer = edge("default", "POST", "/api/connections/-/test", {"url": f"postgresql://u@{CLOSED}:1/d"})
    assert answer.json()["code"] == "address_refused"


def test_amounts_of_everybody_are_not_for_one_tenant(edge: Edge) -> None:
    assert edge("default", "GET", "/metrics").status_code == 200
    assert edge("other", "GET", "/metrics").status_code == 403


def test_no_page_of_another_origin_reads_or_writes(edge: Edge, theirs: dict[str, list[str]]) -> None:
    """No CORS, no cookies; a WebSocket needs a token, which no foreign page has."""
    evil = {"Origin": "https://evil.example", "Host": "evil.example"}
    for method, path in (("GET", "/api/runs"), ("POST", "/api/runs"), ("OPTIONS", "/api/runs"), ("GET", "/livez")):
        preflight = {**evil, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        answer = edge("", method, path, headers=preflight)
        assert not [h for h in answer.headers if h.startswith("access-control-") or h == "set-cookie"]
        assert answer.status_code == (200 if path == "/livez" else 405 if method == "OPTIONS" else 401)
    url = edge.server.url.replace("http", "ws") + f"/ws/runs/{theirs['run'][0]}"
    with pytest.raises(websockets.InvalidStatus) as refused:
        connect(url, origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 401


SECRETIVE = {
    "apiKey": f"{CANARY}-5",
    "secret_key": f"{CANARY}-6",
    "headers": {"Authorization": f"Bearer {CANARY}-7"},
    "list": [{"clientSecret": f"{CANARY}-8", "dsn": f"Server=h;Pwd={CANARY}-9;"}],
    "uri": f"mongodb://u:{CANARY}-10@h/d?authToken={CANARY}-11",
    "note": f"jdbc:sqlserver://h;password={CANARY}-12;x=y",
}


def test_secrets_are_nowhere(edge: Edge, theirs: dict[str, list[str]]) -> None:
    """Check 16: secrets put everywhere, every route asked, with errors; then not a trace but what is sealed."""
    who = "default"
    for name, url in (
        ("one", URL),
        ("two", ZOHO),
        ("three", f"postgresql://u:{CANARY}@{CLOSED}:1/d?Password={CANARY}"),
    ):
        made = edge(who, "POST", "/api/connections", {"name": name, "url": url})
        assert made.status_code == (400 if name == "three" else 201), made.text
        for path in ("", "/test", "/tables"):
            edge(who, "POST" if path == "/test" else "GET", f"/api/connections/{name}{path}")
        edge(who, "POST", "/api/connections/-/test", {"url": url})
        for more in ({}, {"dry_run": True}):
            edge(who, "POST", "/api/runs", {**COPY, "source": url, **more})
        edge(who, "POST", "/api/schedules", {"name": name, "copy": {**COPY, "source": url}, **ONCE_A_YEAR})
    edge(who, "POST", "/api/schedules", {"name": "named", "copy": {**COPY, "source": "@one"}, **ONCE_A_YEAR})
    soon = {"at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2)), "zone": "UTC"}
    edge(who, "POST", "/api/schedules", {"name": "soon", "copy": {**COPY, "source": "@one"}, **soon})
    service = edge.made(who, "/api/database-master", {"name": "far", "service_url": f"http://{CLOSED}:1"})["database"]
    end = {"host": CLOSED, "port": 1, "database": "d", "username": "u", "password": f"{CANARY}-13"}
    ours = {"source_type": "postgresql", "dest_type": "duckdb", "source": end, "destination": {"database": "x.db"}}
    for source_id, config in ((1, ours), (service["id"], SECRETIVE)):
        body = {"source_id": source_id, "schedule": "2124-01-15T10:30:00", "config_data": config}
        number = edge.made(who, "/api/operations", body)["operation"]["id"]
        edge(who, "POST", f"/api/operations/{number}/execute?force=true&token={CANARY}")
        for path in (f"/{number}", f"/{number}/status", "", "/summary"):
            edge(who, "GET", f"/api/operations{path}")
    for path in ("/migrate", "/test-connection"):
        edge(who, "POST", path, ours)
    for path in ("/api/auth/login", "/api/sign-in"):
        edge("", "POST", path, {"username": "default", "password": f"{CANARY}-wrong"})
        edge("", "POST", path, {"username": "default", "password": [f"{CANARY}-wrong"]})
        assert edge("", "POST", path, {"username": "default", "password": PASSWORD}).status_code == 200
    for (method, path), body in BODIES.items():  # a secret where none belongs
        for broken in ({name: [f"{CANARY}-14"] for name in body}, f"{CANARY}-15"):
            edge(who, method, path.replace("{", "").replace("}", ""), broken)
    for headers in ({"Authorization": f"Bearer {CANARY}"}, {"X-API-Key": f"{CANARY}"}, {"Cookie": f"s={CANARY}"}):
        edge("", "GET", f"/api/runs?api_key={CANARY}", headers=headers)
    time.sleep(4)  # the schedule that is due soon fails meanwhile
    starts = edge(who, "GET", "/api/schedules/soon/starts").json()["starts"]
    assert starts
    for method, path, _ in described(edge):
        if method == "GET" and "{" not in path:
            edge(who, method, path)
    for run in edge(who, "GET", "/api/runs").json()["runs"]:
        for path in ("", "/journal", "/logs", "/reports/report.json", "/reports/report.html"):
            edge(who, "GET", f"/api/runs/{run['id']}{path}")
    told = [asked for asked, answer in edge.seen if CANARY in answer]
    assert told == []
    written = [p for p in edge.server.home.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    assert written == []
    assert json.loads(edge.server.log.read_text().splitlines()[-1])  # there was a log to look at
