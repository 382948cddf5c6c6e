"""Who may ask what: no credentials, every role on every route, other tenants, limits, repeated requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from faces.journal import new_run
from moving import data, home
from wayfare.access.rates import Limit, MemoryRates
from wayfare.access.scopes import ACTIONS, SCOPES_OF, Role, Scope
from wayfare.core.errors import Bug, Invalid
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import Access
from wayfare.faces.http.allowances import Allowed
from wayfare.faces.http.app import create_app, methods_of, refuse_open_routes, routes_of
from wayfare.faces.http.callers import Caller, Needs, needs_of
from wayfare.faces.http.envelopes import Envelopes
from wayfare.faces.http.face import faces
from wayfare.faces.http.public import PUBLIC
from wayfare.faces.http.versions import etag, expected
from wayfare.store.store import Store
from wayfare.store.versions import Stale

PASSWORD = Redacted("correct horse battery")
ROLES = list(Role)
WANTING = {  # what public routes answer without what they are meant to be asked with
    "/auth/authorize": 400,
    "/auth/oidc/start": 404,
    "/auth/oidc/callback": 404,
}


class Place:
    """An installation in which everybody has to sign in, with somebody of each role in two tenants."""

    def __init__(self, store: Store, access: Access) -> None:
        self.store = store
        self.access = access
        self.app: FastAPI = create_app(store, faces(), access)
        access.entrance.tenants.add(LOCAL, "other")
        self.tokens = {
            (tenant, role): self._token(f"{tenant}-{role}", role, tenant)
            for tenant in ("default", "other")
            for role in ROLES
        }

    def _token(self, name: str, role: Role, tenant: str) -> str:
        user = self.access.entrance.accounts.add(LOCAL, name, f"{name}@x.org", PASSWORD, role=role, tenant=tenant)
        return self.access.entrance.sign_in.of(user).token

    def headers(self, role: Role, tenant: str = "default") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[tenant, role]}"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with home(tmp_path_factory.mktemp("home")) as (settings, store):
        access = Access.to(store, settings, enabled=True)
        here = replace(access.connections, loopback=True)  # where a test finds a port that nobody listens on
        files = settings.home / "files" / "default"  # what tenants may name
        files.mkdir(parents=True)
        (files / "chinook.sqlite").write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
        yield Place(store, replace(access, limit=Limit(1_000_000), connections=here))


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[TestClient]:
    with TestClient(place.app) as found:
        yield found


def routes(place: Place) -> list[tuple[str, str, str]]:
    """(method, path with something in it, action)"""
    found = []
    for route in routes_of(place.app):
        path = str(route.path)
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "pause" if name == "wish" else "0" * 16)
        found += [(method, path, needs_of(route)) for method in methods_of(route) if (method, route.path) not in PUBLIC]
    return found


def status(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    if method != "WEBSOCKET":
        return int(client.request(method, path, headers=headers).status_code)
    try:
        with client.websocket_connect(path, headers=headers):
            return 101
    except Exception as error:  # what is raised for a refusal has its answer
        return int(getattr(error, "status_code", 0))


def test_every_route_wants_a_caller(place: Place, client: TestClient) -> None:
    """Check 10."""
    asked = routes(place)
    assert len(asked) >= 12
    for method, path, _ in asked:
        assert status(client, method, path, {}) == 401, (method, path)
    for method, path in PUBLIC:
        if method == "GET" and "{" not in path:
            assert status(client, method, path, {}) == WANTING.get(path, 200), path


def test_a_bad_credential_does_not_close_what_is_public(client: TestClient) -> None:
    assert client.get("/livez", headers={"Authorization": "Bearer nonsense"}).status_code == 200


def test_every_route_knows_who_may(place: Place, client: TestClient) -> None:
    """Check 9: role × route. 403 exactly where the role lacks the action's scope."""
    for method, path, action in routes(place):
        for role in ROLES:
            found = status(client, method, path, place.headers(role))
            may = ACTIONS[action] in SCOPES_OF[role]
            assert (found != 403) == may, (method, path, role, found)
            assert found != 401


def test_a_key_is_no_stronger_than_its_scopes(place: Place, client: TestClient) -> None:
    """Check 9: scope × route."""
    entrance = place.access.entrance
    admin = entrance.callers.authenticate(place.headers(Role.ADMIN)["Authorization"], "")
    assert admin
    for scope in Scope:
        _, key = entrance.api_keys.create(admin, f"only {scope}", [scope])
        for method, path, action in routes(place):
            found = status(client, method, path, {"X-API-Key": key.reveal()})
            assert (found != 403) == (scope in (Scope.ADMIN, ACTIONS[action])), (method, path, scope, found)


def test_other_tenants_have_nothing_here(place: Place, client: TestClient) -> None:
    """Check 11: their ids are 404 on every route, and nothing changes."""
    theirs = new_run(place.store.of("other"))
    admin = place.headers(Role.ADMIN)
    assert client.get("/api/runs", headers=admin).json()["runs"] == []
    for method, path, _ in routes(place):
        if path.startswith(("/api/runs/", "/ws/runs/")):
            assert status(client, method, path.replace("0" * 16, theirs.id), admin) == 404, (method, path)
    assert place.store.of("other").run(theirs.id) == theirs
    own = place.headers(Role.ADMIN, "other")
    assert [r["id"] for r in client.get("/api/runs", headers=own).json()["runs"]] == [theirs.id]
    assert client.get(f"/api/runs/{theirs.id}", headers=own).status_code == 200


def test_a_foreign_tenant_cannot_be_chosen(client: TestClient, place: Place) -> None:
    """Check 14."""
    for wanted, answer in (("default", 200), ("other", 403), ("nobody", 403)):
        headers = {**place.headers(Role.ADMIN), "X-Tenant-ID": wanted}
        assert client.get("/api/runs", headers=headers).status_code == answer


def test_a_route_that_says_nothing_is_refused(place: Place) -> None:
    def nothing() -> None: ...

    app = FastAPI()
    app.add_api_route("/open", nothing)
    with pytest.raises(Bug, match="GET /open"):
        refuse_open_routes(app)


def test_metrics_are_for_administrators(client: TestClient, place: Place) -> None:
    for role in ROLES:
        found = client.get("/metrics", headers=place.headers(role)).status_code
        assert found == (200 if role is Role.ADMIN else 403)


def test_tokens_come_over_sockets_too(client: TestClient, place: Place) -> None:
    run = new_run(place.store)
    token = place.tokens["default", Role.VIEWER]
    told = []
    protocols = ["wayfare.events", f"bearer.{token}"]
    with (
        suppress(CancelledError),  # the test client cancels an application that is about to end by itself
        client.websocket_connect(f"/ws/runs/{run.id}", subprotocols=protocols) as socket,
    ):
        told = [socket.accepted_subprotocol, socket.receive_json()["events"][0]["name"]]
    assert told == ["wayfare.events", "created"]


# Limits


def test_exactly_as_many_calls_as_are_allowed(place: Place) -> None:
    """Check 31, in one process."""
    access = replace(place.access, rates=MemoryRates(lambda: 0.0), limit=Limit(100))
    headers = place.headers(Role.VIEWER)
    with TestClient(create_app(place.store, faces(), access)) as client:
        answers = [client.get("/api/runs", headers=headers) for _ in range(150)]
        assert sum(a.status_code == 200 for a in answers) == 100
        assert client.get("/livez").status_code == 200
        other = client.get("/api/runs", headers=place.headers(Role.DBA))
    first, last = answers[0], answers[-1]
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("100", "99")
    assert last.status_code == 429
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert int(last.headers["retry-after"]) >= 1
    assert 0 <= int(last.headers["x-ratelimit-reset"]) - time.time() <= 61
    assert last.json()["code"] == "rate_limited"
    assert other.headers["x-ratelimit-remaining"] == "99"


def test_who_has_not_signed_in_counts_by_where_they_are(place: Place) -> None:
    access = replace(place.access, rates=MemoryRates(lambda: 0.0), limit=Limit(5))
    with TestClient(create_app(place.store, faces(), access)) as client:
        found = [client.get("/api/runs").status_code for _ in range(7)]
    assert found == [401] * 5 + [429] * 2


def test_a_route_may_be_tighter(place: Place) -> None:
    router = APIRouter()

    @router.get("/things", dependencies=[Depends(Allowed("things", Limit(3)))])
    def things(caller: Annotated[Caller, Depends(Needs("runs.read"))]) -> dict[str, str]:
        return {"tenant": caller.store.one_tenant}

    face = replace(next(f for f in faces() if f.fallback), name="things", router=router, prefixes=("/things",))
    headers = place.headers(Role.VIEWER, "other")
    with TestClient(create_app(place.store, [*faces(), face], place.access)) as client:
        answers = [client.get("/things", headers=headers) for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        assert answers[0].headers["x-ratelimit-limit"] == "3"
        assert answers[0].json() == {"tenant": "other"}
        assert client.get("/api/runs", headers=headers).status_code == 200


@pytest.mark.parametrize(("given", "version"), [({}, None), ({"If-Match": "*"}, None), ({"If-Match": '"3"'}, 3)])
def test_if_match_names_a_version(given: dict[str, str], version: int | None) -> None:
    scope = {"type": "http", "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()]}
    assert expected(Request(scope)) == version
    assert version is None or etag(version) == given["If-Match"]


@pytest.mark.parametrize("text", ["3", '"x"', 'W/"3"', '"3", "4"', '""'])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="If-Match"):
        expected(Request({"type": "http", "headers": [(b"if-match", text.encode())]}))


def test_a_stale_version_is_412_on_every_face(place: Place) -> None:
    """Check 30, as far as HTTP is concerned."""
    for face in faces():
        answer = Envelopes(faces()).answer(f"{face.prefixes[0]}/x", Stale("it was changed.", where="version"))
        assert answer.status_code == 412, face.name


# Repeated requests


def body(target: str) -> dict[str, str]:
    return {"source": "sqlite:///chinook.sqlite", "target": f"duckdb:///{target}.duckdb"}


def test_fifty_at_once_with_one_key(place: Place) -> None:
    """Check 28: one resource; everybody gets the same answer."""
    import httpx2

    headers = {**place.headers(Role.ADMIN), "Idempotency-Key": "fifty"}
    before = len(place.store.runs(limit=1000))

    async def ask_all() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=place.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver", timeout=60) as client:
            calls = [client.post("/api/runs", json=body("fifty"), headers=headers) for _ in range(50)]
            return list(await asyncio.gather(*calls))

    answers = asyncio.run(ask_all())
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["run"]["id"] for a in answers}) == 1
    assert len(place.store.runs(limit=1000)) == before + 1
    assert sum("idempotency-replayed" in a.headers for a in answers) == 49


def test_a_key_belongs_to_one_request_of_one_caller(client: TestClient, place: Place) -> None:
    headers = {**place.headers(Role.ADMIN), "Idempotency-Key": "once"}
    wanted = {**body("out"), "dry_run": True}
    first = client.post("/api/runs", json=wanted, headers=headers)
    assert first.status_code == 200
    again = client.post("/api/runs", json=wanted, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    other = client.post("/api/runs", json={**wanted, "tables": ["Track"]}, headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"
    somebody = client.post("/api/runs", json=wanted, headers={**headers, **place.headers(Role.DBA)})
    assert "idempotency-replayed" not in somebody.headers


def test_refusals_are_kept_and_faults_are_not(client: TestClient, place: Place) -> None:
    headers = {**place.headers(Role.ADMIN), "Idempotency-Key": "refused"}
    wanted = {**body("out"), "target": "postgresql://u:p@127.0.0.1:1/db"}
    assert client.post("/api/runs", json=wanted, headers=headers).status_code == 502
    assert "idempotency-replayed" not in client.post("/api/runs", json=wanted, headers=headers).headers
    bad = {**headers, "Idempotency-Key": "bad"}
    assert client.post("/api/runs", json={}, headers=bad).status_code == 400
    assert client.post("/api/runs", json={}, headers=bad).headers["idempotency-replayed"] == "true"


def test_kept_answers_are_sealed(client: TestClient, place: Place) -> None:
    import sqlalchemy as sa

    from wayfare.store.answers import ANSWERS

    headers = {**place.headers(Role.ADMIN), "Idempotency-Key": "sealed"}
    client.post("/api/runs", json={**body("out"), "dry_run": True}, headers=headers)
    with place.store.read() as connection:
        kept = connection.execute(sa.select(ANSWERS.c.sealed).where(ANSWERS.c.key == "sealed")).scalar_one()
    assert kept.startswith("w1.")
    assert "chinook" not in kept


def test_too_many_streams_are_refused(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(place.store)
    monkeypatch.setattr("wayfare.faces.http.streams.STREAMS_MAX", 0)
    answer = client.get(f"/api/runs/{run.id}/events", headers=place.headers(Role.VIEWER))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"
