"""Users and tenants, on both stores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from access.world import PASSWORD, Clock, World
from wayfare.access.scopes import Role
from wayfare.core.errors import Conflict, Invalid, NotAllowed, NotFound
from wayfare.core.principal import DEFAULT_TENANT, LOCAL
from wayfare.core.redacted import Redacted
from wayfare.store import audit


@pytest.fixture
def accounts(store):
    return World(store, Clock()).entrance.accounts


def test_the_first_account_is_admin_and_later_ones_follow_the_setting(accounts):
    first = accounts.register("admin", "admin@example.com", PASSWORD, open_to_all=False)
    assert first.roles == {DEFAULT_TENANT: Role.ADMIN}
    assert (first.number, first.version, first.disabled) == (1, 1, False)
    with pytest.raises(NotAllowed, match="WAYFARE_REGISTRATION"):
        accounts.register("ada", "ada@example.com", PASSWORD, open_to_all=False)
    second = accounts.register("ada", "ada@example.com", PASSWORD, open_to_all=True)
    assert second.roles == {DEFAULT_TENANT: Role.DEVELOPER}
    assert second.number == 2
    assert accounts.find("ADA@Example.com") == accounts.find("Ada") == accounts.get(second.id) == second
    assert [user.name for user in accounts.all()] == ["admin", "ada"]


def test_of_many_who_register_at_once_one_is_first(accounts):
    def register(number):
        return accounts.register(f"user{number}", f"user{number}@example.com", PASSWORD, open_to_all=True)

    with ThreadPoolExecutor(6) as threads:
        users = list(threads.map(register, range(6)))
    assert [user.roles[DEFAULT_TENANT] for user in users].count(Role.ADMIN) == 1
    assert sorted(user.number for user in users) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("name", "email", "where"),
    [
        ("ADMIN", "other@example.com", "username"),
        ("other", "Admin@EXAMPLE.com", "email"),
        ("Ａdmin", "other@example.com", "username"),
    ],
)
def test_names_and_addresses_are_taken_once(accounts, name, email, where):
    accounts.register("admin", "admin@example.com", PASSWORD, open_to_all=True)
    with pytest.raises(Conflict, match="taken") as refused:
        accounts.register(name, email, PASSWORD, open_to_all=True)
    assert refused.value.where == where
    assert len(accounts.all()) == 1


@pytest.mark.parametrize(
    ("name", "email", "password", "where"),
    [
        ("", "a@example.com", "pass123", "username"),
        ("a", "nothing", "pass123", "email"),
        ("a", "", "pass123", "email"),
        ("a", "a@example.com", "12345", "password"),
        ("a", "a@example.com", "", "password"),
        ("ada.lovelace", "a@example.com", "ada.lovelace", "password"),
    ],
)
def test_errors_name_the_field(accounts, name, email, password, where):
    with pytest.raises(Invalid) as refused:
        accounts.register(name, email, Redacted(password), open_to_all=True)
    assert refused.value.where == where


def test_passwords_are_kept_as_argon2id(accounts, store):
    user = accounts.add(LOCAL, "ada", "ada@example.com", PASSWORD, role=Role.DBA)
    assert accounts.password_hash(user.id).startswith("$argon2id$")
    assert accounts.password_hash("nobody") == ""


def test_the_last_admin_stays(accounts):
    admin = accounts.add(LOCAL, "admin", "admin@example.com", PASSWORD, role=Role.ADMIN)
    for change in (
        lambda: accounts.set_disabled(LOCAL, admin, True),
        lambda: accounts.set_role(LOCAL, admin, DEFAULT_TENANT, Role.VIEWER),
        lambda: accounts.set_role(LOCAL, admin, DEFAULT_TENANT, None),
    ):
        with pytest.raises(Conflict, match="last Admin"):
            change()
    assert accounts.get(admin.id) == admin
    accounts.add(LOCAL, "second", "second@example.com", PASSWORD, role=Role.ADMIN)
    accounts.set_disabled(LOCAL, admin, True)
    assert accounts.find("admin").disabled
    accounts.set_disabled(LOCAL, admin, False)
    assert not accounts.find("admin").disabled


def test_members_of_tenants(accounts, store):
    tenants = World(store, Clock()).entrance.tenants
    accounts.add(LOCAL, "admin", "admin@example.com", PASSWORD, role=Role.ADMIN)
    acme = tenants.add(LOCAL, "acme", "Acme Ltd")
    assert tenants.get("acme") == acme
    assert [tenant.id for tenant in tenants.all()] == [DEFAULT_TENANT, "acme"]
    with pytest.raises(Conflict, match="already"):
        tenants.add(LOCAL, "ACME")
    with pytest.raises(Invalid):
        tenants.add(LOCAL, "a tenant")
    with pytest.raises(NotFound, match="nowhere"):
        accounts.add(LOCAL, "bob", role=Role.VIEWER, tenant="nowhere")
    bob = accounts.add(LOCAL, "bob", role=Role.VIEWER, tenant="acme")
    assert bob.email == ""
    accounts.set_role(LOCAL, bob, DEFAULT_TENANT, Role.DBA)
    accounts.set_role(LOCAL, bob, "acme", Role.DEVELOPER)
    bob = accounts.find("bob")
    assert dict(bob.roles) == {"acme": Role.DEVELOPER, DEFAULT_TENANT: Role.DBA}
    assert next(iter(bob.roles)) == "acme", "the first joined is the one they are in without a choice"
    assert [user.name for user in accounts.all("acme")] == ["bob"]
    accounts.set_role(LOCAL, bob, "acme", None)
    assert dict(accounts.find("bob").roles) == {DEFAULT_TENANT: Role.DBA}
    with pytest.raises(NotFound, match="nowhere"):
        accounts.set_role(LOCAL, bob, "nowhere", Role.DBA)


def test_two_users_without_an_address(accounts):
    accounts.add(LOCAL, "one", role=Role.ADMIN)
    accounts.add(LOCAL, "two", role=Role.VIEWER)
    with pytest.raises(NotFound):
        accounts.find("")


def test_every_change_is_in_the_audit_log(accounts, store):
    user = accounts.register("admin", "admin@example.com", PASSWORD, open_to_all=False)
    accounts.set_password(LOCAL, user, Redacted("another-one"))
    accounts.add(LOCAL, "ada", "ada@example.com", PASSWORD, role=Role.DBA)
    accounts.set_role(LOCAL, accounts.find("ada"), DEFAULT_TENANT, Role.VIEWER)
    accounts.link(LOCAL, user, "https://login.example", "42")
    with store.read() as connection:
        entries = audit.entries(connection)
        told = [entry.action for entry in reversed(entries)]
    assert told == ["users.register", "users.password", "users.add", "members.role", "users.link"]
    assert "pass123" not in repr(entries)
    assert "another-one" not in repr(entries)
    assert "argon2" not in repr(entries)
    with store.write() as connection:
        assert audit.verify(connection, store.sealer, DEFAULT_TENANT) == (5, None)


def test_an_identity_is_one_users(accounts):
    admin = accounts.register("admin", "admin@example.com", PASSWORD, open_to_all=False)
    ada = accounts.add(LOCAL, "ada", role=Role.VIEWER)
    accounts.link(LOCAL, admin, "https://login.example", "42")
    accounts.link(LOCAL, admin, "https://login.example", "42")
    assert accounts.linked("https://login.example", "42") == admin
    assert accounts.linked("https://other.example", "42") is None
    with pytest.raises(Conflict):
        accounts.link(LOCAL, ada, "https://login.example", "42")
