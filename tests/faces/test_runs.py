"""Our own face: runs started, looked at, asked, reported, on a real server with real databases."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from faces.server import Server
from moving import data

WAIT_SECONDS = 60


@pytest.fixture
def chinook(tmp_path: Path) -> Path:
    path = tmp_path / "chinook.sqlite"
    path.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    return path


def body(source: Path, target: Path, **more: object) -> dict[str, object]:
    return {"source": f"sqlite:///{quote(str(source))}", "target": f"duckdb:///{quote(str(target))}", **more}


def ended(http: httpx2.Client, run: str) -> dict[str, Any]:
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        found: dict[str, Any] = http.get(f"/api/runs/{run}").json()
        if found["status"] in ("succeeded", "failed", "cancelled", "undone") and not found["asked"]:
            return found
        time.sleep(0.1)
    raise AssertionError(f"run {run} does not end: {found}")


def started(http: httpx2.Client, chinook: Path, target: Path, **more: object) -> str:
    answer = http.post("/api/runs", json=body(chinook, target, **more))
    assert answer.status_code == 201, answer.text
    run = str(answer.json()["run"]["id"])
    assert answer.headers["location"] == f"/api/runs/{run}"
    return run


def test_a_run_from_beginning_to_report(http: httpx2.Client, chinook: Path, tmp_path: Path) -> None:
    run = started(http, chinook, tmp_path / "out.duckdb")
    found = ended(http, run)
    assert found["status"] == "succeeded", found
    assert len(found["tables"]) == 11
    assert {t["source"]: t["rows"] for t in found["tables"]}["Track"] == 3503
    assert http.get("/api/runs").json()["runs"][0]["id"] == run
    assert run not in [r["id"] for r in http.get("/api/runs?status=failed").json()["runs"]]
    events = http.get(f"/api/runs/{run}/journal").json()["events"]
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert http.get(f"/api/runs/{run}/journal?since={len(events) - 1}").json()["events"] == events[-1:]
    assert "succeeded" in http.get(f"/api/runs/{run}/logs").text
    report = http.get(found["reports"]["report.json"])
    assert report.json()["outcome"] == "equal"
    page = http.get(found["reports"]["report.html"])
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text


def test_a_dry_run_changes_nothing(http: httpx2.Client, chinook: Path, tmp_path: Path) -> None:
    before = len(http.get("/api/runs?limit=1000").json()["runs"])
    answer = http.post("/api/runs", json=body(chinook, tmp_path / "out.duckdb", dry_run=True))
    assert answer.status_code == 200, answer.text
    plan = answer.json()["plan"]
    assert not plan["blocked"]
    assert len(plan["subject"]["tables"]) == 11
    assert [p["name"] for p in plan["phases"]][:3] == ["check", "stage", "load"]
    assert answer.json()["run"] is None
    assert not (tmp_path / "out.duckdb").exists()
    assert len(http.get("/api/runs?limit=1000").json()["runs"]) == before


def test_wishes(http: httpx2.Client, chinook: Path, tmp_path: Path) -> None:
    run = started(http, chinook, tmp_path / "out.duckdb", keep_replaced=True)
    assert ended(http, run)["status"] == "succeeded"
    assert http.post(f"/api/runs/{run}/pause").status_code == 409
    assert http.post(f"/api/runs/{run}/dance").status_code in (400, 404)
    undone = http.post(f"/api/runs/{run}/rollback")
    assert undone.status_code == 202
    assert ended(http, run)["status"] == "undone"


def test_what_cannot_be_is_said(http: httpx2.Client, chinook: Path, tmp_path: Path) -> None:
    missing = http.post("/api/runs", json=body(tmp_path / "no.sqlite", tmp_path / "out.duckdb"))
    assert missing.status_code == 404
    assert "no.sqlite" in missing.json()["detail"]
    unknown = http.post("/api/runs", json=body(chinook, tmp_path / "o") | {"source": "oracle://x/y"})
    assert unknown.status_code == 400
    assert unknown.json()["code"] == "invalid"
    both = http.post("/api/runs", json=body(chinook, tmp_path / "o", schema_only=True, data_only=True))
    assert both.status_code == 400


ENCODINGS = [
    "../report.json",
    "..%2freport.json",
    "%2e%2e/report.json",
    "%2e%2e%2freport.json",
    "..%5creport.json",
    "%252e%252e%252freport.json",
    "..%c0%afreport.json",
    "..%ef%bc%8freport.json",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "....//....//key",
    "report.json%00",
    "report.json%00.html",
    "report.json/",
    "report.json;x",
    ".",
    "report.json%20",
    "REPORT.JSON",
]


@pytest.mark.parametrize("name", ENCODINGS)
def test_reports_are_found_by_name_alone(server: Server, chinook: Path, name: str) -> None:
    """Check 19: 18 ways to write another path: 404. Sent as raw bytes, as clients tidy paths up."""
    run = _any_run(server, chinook)
    request = f"GET /api/runs/{run}/reports/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = server.ask(request.encode())
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 307", b"HTTP/1.1 405")), answer[:200]
    assert b"HTTP/1.1 307" not in answer[:12] or name.endswith("/")


def _any_run(server: Server, chinook: Path) -> str:
    with httpx2.Client(verify=False, base_url=server.url, timeout=60) as http:
        runs = http.get("/api/runs").json()["runs"]
        return str(runs[0]["id"]) if runs else started(http, chinook, chinook.with_suffix(".duckdb"))


@pytest.mark.parametrize("run", ["last", "0", "0" * 16, "..", "%2e%2e", "0%00", "x" * 5000])
def test_runs_of_nobody(http: httpx2.Client, run: str) -> None:
    for path in ("", "/journal", "/logs", "/events", "/reports/report.json"):
        assert http.get(f"/api/runs/{run}{path}").status_code == 404
    assert http.post(f"/api/runs/{run}/pause").status_code in (404, 405)
