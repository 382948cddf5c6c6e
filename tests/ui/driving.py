"""What people do on the page, and what programs do beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page

import asking
from faces.server import Server


def url_of(system: str, path: Path) -> str:
    return f"{system}:///{quote(str(path))}"


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option).click()


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    answer = asking.request(method, server.url + path, json=body, timeout=60)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def save(server: Server, name: str, system: str, path: Path) -> None:
    ask(server, "POST", "/api/connections", {"name": name, "url": url_of(system, path)})


def status(page: Page, word: str) -> None:
    """Wait until the run shown has it."""
    page.locator(".page-title .mark", has_text=word).wait_for()
