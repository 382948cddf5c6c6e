"""Names and messages are only ever text (check 26): payloads run nowhere, also where the policy would not stop them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from faces.server import Server
from ui.conftest import WAIT_MS
from ui.driving import ask, save, status, url_of
from wayfare.core.events import Event, Name
from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.principal import Principal
from wayfare.settings import Settings
from wayfare.store.store import Store

PAYLOADS = (
    "<img src=x onerror=pwned()>",
    "<script>pwned()</script>",
    '"><svg onload=pwned()>',
    "'-pwned()-'",
    "javascript:pwned()",
    "{{constructor.constructor('pwned()')()}}",
    "${pwned()}",
    "</textarea><iframe srcdoc='<script>parent.pwned()</script>'>",
    "<a href=javascript:pwned()>x</a>",
    "<details open ontoggle=pwned()>",
)


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Without the policy: what is shown must be harmless by itself."""
    context = browser.new_context(base_url=server.url, bypass_csp=True)
    context.set_default_timeout(WAIT_MS)
    context.add_init_script("window.executions = 0; window.pwned = () => { window.executions += 1; };")
    page = context.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield page
    assert dialogs == []
    context.close()


def harmless(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.executions") == 0
    assert page.locator("iframe, img[src='x'], svg[onload]").count() == 0


def test_the_trap_works(page: Page) -> None:
    """Else nothing below would mean anything."""
    page.goto("/ui")
    page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", PAYLOADS[0])
    page.wait_for_function("window.executions === 1")


def test_tables_and_columns(page: Page, server: Server, tmp_path: Path) -> None:
    source = tmp_path / "<img src=x onerror=pwned()>.sqlite"
    with sqlite3.connect(source) as connection:
        for number, payload in enumerate(PAYLOADS):
            table, column = (text.replace('"', '""') for text in (f"{number} {payload}", payload))
            connection.execute(f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY, "{column}" TEXT)')
            connection.execute(f'INSERT INTO "{table}" VALUES (1, ?)', (payload,))
    connection.close()
    save(server, "hostile", "sqlite", source)
    page.goto("/ui/connections/hostile")
    for button in page.get_by_role("button", expanded=False).all():
        button.click()
        harmless(page)
    page.goto("/ui/connections")
    page.get_by_role("link", name="hostile").wait_for()
    harmless(page)
    body = {"source": "@hostile", "target": url_of("duckdb", tmp_path / "out.duckdb"), "keep_replaced": True}
    run = ask(server, "POST", "/api/runs", body)["run"]["id"]
    page.goto(f"/ui/runs/{run}")
    status(page, "succeeded")
    assert page.locator(".bars li").count() == len(PAYLOADS)
    harmless(page)
    page.goto("/ui/runs")
    page.get_by_text("onerror=pwned()", exact=False).or_(page.get_by_text("%20onerror")).first.wait_for()
    harmless(page)


def test_plans_and_refusals(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto("/ui/copy")
    for payload in PAYLOADS:
        page.goto(f"/ui/copy?source={payload.replace('&', '%26').replace('#', '%23').replace('%', '%25')}")
        page.get_by_role("heading", name="Start a copy").wait_for()
        harmless(page)
    page.goto("/ui/connections")
    page.get_by_role("button", name="Add a connection").click()
    page.get_by_role("combobox", name="System").click()
    page.get_by_role("option", name="SQLite").click()
    page.get_by_role("textbox", name="File").fill(str(tmp_path / "x.sqlite"))
    for payload in PAYLOADS:
        page.get_by_role("textbox", name="Name").fill(payload[:60])
        page.get_by_role("button", name="Save").click()
        page.get_by_role("alert").wait_for()
        harmless(page)


def test_messages_of_a_run_and_the_audit(page: Page, server: Server) -> None:
    first = PAYLOADS[0]
    plan = Plan("copy", {"title": first, "tables": [{"source": p, "target": p} for p in PAYLOADS]}, (
        Phase(first, (Step("test.none", f"load {first}"),)),
    ))  # fmt: skip
    store = Store.open(Settings.read({"WAYFARE_HOME": str(server.home)}))
    try:
        run = store.create_run(kind="copy", title=first, request={}, fingerprint="h", plan=plan, addresses={})
        for number, payload in enumerate(PAYLOADS):
            words = {"code": payload, "message": payload, "where": payload, "advice": payload, "remedy": payload}
            finding = {k: words[k] for k in ("code", "message", "where", "advice")}
            store.append(Event(run.id, Name.FINDING, f"f{number}", data={**finding, "severity": "warning"}))
            store.append(Event(run.id, Name.STEP_FAILED, payload, data={**words, "retryable": True}))
            with store.write() as transaction:
                who = Principal(payload, payload, "default", frozenset())
                store.audit(transaction, who, payload, payload, payload, {payload: payload})
    finally:
        store.close()
    page.goto(f"/ui/runs/{run.id}")
    page.locator(".findings li").nth(len(PAYLOADS) - 1).wait_for()
    page.get_by_text("Trying again.").first.wait_for()
    harmless(page)
    page.goto("/ui/audit")
    page.get_by_role("row").nth(len(PAYLOADS)).wait_for()
    harmless(page)
