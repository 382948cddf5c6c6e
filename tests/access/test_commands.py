"""`wayfare users`, `keys` and `tenants` as people and scripts run them."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from stories.command import Wayfare
from wayfare.access.entrance import Entrance
from wayfare.core.errors import NotSignedIn
from wayfare.core.redacted import Redacted
from wayfare.settings import Settings
from wayfare.store.store import Store

GIVEN = {"WAYFARE_USER_PASSWORD": "pass123"}


@pytest.fixture
def wayfare(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return Wayfare(folder, tmp_path / "home")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """With an Admin; nothing here changes it."""
    folder = tmp_path_factory.mktemp("installed")
    command = Wayfare(folder, folder / "home")
    ran(command("users", "add", "admin", "--role", "Admin", **GIVEN))
    return command


def ran(answer):
    assert answer.code == 0, answer.err
    return answer


def test_an_account_from_its_making_to_its_end(wayfare):
    made = ran(wayfare("users", "add", "admin", "--email", "a@example.com", "--role", "admin", "--json", **GIVEN)).json
    assert (made["number"], made["roles"]) == (1, {"default": "Admin"})
    ran(wayfare("users", "add", "ada", "--role", "Viewer", **GIVEN))
    ran(wayfare("users", "password", "ada", WAYFARE_USER_PASSWORD="another-one"))
    ran(wayfare("users", "role", "ada", "DBA"))
    with closing(Store.open(Settings(wayfare.home))) as store:
        sign_in = Entrance.to(store).sign_in
        assert sign_in.with_password("ada", Redacted("another-one")).user.roles == {"default": "DBA"}
        ran(wayfare("users", "disable", "ada"))
        with pytest.raises(NotSignedIn):
            sign_in.with_password("ada", Redacted("another-one"))
    listed = ran(wayfare("users", "list", "--json")).json["users"]
    assert [(user["name"], user["disabled"]) for user in listed] == [("admin", False), ("ada", True)]
    assert "pass123" not in json.dumps(listed)
    assert "disabled" in ran(wayfare("users", "list")).out


def test_a_key_is_alone_on_standard_output_and_works(wayfare):
    ran(wayfare("users", "add", "admin", "--role", "Admin", **GIVEN))
    answer = ran(wayfare("keys", "create", "ci", "--user", "admin", "--scope", "migrations:read", "--days", "3"))
    key = answer.out.strip()
    assert "not shown again" in answer.err
    listed = ran(wayfare("keys", "list", "--json"))
    assert key not in listed.out
    with closing(Store.open(Settings(wayfare.home))) as store:
        assert Entrance.to(store).callers.authenticate("", key).scopes == {"migrations:read"}
        ran(wayfare("secrets", "rotate"))
        sealed = ran(wayfare("secrets", "status", "--json")).json
        assert set(sealed["by_key"]) == {sealed["current"]}
    with closing(Store.open(Settings(wayfare.home))) as store:
        assert Entrance.to(store).callers.authenticate("", key), "the key that it is checked with was brought along"
        ran(wayfare("keys", "revoke", listed.json["keys"][0]["beginning"]))
        with pytest.raises(NotSignedIn):
            Entrance.to(store).callers.authenticate("", key)


def test_tenants_and_their_members(wayfare):
    ran(wayfare("users", "add", "admin", "--role", "Admin", **GIVEN))
    ran(wayfare("tenants", "add", "acme", "--name", "Acme [b]Ltd"))
    ran(wayfare("users", "role", "admin", "Viewer", "--tenant", "acme"))
    assert ran(wayfare("tenants", "members", "acme", "--json")).json["members"][0]["role"] == "Viewer"
    assert "Acme [b]Ltd" in ran(wayfare("tenants", "list")).out
    assert ran(wayfare("users", "role", "admin", "none", "--tenant", "acme"))
    assert ran(wayfare("tenants", "members", "acme", "--json")).json["members"] == []


def test_programs_are_registered(wayfare):
    ran(wayfare("users", "add", "admin", "--role", "Admin", **GIVEN))
    scope = ("--user", "admin", "--scope", "migrations:read")
    answer = ran(wayfare("clients", "add", "service", *scope))
    client, secret = answer.out.split()
    page = ran(wayfare("clients", "add", "page", *scope, "--public", "--redirect", "https://app.example/cb", "--json"))
    assert (page.json["secret"], page.json["grants"]) == ("", ["authorization_code", "refresh_token"])
    with closing(Store.open(Settings(wayfare.home))) as store:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        token = Entrance.to(store).endpoint.token(form.items())["access_token"]
        assert Entrance.to(store).callers.authenticate(f"Bearer {token}", "").name == "service"
        assert secret not in ran(wayfare("clients", "list", "--json")).out
        ran(wayfare("clients", "disable", client))
        with pytest.raises(NotSignedIn):
            Entrance.to(store).callers.authenticate(f"Bearer {token}", "")
    assert "disabled" in ran(wayfare("clients", "list")).out


def test_signing_keys_change(wayfare):
    ran(wayfare("users", "add", "admin", "--role", "Admin", **GIVEN))
    with closing(Store.open(Settings(wayfare.home))) as store:
        entrance = Entrance.to(store)
        token = entrance.sign_in.with_password("admin", Redacted("pass123")).token
        ran(wayfare("keys", "rotate"))
        assert Entrance.to(store).callers.authenticate(f"Bearer {token}", "")
        ran(wayfare("keys", "rotate", "--at-once"))
        with pytest.raises(NotSignedIn):
            Entrance.to(store).callers.authenticate(f"Bearer {token}", "")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["users", "add", "bob"], 3, "WAYFARE_USER_PASSWORD"),
        (["users", "add", "ADMIN", "--no-password"], 6, "taken"),
        (["users", "add", "bob", "--no-password", "--role", "root"], 3, "Viewer, Developer, DBA, Admin"),
        (["users", "add", "bob", "--no-password", "--tenant", "nowhere"], 3, "nowhere"),
        (["users", "disable", "admin"], 6, "last Admin"),
        (["users", "disable", "nobody"], 3, "nobody"),
        (["users", "password", "admin", "pass123"], 2, "unexpected extra argument"),
        (["keys", "create", "ci", "--user", "admin", "--tenant", "nowhere"], 4, "X-Tenant-ID"),
        (["keys", "revoke", "wf_nothing"], 3, "wf_nothing"),
        (["clients", "add", "x", "--user", "admin", "--scope", "everything"], 3, "everything"),
        (["clients", "disable", "nobody"], 3, "nobody"),
        (["tenants", "members", "nowhere"], 3, "nowhere"),
        (["tenants", "add", "a b"], 3, "cannot name a tenant"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(installed, arguments, code, told):
    answer = installed(*arguments)
    assert answer.code == code
    assert told in answer.err.replace("\n", " ")


def test_mistakes_as_json(installed):
    assert installed("users", "disable", "admin", "--json").json["error"]["code"] == "conflict"
