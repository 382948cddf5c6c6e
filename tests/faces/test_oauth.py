"""The OAuth2 server over HTTP, on a real server: what works, and the probes of access/test_oauth.py (check 7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from access.test_oauth import CREDENTIAL_PROBES, OTHER_PROBES, OTHERS, PROBES, WEB, answered, basic, refusal
from faces.oauth import BACK, VERIFIER, HttpFlow, carried, flowing
from faces.server import Server, serving
from wayfare.access.oauth.clients import CODE, CREDENTIALS, GRANT_TYPES, REFRESH
from wayfare.access.scopes import Role, Scope
from wayfare.core.principal import LOCAL
from wayfare.faces.oauth.elsewhere import PER_MINUTE
from wayfare.faces.oauth.words import ALLOWS

MANY = {"WAYFARE_CALLS_PER_MINUTE": "1000000"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), "--auth-enabled", env=MANY) as found:
        yield found


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[HttpFlow]:
    with flowing(server) as found:
        yield found


@pytest.fixture
def flow(shared: HttpFlow) -> HttpFlow:
    return shared


def page(answer: httpx2.Response, status: int) -> str:
    """A page that people can read, and that can do nothing."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert "location" not in answer.headers
    assert "<script" not in answer.text
    return answer.text


# What works


def test_the_whole_way(flow: HttpFlow) -> None:
    """A browser is sent to us and on to the page; the page asks, is answered, and sends it back with a code."""
    begun = flow.begin(flow.query(state="x y&z=1/ä"))
    assert begun.status_code == 303
    assert begun.headers["location"].startswith("/ui/consent#")
    assert "?" not in begun.headers["location"], "nothing of it reaches a log"
    pairs = carried(begun.headers["location"])
    assert pairs == flow.query(state="x y&z=1/ä")
    asked = flow.http.get("/auth/consent", params={"asked": str(httpx2.QueryParams(pairs))}, headers=flow.signed_in)
    assert asked.json() == {
        "client": "page",
        "registered_by": "admin",
        "returns_to": "https://app.example",
        "person": "admin",
        "tenant": "default",
        "scopes": [{"scope": "migrations:read", "allows": ALLOWS[Scope.READ]}],
        "withheld": [],
    }
    url = flow.decide(pairs).json()["redirect"]
    assert url.startswith(f"{BACK}?code=")
    told = answered(url)
    assert (told["state"], told["iss"]) == ("x y&z=1/ä", flow.origin)
    answer = flow.by_code(told["code"])
    assert (answer["token_type"], answer["scope"], answer["expires_in"]) == ("Bearer", "migrations:read", 3600)
    me = flow.http.get("/api/me", headers={"Authorization": f"Bearer {answer['access_token']}"}).json()
    assert (me["name"], me["scopes"]) == ("admin", ["migrations:read"])


def test_a_no_is_carried_back(flow: HttpFlow) -> None:
    told = answered(flow.decide(flow.query(), allow=False).json()["redirect"])
    assert told == {
        "error": "access_denied",
        "error_description": "the person said no.",
        "state": "xyz",
        "iss": flow.origin,
    }


def test_a_confidential_client_proves_itself_in_either_way(flow: HttpFlow) -> None:
    secret = flow.web_secret.reveal()
    for proof in ({"authorization": basic(flow.web.id, secret)}, {"client_id": flow.web.id, "client_secret": secret}):
        code = flow.code(client_id=flow.web.id, redirect_uri=WEB)
        form = {"grant_type": CODE, "code": code, "redirect_uri": WEB, "code_verifier": VERIFIER}
        assert "refresh_token" not in flow.token(**form, **proof), "it may not refresh"


def test_json_is_taken_too(flow: HttpFlow) -> None:
    form = {"grant_type": CREDENTIALS, "client_id": flow.service.id, "client_secret": flow.service_secret.reveal()}
    answer = flow.http.post("/auth/token", json=form)
    assert (answer.status_code, answer.json()["scope"]) == (200, "migrations:read")


def test_a_service_acts_for_itself(flow: HttpFlow) -> None:
    answer = flow.token(flow.service_basic(), grant_type=CREDENTIALS)
    assert "refresh_token" not in answer
    me = flow.http.get("/api/me", headers={"Authorization": f"Bearer {answer['access_token']}"}).json()
    assert (me["name"], me["scopes"]) == ("service", ["migrations:read"])
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert flow.http.post("/api/runs", json={"source": "a", "target": "b"}, headers=headers).status_code == 403


def test_refreshing_turns_the_token_over(flow: HttpFlow) -> None:
    first = flow.by_code(flow.code(scope=None))
    second = flow.refresh(first["refresh_token"], scope="migrations:read")
    assert second["scope"] == "migrations:read"
    third = flow.refresh(second["refresh_token"])
    assert third["scope"] == "migrations:read migrations:write"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_ends_the_grant(flow: HttpFlow, which: str) -> None:
    answer = flow.by_code(flow.code())
    flow.post("/auth/revoke", {"token": "zzz", "client_id": flow.spa.id})
    flow.post("/auth/revoke", {"token": answer[which]}, basic(flow.web.id, flow.web_secret.reveal()))
    assert flow.status(answer["access_token"]) == 200, "it is not that client's to revoke"
    flow.post("/auth/revoke", {"token": answer[which], "client_id": flow.spa.id, "token_type_hint": which})
    assert flow.ends(answer["access_token"])
    assert refusal(flow.refresh, answer["refresh_token"]).error == "invalid_grant"
    assert refusal(flow.post, "/auth/revoke", {"token": "x"}).status == 401


def test_introspection(flow: HttpFlow) -> None:
    token = flow.by_code(flow.code())["access_token"]
    told = flow.post("/auth/introspect", {"token": token}, flow.service_basic())
    assert (told["active"], told["client_id"], told["scope"]) == (True, flow.spa.id, "migrations:read")
    assert flow.post("/auth/introspect", {"token": "x"}, flow.service_basic()) == {"active": False}
    refused = refusal(flow.post, "/auth/introspect", {"token": token, "client_id": flow.spa.id})
    assert (refused.error, refused.status) == ("invalid_client", 401)


def test_the_way_is_described(flow: HttpFlow) -> None:
    """RFC 8414: from the metadata alone, a client finds everything."""
    told = flow.http.get("/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == flow.origin
    assert told["authorization_endpoint"] == f"{flow.origin}/auth/authorize"
    for name in ("token", "revocation", "introspection"):
        assert flow.http.post(told[f"{name}_endpoint"], data={}).status_code == 401
    assert told["grant_types_supported"] == [CODE, CREDENTIALS, REFRESH]
    assert told["code_challenge_methods_supported"] == ["S256"]
    proxied = {"X-Forwarded-Proto": "https", "Host": "wayfare.example"}
    behind = flow.http.get("/.well-known/oauth-authorization-server", headers=proxied).json()
    assert behind["token_endpoint"] == "https://wayfare.example/auth/token"


def test_others_check_tokens_with_the_published_keys(flow: HttpFlow) -> None:
    answer = flow.http.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    keys = KeySet.import_key_set(answer.json())
    assert not any("d" in key for key in answer.json()["keys"])
    token = flow.token(flow.service_basic(), grant_type=CREDENTIALS)["access_token"]
    assert jwt.decode(token, keys, ["ES256"]).claims["client_id"] == flow.service.id


def test_consents_and_their_ends_are_in_the_audit_log(flow: HttpFlow) -> None:
    answer = flow.by_code(flow.code())
    flow.post("/auth/revoke", {"token": answer["refresh_token"], "client_id": flow.spa.id})
    found = flow.http.get("/api/audit", headers=flow.signed_in).json()["entries"][:2]
    assert [(e["action"], e["who"]) for e in found] == [
        ("clients.revoke", f"client:{flow.spa.id}"),
        ("clients.consent", "admin"),
    ]
    assert (found[1]["subject"], found[1]["details"]) == (flow.spa.id, {"name": "page", "scopes": "migrations:read"})
    assert flow.http.get("/api/audit/chain", headers=flow.signed_in).json()["broken"] == ""


# Probes of the authorization endpoint


@pytest.mark.parametrize("probe", PROBES)
def test_authorization_probes(flow: HttpFlow, probe: str) -> None:
    changed, error, sent_back = PROBES[probe]
    pairs = flow.query(**changed)
    answer, decided = flow.begin(pairs), flow.decide(pairs)
    assert (decided.status_code, decided.json()["error"]) == (400, error)
    if not sent_back:
        page(answer, 400)
        return
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{BACK}?")
    told = answered(answer.headers["location"])
    assert (told["error"], told["iss"]) == (error, flow.origin)
    assert told.get("state", "") == ("" if probe == "long state" else "xyz")


@pytest.mark.parametrize("name", ["redirect_uri", "scope", "code_challenge", "client_id", "state"])
def test_a_parameter_stands_once(flow: HttpFlow, name: str) -> None:
    pairs = [*flow.query(), (name, "https://evil.example")]
    page(flow.begin(pairs), 400)
    assert flow.decide(pairs).json()["error"] == "invalid_request"


def test_a_confidential_client_needs_pkce_too(flow: HttpFlow) -> None:
    changed = {"client_id": flow.web.id, "redirect_uri": WEB, "code_challenge": None, "code_challenge_method": None}
    answer = flow.begin(flow.query(**changed))
    assert answer.headers["location"].startswith(f"{WEB}&error=invalid_request")


def test_a_service_may_not_ask_people(flow: HttpFlow) -> None:
    page(flow.begin(flow.query(client_id=flow.service.id)), 400)


@pytest.mark.parametrize(
    "query",
    [
        "%ff%fe=%00",
        "client_id=%00",
        "client_id=" + "x" * 9000,
        "&".join(f"a{i}=1" for i in range(100)),
        "client_id=%ED%A0%80",
        "client_id=<script>alert(1)</script>&redirect_uri=javascript:alert(1)",
    ],
)
def test_hostile_queries_get_a_page(flow: HttpFlow, query: str) -> None:
    found = page(flow.http.get(f"/auth/authorize?{query}"), 400)
    assert "alert(1)" not in found


# Who may say yes


def test_nobody_says_yes_without_signing_in(flow: HttpFlow) -> None:
    """A foreign form has no token to send: neither cookies nor a signed-in tab say who it is."""
    for headers in ({}, {"Cookie": "wayfare-sign-in=x; wayfare.token=x"}, {"Origin": "https://evil.example"}):
        answer = flow.http.post("/auth/authorize", json={"asked": "", "allow": True}, headers=headers)
        assert answer.status_code == 401
    form = {"asked": str(httpx2.QueryParams(flow.query())), "allow": "true"}
    assert flow.http.post("/auth/authorize", data=form).status_code == 401
    assert flow.http.post("/auth/authorize", data=form, headers=flow.signed_in).status_code == 400, "forms are not read"


def test_no_frame_shows_the_question(flow: HttpFlow) -> None:
    for path in ("/ui/consent", "/auth/authorize", "/auth/consent"):
        answer = flow.http.get(path)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_program_does_not_say_yes_for_its_person(flow: HttpFlow) -> None:
    """A token of an hour would become a grant of half a year, and outlive its own revocation."""
    theirs = flow.by_code(flow.code())["access_token"]
    own = flow.token(flow.service_basic(), grant_type=CREDENTIALS)["access_token"]
    entrance = flow.world.entrance
    _, key = entrance.api_keys.create(flow.person, "k", [Scope.READ])
    for token in (theirs, own, key.reveal()):
        headers = {"Authorization": f"Bearer {token}"}
        assert flow.http.get("/api/me", headers=headers).status_code == 200
        answer = flow.decide(flow.query(), **headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed")
        asked = {"asked": str(httpx2.QueryParams(flow.query()))}
        assert flow.http.get("/auth/consent", params=asked, headers=headers).status_code == 403
    assert flow.decide(flow.query(), **{"X-API-Key": key.reveal()}).status_code == 401


def test_people_grant_what_they_have(flow: HttpFlow) -> None:
    viewer = {"Authorization": f"Bearer {flow.world.token(flow.world.user('viewer', Role.VIEWER))}"}
    asked = {"asked": str(httpx2.QueryParams(flow.query(scope=None)))}
    told = flow.http.get("/auth/consent", params=asked, headers=viewer).json()
    assert [one["scope"] for one in told["scopes"]] == ["migrations:read"]
    assert [one["scope"] for one in told["withheld"]] == ["migrations:write"]
    code = answered(flow.decide(flow.query(scope=None), **viewer).json()["redirect"])["code"]
    assert flow.by_code(code)["scope"] == "migrations:read"
    refused = flow.decide(flow.query(scope="migrations:write"), **viewer)
    assert (refused.status_code, refused.json()["error"]) == (403, "not_allowed")


def test_a_client_is_for_its_own_tenant(flow: HttpFlow) -> None:
    """Somebody of two tenants lets a client in that belongs to the second, without naming it."""
    entrance = flow.world.entrance
    entrance.tenants.add(LOCAL, "acme")
    boss, stranger = flow.world.user("boss", Role.ADMIN), flow.world.user("stranger", Role.ADMIN)
    entrance.accounts.set_role(LOCAL, boss, "acme", Role.VIEWER)
    boss = entrance.accounts.find("boss")
    owner = flow.world.principal(flow.world.user("owner", Role.ADMIN, "acme"), "acme")
    theirs, _ = entrance.clients.add(
        owner, "acme's", scopes=["migrations:read"], grants=[CODE], redirect_uris=[BACK], public=True
    )
    query = flow.query(client_id=theirs.id)
    by_boss = {"Authorization": f"Bearer {flow.world.token(boss)}"}
    code = answered(flow.decide(query, **by_boss).json()["redirect"])["code"]
    token = flow.by_code(code, client_id=theirs.id)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert flow.http.get("/api/me", headers=headers).json()["tenant"] == "acme"
    assert flow.http.get("/api/me", headers={**headers, "X-Tenant-ID": "default"}).status_code == 403
    for who, tenant in ((boss, "default"), (boss, "nowhere"), (stranger, "")):
        chosen = {"X-Tenant-ID": tenant} if tenant else {}
        refused = flow.decide(query, Authorization=f"Bearer {flow.world.token(who)}", **chosen)
        assert refused.status_code == 403, (who.name, tenant)


def test_the_words_are_total() -> None:
    assert set(ALLOWS) == set(Scope)


# Probes of the token endpoint


def test_a_code_works_once_and_a_second_use_ends_what_came_of_it(flow: HttpFlow) -> None:
    code = flow.code()
    answer = flow.by_code(code)
    assert flow.status(answer["access_token"]) == 200
    assert refusal(flow.by_code, code).error == "invalid_grant"
    assert flow.ends(answer["access_token"])
    assert refusal(flow.refresh, answer["refresh_token"]).error == "invalid_grant"


@pytest.mark.parametrize("changed", OTHERS, ids=str)
def test_a_code_needs_its_verifier_and_redirect(flow: HttpFlow, changed: dict[str, Any]) -> None:
    code = flow.code()
    assert refusal(flow.by_code, code, **changed).error == "invalid_grant"
    assert refusal(flow.by_code, code).error == "invalid_grant", "one try is all there is"


def test_codes_and_refresh_tokens_are_their_clients(flow: HttpFlow) -> None:
    code = flow.code()
    web = basic(flow.web.id, flow.web_secret.reveal())
    form = {"grant_type": CODE, "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    assert refusal(flow.token, web, **form).error == "invalid_grant"
    token = flow.by_code(code)["refresh_token"]
    assert refusal(flow.token, web, grant_type=REFRESH, refresh_token=token).error == "unauthorized_client"
    assert flow.refresh(token)


def test_reuse_of_a_refresh_token_ends_the_family(flow: HttpFlow) -> None:
    first = flow.by_code(flow.code())
    second = flow.refresh(first["refresh_token"])
    assert refusal(flow.refresh, first["refresh_token"]).error == "invalid_grant"
    assert refusal(flow.refresh, second["refresh_token"]).error == "invalid_grant"
    assert flow.ends(second["access_token"])


def test_a_refresh_token_does_not_widen(flow: HttpFlow) -> None:
    first = flow.by_code(flow.code())
    assert refusal(flow.refresh, first["refresh_token"], scope="migrations:write").error == "invalid_scope"
    assert flow.refresh(first["refresh_token"]), "asking for too much does not use it up"


@pytest.mark.parametrize("probe", [name for name in CREDENTIAL_PROBES if name != "disabled client"])
def test_unproven_clients(flow: HttpFlow, probe: str) -> None:
    refused = refusal(CREDENTIAL_PROBES[probe], flow)
    assert (refused.error, refused.status) == ("invalid_client", 401)


def test_a_disabled_client(flow: HttpFlow) -> None:
    entrance = flow.world.entrance
    scopes = {"scopes": ["migrations:read"], "redirect_uris": [BACK]}
    client, secret = entrance.clients.add(flow.person, "gone", grants=[CODE, CREDENTIALS], **scopes)
    proof = basic(client.id, secret.reveal())
    token = flow.token(proof, grant_type=CREDENTIALS)["access_token"]
    entrance.clients.disable(flow.person, client.id)
    assert refusal(flow.token, proof, grant_type=CREDENTIALS).error == "invalid_client"
    assert flow.ends(token)
    page(flow.begin(flow.query(client_id=client.id)), 400)


@pytest.mark.parametrize("probe", OTHER_PROBES)
def test_other_probes(flow: HttpFlow, probe: str) -> None:
    call, error = OTHER_PROBES[probe]
    assert refusal(call, flow).error == error


@pytest.mark.parametrize("how", ["json", "data"])
def test_there_is_no_password_grant(flow: HttpFlow, how: str) -> None:
    """Document 003's sign-in by JSON is another thing, and not here."""
    send: Callable[..., httpx2.Response] = flow.http.post
    answer = send("/auth/token", **{how: {"username": "admin", "password": "pass123"}})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert "POST /api/sign-in" in answer.json()["error_description"]
    answer = send("/auth/token", **{how: {"grant_type": "password", "username": "admin", "password": "pass123"}})
    assert answer.status_code == 401


BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "nothing": (b"", {}, 401),
    "no text": (b"\xff\xfe=\x00", FORM, 400),
    "half a surrogate": (rb'{"grant_type": "\ud800"}', JSON, 400),
    "no JSON": (b"{", JSON, 400),
    "a list": (b'["grant_type"]', JSON, 400),
    "numbers": (b'{"grant_type": 1}', JSON, 400),
    "an object within": (b'{"grant_type": {"a": "b"}}', JSON, 400),
    "deep": (b"[" * 100_000, JSON, 400),
    "twice, in JSON": (b'{"client_id": "a", "client_id": "b"}', JSON, 400),
    "twice, in a form": (b"client_id=a&client_id=b", FORM, 400),
    "very many": (b"&".join(b"a%d=1" % i for i in range(1000)), FORM, 400),
    "XML": (b"<grant_type/>", {"content-type": "text/xml"}, 400),
    "a form with files": (b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}, 400),
    "a NUL": (b"client_id=%00&client_secret=%00", FORM, 401),
    "too large": (b"a" * (2 << 20), FORM, 413),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/auth/token", "/auth/revoke", "/auth/introspect"])
def test_hostile_bodies(flow: HttpFlow, name: str, path: str) -> None:
    body, headers, status = BODIES[name]
    answer = flow.http.post(path, content=body, headers=headers)
    assert answer.status_code == status
    told = answer.json()
    assert all(c in " !" or ("#" <= c <= "~" and c != "\\") for c in told["error"] + told["error_description"])


NAMES = ["grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "token", "client_id"]
VALUES = st.sampled_from([*GRANT_TYPES, BACK, VERIFIER, "migrations:read", "admin"]) | st.text(max_size=50)


@given(
    form=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=20), VALUES, max_size=6),
    path=st.sampled_from(["token", "revoke", "introspect"]),
    who=st.sampled_from(["spa", "web", "service"]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_proven_client_sends(flow: HttpFlow, form: dict[str, str], path: str, who: str) -> None:
    if who == "spa":
        form, headers = {**form, "client_id": flow.spa.id}, {}
    else:
        client, secret = getattr(flow, who), getattr(flow, f"{who}_secret")
        headers = {"Authorization": basic(client.id, secret.reveal())}
    answer = flow.http.post(f"/auth/{path}", data=form, headers=headers)
    assert answer.status_code in (200, 400, 401), answer.text
    assert answer.status_code == 200 or answer.json()["error"]


def test_what_a_client_calls_a_parameter_is_not_repeated_as_it_is(flow: HttpFlow) -> None:
    """RFC 6749, section 5.2, has the characters."""
    name = quote('"ä\n\\')
    answer = flow.http.post("/auth/token", content=f"{name}=1&{name}=2", headers=FORM)
    assert answer.json()["error_description"] == "'''' is given twice."


def test_secrets_are_in_no_log(flow: HttpFlow, server: Server) -> None:
    code = flow.code()
    answer = flow.by_code(code)
    flow.http.get("/auth/authorize", params={"client_id": "x", "state": "canary-of-a-state"})
    flow.refresh(answer["refresh_token"])
    text = server.log.read_text()
    assert "/auth/token" in text
    for secret in (code, answer["access_token"], answer["refresh_token"], "canary-of-a-state", VERIFIER):
        assert secret not in text
    lines = [json.loads(line) for line in text.splitlines() if '"answered"' in line]
    assert not [line for line in lines if line["status"] >= 500]


# What is the same everywhere


def test_answers_wear_what_all_do(flow: HttpFlow) -> None:
    for answer in (
        flow.http.post("/auth/token", headers={"X-Request-ID": "mine"}),
        flow.http.get("/auth/authorize", headers={"X-Request-ID": "mine"}),
        flow.http.get("/auth/oidc/start", headers={"X-Request-ID": "mine"}),
        flow.http.get("/auth/consent", headers={"X-Request-ID": "mine"}),
        flow.http.get("/auth/nothing", headers={"X-Request-ID": "mine"}),
    ):
        assert answer.headers["x-request-id"] == "mine"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["x-ratelimit-remaining"]) >= 0


def test_beginning_elsewhere_has_a_limit_of_its_own(flow: HttpFlow) -> None:
    answers = [flow.http.get("/auth/oidc/callback") for _ in range(PER_MINUTE + 2)]
    assert answers[0].status_code == 404, "no provider is set here"
    limited = next(a for a in answers if a.status_code == 429)
    page(limited, 429)
    assert int(limited.headers["retry-after"]) >= 1
    assert flow.http.get("/livez").status_code == 200


def test_a_wrong_provider_ends_serving_before_it_begins(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = Server(tmp_path_factory.mktemp("bad"), env={"WAYFARE_OIDC": "http://a:secret@login.example.com"})
    assert found.process.wait(60) == 3
    text = found.log.read_text()
    assert "WAYFARE_OIDC" in text
    assert "a:secret" not in text


def test_without_accounts_only_an_account_says_yes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On loopback a missing credential acts as the local administrator, whom no program can act for."""
    with serving(tmp_path_factory.mktemp("local")) as found, flowing(found) as flow:
        asked = {"asked": str(httpx2.QueryParams(flow.query())), "allow": True}
        assert flow.http.post("/auth/authorize", json=asked).status_code == 401
        foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert flow.http.post("/auth/authorize", json=asked, headers=foreign).status_code == 403
        assert flow.http.post("/auth/authorize", json=asked, headers=flow.signed_in).status_code == 200
