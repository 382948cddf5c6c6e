"""The stand-in server keeps the rules of the real one: an adapter that broke them would be refused there too."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from systems.zoho import seed
from wayfare.systems.databases.zoho.testcrm import Organisation
from wayfare.systems.databases.zoho.testserver import Server


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as client:
        yield client


def token(server: Server, crm: Organisation, http: httpx2.Client, **other: str) -> dict[str, Any]:
    form = {"grant_type": "refresh_token", "client_id": crm.client_id, "client_secret": crm.client_secret}
    answer = http.post(f"{server.url}/oauth/v2/token", data={**form, "refresh_token": crm.refresh_token, **other})
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def get(server: Server, crm: Organisation, http: httpx2.Client) -> Any:
    access = token(server, crm, http)["access_token"]

    def ask(path: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx2.Response:
        every = {"Authorization": f"Zoho-oauthtoken {access}", **(headers or {})}
        return http.get(f"{server.url}/crm{path}", params=parameters, headers=every)

    return ask


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, (400, "REQUIRED_PARAM_MISSING")),
        ({"fields": ",".join(f"F{i}" for i in range(51))}, (400, "LIMIT_EXCEEDED")),
        ({"fields": "Email", "per_page": 201}, (400, "INVALID_DATA")),
        ({"fields": "Email", "ids": ",".join(map(str, range(101)))}, (400, "LIMIT_EXCEEDED")),
        ({"fields": "Email", "sort_by": "Email"}, (400, "INVALID_DATA")),
        ({"fields": "Email", "page": 11}, (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")),
        ({"fields": "Email", "page": 1, "page_token": "x.1.1"}, (400, "AMBIGUITY_DURING_PROCESSING")),
        ({"fields": "Email", "page_token": "x.1.1"}, (400, "TOKEN_BOUND_DATA_MISMATCH")),
    ],
)
def test_requests_for_records(get: Any, parameters: dict[str, Any], expected: tuple[int, str]) -> None:
    assert code(get("/v8/Leads", **parameters)) == expected


def test_pages_and_tokens(get: Any) -> None:
    first = get("/v8/Leads", fields="Email", per_page=200, sort_order="asc").json()
    shown = {"per_page": 200, "count": 200, "more_records": True}
    assert shown.items() <= first["info"].items()
    more = {"fields": "Email", "per_page": 200, "sort_order": "asc", "page_token": first["info"]["next_page_token"]}
    second = get("/v8/Leads", **more).json()
    assert int(second["data"][0]["id"]) > int(first["data"][-1]["id"])
    assert code(get("/v8/Leads", **{**more, "per_page": 100})) == (400, "TOKEN_BOUND_DATA_MISMATCH")


def test_what_is_only_shown_when_asked_for(get: Any) -> None:
    converted = [seed.identity(1, n) for n in (100, 99, 1)]
    shown = get("/v8/Leads", fields="Email", ids=",".join(converted)).json()["data"]
    assert [r["id"] for r in shown] == [seed.identity(1, 1)]
    shown = get("/v8/Leads", fields="Email", ids=",".join(converted), converted="both", approved="both").json()["data"]
    assert len(shown) == 3


def test_nothing_found_and_nothing_changed(get: Any) -> None:
    assert get("/v8/Campaigns", fields="Campaign_Name").status_code == 204
    since = {"If-Modified-Since": "2030-01-01T00:00:00+00:00"}
    assert get("/v8/Leads", since, fields="Email").status_code == 304


def test_deleted_records(get: Any, crm: Organisation) -> None:
    assert get("/v8/Deals/deleted", type="all").status_code == 204
    crm.modules["Deals"].delete(int(seed.identity(4, 2)), seed.moment(5))
    gone = get("/v8/Deals/deleted", type="all").json()["data"]
    assert gone == [{"id": seed.identity(4, 2), "type": "recycle", "deleted_time": seed.moment(5)}]


def test_tokens_end_and_are_few(server: Server, crm: Organisation, http: httpx2.Client, get: Any) -> None:
    assert get("/v8/settings/modules").status_code == 200
    crm.tokens.clear()
    assert code(get("/v8/settings/modules")) == (401, "INVALID_TOKEN")
    for _ in range(9):
        assert token(server, crm, http)["expires_in"] == 3600
    assert token(server, crm, http)["error"] == "Access Denied"
    assert token(server, crm, http, client_secret="no")["error"] == "invalid_client"
    assert token(server, crm, http, refresh_token="no")["error"] == "invalid_code"


def test_scopes_and_unknown_places(get: Any, crm: Organisation) -> None:
    assert code(get("/v8/Nothing", fields="id")) == (400, "INVALID_MODULE")
    assert code(get("/v8/a/b/c")) == (404, "INVALID_URL_PATTERN")
    crm.scopes = frozenset()
    assert code(get("/v8/Leads", fields="id")) == (401, "OAUTH_SCOPE_MISMATCH")


def test_exports_go_through_their_states(server: Server, crm: Organisation, http: httpx2.Client, get: Any) -> None:
    headers = {"Authorization": f"Zoho-oauthtoken {token(server, crm, http)['access_token']}"}
    url = f"{server.url}/crm/bulk/v8/read"

    def ask(*fields: str) -> httpx2.Response:
        query = {"module": {"api_name": "Contacts"}, "fields": list(fields)}
        return http.post(url, json={"query": query, "file_type": "csv"}, headers=headers)

    assert code(ask("id", "Tag")) == (400, "FIELD_NOT_SUPPORTED")
    made = ask("id", "Last_Name", "Account_Name.Account_Name")
    assert made.status_code == 201
    identity = made.json()["data"][0]["details"]["id"]
    assert code(get(f"/bulk/v8/read/{identity}/result")) == (400, "JOB_NOT_COMPLETED")
    states = [get(f"/bulk/v8/read/{identity}").json()["data"][0]["state"] for _ in range(3)]
    assert states == ["QUEUED", "IN PROGRESS", "COMPLETED"]
    with zipfile.ZipFile(io.BytesIO(get(f"/bulk/v8/read/{identity}/result").content)) as packed:
        lines = packed.read(packed.namelist()[0]).decode().splitlines()
    assert lines[0] == "id,Last_Name,Account_Name.Account_Name"
    assert len(lines) == seed.CONTACTS + 1
