"""The committed files: up to date, small, served for good, by a policy that lets nothing else in. Needs no browser."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from faces.server import Server
from wayfare.faces.web.pages import PAGES, POLICY, sealed

ROOT = Path(__file__).parents[2]
UI = ROOT / "ui"
ASSETS = ROOT / "src" / "wayfare" / "faces" / "web" / "assets"
SHELL_BYTES_MAX = 250_000  # check 44


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(verify=False, base_url=server.url, timeout=30) as client:
        yield client


def sources() -> dict[str, str]:
    """As ui/scripts/sources.mjs has it."""
    single = ("index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts")
    below = (p for folder in ("src", "scripts") for p in (UI / folder).rglob("*") if p.is_file())
    paths = [*(UI / name for name in single), *below]
    return {p.relative_to(UI).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def test_the_files_are_what_the_sources_make() -> None:
    """Otherwise: cd ui && npm ci && npm run build"""
    assert sealed()["sources"] == sources()


def test_nothing_is_left_over() -> None:
    assert sorted(sealed()["files"]) == sorted(path.name for path in (ASSETS / "files").iterdir())


def test_names_change_with_what_they_hold() -> None:
    assert all(re.search(r"-[\w-]{8}\.\w+$", name) for name in sealed()["files"])


def test_the_shell_is_small() -> None:
    """Check 44. Everything that any page needs, as it travels."""
    packed = [gzip.compress(path.read_bytes()) for path in (ASSETS / "index.html", *(ASSETS / "files").iterdir())]
    assert sum(map(len, packed)) <= SHELL_BYTES_MAX


def test_licences_come_along() -> None:
    text = (ASSETS / "LICENSES.txt").read_text(encoding="utf-8")
    for package in json.loads((UI / "package.json").read_text(encoding="utf-8"))["dependencies"]:
        assert f"\n{package} " in text


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((UI / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert not [name for name, found in packages.items() if "resolved" in found]
    assert all("integrity" in found for name, found in packages.items() if name and not found.get("link"))


def test_the_policy_lets_no_foreign_script_in() -> None:
    assert "script-src 'self';" in POLICY
    assert "unsafe" not in POLICY
    assert "<script>" not in (ASSETS / "index.html").read_text(encoding="utf-8")


def test_the_page_is_asked_for_anew_and_its_files_are_kept(http: httpx2.Client) -> None:
    page = http.get("/ui")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"] == POLICY
    names = re.findall(r'"/ui/assets/([^"]+)"', page.text)
    assert len(names) >= 3
    for name in names:
        found = http.get(f"/ui/assets/{name}")
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
        assert found.headers["content-encoding"] == "gzip"
        assert found.content == (ASSETS / "files" / name).read_bytes()
        plain = http.get(f"/ui/assets/{name}", headers={"accept-encoding": "identity"})
        assert plain.content == found.content


def test_every_page_can_be_opened_by_its_address(http: httpx2.Client) -> None:
    page = http.get("/ui").text
    for path in (*sorted(PAGES), "runs/0123456789abcdef", "connections/shop", "connections/a%20b"):
        assert http.get(f"/ui/{path}").text == page
    for path in ("nowhere", "copy/more", "runs/1/2", "assets"):
        assert http.get(f"/ui/{path}").status_code == 404


ESCAPES = (
    *("../sealed.json", "..%2fsealed.json", "%2e%2e%2fsealed.json", "..%5csealed.json", "....//sealed.json"),
    *("%2e%2e/%2e%2e/pages.py", "..%252fsealed.json", "files%2f..%2f..%2fpages.py", "%2fetc%2fpasswd", "/etc/passwd"),
    *("index.html%00.js", "..;/sealed.json", "%c0%ae%c0%ae/sealed.json", "~root", ".", "%2e", "%ff", "con"),
)


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out(server: Server, path: str) -> None:
    """Check 19: 18 spellings. Sent as they are: clients would tidy them."""
    answer = server.ask(f"GET /ui/assets/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404"), answer[:200]
