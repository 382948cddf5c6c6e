"""Traces go to a collector where one is named, and nowhere else; they hold no queries."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import asking
from faces.server import serving
from listening import listening

pytest.importorskip("opentelemetry.sdk")


class Collector(BaseHTTPRequestHandler):
    taken: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    taken: list[tuple[str, bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Collector,), {"taken": taken}))
    with listening(server):
        yield f"http://127.0.0.1:{server.server_port}", taken


def test_requests_are_traced(tmp_path: Path, collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    url, taken = collector
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    with serving(tmp_path, env=env) as server:
        assert asking.get(f"{server.url}/api/runs?limit=3&secret=canary").status_code == 200
    told = b"".join(body for path, body in taken if path == "/v1/traces")
    assert b"GET /api/runs" in told
    assert b"canary" not in told
