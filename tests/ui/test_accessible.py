"""axe finds nothing serious on any page, in either scheme, empty or full (check 44)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from faces.server import Server
from moving import data
from ui.conftest import WAIT_MS
from ui.driving import ask, choose, save, status, url_of
from ui.test_changes import made

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module", params=["light", pytest.param("dark", marks=pytest.mark.thorough)])
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url, color_scheme=request.param, reduced_motion="reduce")
    context.set_default_timeout(WAIT_MS)
    yield context.new_page()
    context.close()


def look(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.evaluate(data("axe/axe.min.js").decode() + "; undefined")
    found = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [(n["html"], n["failureSummary"]) for n in v["nodes"]]) for v in grave] == []
    assert found["passes"], "axe has looked at something"


EMPTY = (
    "/ui/runs",
    "/ui/copy",
    "/ui/connections",
    "/ui/changes",
    "/ui/changes/mig-nothing",
    "/ui/new-change",
    "/ui/databases",
    "/ui/schedules",
    "/ui/audit",
    "/ui/sign-in",
    "/ui/runs/0123456789abcdef",
)


@pytest.mark.parametrize("path", EMPTY)
def test_pages_by_themselves(page: Page, path: str) -> None:
    page.goto(path)
    page.locator("h1, h2, [role=alert]").first.wait_for()
    look(page)


def test_pages_with_something_on_them(page: Page, server: Server, tmp_path: Path) -> None:
    fill(server, tmp_path)
    page.goto("/ui/connections")
    page.get_by_role("link", name="shop", exact=True).wait_for()
    look(page)
    page.get_by_role("button", name="Test nobody").click()
    page.get_by_text("does not answer").wait_for()
    look(page)
    page.get_by_role("button", name="Add a connection").click()
    choose(page, "System", "PostgreSQL")
    look(page)
    page.goto("/ui/connections/shop")
    page.get_by_role("button", name="Track", exact=True).click()
    look(page)
    page.goto("/ui/schedules")
    page.get_by_text("What became of past times").first.click()
    look(page)
    page.get_by_role("button", name="Add a schedule").click()
    look(page)
    page.goto("/ui/audit")
    page.get_by_text("The chain holds").wait_for()
    look(page)


def test_a_copy_and_its_run(page: Page, server: Server, tmp_path: Path) -> None:
    fill(server, tmp_path)
    page.goto("/ui/copy?source=%40shop")
    choose(page, "Target", "there")
    page.get_by_text("More choices").click()
    look(page)
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("button", name="Start the copy").wait_for()
    look(page)
    page.get_by_role("button", name="Start the copy").click()
    status(page, "succeeded")
    look(page)
    page.goto("/ui/runs")
    page.get_by_role("link", name=re.compile("→")).first.wait_for()
    look(page)


def fill(server: Server, tmp_path: Path) -> None:
    """The same for both schemes, which share a server."""
    for name in [c["name"] for c in ask(server, "GET", "/api/connections")["connections"]]:
        ask(server, "DELETE", f"/api/connections/{name}")
    for name in [s["name"] for s in ask(server, "GET", "/api/schedules")["schedules"]]:
        ask(server, "DELETE", f"/api/schedules/{name}")
    chinook = tmp_path / "chinook.sqlite"
    chinook.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    save(server, "shop", "sqlite", chinook)
    save(server, "there", "duckdb", tmp_path / "there.duckdb")
    ask(server, "POST", "/api/connections", {"name": "nobody", "url": "mysql://root:x@127.0.0.1:1/x"})
    times = {"at": "2027-03-28T02:30", "zone": "Europe/Berlin"}
    copy = {"source": "@shop", "target": url_of("duckdb", tmp_path / "later.duckdb")}
    ask(server, "POST", "/api/schedules", {"name": "spring", **times, "copy": copy})


def test_a_change_that_was_carried_out(page: Page, server: Server, tmp_path: Path) -> None:
    name = f"app-{tmp_path.name}"
    address = url_of("sqlite", made(tmp_path))
    body = {"name": name, "type": "SQLite", "environment": "Development", "masterConnectionString": address}
    ask(server, "POST", "/api/v1/databases", body)
    draft = {"name": "add_age", "targetDatabaseId": name, "migrationScript": "alter table users add column age integer"}
    migration = ask(server, "POST", "/api/v1/migrations", draft)["migrationId"]
    ask(server, "POST", f"/api/v1/migrations/{migration}/execute", {"observationSeconds": 0})
    page.goto(f"/ui/changes/{migration}")
    page.locator(".page-title .mark", has_text="succeeded").wait_for()
    look(page)
    for path in ("/ui/changes", "/ui/databases"):
        page.goto(path)
        page.get_by_text(name).first.wait_for()
        look(page)
