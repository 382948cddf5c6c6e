"""Signing in with a password: how often one may be wrong, and what is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from access.world import PASSWORD, Clock, World
from wayfare.access import passwords
from wayfare.access.sign_in import FAILURES_MAX, WINDOW_SECONDS
from wayfare.core.errors import NotSignedIn, RateLimited
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted

WRONG = Redacted("wrong-one")


@pytest.fixture
def either(store):
    return World(store, Clock())


@pytest.fixture
def cheap(monkeypatch):
    """Hash cheaply where nothing but counting is looked at."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher(1, 8, 1)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


def fail(world, name="admin", address="203.0.113.9", times=1):
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            world.entrance.sign_in.with_password(name, WRONG, address)


def test_by_name_or_address(either):
    user = either.admin
    for name in ("admin", "ADMIN", "admin@example.com", " Admin@Example.Com "):
        signed_in = either.entrance.sign_in.with_password(name, PASSWORD)
        assert signed_in.user == user
        principal = either.caller(signed_in.token)
        assert principal is not None
        assert (principal.user, principal.name) == (user.id, "admin")


def test_wrong_unknown_and_disabled_are_told_alike(world):
    ada = world.user("ada")
    world.entrance.accounts.add(LOCAL, "elsewhere", role=ada.roles["default"])
    world.entrance.accounts.set_disabled(LOCAL, world.user("former"), True) if world.admin else None
    told = set()
    for name, password in (("ada", WRONG), ("nobody", PASSWORD), ("former", PASSWORD), ("elsewhere", Redacted(""))):
        with pytest.raises(NotSignedIn) as refused:
            world.entrance.sign_in.with_password(name, password)
        told.add(str(refused.value))
    assert len(told) == 1


@pytest.mark.parametrize("name", ["admin", "nobody"])
def test_the_eleventh_failure_in_fifteen_minutes_is_too_many(either, name, cheap):
    """Check 4, for accounts there are and for those there are not."""
    assert either.admin
    fail(either, name, times=FAILURES_MAX)
    with pytest.raises(RateLimited) as limited:
        either.entrance.sign_in.with_password(name, WRONG)
    assert 0 < limited.value.retry_after_seconds <= WINDOW_SECONDS
    with pytest.raises(RateLimited):  # the right password neither: else it could be told from wrong ones
        either.entrance.sign_in.with_password(name, PASSWORD)
    either.clock.now += WINDOW_SECONDS + 1
    fail(either, name)


def test_an_address_may_not_try_many_accounts(either, cheap):
    assert either.admin
    for number in range(FAILURES_MAX):
        fail(either, f"user{number}")
    with pytest.raises(RateLimited):
        either.entrance.sign_in.with_password("admin", PASSWORD, "203.0.113.9")
    assert either.entrance.sign_in.with_password("admin", PASSWORD, "203.0.113.10")


def test_a_network_of_ipv6_is_one_address(world, cheap):
    assert world.admin
    for number in range(FAILURES_MAX):
        fail(world, f"user{number}", f"2001:db8:1:2::{number}")
    with pytest.raises(RateLimited):
        world.entrance.sign_in.with_password("admin", PASSWORD, "2001:db8:1:2:ffff::1")
    assert world.entrance.sign_in.with_password("admin", PASSWORD, "2001:db8:1:3::1")


def test_this_machines_own_address_is_everybody_behind_a_proxy(world, cheap):
    assert world.admin
    for number in range(FAILURES_MAX + 1):
        fail(world, f"user{number}", "127.0.0.1")
    assert world.entrance.sign_in.with_password("admin", PASSWORD, "127.0.0.1")


def test_success_begins_anew_for_the_account_but_not_for_the_address(either, cheap):
    assert either.admin
    fail(either, times=FAILURES_MAX - 1)
    either.entrance.sign_in.with_password("admin", PASSWORD, "203.0.113.9")
    fail(either, address="203.0.113.10", times=FAILURES_MAX)
    assert FAILURES_MAX - 1 == 9
    fail(either, "nobody")
    with pytest.raises(RateLimited):
        either.entrance.sign_in.with_password("somebody", WRONG, "203.0.113.9")


def test_the_window_slides(world, cheap):
    assert world.admin
    fail(world, times=5, address="")
    world.clock.now += WINDOW_SECONDS / 2
    fail(world, times=5, address="")
    with pytest.raises(RateLimited) as limited:
        world.entrance.sign_in.with_password("admin", WRONG)
    assert limited.value.retry_after_seconds == WINDOW_SECONDS / 2
    world.clock.now += WINDOW_SECONDS / 2
    fail(world, times=5, address="")
    with pytest.raises(RateLimited):
        world.entrance.sign_in.with_password("admin", WRONG)


def test_parallel_attempts_do_not_outrun_the_count(either, cheap):
    assert either.admin

    def attempt(_):
        try:
            either.entrance.sign_in.with_password("admin", WRONG)
        except (NotSignedIn, RateLimited) as error:
            return type(error)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(attempt, range(24)))
    assert outcomes.count(NotSignedIn) == FAILURES_MAX
    assert outcomes.count(RateLimited) == 24 - FAILURES_MAX


def test_a_changed_password_ends_other_sign_ins(world):
    sign_in = world.entrance.sign_in
    old = sign_in.with_password("admin", PASSWORD) if world.admin else None
    new = sign_in.change_password(old.user, PASSWORD, Redacted("another-one"))
    entrance = world.another_process()
    with pytest.raises(NotSignedIn, match="revoked"):
        entrance.callers.authenticate(f"Bearer {old.token}", "")
    assert entrance.callers.authenticate(f"Bearer {new.token}", "") is not None
    fail(world)
    with pytest.raises(NotSignedIn):
        sign_in.change_password(new.user, PASSWORD, Redacted("a-third-one"))
    assert sign_in.with_password("admin", Redacted("another-one"))


def test_an_outdated_hash_is_renewed_at_the_next_sign_in(world, monkeypatch):
    from argon2 import PasswordHasher

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: PasswordHasher(1, 8192, 1))
        user = world.admin
    assert "m=8192" in world.entrance.accounts.password_hash(user.id)
    assert world.entrance.sign_in.with_password("admin", PASSWORD)
    assert "m=19456" in world.entrance.accounts.password_hash(user.id)
    assert world.entrance.sign_in.with_password("admin", PASSWORD)
    assert world.entrance.accounts.get(user.id).version == user.version, "nobody is signed out by that"


def test_old_failures_are_cleared_away(world, cheap):
    import sqlalchemy as sa

    from wayfare.access.tables import LOGIN_FAILURES

    assert world.admin
    fail(world, "nobody")
    world.clock.now += WINDOW_SECONDS + 1
    fail(world, "somebody", "")
    world.entrance.sign_in.prune()
    with world.store.everywhere.read() as connection:
        assert len(connection.execute(sa.select(LOGIN_FAILURES)).all()) == 1
