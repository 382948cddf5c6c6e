"""What surrounds every answer, on a real server: headers, ids, probes, metrics, pages, errors in their envelope."""

from __future__ import annotations

import json
import re
import time

import httpx2
import pytest

from faces.server import Server

ALWAYS = {
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cache-control",
    "x-request-id",
}
BIG = b" " * (2 << 20)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/health", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/wayfare", 200),
        ("GET", "/docs/assets/page.js", 200),
        ("GET", "/openapi/wayfare.json", 200),
        ("GET", "/api/runs", 200),
        ("GET", "/api/runs/none", 404),
        ("GET", "/none", 404),
        ("DELETE", "/livez", 405),
        ("POST", "/api/runs", 400),
        ("HEAD", "/api/runs", 405),
        ("OPTIONS", "/api/runs", 405),
    ],
)
def test_every_answer_wears_its_headers(http: httpx2.Client, method: str, path: str, status: int) -> None:
    """Check 25."""
    answer = http.request(method, path)
    assert answer.status_code == status
    assert set(answer.headers) >= ALWAYS
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_refusals_of_the_shell_wear_them_too(http: httpx2.Client) -> None:
    answers = [
        http.post("/api/runs", content=BIG),
        http.get("/api/runs", headers={"Authorization": "Bearer nonsense"}),
        http.get("/api/runs", headers={"Origin": "https://evil.example"}),
        http.post("/api/runs", headers={"Idempotency-Key": "é".encode()}, json={}),
    ]
    assert [a.status_code for a in answers] == [413, 401, 403, 400]
    for answer in answers:
        assert set(answer.headers) >= ALWAYS
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json())
        assert answer.json()["status"] == answer.status_code
    assert "Bearer" in answers[1].headers["www-authenticate"]


def test_hsts_over_https_only(http: httpx2.Client) -> None:
    """As a proxy on this machine says it."""
    answer = http.get("/livez", headers={"X-Forwarded-Proto": "https"})
    assert "max-age" in answer.headers["strict-transport-security"]


def test_request_ids(http: httpx2.Client, server: Server) -> None:
    assert http.get("/livez", headers={"X-Request-ID": "a-1.b:C"}).headers["x-request-id"] == "a-1.b:C"
    for bad in ("", "a b", "x" * 65, 'a"},{"', "ä".encode().decode("latin-1")):
        made = http.get("/livez", headers={"X-Request-ID": bad.encode("latin-1")}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", made)


def test_the_access_log(http: httpx2.Client, server: Server) -> None:
    """JSON lines, with the id, without the query."""
    http.get("/api/runs?limit=7&token=canary-of-a-query", headers={"X-Request-ID": "logged-1"})
    until = time.monotonic() + 5
    found: list[dict[str, object]] = []
    while not found and time.monotonic() < until:
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        found = [line for line in lines if line.get("request") == "logged-1"]
    assert found[0] | {"ms": 0} == found[0] | {"method": "GET", "path": "/api/runs", "status": 200, "ms": 0}
    assert found[0]["who"] == "local"
    assert "canary" not in server.log.read_text()


def test_metrics_are_bounded(http: httpx2.Client) -> None:
    for number in range(20):
        http.get(f"/nothing/{number}")
        http.get(f"/api/runs/{number}")
        http.request(f"ODD{number}", "/livez")
    text = http.get("/metrics").text
    routes = set(re.findall(r'wayfare_requests_total{method="([^"]+)",route="([^"]+)"', text))
    assert ("GET", "unmatched") in routes
    assert ("GET", "/api/runs/{run}") in routes
    assert not any("ODD" in method or re.search(r"\d", route) for method, route in routes)
    for name in ("wayfare_runs", "wayfare_queue_depth", "wayfare_rows_copied", "wayfare_request_seconds_count"):
        assert re.search(rf"^{name}\b", text, re.MULTILINE), name
    assert 'wayfare_runs{status="succeeded"}' in text


def test_pages_come_from_this_origin_alone(http: httpx2.Client) -> None:
    for path in ("/docs", "/docs/wayfare", "/docs/jarvis", "/docs/shell"):
        page = http.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
        for link in re.findall(r"(?:src|href|data-description)=\"(/[^\"]+)\"", page.text):
            assert http.get(link).status_code == 200, link
    assert http.get("/docs/nothing").status_code == 404
    assert http.get("/docs/assets/nothing.js").status_code == 404
    assert http.get("/docs/assets/..%2fREADME.md").status_code == 404


def test_bad_bodies_name_the_field(http: httpx2.Client) -> None:
    def wrong(**body: object) -> str:
        answer = http.post("/api/runs", json=body)
        assert answer.status_code == 400
        return str(answer.json()["where"])

    assert wrong() == "source"
    assert wrong(source="sqlite:///a", target="sqlite:///b", surprise=1) == "surprise"
    assert wrong(source="sqlite:///a", target="sqlite:///b", mode="half") == "mode"
    assert wrong(source="sqlite:///a", target="sqlite:///b", tables=[1]) == "tables.0"
    assert http.post("/api/runs", content=b"{").status_code == 400


def test_secrets_in_wrong_bodies_are_not_repeated(http: httpx2.Client) -> None:
    answer = http.post("/api/runs", json={"source": {"password": "canary"}, "target": ["canary"]})
    assert answer.status_code == 400
    assert "canary" not in answer.text
