"""Signing in elsewhere over HTTP: a real server, and a provider that lies as access/test_oidc.py's does (check 8)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from joserfc.jwk import ECKey

import asking
from access import provider as identity
from access.provider import Provider
from access.test_oidc import LIES, SIGNATURES
from access.world import Clock, World
from faces.server import Server, serving
from faces.test_oauth import page
from wayfare.access.scopes import Role
from wayfare.access.tables import OIDC_STATES
from wayfare.core.principal import LOCAL
from wayfare.faces.oauth.elsewhere import COOKIE
from wayfare.settings import Settings
from wayfare.store.store import Store

MANY = {"WAYFARE_CALLS_PER_MINUTE": "1000000"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with identity.running() as found:
        yield found


@pytest.fixture(scope="module")
def server(running: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    env = {"WAYFARE_OIDC": identity.url_of(running), "WAYFARE_EGRESS_ALLOW": "127.0.0.1", **MANY}
    with serving(tmp_path_factory.mktemp("home"), "--auth-enabled", env=env | {"WAYFARE_REGISTRATION": "open"}) as one:
        yield one


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    with closing(Store.open(Settings(server.home))) as store:
        world = World(store, Clock())
        assert world.admin
        yield world


@pytest.fixture
def provider(running: Provider, world: World) -> Provider:
    """As good as new, with somebody nobody has seen yet."""
    name = f"p{secrets.token_hex(4)}"
    running.claims, running.sign = {}, running.sign_well
    running.told_issuer, running.told_endpoint = running.issuer, f"{running.issuer}/authorize?kind=web"
    running.person = {"sub": name, "email": f"{name}@example.com", "email_verified": True, "preferred_username": name}
    return running


class Browser:
    """One person's, with its cookies. Each comes from an address of its own, as limits are by address."""

    def __init__(self, server: Server) -> None:
        address = f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        self.http = httpx2.Client(verify=False, base_url=server.url, timeout=60, headers={"X-Forwarded-For": address})

    def start(self) -> str:
        answer = self.http.get("/auth/oidc/start")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def come_back(self, query: dict[str, str]) -> httpx2.Response:
        return self.http.get("/auth/oidc/callback", params=query)

    def sign_in(self, provider: Provider) -> httpx2.Response:
        return self.come_back(provider.sign_in(self.start()))

    def hand_over(self, answer: httpx2.Response) -> httpx2.Response:
        assert answer.status_code == 303, answer.text
        return self.http.post("/auth/oidc/token", json={"code": code_of(answer)})


def code_of(answer: httpx2.Response) -> str:
    parts = urlsplit(answer.headers["location"])
    assert (parts.path, parts.query, parts.netloc) == ("/ui/sign-in", "", "")
    return dict(parse_qsl(parts.fragment))["code"]


@pytest.fixture
def browser(server: Server) -> Iterator[Browser]:
    found = Browser(server)
    with found.http:
        yield found


@pytest.fixture
def another(server: Server) -> Iterator[Browser]:
    found = Browser(server)
    with found.http:
        yield found


def me(browser: Browser, token: str) -> dict[str, Any]:
    answer = browser.http.get("/api/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return dict(answer.json())


# What works


def test_a_person_signs_in(browser: Browser, provider: Provider) -> None:
    assert browser.http.get("/auth/oidc").json() == {"name": "127.0.0.1"}
    answer = browser.hand_over(browser.sign_in(provider))
    assert answer.status_code == 200
    assert answer.json()["name"] == provider.person["preferred_username"]
    assert me(browser, answer.json()["token"])["name"] == provider.person["preferred_username"]
    again = browser.hand_over(browser.sign_in(provider)).json()
    assert again["name"] == answer.json()["name"], "the subject is who they are"


def test_the_cookie_goes_nowhere_else(browser: Browser, provider: Provider, server: Server) -> None:
    begun = browser.http.get("/auth/oidc/start")
    words = begun.headers["set-cookie"].split("; ")
    assert words[0].startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/auth/oidc", "SameSite=lax", "Max-Age=600"} <= set(words)
    assert "Secure" not in words, "this is http"
    assert begun.headers["cache-control"] == "no-store"
    asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
    assert asked["redirect_uri"] == f"{server.url}/auth/oidc/callback"
    assert asked["code_challenge_method"] == "S256"
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert words[0].partition("=")[2] not in begun.headers["location"]
    over = browser.http.get("/auth/oidc/start", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in over.headers["set-cookie"].split("; ")
    assert "https%3A%2F%2F127" in over.headers["location"]
    done = browser.hand_over(browser.sign_in(provider))
    assert "Max-Age=0" in done.headers["set-cookie"].split("; ")
    assert COOKIE not in browser.http.cookies


def test_a_provider_may_change_its_key(browser: Browser, provider: Provider) -> None:
    before = provider.key
    try:
        assert browser.sign_in(provider).status_code == 303
        provider.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4)})
        assert browser.sign_in(provider).status_code == 303
    finally:
        provider.key = before


# Attacks


@pytest.mark.parametrize("lie", LIES)
def test_lies(browser: Browser, provider: Provider, lie: str) -> None:
    provider.claims = LIES[lie]
    assert "Begin again" in page(browser.sign_in(provider), 401)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_forged_signatures(browser: Browser, provider: Provider, signature: str) -> None:
    provider.sign = getattr(provider, signature)
    assert "does not hold" in page(browser.sign_in(provider), 401)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "e30.e30.", "W10.e30.x", 7, None, [], "x" * 40_000])
def test_what_is_no_token(browser: Browser, provider: Provider, token: Any) -> None:
    provider.sign = lambda said: token
    page(browser.sign_in(provider), 401)


def test_an_answer_counts_in_the_browser_that_asked_only(
    browser: Browser, another: Browser, provider: Provider
) -> None:
    """Somebody's own code, planted in another's browser, signs nobody in there, and nobody anywhere afterwards."""
    answer = provider.sign_in(browser.start())
    another.start()
    assert "this browser" in page(another.come_back(answer), 401)
    page(browser.come_back(answer), 401)


def test_without_the_cookie_nothing_counts(browser: Browser, provider: Provider) -> None:
    answer = provider.sign_in(browser.start())
    browser.http.cookies.clear()
    page(browser.come_back(answer), 401)


def test_a_code_of_another_sign_in_does_not_fit(browser: Browser, another: Browser, provider: Provider) -> None:
    stolen = provider.sign_in(another.start())["code"]
    answer = {**provider.sign_in(browser.start()), "code": stolen}
    assert "does not accept the code" in page(browser.come_back(answer), 401)


def test_an_answer_counts_once(browser: Browser, provider: Provider) -> None:
    answer = provider.sign_in(browser.start())
    assert browser.come_back(answer).status_code == 303
    page(browser.come_back(answer), 401)


def test_an_answer_does_not_count_for_ever(browser: Browser, provider: Provider, world: World) -> None:
    answer = provider.sign_in(browser.start())
    age(world)
    assert "too long ago" in page(browser.come_back(answer), 401)


def age(world: World) -> None:
    """Ten minutes pass for all that has begun."""
    with world.store.everywhere.write() as connection:
        connection.execute(sa.update(OIDC_STATES).values(expires_at=OIDC_STATES.c.expires_at - 600))


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "x"},
        {"state": ""},
        {"state": "\x00"},
        {"code": ""},
        {"error": "no"},
        {"error": "<script>alert(1)</script>", "error_description": "<img src=x onerror=alert(1)>"},
        {"iss": "https://evil.example"},
        {"code": "x" * 8000},
        {"code": "ä\r\nSet-Cookie: x=y"},
    ],
    ids=str,
)
def test_other_answers(browser: Browser, provider: Provider, changed: dict[str, str]) -> None:
    found = page(browser.come_back({**provider.sign_in(browser.start()), **changed}), 401)
    assert "alert(1)" not in found


@pytest.mark.parametrize("query", ["", "state=%ff", "code=1", "&".join(f"a{i}" for i in range(99)), "state=a&state=b"])
def test_what_is_no_answer(browser: Browser, query: str) -> None:
    browser.start()
    found = browser.http.get(f"/auth/oidc/callback?{query}")
    page(found, found.status_code)
    assert found.status_code in (400, 401)


def test_a_provider_that_does_not_do_its_part(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another server each time: what a provider says of itself is asked for once an hour."""
    with identity.running() as lying:
        lying.told_issuer = "https://evil.example"
        env = {"WAYFARE_OIDC": identity.url_of(lying), **MANY}
        with serving(tmp_path_factory.mktemp("lying"), "--auth-enabled", env=env) as found:
            assert "an address that Wayfare connects to" in page(asking.get(f"{found.url}/auth/oidc/start"), 400)
        with serving(
            tmp_path_factory.mktemp("lying"), "--auth-enabled", env=env | {"WAYFARE_EGRESS_ALLOW": "127.0.0.1"}
        ) as found:
            assert "another name" in page(asking.get(f"{found.url}/auth/oidc/start"), 502)
            lying.told_issuer, lying.told_endpoint = lying.issuer, "javascript:alert(1)"
            page(asking.get(f"{found.url}/auth/oidc/start"), 502)
    with serving(tmp_path_factory.mktemp("away"), env=env) as found:
        assert "does not answer" in page(asking.get(f"{found.url}/auth/oidc/start"), 502)


# Handing over


def test_what_was_handed_over_is_used_up(browser: Browser, provider: Provider) -> None:
    back = browser.sign_in(provider)
    cookie = browser.http.cookies[COOKIE]
    assert browser.hand_over(back).status_code == 200
    browser.http.cookies.set(COOKIE, cookie, path="/auth/oidc")
    assert browser.hand_over(back).status_code == 401


def test_what_is_handed_over_is_this_browsers(browser: Browser, another: Browser, provider: Provider) -> None:
    """Whoever sees the address over somebody's shoulder, or plants their own, has nothing of it."""
    back = browser.sign_in(provider)
    another.start()
    assert another.hand_over(back).status_code == 401
    assert browser.hand_over(back).status_code == 401, "it was used up"


def test_what_is_handed_over_is_neither_state_nor_token(browser: Browser, provider: Provider, world: World) -> None:
    back = browser.sign_in(provider)
    code = code_of(back)
    page(browser.come_back({"state": code, "code": "x"}), 401)
    assert browser.http.get("/api/me", headers={"Authorization": f"Bearer {code}"}).status_code == 401
    began = dict(parse_qsl(urlsplit(browser.start()).query))["state"]
    assert browser.http.post("/auth/oidc/token", json={"code": began}).status_code == 401
    age(world)
    assert browser.hand_over(back).status_code == 401, "it has ended"


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": "x"}, {"code": "x" * 300}, {"code": 1}, {"kode": "x"}, []])
def test_what_is_no_code(browser: Browser, body: Any) -> None:
    browser.start()
    assert browser.http.post("/auth/oidc/token", json=body).status_code in (400, 401)


def test_nothing_is_in_the_log(browser: Browser, provider: Provider, server: Server) -> None:
    answer = provider.sign_in(browser.start())
    cookie = browser.http.cookies[COOKIE]
    back = browser.come_back(answer)
    token = browser.hand_over(back).json()["token"]
    text = server.log.read_text()
    assert "/auth/oidc/callback" in text
    for secret in (answer["code"], answer["state"], cookie, code_of(back), token, identity.SECRET):
        assert secret not in text
    lines = [json.loads(line) for line in text.splitlines() if '"answered"' in line]
    assert not [line for line in lines if line["status"] >= 500]


# Whose account it is


def test_whoever_claimed_an_address_with_a_password_gets_nobodys_identity(
    browser: Browser, provider: Provider, world: World
) -> None:
    squatter = world.user(provider.person["preferred_username"])
    assert "password" in page(browser.sign_in(provider), 403)
    world.entrance.accounts.remove_password(LOCAL, squatter)
    assert browser.hand_over(browser.sign_in(provider)).json()["name"] == squatter.name


def test_an_address_that_is_not_verified_is_nobodys(browser: Browser, provider: Provider, world: World) -> None:
    name = provider.person["preferred_username"]
    world.entrance.accounts.add(LOCAL, name, provider.person["email"], role=Role.ADMIN)
    provider.person["email_verified"] = "true"
    other = browser.hand_over(browser.sign_in(provider)).json()
    assert other["name"].startswith(f"{name}-")
    assert "admin" not in me(browser, other["token"])["scopes"]


def test_a_disabled_account_stays_disabled(browser: Browser, provider: Provider, world: World) -> None:
    back = browser.sign_in(provider)
    user = world.entrance.accounts.find(provider.person["preferred_username"])
    world.entrance.accounts.set_disabled(LOCAL, user, True)
    assert browser.hand_over(back).status_code == 401, "between the two"
    assert "disabled" in page(browser.sign_in(provider), 403)


def test_where_nobody_registers_strangers_are_refused(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {"WAYFARE_OIDC": identity.url_of(provider), "WAYFARE_EGRESS_ALLOW": "127.0.0.1", **MANY}
    env |= {"WAYFARE_REGISTRATION": "closed"}
    with serving(tmp_path_factory.mktemp("closed"), "--auth-enabled", env=env) as found:
        first = Browser(found)
        assert first.sign_in(provider).status_code == 303, "the first of an installation is its Admin"
        provider.person |= {"sub": "stranger", "email": "s@example.com", "preferred_username": "stranger"}
        assert "Ask one" in page(first.sign_in(provider), 403)
        first.http.close()
