"""What a finished sign-in is handed over with: once, soon, in one browser."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from access.world import Clock, World
from wayfare.access.handover import HANDOVER_SECONDS, Handover
from wayfare.access.tables import OIDC_STATES
from wayfare.core.errors import NotSignedIn
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted

COOKIE = Redacted("the-browser's")


@pytest.fixture
def world(store):
    """On either store."""
    return World(store, Clock())


@pytest.fixture
def handover(world):
    return Handover(world.store, world.entrance.accounts, world.clock)


def test_once(world, handover):
    code = handover.give(world.admin, COOKIE)
    assert handover.take(code, COOKIE).id == world.admin.id
    with pytest.raises(NotSignedIn):
        handover.take(code, COOKIE)


@pytest.mark.parametrize("cookie", ["", "another", "the-browser'", "\ud800"])
def test_another_browser_gets_nothing_and_uses_it_up(world, handover, cookie):
    code = handover.give(world.admin, COOKIE)
    for given in (Redacted(cookie), COOKIE):
        with pytest.raises(NotSignedIn):
            handover.take(code, given)


def test_soon(world, handover):
    code = handover.give(world.admin, COOKIE)
    world.clock.now += HANDOVER_SECONDS
    with pytest.raises(NotSignedIn):
        handover.take(code, COOKIE)


def test_not_by_whoever_was_disabled_meanwhile(world, handover):
    assert world.admin
    user = world.user("ada")
    code = handover.give(user, COOKIE)
    world.entrance.accounts.set_disabled(LOCAL, user, True)
    with pytest.raises(NotSignedIn):
        handover.take(code, COOKIE)


def test_nothing_useful_is_kept(world, handover):
    code = handover.give(world.admin, COOKIE)
    with world.store.everywhere.read() as connection:
        kept = repr(connection.execute(sa.select(OIDC_STATES)).all())
    for secret in (code.reveal(), COOKIE.reveal(), world.admin.id):
        assert secret not in kept
