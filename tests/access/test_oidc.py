"""Signing in with an identity provider, also with one that lies (check 8)."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from joserfc.jwk import ECKey

from access import provider as identity
from wayfare.access.calls import client
from wayfare.access.egress import PUBLIC, AddressRefused, for_calls
from wayfare.access.oidc import STATE_SECONDS, Oidc, Provider
from wayfare.access.scopes import Role
from wayfare.access.tables import OIDC_STATES
from wayfare.core.errors import Invalid, NotAllowed, NotSignedIn, Refused
from wayfare.core.principal import DEFAULT_TENANT, LOCAL
from wayfare.core.redacted import Redacted

BACK = "https://wayfare.example/auth/oidc/callback"
HERE = for_calls(on_loopback=True)


@pytest.fixture
def provider():
    with identity.running() as running:
        yield running


def relying(world, provider, *, policy=HERE, open_to_all=True):
    named = Provider.parse(Redacted(identity.url_of(provider)))
    return Oidc(world.store, world.entrance.accounts, named, client(policy), open_to_all=open_to_all, clock=world.clock)


@pytest.fixture
def oidc(world, provider):
    assert world.admin
    return relying(world, provider)


def sign_in(oidc, provider):
    begun = oidc.begin(BACK)
    return oidc.finish(provider.sign_in(begun.url), begun.cookie)


def test_a_person_signs_in_and_gets_an_account(world, oidc, provider):
    user = sign_in(oidc, provider)
    assert (user.name, user.email, dict(user.roles)) == ("ada", "ada@example.com", {DEFAULT_TENANT: Role.DEVELOPER})
    provider.person |= {"email": "ada@new.example", "preferred_username": "other"}
    assert sign_in(oidc, provider).id == user.id, "the subject is who they are"
    assert world.caller(world.token(user)).user == user.id
    assert provider.key_requests == 1


def test_the_first_person_of_an_installation_is_its_admin(world, provider):
    user = sign_in(relying(world, provider, open_to_all=False), provider)
    assert user.roles[DEFAULT_TENANT] is Role.ADMIN


def test_a_provider_may_change_its_key(world, oidc, provider):
    sign_in(oidc, provider)
    provider.key = ECKey.generate_key("P-256", {"kid": "e2"})
    sign_in(oidc, provider)
    assert provider.key_requests == 2


# Attacks

now = int(time.time())
LIES = {
    "nonce of another": {"nonce": "x"},
    "token for another client": {"aud": "somebody-else"},
    "another issuer": {"iss": "https://evil.example"},
    "ended": {"exp": now - 3600, "iat": now - 7200},
    "for several, meant for another": {"aud": [identity.CLIENT, "other"], "azp": "other"},
    "for several, and no party": {"aud": [identity.CLIENT, "other"]},
    "no nonce": {"nonce": None},
    "no subject": {"sub": ""},
    "subject a number": {"sub": 42},
    "from tomorrow": {"iat": now + 86400},
    "address a list": {"email": ["a"]},
}
SIGNATURES = ["sign_with_the_secret", "sign_with_another_key", "sign_not"]


@pytest.mark.parametrize("lie", LIES)
def test_lies(oidc, provider, lie):
    provider.claims = LIES[lie]
    with pytest.raises(NotSignedIn):
        sign_in(oidc, provider)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_forged_signatures(oidc, provider, signature):
    provider.sign = getattr(provider, signature)
    with pytest.raises(NotSignedIn):
        sign_in(oidc, provider)


def test_an_answer_counts_in_the_browser_that_asked_only(world, oidc, provider):
    """Somebody's own code, planted in another's browser, signs nobody in."""
    mine, theirs = oidc.begin(BACK), oidc.begin(BACK)
    answer = provider.sign_in(mine.url)
    with pytest.raises(NotSignedIn, match="this browser"):
        oidc.finish(answer, theirs.cookie)
    with pytest.raises(NotSignedIn):
        oidc.finish(answer, mine.cookie)


def test_a_code_of_another_sign_in_does_not_fit(oidc, provider):
    mine, theirs = oidc.begin(BACK), oidc.begin(BACK)
    stolen = provider.sign_in(theirs.url)["code"]
    with pytest.raises(NotSignedIn, match="code"):
        oidc.finish({**provider.sign_in(mine.url), "code": stolen}, mine.cookie)


def test_an_answer_counts_once_and_not_for_ever(world, oidc, provider):
    begun = oidc.begin(BACK)
    answer = provider.sign_in(begun.url)
    assert oidc.finish(answer, begun.cookie)
    with pytest.raises(NotSignedIn):
        oidc.finish(answer, begun.cookie)
    late = oidc.begin(BACK)
    world.clock.now += STATE_SECONDS
    with pytest.raises(NotSignedIn, match="too long ago"):
        oidc.finish(provider.sign_in(late.url), late.cookie)


@pytest.mark.parametrize(
    "changed", [{"state": "x"}, {"state": ""}, {"code": ""}, {"error": "no"}, {"iss": "https://evil.example"}]
)
def test_other_answers(oidc, provider, changed):
    begun = oidc.begin(BACK)
    with pytest.raises(NotSignedIn):
        oidc.finish({**provider.sign_in(begun.url), **changed}, begun.cookie)


def test_a_provider_that_calls_itself_something_else(oidc, provider):
    provider.told_issuer = "https://evil.example"
    with pytest.raises(Refused, match="another name"):
        oidc.begin(BACK)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a\r\nSet-Cookie: x=y", "", 7, None])
def test_a_provider_that_would_send_people_nowhere(oidc, provider, url):
    provider.told_endpoint = url
    with pytest.raises(Refused, match="authorization_endpoint"):
        oidc.begin(BACK)


def test_a_provider_is_reached_where_egress_allows(world, provider):
    with pytest.raises(AddressRefused):
        relying(world, provider, policy=PUBLIC).begin(BACK)


# Whose account it is


def test_an_invited_person_is_known_by_their_verified_address(world, provider):
    assert world.admin
    invited = world.entrance.accounts.add(LOCAL, "lovelace", "Ada@Example.com", role=Role.DBA)
    oidc = relying(world, provider, open_to_all=False)
    provider.person["email_verified"] = "true"
    with pytest.raises(NotAllowed):
        sign_in(oidc, provider)
    provider.person["email_verified"] = True
    assert sign_in(oidc, provider).id == invited.id


def test_whoever_claimed_an_address_with_a_password_gets_nobodys_identity(world, oidc, provider):
    """They could have registered with it before its owner comes."""
    squatter = world.user("ada")
    with pytest.raises(NotAllowed, match="password"):
        sign_in(oidc, provider)
    world.entrance.accounts.remove_password(LOCAL, squatter)
    assert sign_in(oidc, provider).id == squatter.id


def test_a_taken_name_gets_something_added(world, oidc, provider):
    provider.person |= {"email": "", "preferred_username": "admin"}
    user = sign_in(oidc, provider)
    assert user.name.startswith("admin-")
    assert user.id != world.admin.id


def test_where_nobody_registers_strangers_are_refused(world, provider):
    assert world.admin
    with pytest.raises(NotAllowed, match="Admin"):
        sign_in(relying(world, provider, open_to_all=False), provider)


def test_a_disabled_account_stays_disabled(world, oidc, provider):
    user = sign_in(oidc, provider)
    world.entrance.accounts.set_disabled(LOCAL, user, True)
    with pytest.raises(NotAllowed, match="disabled"):
        sign_in(oidc, provider)


def test_nothing_useful_is_kept(world, oidc, provider):
    begun = oidc.begin(BACK)
    with world.store.everywhere.read() as connection:
        kept = repr(connection.execute(sa.select(OIDC_STATES)).all())
    assert begun.cookie.reveal() not in kept
    for secret in ("state", "nonce"):
        assert f"{secret}=" in begun.url
        assert begun.url.partition(f"{secret}=")[2].partition("&")[0] not in kept


# The setting


def test_a_providers_url():
    named = Provider.parse(Redacted("https://id%2F1:s%40cret@login.example.com:8443/realm"))
    assert (named.issuer, named.client_id) == ("https://login.example.com:8443/realm", "id/1")
    assert named.client_secret.reveal() == "s@cret"
    assert "s@cret" not in repr(named)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "https://login.example.com",
        "http://a:secret@login.example.com",
        "https://a:secret@h/?x=1",
        "https://a:secret@[::1",
    ],
)
def test_bad_providers(url):
    with pytest.raises(Invalid, match="WAYFARE_OIDC") as refused:
        Provider.parse(Redacted(url))
    assert "a:secret" not in str(refused.value)
