"""Texts that no name, key or id can be: refused as what they are, on both stores, and never an accident inside."""

from __future__ import annotations

import pytest

from access.world import PASSWORD, Clock, World
from wayfare.access.oauth.clients import CREDENTIALS
from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.access.scopes import Role
from wayfare.core.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted

TEXTS = {
    "NUL": "a\0b",
    "half a character": "a\ud800",
    "long": "x" * 100_000,
    "empty": "",
    "quotes": "'\"` OR 1=1 --",
    "percent": "%s%(x)s:x%%",
    "direction": "a\u202eb",
    "not a character": "\uffff",
}


@pytest.fixture(scope="module", params=["embedded", "postgresql"])
def world(request, tmp_path_factory):
    from contextlib import closing

    from wayfare.settings import Settings
    from wayfare.store.store import Store

    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    with closing(Store.open(Settings(tmp_path_factory.mktemp("hostile"), url))) as store:
        made = World(store, Clock())
        assert made.admin
        yield made


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts(world, text):
    entrance, admin = world.entrance, world.principal(world.admin)
    with pytest.raises(NotSignedIn):
        entrance.sign_in.with_password(text, PASSWORD)
    with pytest.raises(NotSignedIn):
        entrance.sign_in.with_password("admin", Redacted(text), text)
    with pytest.raises(NotFound):
        entrance.accounts.find(text)
    with pytest.raises(NotFound):
        entrance.tenants.get(text)
    with pytest.raises(Invalid):
        entrance.tenants.add(LOCAL, text)
    with pytest.raises(NotFound):
        entrance.accounts.set_role(LOCAL, world.admin, text, Role.VIEWER)
    with pytest.raises(NotFound):
        entrance.api_keys.revoke(admin, text)
    with pytest.raises(NotFound):
        entrance.clients.disable(admin, text)
    assert entrance.sign_in.with_password("admin", PASSWORD).user == world.admin


@pytest.mark.parametrize("text", [t for t in TEXTS.values() if t], ids=[n for n, t in TEXTS.items() if t])
def test_hostile_credentials(world, text):
    entrance = world.entrance
    for headers in ((f"Bearer {text}", ""), ("", text), (text, "")):
        with pytest.raises(NotSignedIn):
            entrance.callers.authenticate(*headers)
    with pytest.raises(NotAllowed):
        world.caller(world.token(world.admin), text)
    for form in (
        {"grant_type": CREDENTIALS, "client_id": text, "client_secret": text},
        {"grant_type": text, "client_id": text},
        {text: text, "grant_type": "refresh_token", "refresh_token": text},
    ):
        with pytest.raises(OAuthRefused):
            entrance.endpoint.token(form.items())
        with pytest.raises(OAuthRefused):
            entrance.endpoint.revoke(form.items(), f"Basic {text}")
        with pytest.raises(OAuthRefused):
            entrance.consent.asked(form.items())
