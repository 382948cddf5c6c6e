"""The pages that describe the faces, in a real browser: drawn whole, nothing from elsewhere or refused by policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from faces.server import Server


@pytest.mark.parametrize("name", ["wayfare", "jarvis", "oauth", "shell"])
def test_a_face_is_described(server: Server, browser: Browser, name: str) -> None:
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/docs/{name}")
    page.wait_for_selector(".opblock", timeout=30_000)
    assert page.locator(".opblock").count() >= 4
    assert said == []
    assert all(url.startswith((server.url, "data:")) for url in asked), asked
    page.close()


def test_the_way_there(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/docs")
    page.click('a[href="/docs/wayfare"]')
    page.wait_for_selector(".opblock")
    assert page.url == f"{server.url}/docs/wayfare"
    page.close()
