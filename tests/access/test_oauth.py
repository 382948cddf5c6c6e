"""The OAuth2 server, tried with what attackers and careless clients send (check 7)."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
import sqlalchemy as sa

from access.world import Clock, World
from wayfare.access import recent
from wayfare.access.oauth.clients import CODE, CREDENTIALS, REFRESH
from wayfare.access.oauth.endpoint import metadata, s256
from wayfare.access.oauth.records import CODE_SECONDS, GRANT_SECONDS, REFRESH_SECONDS
from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.access.scopes import Role
from wayfare.access.tables import OAUTH_CLIENTS, OAUTH_CODES, REFRESH_TOKENS
from wayfare.core.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from wayfare.core.principal import DEFAULT_TENANT, LOCAL
from wayfare.core.redacted import Redacted
from wayfare.store import audit

BACK = "https://app.example/cb"
WEB = "https://web.example/cb?tenant=1"
VERIFIER = "the-verifier-of-these-tests-with-43-letters-or-more"  # fixed: two test processes must name the same tests


class Flow:
    """Three clients: a page without a secret, a web application, and a service that acts for itself."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.person = world.principal(world.admin)
        clients = world.entrance.clients
        both = [CODE, REFRESH]
        scopes = ["migrations:read", "migrations:write"]
        self.spa, _ = clients.add(self.person, "page", scopes=scopes, grants=both, redirect_uris=[BACK], public=True)
        self.web, self.web_secret = clients.add(
            self.person, "web", scopes=["migrations:read"], grants=[CODE], redirect_uris=[WEB]
        )
        self.service, self.service_secret = clients.add(
            self.person, "service", scopes=["migrations:read"], grants=[CREDENTIALS]
        )

    def query(self, **changed):
        asked = {"response_type": "code", "client_id": self.spa.id, "redirect_uri": BACK, "state": "xyz"}
        asked |= {"scope": "migrations:read", "code_challenge": s256(VERIFIER), "code_challenge_method": "S256"}
        return [(name, value) for name, value in {**asked, **changed}.items() if value is not None]

    def code(self, **changed):
        consent = self.world.entrance.consent
        return answered(consent.approve(consent.asked(self.query(**changed)), self.person))["code"]

    def token(self, authorization="", **form):
        return self.world.entrance.endpoint.token(form.items(), authorization)

    def by_code(self, code, **changed):
        form = {"grant_type": CODE, "code": code, "redirect_uri": BACK, "client_id": self.spa.id}
        form = {**form, "code_verifier": VERIFIER, **changed}
        return self.token(**{name: value for name, value in form.items() if value is not None})

    def refresh(self, token, **more):
        return self.token(grant_type=REFRESH, refresh_token=token, client_id=self.spa.id, **more)

    def service_basic(self):
        return basic(self.service.id, self.service_secret.reveal())


def answered(url):
    return dict(parse_qsl(urlsplit(url).query))


def basic(id_, secret):
    return "Basic " + base64.b64encode(f"{quote_plus(id_)}:{quote_plus(secret)}".encode()).decode()


@pytest.fixture
def flow(world, monkeypatch):
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)
    return Flow(world)


def refusal(call, *given, **named):
    with pytest.raises(OAuthRefused) as refused:
        call(*given, **named)
    return refused.value


# What works


def test_a_code_becomes_tokens(flow):
    consent = flow.world.entrance.consent
    other = consent.told_as("https://wayfare.example")
    assert answered(other.deny(other.asked(flow.query())))["iss"] == "https://wayfare.example"
    asked = consent.asked(flow.query())
    assert (asked.client.name, asked.scopes) == ("page", {"migrations:read"})
    url = consent.approve(asked, flow.person)
    assert url.startswith(f"{BACK}?")
    told = answered(url)
    assert (told["state"], told["iss"]) == ("xyz", "wayfare")
    answer = flow.by_code(told["code"])
    assert answer["token_type"] == "Bearer"
    assert answer["scope"] == "migrations:read"
    assert answer["expires_in"] == 3600
    principal = flow.world.caller(answer["access_token"])
    assert (principal.user, principal.tenant, principal.scopes) == (
        flow.person.user,
        DEFAULT_TENANT,
        {"migrations:read"},
    )


def test_a_confidential_client_proves_itself_in_either_way(flow):
    secret = flow.web_secret.reveal()
    for proof in ({"authorization": basic(flow.web.id, secret)}, {"client_id": flow.web.id, "client_secret": secret}):
        code = flow.code(client_id=flow.web.id, redirect_uri=WEB)
        form = {"grant_type": CODE, "code": code, "redirect_uri": WEB, "code_verifier": VERIFIER}
        answer = flow.token(**form, **proof)
        assert "refresh_token" not in answer, "it may not refresh"


def test_what_stands_in_a_redirect_uri_stays(flow):
    consent = flow.world.entrance.consent
    url = consent.approve(consent.asked(flow.query(client_id=flow.web.id, redirect_uri=WEB)), flow.person)
    assert url.startswith(f"{WEB}&code=")


def test_a_client_acts_for_itself(flow):
    answer = flow.token(flow.service_basic(), grant_type=CREDENTIALS, scope="migrations:read")
    assert "refresh_token" not in answer
    principal = flow.world.caller(answer["access_token"])
    assert (principal.user, principal.name) == (f"client:{flow.service.id}", "service")
    assert principal.scopes == {"migrations:read"}


def test_refreshing_turns_the_token_over(flow):
    first = flow.by_code(flow.code(scope=None))
    assert first["scope"] == "migrations:read migrations:write"
    second = flow.refresh(first["refresh_token"], scope="migrations:read")
    assert second["scope"] == "migrations:read"
    third = flow.refresh(second["refresh_token"])
    assert third["scope"] == "migrations:read migrations:write", "a narrower token does not narrow the grant"
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3


def test_a_no_is_told_to_the_client(flow):
    consent = flow.world.entrance.consent
    told = answered(consent.deny(consent.asked(flow.query())))
    assert (told["error"], told["state"]) == ("access_denied", "xyz")


# Probes of the authorization endpoint: (what is changed, error, is the person sent back?)

PROBES = {
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request", True),
    "PKCE plain": ({"code_challenge_method": "plain"}, "invalid_request", True),
    "PKCE without a method": ({"code_challenge_method": None}, "invalid_request", True),
    "a challenge that is none": ({"code_challenge": "short"}, "invalid_request", True),
    "redirect prefix": ({"redirect_uri": f"{BACK}.evil"}, "invalid_request", False),
    "redirect with a query": ({"redirect_uri": f"{BACK}?x=1"}, "invalid_request", False),
    "redirect with a path": ({"redirect_uri": f"{BACK}/../evil"}, "invalid_request", False),
    "redirect to another client": ({"redirect_uri": WEB}, "invalid_request", False),
    "redirect in capitals": ({"redirect_uri": BACK.replace("app", "APP")}, "invalid_request", False),
    "no redirect": ({"redirect_uri": None}, "invalid_request", False),
    "implicit": ({"response_type": "token"}, "unsupported_response_type", True),
    "no response type": ({"response_type": None}, "unsupported_response_type", True),
    "scope escalation": ({"scope": "admin"}, "invalid_scope", True),
    "unknown client": ({"client_id": "nobody"}, "invalid_client", False),
    "no client": ({"client_id": None}, "invalid_client", False),
    "long state": ({"state": "x" * 5000}, "invalid_request", True),
}


@pytest.mark.parametrize("probe", PROBES)
def test_authorization_probes(flow, probe):
    changed, error, sent_back = PROBES[probe]
    refused = refusal(flow.world.entrance.consent.asked, flow.query(**changed))
    assert refused.error == error
    assert bool(refused.redirect) == sent_back
    if sent_back:
        assert refused.redirect.startswith(f"{BACK}?")
        assert answered(refused.redirect)["error"] == error


def test_a_confidential_client_needs_pkce_too(flow):
    changed = {"client_id": flow.web.id, "redirect_uri": WEB, "code_challenge": None, "code_challenge_method": None}
    assert refusal(flow.world.entrance.consent.asked, flow.query(**changed)).error == "invalid_request"


def test_a_service_may_not_ask_people(flow):
    assert refusal(flow.world.entrance.consent.asked, flow.query(client_id=flow.service.id)).error == "invalid_request"


def test_a_parameter_stands_once(flow):
    for name, value in (("redirect_uri", "https://evil.example"), ("scope", "admin"), ("code_challenge", "x")):
        refused = refusal(flow.world.entrance.consent.asked, [*flow.query(), (name, value)])
        assert (refused.error, refused.redirect) == ("invalid_request", "")


# Probes of the token endpoint


def test_a_code_works_once_and_a_second_use_ends_what_came_of_it(flow):
    code = flow.code()
    answer = flow.by_code(code)
    assert flow.world.caller(answer["access_token"])
    assert refusal(flow.by_code, code).error == "invalid_grant"
    with pytest.raises(NotSignedIn):
        flow.world.caller(answer["access_token"])
    assert refusal(flow.refresh, answer["refresh_token"]).error == "invalid_grant"


OTHERS = [  # what a code was not given for
    {"code_verifier": "a" * 50},
    {"code_verifier": None},
    {"code_verifier": "short"},
    {"code_verifier": s256(VERIFIER)},
    {"redirect_uri": WEB},
    {"redirect_uri": None},
]


@pytest.mark.parametrize("changed", OTHERS, ids=str)
def test_a_code_needs_its_verifier_and_redirect(flow, changed):
    code = flow.code()
    assert refusal(flow.by_code, code, **changed).error == "invalid_grant"
    assert refusal(flow.by_code, code).error == "invalid_grant", "one try is all there is"


def test_a_code_is_its_clients(flow):
    code = flow.code()
    form = {"grant_type": CODE, "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    refused = refusal(flow.token, basic(flow.web.id, flow.web_secret.reveal()), **form)
    assert refused.error == "invalid_grant"
    assert flow.by_code(code), "a foreign client cannot use it up either"


def test_a_code_lasts_a_minute(flow):
    code = flow.code()
    flow.world.clock.now += CODE_SECONDS
    assert refusal(flow.by_code, code).error == "invalid_grant"


@pytest.mark.parametrize("code", ["", "x", "x" * 9000])
def test_what_is_no_code(flow, code):
    assert refusal(flow.by_code, code).error in ("invalid_grant", "invalid_request")


def test_reuse_of_a_refresh_token_ends_the_family(flow):
    first = flow.by_code(flow.code())
    second = flow.refresh(first["refresh_token"])
    assert refusal(flow.refresh, first["refresh_token"]).error == "invalid_grant"
    assert refusal(flow.refresh, second["refresh_token"]).error == "invalid_grant"
    with pytest.raises(NotSignedIn):
        flow.world.caller(second["access_token"])
    with flow.world.store.of(DEFAULT_TENANT).read() as connection:
        noted = [e for e in audit.entries(connection) if e.action == "clients.reuse"]
    assert [(e.outcome, e.details) for e in noted] == [("refused", {"user": flow.person.user})], "once"


def test_a_refresh_token_does_not_widen(flow):
    first = flow.by_code(flow.code())
    assert refusal(flow.refresh, first["refresh_token"], scope="migrations:write").error == "invalid_scope"
    assert flow.refresh(first["refresh_token"]), "asking for too much does not use it up"


def test_a_refresh_token_is_its_clients(flow):
    token = flow.by_code(flow.code())["refresh_token"]
    form = {"grant_type": REFRESH, "refresh_token": token}
    refused = refusal(flow.token, basic(flow.web.id, flow.web_secret.reveal()), **form)
    assert refused.error == "unauthorized_client"
    assert flow.refresh(token)


def test_refresh_tokens_and_grants_end(flow):
    token = flow.by_code(flow.code())["refresh_token"]
    begun = flow.world.clock.now
    while flow.world.clock.now + REFRESH_SECONDS - 1 < begun + GRANT_SECONDS:
        flow.world.clock.now += REFRESH_SECONDS - 1
        token = flow.refresh(token)["refresh_token"]
    flow.world.clock.now = begun + GRANT_SECONDS
    assert refusal(flow.refresh, token).error == "invalid_grant"
    idle = flow.by_code(flow.code())["refresh_token"]
    flow.world.clock.now += REFRESH_SECONDS
    assert refusal(flow.refresh, idle).error == "invalid_grant"


@pytest.mark.parametrize("end", ["password", "disable"])
def test_what_a_person_granted_ends_with_their_sign_in(flow, end):
    flow.world.user("second", Role.ADMIN)
    answer, code = flow.by_code(flow.code()), flow.code()
    user = flow.world.entrance.accounts.find("admin")
    if end == "password":
        flow.world.entrance.accounts.set_password(LOCAL, user, Redacted("another-one"))
    else:
        flow.world.entrance.accounts.set_disabled(LOCAL, user, True)
    assert refusal(flow.refresh, answer["refresh_token"]).error == "invalid_grant"
    assert refusal(flow.by_code, code).error == "invalid_grant"
    with pytest.raises(NotSignedIn):
        flow.world.caller(answer["access_token"])


CREDENTIAL_PROBES = {
    "wrong secret": lambda flow: flow.token(basic(flow.service.id, "x"), grant_type=CREDENTIALS),
    "no secret": lambda flow: flow.token(grant_type=CREDENTIALS, client_id=flow.service.id),
    "secret of another": lambda flow: flow.token(
        basic(flow.service.id, flow.web_secret.reveal()), grant_type=CREDENTIALS
    ),
    "public client with a secret": lambda flow: flow.by_code(flow.code(), client_secret="x"),
    "nobody": lambda flow: flow.token(grant_type=CREDENTIALS),
    "broken header": lambda flow: flow.token("Basic ???", grant_type=CREDENTIALS),
    "header without a colon": lambda flow: flow.token("Basic YWJj", grant_type=CREDENTIALS),
    "another scheme": lambda flow: flow.token("Bearer x", grant_type=CREDENTIALS),
    "disabled client": lambda flow: (
        flow.world.entrance.clients.disable(flow.person, flow.service.id),
        flow.token(flow.service_basic(), grant_type=CREDENTIALS),
    ),
}


@pytest.mark.parametrize("probe", CREDENTIAL_PROBES)
def test_unproven_clients(flow, probe):
    refused = refusal(CREDENTIAL_PROBES[probe], flow)
    assert (refused.error, refused.status) == ("invalid_client", 401)


OTHER_PROBES = {
    "two proofs": (
        lambda flow: flow.token(flow.service_basic(), grant_type=CREDENTIALS, client_secret="x"),
        "invalid_request",
    ),
    "public client's credentials": (
        lambda flow: flow.token(grant_type=CREDENTIALS, client_id=flow.spa.id),
        "unauthorized_client",
    ),
    "password grant": (
        lambda flow: flow.token(grant_type="password", username="a", password="b", client_id=flow.spa.id),
        "unsupported_grant_type",
    ),
    "no grant type": (lambda flow: flow.token(client_id=flow.spa.id), "unsupported_grant_type"),
    "scope escalation": (
        lambda flow: flow.token(flow.service_basic(), grant_type=CREDENTIALS, scope="admin"),
        "invalid_scope",
    ),
}


@pytest.mark.parametrize("probe", OTHER_PROBES)
def test_other_probes(flow, probe):
    call, error = OTHER_PROBES[probe]
    assert refusal(call, flow).error == error


def test_a_description_has_the_characters_of_the_protocol(flow):
    """RFC 6749, section 5.2; nothing of it may end a line of a header or a log."""
    refused = refusal(flow.world.entrance.endpoint.token, [('"ä\n\\', "1")] * 2)
    assert refused.fields()["error_description"] == "'" * 4 + " is given twice."


def test_a_service_ends_with_its_owner(flow):
    answer = flow.token(flow.service_basic(), grant_type=CREDENTIALS)
    flow.world.user("second", Role.ADMIN)
    owner = flow.world.entrance.accounts.find("admin")
    flow.world.entrance.accounts.set_disabled(LOCAL, owner, True)
    with pytest.raises(NotSignedIn):
        flow.world.caller(answer["access_token"])
    assert refusal(flow.token, flow.service_basic(), grant_type=CREDENTIALS).error == "unauthorized_client"


def test_a_disabled_clients_tokens_are_worthless(flow):
    answer = flow.by_code(flow.code())
    flow.world.entrance.clients.disable(flow.person, flow.spa.id)
    with pytest.raises(NotSignedIn):
        flow.world.caller(answer["access_token"])
    with pytest.raises(NotFound):
        flow.world.entrance.clients.disable(flow.person, "nobody")


# Tenants and scopes of the person


def test_people_grant_what_they_have(flow):
    viewer = flow.world.principal(flow.world.user("viewer", Role.VIEWER))
    consent = flow.world.entrance.consent
    code = answered(consent.approve(consent.asked(flow.query(scope=None)), viewer))["code"]
    assert flow.by_code(code)["scope"] == "migrations:read"
    with pytest.raises(NotAllowed, match="none of the scopes"):
        consent.approve(consent.asked(flow.query(scope="migrations:write")), viewer)


def test_a_client_is_for_its_own_tenant(flow):
    flow.world.entrance.tenants.add(LOCAL, "acme")
    boss = flow.world.user("boss", Role.ADMIN, "acme")
    consent = flow.world.entrance.consent
    with pytest.raises(NotAllowed, match="another tenant"):
        consent.approve(consent.asked(flow.query()), flow.world.principal(boss, "acme"))
    answer = flow.by_code(flow.code())
    with pytest.raises(NotAllowed):
        flow.world.caller(answer["access_token"], "acme")
    with pytest.raises(NotAllowed, match="account"):
        consent.approve(consent.asked(flow.query()), LOCAL)
    assert flow.world.entrance.clients.all("acme") == []
    assert len(flow.world.entrance.clients.all(DEFAULT_TENANT)) == 3


# Revoking and explaining


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_ends_the_grant(flow, which):
    answer = flow.by_code(flow.code())
    revoke = flow.world.entrance.endpoint.revoke
    revoke({"token": "zzz", "client_id": flow.spa.id}.items())
    revoke({"token": answer[which]}.items(), basic(flow.web.id, flow.web_secret.reveal()))
    assert flow.world.caller(answer["access_token"]), "it is not that client's to revoke"
    revoke({"token": answer[which], "client_id": flow.spa.id}.items())
    with pytest.raises(NotSignedIn):
        flow.world.caller(answer["access_token"])
    assert refusal(flow.refresh, answer["refresh_token"]).error == "invalid_grant"


def test_consents_and_their_ends_are_in_the_audit_log(flow):
    answer = flow.by_code(flow.code())
    for _ in range(2):
        flow.world.entrance.endpoint.revoke({"token": answer["access_token"], "client_id": flow.spa.id}.items())
    with flow.world.store.of(DEFAULT_TENANT).read() as connection:
        revoked, consented, *_ = audit.entries(connection)
    assert (revoked.action, revoked.principal) == ("clients.revoke", f"client:{flow.spa.id}")
    told = (consented.action, consented.principal, consented.subject)
    assert told == ("clients.consent", flow.person.user, flow.spa.id)


def test_either_store_keeps_it_so(store, monkeypatch):
    """What is read, changed and noted in one transaction, with the fence of PostgreSQL around the tenant's part."""
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)
    flow = Flow(World(store, Clock()))
    first = flow.by_code(flow.code())
    second = flow.refresh(first["refresh_token"])
    assert refusal(flow.refresh, first["refresh_token"]).error == "invalid_grant"
    with pytest.raises(NotSignedIn):
        flow.world.caller(second["access_token"])
    third = flow.by_code(flow.code())
    flow.world.entrance.endpoint.revoke({"token": third["refresh_token"], "client_id": flow.spa.id}.items())
    with store.of(DEFAULT_TENANT).read() as connection:
        noted = [entry.action for entry in audit.entries(connection, limit=4)]
    assert noted == ["clients.revoke", "clients.consent", "clients.reuse", "clients.consent"]


def test_introspection(flow):
    explain = flow.world.entrance.endpoint.introspect
    answer = flow.by_code(flow.code())
    told = explain({"token": answer["access_token"]}.items(), flow.service_basic())
    assert told["active"]
    assert (told["client_id"], told["scope"], told["sub"]) == (flow.spa.id, "migrations:read", flow.person.user)
    own = flow.world.token(flow.world.admin)
    for token in ("x", "", answer["refresh_token"], own):
        assert explain({"token": token}.items(), flow.service_basic()) == {"active": False}
    flow.world.entrance.endpoint.revoke({"token": answer["access_token"], "client_id": flow.spa.id}.items())
    assert explain({"token": answer["access_token"]}.items(), flow.service_basic()) == {"active": False}
    form = {"token": answer["access_token"], "client_id": flow.spa.id}
    assert refusal(explain, form.items()).error == "invalid_client"


def test_metadata_says_what_is_true():
    told = metadata("https://wayfare.example/")
    assert told["token_endpoint"] == "https://wayfare.example/auth/token"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "admin" in told["scopes_supported"]


# Records


def test_secrets_are_kept_as_hashes(flow):
    code = flow.code()
    token = flow.by_code(flow.code())["refresh_token"]
    with flow.world.store.everywhere.read() as connection:
        kept = repr([connection.execute(sa.select(t)).all() for t in (OAUTH_CLIENTS, OAUTH_CODES, REFRESH_TOKENS)])
    for secret in (code, token, flow.web_secret.reveal(), flow.service_secret.reveal()):
        assert secret not in kept


def test_what_ended_long_ago_is_forgotten(flow):
    flow.by_code(flow.code())
    flow.token(flow.service_basic(), grant_type=CREDENTIALS)
    assert flow.world.entrance.endpoint.prune() == 0
    flow.world.clock.now += GRANT_SECONDS + 2 * 86400
    assert flow.world.entrance.endpoint.prune() == 2
    with flow.world.store.everywhere.read() as connection:
        assert (
            not connection.execute(sa.select(REFRESH_TOKENS)).all() + connection.execute(sa.select(OAUTH_CODES)).all()
        )


GOOD = {"scopes": ["migrations:read"], "grants": [CODE], "redirect_uris": [BACK]}


@pytest.mark.parametrize(
    "uri",
    [
        *("http://app.example/cb", "//app.example/cb", "/cb", "", "javascript:alert(1)", "data:text/html,x"),
        *(f"{BACK}#top", "https://user@app.example/", "https:///cb", "https://app.example/c b", "https://[::1/"),
    ],
)
def test_bad_redirect_uris(flow, uri):
    with pytest.raises(Invalid, match="redirect_uris"):
        flow.world.entrance.clients.add(flow.person, "bad", **{**GOOD, "redirect_uris": [uri]})


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:8765/cb", "http://localhost/cb", "http://[::1]:1/", "com.example.app:/cb"]
)
def test_good_redirect_uris(flow, uri):
    flow.world.entrance.clients.add(flow.person, "good", **{**GOOD, "redirect_uris": [uri]})


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"grants": []}, "grants"),
        ({"grants": ["password"]}, "grants"),
        ({"grants": [CREDENTIALS], "public": True}, "grants"),
        ({"redirect_uris": []}, "redirect_uris"),
    ],
)
def test_bad_clients(flow, changed, where):
    with pytest.raises(Invalid) as refused:
        flow.world.entrance.clients.add(flow.person, "bad", **{**GOOD, **changed})
    assert refused.value.where == where


def test_a_client_is_no_stronger_than_its_owner(flow):
    viewer = flow.world.principal(flow.world.user("viewer", Role.VIEWER))
    with pytest.raises(NotAllowed):
        flow.world.entrance.clients.add(viewer, "bad", **{**GOOD, "scopes": ["migrations:write"]})
