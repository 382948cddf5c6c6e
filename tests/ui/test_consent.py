"""Letting a program in, and signing in elsewhere, as people do it: in a browser that goes from one to the other."""

from __future__ import annotations

import http.server
import secrets
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import asking
from access import provider as identity
from access.provider import Provider
from access.test_oauth import VERIFIER
from faces.oauth import HttpFlow, flowing
from faces.server import Server, serving
from listening import listening
from moving import data
from ui.conftest import WAIT_MS
from wayfare.access.oauth.clients import CODE, REFRESH, Client
from wayfare.access.scopes import Role
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted

PASSWORD = "correct horse battery"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Program(http.server.ThreadingHTTPServer):
    """A web application that people are sent back to; it keeps what they bring."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.back = f"http://localhost:{self.server_address[1]}/back"  # another site than 127.0.0.1
        self.brought: list[dict[str, str]] = []


class Answers(http.server.BaseHTTPRequestHandler):
    server: Program

    def do_GET(self) -> None:
        if self.path.startswith("/back"):
            self.server.brought.append(dict(parse_qsl(urlsplit(self.path).query)))
        body = b"<!doctype html><title>Program</title><h1>Back at the program</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with listening(Program()) as found:
        yield found


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity.running() as found:
        yield found


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    env = {"WAYFARE_OIDC": identity.url_of(provider), "WAYFARE_EGRESS_ALLOW": "127.0.0.1"}
    with serving(tmp_path_factory.mktemp("home"), "--auth-enabled", env=env) as found:
        yield found


@pytest.fixture(scope="module")
def flow(server: Server) -> Iterator[HttpFlow]:
    with flowing(server) as found:
        accounts = found.world.entrance.accounts
        accounts.add(LOCAL, "viewer", "viewer@x.org", Redacted(PASSWORD), role=Role.VIEWER)
        accounts.add(LOCAL, "ada", "ada@example.com", role=Role.DEVELOPER)  # signs in elsewhere
        found.world.entrance.tenants.add(LOCAL, "acme")
        accounts.add(LOCAL, "stranger", "s@x.org", Redacted(PASSWORD), role=Role.ADMIN, tenant="acme")
        yield found


@pytest.fixture(scope="module")
def client(flow: HttpFlow, program: Program) -> Client:
    made, _ = flow.world.entrance.clients.add(
        flow.person,
        "Nightly reports <b>&",
        scopes=["migrations:read", "migrations:write"],
        grants=[CODE, REFRESH],
        redirect_uris=[program.back],
        public=True,
    )
    return made


@pytest.fixture(params=["light", pytest.param("dark", marks=pytest.mark.thorough)])
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(base_url=server.url, color_scheme=request.param)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda m: said.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    context.close()
    assert said == []


def begin(flow: HttpFlow, client: Client, program: Program, state: str) -> str:
    pairs = flow.query(client_id=client.id, redirect_uri=program.back, scope=None, state=state)
    return f"/auth/authorize?{urlencode(pairs)}"


def sign_in(page: Page, name: str = "viewer") -> None:
    page.get_by_role("textbox", name="User name").fill(name)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def look(page: Page) -> None:
    page.evaluate(data("axe/axe.min.js").decode() + "; undefined")
    found = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in grave] == []


def test_a_program_is_let_in(page: Page, flow: HttpFlow, client: Client, program: Program) -> None:
    """Not signed in yet; a state that a router would write anew comes back to the letter."""
    state = f'1e5 "{secrets.token_hex(4)}" %41+ü&state=x'
    page.goto(begin(flow, client, program, state))
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    expect(page.get_by_text("A program wants to act for you")).to_be_visible()
    look(page)
    sign_in(page)
    page.get_by_role("heading", name="Let Nightly reports <b>& act for you?").wait_for()
    main = page.get_by_role("main")
    expect(main).to_contain_text("You are viewer in the tenant default")
    expect(main).to_contain_text("Registered here by admin")
    expect(main).to_contain_text(program.back.removesuffix("/back"))
    expect(page.get_by_role("listitem")).to_have_count(2)
    expect(page.locator(".withheld")).to_contain_text("Make and change migrations")
    look(page)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Back at the program").wait_for()
    told = program.brought[-1]
    assert (told["state"], told["iss"]) == (state, flow.origin)
    answer = flow.token(
        grant_type=CODE,
        code=told["code"],
        redirect_uri=program.back,
        client_id=client.id,
        code_verifier=VERIFIER,
    )
    assert answer["scope"] == "migrations:read"
    page.goto(begin(flow, client, program, "again"))  # this tab is signed in now
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_role("heading", name="Back at the program").wait_for()
    assert (program.brought[-1]["error"], program.brought[-1]["state"]) == ("access_denied", "again")


def test_somebody_else(page: Page, flow: HttpFlow, client: Client, program: Program) -> None:
    page.goto(begin(flow, client, program, "x"))
    sign_in(page)
    page.get_by_role("button", name="Somebody else?").click()
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    sign_in(page, "stranger")
    expect(page.get_by_role("alert")).to_contain_text("belongs to another tenant")
    look(page)
    page.get_by_role("button", name="Somebody else?").click()
    sign_in(page)
    page.get_by_role("button", name="Allow").wait_for()
    page.evaluate("sessionStorage.setItem('wayfare.token', 'ended')")
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    sign_in(page)
    page.get_by_role("button", name="Allow").wait_for()


def test_signing_in_elsewhere(page: Page, flow: HttpFlow, provider: Provider) -> None:
    page.goto("/ui")
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    page.get_by_role("heading", name="No runs yet").wait_for()
    expect(page.locator(".who")).to_contain_text("ada")
    assert "#" not in page.url
    page.go_back()  # nothing that could be used again is in the history
    page.wait_for_load_state("networkidle")
    assert "code" not in page.url


def test_a_program_is_let_in_by_somebody_who_signs_in_elsewhere(
    page: Page, flow: HttpFlow, client: Client, program: Program, provider: Provider
) -> None:
    page.goto(begin(flow, client, program, "from elsewhere"))
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    expect(page.get_by_role("main")).to_contain_text("You are ada in the tenant default")
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Back at the program").wait_for()
    assert program.brought[-1]["state"] == "from elsewhere"
    assert program.brought[-1]["code"]


def test_what_goes_wrong_is_told(page: Page, flow: HttpFlow, client: Client, program: Program) -> None:
    page.goto("/auth/authorize?client_id=nobody")
    expect(page.get_by_role("alert")).to_contain_text("There is no such client.")
    look(page)
    page.goto("/auth/oidc/callback?state=planted&code=x")
    expect(page.get_by_role("alert")).to_contain_text("not asked for by this browser")
    look(page)
    page.get_by_role("link", name="To the sign-in page").click()
    page.get_by_role("heading", name="Sign in to Wayfare").wait_for()
    page.goto("about:blank")
    page.goto("/ui/sign-in#code=planted")
    expect(page.get_by_role("alert")).to_contain_text("another browser's")
    assert "#" not in page.url
    sign_in(page)
    page.get_by_role("heading", name="No runs yet").wait_for()
    page.goto("/ui/consent")
    expect(page.get_by_role("alert")).to_contain_text("no such client")


FRAME = """url => new Promise(done => {
    const frame = document.createElement('iframe');
    frame.src = url;
    frame.onload = done;
    document.body.append(frame);
})"""
SUBMIT = """([url, sent]) => {
    const form = document.createElement('form');
    form.method = 'post';
    form.action = url;
    for (const name in sent) {
        const one = document.createElement('input');
        one.name = name;
        one.value = sent[name];
        form.append(one);
    }
    document.body.append(form);
    form.submit();
}"""


def test_no_other_site_frames_or_answers_the_question(
    browser: Browser, flow: HttpFlow, client: Client, program: Program, server: Server
) -> None:
    """Signed in here, and then at a hostile page: its frame stays empty, and its form is nobody's answer."""
    page = browser.new_page(base_url=server.url)
    page.set_default_timeout(WAIT_MS)
    page.goto(begin(flow, client, program, "x"))
    sign_in(page)
    page.get_by_role("button", name="Allow").wait_for()
    asked, before, said = page.url, len(program.brought), list[str]()
    page.goto(program.back.replace("/back", "/hostile"))
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(FRAME, asked)
    assert any("frame-ancestors" in text or "X-Frame-Options" in text for text in said), said
    page.evaluate(SUBMIT, [f"{server.url}/auth/authorize", {"asked": urlsplit(asked).fragment, "allow": "true"}])
    page.wait_for_url(f"{server.url}/auth/authorize")
    assert "not_signed_in" in page.content()
    assert len(program.brought) == before
    page.close()


def test_without_a_provider_there_is_no_button(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("plain"), "--auth-enabled") as found:
        assert asking.get(f"{found.url}/auth/oidc").json() == {"name": ""}
        page = browser.new_page()
        page.goto(f"{found.url}/ui/sign-in")
        page.get_by_role("button", name="Sign in").wait_for()
        page.wait_for_load_state("networkidle")
        assert page.get_by_role("link").count() == 0
        page.close()
