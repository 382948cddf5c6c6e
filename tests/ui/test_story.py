"""From nothing to a copied, verified database, on the page alone; then pausing, cancelling, rolling back, schedules."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from playwright.sync_api import Page, expect

from faces.server import Server
from ui.driving import ask, choose, save, status, url_of

ROWS = 400_000


def test_the_first_copy(page: Page, server: Server, chinook: Path, tmp_path: Path) -> None:
    page.goto("/ui")
    page.get_by_role("heading", name="No runs yet").wait_for()
    add(page, "shop", "SQLite", chinook)
    add(page, "warehouse", "DuckDB", tmp_path / "warehouse.duckdb", tested=False)
    page.get_by_role("link", name="shop", exact=True).click()
    page.get_by_label("Filter tables").fill("trac")
    page.get_by_role("button", name="Track", exact=True).click()
    expect(page.get_by_text("MediaTypeId")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Track TrackId 3,503"))).to_be_visible()
    page.get_by_role("link", name="Copy from here").click()
    choose(page, "Target", "warehouse")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("row", name=re.compile("^Track main.Track"))).to_be_visible()
    page.get_by_text("Statements").click()
    expect(page.get_by_label("Statements")).to_contain_text('CREATE TABLE "main"."Track"')
    assert ask(server, "GET", "/api/runs")["runs"] == [], "a plan starts nothing"
    page.get_by_role("button", name="Start the copy").click()
    page.get_by_role("progressbar", name="Track copied", exact=True).wait_for()
    status(page, "succeeded")
    expect(page.locator(".run-numbers")).to_contain_text("15,607")
    expect(page.locator(".run-numbers")).to_contain_text("11 of 11 verified")
    expect(page.get_by_text("✓ verified")).to_have_count(11)
    expect(page.get_by_role("log")).to_contain_text("load Track")
    with page.expect_download() as download:
        page.get_by_role("button", name="report.json").click()
    assert '"outcome": "equal"' in download.value.path().read_text().replace('":"', '": "')
    page.reload()
    expect(page.get_by_role("log")).to_contain_text("recorded")
    page.get_by_role("link", name="Runs").click()
    choose(page, "Status", "failed")
    page.get_by_role("heading", name="No run is failed").wait_for()
    choose(page, "Status", "succeeded")
    expect(page.get_by_role("row", name=re.compile("succeeded"))).to_have_count(1)
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_text(re.compile("The chain holds: [2-9] entries"))).to_be_visible()


def add(page: Page, name: str, system: str, path: Path, *, tested: bool = True) -> None:
    page.get_by_role("link", name="Connections").click()
    page.get_by_role("button", name="Add a connection").click()
    choose(page, "System", system)
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="File").fill(str(path))
    if tested:
        page.get_by_role("button", name="Test", exact=True).click()
        page.locator(".check-result", has_text=system).wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name=name, exact=True).wait_for()


def slow_run(server: Server, tmp_path: Path) -> str:
    """The address of a run that goes on until somebody ends it."""
    source = tmp_path / "many.sqlite"
    with sqlite3.connect(source) as connection:
        connection.execute("CREATE TABLE many (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO many VALUES (?, 'x')", ((i,) for i in range(ROWS)))
    connection.close()
    body = {"source": url_of("sqlite", source), "target": url_of("duckdb", tmp_path / "many.duckdb")}
    run = ask(server, "POST", "/api/runs", {**body, "rows_per_second": 2000, "rows_per_chunk": 2000})["run"]["id"]
    return f"/ui/runs/{run}"


def test_a_run_is_watched_and_asked(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto(slow_run(server, tmp_path))
    status(page, "running")
    expect(page.locator(".bars")).to_contain_text("rows/s")
    expect(page.locator(".bars")).to_contain_text("left")
    page.get_by_role("button", name="Pause").click()
    status(page, "waiting")
    page.get_by_role("button", name="Resume").click()
    status(page, "running")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog", name="Cancel this run?").wait_for()
    page.get_by_role("button", name="Leave it as it is").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel it").click()
    status(page, "cancelled")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("button", name="Roll it back").click()
    status(page, "undone")
    expect(page.get_by_role("log")).to_contain_text("asked: rollback")


def test_who_was_cut_off_misses_nothing(page: Page, server: Server, tmp_path: Path) -> None:
    """The socket is cut after the first news; the next one asks for what came after them."""
    asked: list[str] = []

    def through(ws):  # type: ignore[no-untyped-def]
        asked.append(ws.url)
        upstream = ws.connect_to_server()
        if len(asked) == 1:
            upstream.on_message(lambda message: (ws.send(message), upstream.close(), ws.close()))

    page.route_web_socket(re.compile("/ws/runs/"), through)
    page.goto(slow_run(server, tmp_path))
    while len(asked) < 2:
        page.wait_for_timeout(50)
    chunks = page.locator(".log > div", has_text="2,000 rows")
    expect(chunks.nth(chunks.count())).to_be_attached()  # news go on
    lines = page.locator(".log > div").all_inner_texts()
    assert asked[0].endswith("since=0")
    assert not asked[-1].endswith("since=0")
    assert sum("recorded" in line for line in lines) == 1
    run = page.url.rpartition("/")[2]
    ask(server, "POST", f"/api/runs/{run}/cancel")
    status(page, "cancelled")


def test_schedules(page: Page, server: Server, chinook: Path, tmp_path: Path) -> None:
    save(server, "from-here", "sqlite", chinook)
    save(server, "to-there", "duckdb", tmp_path / "there.duckdb")
    page.goto("/ui/schedules")
    page.get_by_role("button", name="Add a schedule").click()
    page.get_by_role("textbox", name="Name").fill("nightly")
    cron = page.get_by_role("textbox", name="Cron expression")
    cron.fill("30 2 * *")
    expect(page.get_by_role("alert")).to_contain_text("is no cron expression")
    expect(page.get_by_role("alert")).to_contain_text("Write minute, hour, day")
    cron.fill("30 2 28 3 *")
    expect(page.get_by_label("Next times")).to_contain_text(re.compile(r"Sun, Mar 28, 2027, 03:00 \(\+02:00\)"))
    expect(page.get_by_label("Next times")).to_contain_text("there is no 02:30 in Europe/Berlin on 2027-03-28")
    choose(page, "Source", "from-here")
    choose(page, "Target", "to-there")
    page.get_by_role("button", name="Save").click()
    card = page.get_by_role("region", name="nightly")
    expect(card).to_contain_text("@from-here → @to-there")
    expect(card).to_contain_text("due at 03:00, after the gap")
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("paused")
    card.get_by_role("button", name="Resume").click()
    expect(card).to_contain_text("2027")
    card.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    page.get_by_role("heading", name="No schedules yet").wait_for()


def test_refusals_say_what_to_do(page: Page, tmp_path: Path) -> None:
    page.goto("/ui/copy")
    choose(page, "Source", "A URL…")
    choose(page, "Target", "A URL…")
    page.get_by_label("Source URL").fill("nothing")
    page.get_by_label("Target URL").fill(url_of("duckdb", tmp_path / "x.duckdb"))
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("alert")).to_contain_text("source: this is not a database URL.")
    expect(page.get_by_role("alert")).to_contain_text("Write one like postgresql://")


def test_the_keyboard_suffices(page: Page) -> None:
    page.goto("/ui")
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Connections")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Connections", exact=True).wait_for()
    page.get_by_role("button", name="Add a connection").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Add a connection").wait_for()
    expect(page.get_by_role("combobox", name="System")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    expect(page.get_by_role("button", name="Add a connection")).to_be_focused()
