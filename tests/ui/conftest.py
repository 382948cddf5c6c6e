"""A server, and pages that must not complain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from faces.server import Server, serving

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)  # its own default, 5 s, is too short where other tests keep the machine busy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    yield from fresh_page(browser, server.url)


def fresh_page(browser: Browser, url: str) -> Iterator[Page]:
    """Nothing may be thrown there, refused by the policy, or asked of anybody else."""
    context: BrowserContext = browser.new_context(base_url=url, locale="en-GB", timezone_id="Europe/Berlin")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda m: said.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else said.append(r.url))
    yield page
    context.close()
    assert said == []


@pytest.fixture
def chinook(tmp_path: Path) -> Path:
    from moving import data

    path = tmp_path / "chinook.sqlite"
    path.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    return path
