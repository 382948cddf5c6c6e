"""From headers to a principal: tokens, API keys, tenants; and how soon a revoked right ends."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from access.world import Clock, World
from wayfare.access import recent
from wayfare.access.api_keys import NOTED_EVERY_SECONDS
from wayfare.access.recent import NotAtHand, Recent
from wayfare.access.scopes import SCOPES_OF, Role, Scope
from wayfare.access.tables import API_KEYS
from wayfare.core.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn
from wayfare.core.principal import DEFAULT_TENANT, LOCAL
from wayfare.core.redacted import Redacted


@pytest.fixture
def either(store):
    return World(store, Clock())


@pytest.fixture
def impatient(monkeypatch):
    """Nothing is kept for a second: what a test changes is seen at once, in every process."""
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)


def by_key(world, key, tenant=""):
    return world.entrance.callers.authenticate("", key.reveal(), tenant)


# What is given


def test_without_a_credential_there_is_nobody(world):
    assert world.entrance.callers.authenticate("", "") is None


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "Token abc", "Bearer a b c", "Bearer x.y.z", "bearer"]
)
def test_what_does_not_hold_is_refused_and_never_overlooked(world, header):
    assert world.admin
    with pytest.raises(NotSignedIn):
        world.entrance.callers.authenticate(header, "")


@pytest.mark.parametrize(
    "key", ["x", "wf_", "wf_" + "A" * 43, "wf_" + "ä" * 43, "wf_" + "A" * 100_000, "wf_' OR 1=1 --"]
)
def test_what_is_no_key_is_refused(world, key):
    for given in (("", key), (f"Bearer {key}", "")):
        with pytest.raises(NotSignedIn):
            world.entrance.callers.authenticate(*given)


def test_a_role_is_its_scopes(either):
    for role in Role:
        user = either.user(f"the-{role.lower()}", role)
        principal = either.caller(either.token(user))
        assert principal.scopes == SCOPES_OF[role]
        assert all(type(scope) is str for scope in principal.scopes)


# API keys (check 6)


def test_keys_are_shown_once_and_kept_as_a_hash(either):
    owner = either.principal(either.admin)
    kept, key = either.entrance.api_keys.create(owner, "ci", ["migrations:read"])
    assert key.reveal().startswith("wf_")
    assert len(key.reveal()) == 46
    assert str(key) == "***"
    assert key.reveal().startswith(kept.beginning)
    with either.store.everywhere.read() as connection:
        table = repr(connection.execute(sa.select(API_KEYS)).all())
    assert key.reveal() not in table
    assert key.reveal()[10:] not in table
    for principal in (by_key(either, key), either.caller(key.reveal())):
        assert (principal.user, principal.tenant) == (owner.user, DEFAULT_TENANT)
        assert principal.scopes == {"migrations:read"}


def test_a_key_can_do_no_more_than_its_owner(world, impatient):
    assert world.admin
    ada = world.user("ada", Role.DEVELOPER)
    owner = world.principal(ada)
    with pytest.raises(NotAllowed, match="admin"):
        world.entrance.api_keys.create(owner, "too much", ["migrations:read", "admin"])
    with pytest.raises(Invalid, match="everything"):
        world.entrance.api_keys.create(owner, "unknown", ["everything"])
    _, key = world.entrance.api_keys.create(owner, "all of mine")
    assert by_key(world, key).scopes == SCOPES_OF[Role.DEVELOPER]
    world.entrance.accounts.set_role(LOCAL, ada, DEFAULT_TENANT, Role.VIEWER)
    assert by_key(world, key).scopes == SCOPES_OF[Role.VIEWER], "the key shrinks with its owner"
    world.entrance.accounts.set_role(LOCAL, ada, DEFAULT_TENANT, Role.ADMIN)
    assert by_key(world, key).scopes == SCOPES_OF[Role.DEVELOPER], "but does not grow"


@pytest.mark.parametrize("end", ["revoke", "disable", "leave", "expire"])
def test_a_key_ends_everywhere(world, impatient, end):
    assert world.admin
    ada = world.user("ada")
    kept, key = world.entrance.api_keys.create(world.principal(ada), "ci", seconds=3600)
    elsewhere = world.another_process().callers
    assert elsewhere.authenticate("", key.reveal())
    if end == "revoke":
        world.entrance.api_keys.revoke(world.principal(ada), kept.beginning)
    elif end == "disable":
        world.entrance.accounts.set_disabled(LOCAL, ada, True)
    elif end == "leave":
        world.entrance.accounts.set_role(LOCAL, ada, DEFAULT_TENANT, None)
    else:
        world.clock.now += 3600
    with pytest.raises(NotAllowed if end == "leave" else NotSignedIn):
        elsewhere.authenticate("", key.reveal())


def test_what_was_looked_up_is_believed_for_a_second_and_no_longer():
    clock = Clock()
    answers = iter([1, 2, None, 3])
    looked = Recent(lambda _: next(answers), clock)
    assert looked("a") == 1
    clock.now += 0.99
    assert looked("a") == 1
    clock.now += 0.01
    assert looked("a") == 2
    clock.now += 1
    assert looked("a") is None
    assert looked("a") == 3, "what was not found is looked up again at once"
    assert recent.FRESH_SECONDS <= 1


@pytest.mark.parametrize("kind", ["token", "key"])
def test_who_must_not_wait_is_told_of_the_last_second_alone(world, monkeypatch, kind):
    """… and of nobody whose right has ended since: also not what the ways before it have looked up."""
    assert world.admin
    ada = world.user("ada")
    key = world.entrance.api_keys.create(world.principal(ada), "ci")[1].reveal()
    given = (f"Bearer {world.token(ada)}", "") if kind == "token" else ("", key)
    callers = world.another_process().callers
    with pytest.raises(NotAtHand):
        callers.at_hand(*given, "")
    found = callers.authenticate(*given)
    assert callers.at_hand(*given, "") == found
    with pytest.raises(NotAllowed):
        callers.at_hand(*given, "elsewhere")
    world.entrance.accounts.set_disabled(LOCAL, ada, True)
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)
    with pytest.raises(NotAtHand):
        callers.at_hand(*given, "")
    with pytest.raises(NotSignedIn):
        callers.authenticate(*given)


def test_keys_of_others_are_an_admins_to_revoke(world):
    admin, ada, bob = world.admin, world.user("ada"), world.user("bob")
    kept, _ = world.entrance.api_keys.create(world.principal(ada), "ci")
    with pytest.raises(NotFound):
        world.entrance.api_keys.revoke(world.principal(bob), kept.id)
    assert [key.name for key in world.entrance.api_keys.all(DEFAULT_TENANT, ada.id)] == ["ci"]
    assert world.entrance.api_keys.all(DEFAULT_TENANT, bob.id) == []
    assert world.entrance.api_keys.revoke(world.principal(admin), kept.id).revoked_at == world.clock.now


def test_keys_of_another_tenant_are_not_there(world):
    world.entrance.tenants.add(LOCAL, "acme")
    kept, key = world.entrance.api_keys.create(world.principal(world.admin), "ci")
    boss = world.user("boss", Role.ADMIN, "acme")
    with pytest.raises(NotFound):
        world.entrance.api_keys.revoke(world.principal(boss, "acme"), kept.id)
    assert world.entrance.api_keys.all("acme") == []
    assert by_key(world, key)


def test_use_is_noted_but_not_with_every_call(world, impatient):
    owner = world.principal(world.admin)
    _, key = world.entrance.api_keys.create(owner, "ci")
    begun = world.clock.now

    def noted():
        return world.entrance.api_keys.all(DEFAULT_TENANT)[0].last_used_at

    assert noted() is None
    by_key(world, key)
    assert noted() == begun
    world.clock.now += NOTED_EVERY_SECONDS - 1
    by_key(world, key)
    assert noted() == begun
    world.clock.now += 2
    by_key(world, key)
    assert noted() == world.clock.now


@pytest.mark.parametrize(("name", "seconds"), [("", None), ("x" * 101, None), ("a\nb", None), ("ok", 0), ("ok", -1)])
def test_bad_keys(world, name, seconds):
    with pytest.raises(Invalid):
        world.entrance.api_keys.create(world.principal(world.admin), name, seconds=seconds)


def test_who_has_no_account_has_no_keys(world):
    with pytest.raises(Conflict, match="account"):
        world.entrance.api_keys.create(LOCAL, "ci")


# Tenants (check 14)


def test_a_tenant_is_chosen_among_ones_own(world):
    assert world.admin
    world.entrance.tenants.add(LOCAL, "acme")
    world.entrance.tenants.add(LOCAL, "other")
    ada = world.user("ada", Role.VIEWER)
    world.entrance.accounts.set_role(LOCAL, ada, "acme", Role.ADMIN)
    token = world.token(ada)
    assert world.caller(token).tenant == DEFAULT_TENANT
    assert world.caller(token, DEFAULT_TENANT).scopes == SCOPES_OF[Role.VIEWER]
    assert world.caller(token, "acme").scopes == SCOPES_OF[Role.ADMIN]
    told = set()
    for foreign in ("other", "nowhere"):
        with pytest.raises(NotAllowed) as refused:
            world.caller(token, foreign)
        assert refused.value.where == "X-Tenant-ID"
        told.add(str(refused.value).replace(foreign, "…"))
    assert len(told) == 1, "nobody learns which tenants there are"
    _, key = world.entrance.api_keys.create(world.principal(ada), "ci")
    with pytest.raises(NotAllowed):
        by_key(world, key, "acme")


def test_who_belongs_nowhere_is_refused(world):
    assert world.admin
    ada = world.user("ada")
    world.entrance.accounts.set_role(LOCAL, ada, DEFAULT_TENANT, None)
    with pytest.raises(NotAllowed, match="no tenant"):
        world.caller(world.token(ada))


# Revoked tokens


@pytest.mark.parametrize("end", ["password", "disable", "sign out", "age"])
def test_a_token_ends_everywhere(world, impatient, end):
    assert world.admin
    ada = world.user("ada")
    token = world.token(ada)
    elsewhere = world.another_process().callers
    assert elsewhere.authenticate(f"Bearer {token}", "").user == ada.id
    if end == "password":
        world.entrance.accounts.set_password(LOCAL, ada, Redacted("another-one"))
    elif end == "disable":
        world.entrance.accounts.set_disabled(LOCAL, ada, True)
    elif end == "sign out":
        world.entrance.accounts.sign_out(LOCAL, ada)
    else:
        world.clock.now += 13 * 3600
    with pytest.raises(NotSignedIn):
        elsewhere.authenticate(f"Bearer {token}", "")


def test_a_cached_token_still_ends(world, monkeypatch):
    monkeypatch.setattr(recent, "FRESH_SECONDS", 1e9)
    token = world.token(world.admin)
    assert world.caller(token)
    world.clock.now += 13 * 3600
    with pytest.raises(NotSignedIn, match="ended"):
        world.caller(token)


# Who is there themselves


def test_a_person_is_neither_a_key_nor_a_program(world):
    user = world.user("ada")
    person = world.entrance.callers.person
    assert person(f"Bearer {world.token(user)}").user == user.id
    _, key = world.entrance.api_keys.create(world.principal(user), "k", [Scope.READ])
    with pytest.raises(NotAllowed, match="only a person"):
        person(f"Bearer {key.reveal()}")
    for nothing in ("", "Bearer", "Bearer "):
        with pytest.raises(NotSignedIn):
            person(nothing)
    for wrong in ("Bearer x", "Bearer a.b.c"):
        with pytest.raises(NotSignedIn):
            person(wrong)
    with pytest.raises(NotAllowed, match="tenant"):
        person(f"Bearer {world.token(user)}", "acme")
