"""Schema changes on the page: a database registered, a change written, rehearsed, carried out, taken back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from faces.server import Server
from ui.driving import ask, choose


def made(folder: Path) -> Path:
    path = folder / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table users (id integer primary key, email text)")
        connection.execute("insert into users values (1, 'a@example.org')")
        connection.commit()
    return path


def columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute("pragma table_info(users)")]


def test_from_a_draft_to_the_way_back(page: Page, server: Server, tmp_path: Path) -> None:
    path = made(tmp_path)
    page.goto("/ui/databases")
    page.get_by_role("button", name="Register a database").click()
    choose(page, "System", "SQLite")
    choose(page, "Environment", "Development")
    page.get_by_role("textbox", name="Name").fill("app")
    page.get_by_role("textbox", name="Primary").fill(f"sqlite:///{path}")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("region", name="app")).to_contain_text("SQLite, Development")
    page.get_by_role("link", name="Schema changes").click()
    page.get_by_role("link", name="New change").first.click()
    page.get_by_role("combobox", name="Database").click()
    page.get_by_role("option", name="app (Development)").click()
    page.get_by_role("textbox", name="Name").fill("add_age")
    script = page.get_by_role("textbox", name="Script")
    script.fill("ALTER TABLE users ADD COLUMN age integer;\nDROP TABEL x;")
    expect(page.get_by_label("Lint of Script")).to_contain_text("line 2, column")
    script.fill("ALTER TABLE users ADD COLUMN age integer;")
    expect(page.get_by_label("Lint of Script")).not_to_contain_text("line 2, column")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("heading", name="add_age").wait_for()
    page.get_by_role("button", name="Rehearse").click()
    expect(page.get_by_label("Difference of the schema")).to_contain_text("age integer")
    expect(page.get_by_text("way back found, proved")).to_be_visible()
    assert columns(path) == ["id", "email"]
    page.get_by_role("button", name="Carry it out").click()
    page.get_by_role("textbox", name="Watch it for").fill("0")
    page.get_by_role("dialog").get_by_role("button", name="Carry it out").click()
    expect(page.locator(".page-title .mark")).to_contain_text("succeeded")
    assert columns(path) == ["id", "email", "age"]
    expect(page.get_by_role("table", name="Phases and servers")).to_contain_text("change succeeded")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_label("Why").fill("Nobody needs it.")
    page.get_by_role("dialog").get_by_role("button", name="Roll it back").click()
    expect(page.locator(".page-title .mark")).to_contain_text("rolled back")
    expect(page.get_by_text("Nobody needs it.").first).to_be_visible()
    assert columns(path) == ["id", "email"]
    page.get_by_role("link", name="Schema changes").click()
    expect(page.get_by_role("row", name="rolled back add_age app low local")).to_be_visible()
    found = ask(server, "GET", "/api/v1/migrations?status=RolledBack")
    assert found["total"] == 1


def test_a_draft_is_edited_and_nobody_overwrites_another(page: Page, server: Server, tmp_path: Path) -> None:
    body = {"name": "app_edited", "type": "SQLite", "environment": "Development"}
    registered = ask(
        server, "POST", "/api/v1/databases", {**body, "masterConnectionString": f"sqlite:///{made(tmp_path)}"}
    )
    script = "ALTER TABLE users ADD COLUMN age integer;"
    wanted = {"name": "add_age", "targetDatabaseId": registered["databaseId"], "migrationScript": script}
    path = f"/api/v1/migrations/{ask(server, 'POST', '/api/v1/migrations', wanted)['migrationId']}"
    page.goto(path.replace("/api/v1/migrations", "/ui/changes"))
    page.get_by_role("link", name="Edit").click()
    field = page.get_by_role("textbox", name="Script")
    expect(field).to_have_value(script)
    field.fill("ALTER TABLE users ADD COLUMN born text;")
    ask(server, "PUT", path, {"description": "somebody was quicker"})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed")
    assert ask(server, "GET", path)["migrationScript"] == script
    page.reload()
    page.get_by_role("textbox", name="Script").fill("ALTER TABLE users ADD COLUMN born text;")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("pre.sql").first).to_contain_text("born text")
    saved = ask(server, "GET", path)
    assert (saved["migrationScript"], saved["status"]) == ("ALTER TABLE users ADD COLUMN born text;", "Draft")
    assert saved["description"] == "somebody was quicker"
