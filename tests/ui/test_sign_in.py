"""Where people have to sign in: the page asks for it, tells what is wrong, watches with the token, and forgets it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

import asking
from faces.server import Server, serving
from ui.conftest import fresh_page
from ui.driving import choose

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), "--auth-enabled") as found:
        account = {"username": "ada", "email": "ada@x.org", "password": PASSWORD}
        assert asking.post(f"{found.url}/api/auth/register", json=account).status_code == 201
        yield found


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    yield from fresh_page(browser, server.url)


def sign_in(page: Page, password: str) -> None:
    page.get_by_role("textbox", name="User name").fill("ada")
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in_and_out(page: Page) -> None:
    page.goto("/ui/connections")
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("user name or password is wrong.")
    expect(page.get_by_role("alert")).to_contain_text("ask an Admin to reset it")
    sign_in(page, PASSWORD)
    page.get_by_role("heading", name="No runs yet").wait_for()
    expect(page.locator(".who")).to_contain_text("ada")
    page.reload()
    page.get_by_role("heading", name="No runs yet").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    page.goto("/ui/runs")
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()


def test_a_run_is_watched_with_the_token(page: Page, server: Server) -> None:
    files = server.home / "files" / "default"
    files.mkdir(parents=True, exist_ok=True)
    from moving import data

    (files / "chinook.sqlite").write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
    page.goto("/ui")
    sign_in(page, PASSWORD)
    page.get_by_role("link", name="Start a copy").first.click()
    choose(page, "Source", "A URL…")
    page.get_by_label("Source URL").fill("sqlite:///chinook.sqlite")
    choose(page, "Target", "A URL…")
    page.get_by_label("Target URL").fill("duckdb:///out.duckdb")
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("button", name="Start the copy").click()
    page.locator(".page-title .mark", has_text="succeeded").wait_for()
    expect(page.get_by_role("log")).to_contain_text("succeeded")
    with page.expect_download():
        page.get_by_role("button", name="report.html").click()


def test_an_ended_sign_in_asks_again(page: Page) -> None:
    page.goto("/ui")
    sign_in(page, PASSWORD)
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.evaluate("sessionStorage.setItem('wayfare.token', 'ended')")
    page.get_by_role("link", name="Schedules").click()
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    sign_in(page, PASSWORD)
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.evaluate("sessionStorage.setItem('wayfare.token', 'ended')")
    page.reload()
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
