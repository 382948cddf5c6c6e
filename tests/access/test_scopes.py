"""Every role against every action (check 9), and every scope against every action."""

from __future__ import annotations

import pytest

from wayfare.access.scopes import (
    ACTIONS,
    OF_THE_INSTALLATION,
    SCOPES_OF,
    Role,
    Scope,
    covered,
    narrowed,
    require,
    role_named,
    scopes_named,
)
from wayfare.core.errors import Bug, Invalid, NotAllowed
from wayfare.core.principal import DEFAULT_TENANT, LOCAL, Principal

# v: Viewer, e: Developer, d: DBA, a: Admin. Written out, so that a change of the table is a decision.
MATRIX = """
connections.read        v e d a
connections.write         e d a
connections.test          e d a
connections.describe    v e d a
services.read           v e d a
services.write            e d a
migrations.read         v e d a
migrations.write          e   a
migrations.plan           e   a
migrations.submit         e   a
migrations.approve            a
runs.read               v e d a
runs.start                e d a
runs.start_production       d a
runs.ask                  e d a
revisions.read          v e d a
revisions.apply               a
schedules.read          v e d a
schedules.write           e d a
templates.read          v e d a
templates.write           e   a
webhooks.read           v e d a
webhooks.write            e   a
analytics.read          v e d a
keys.own                v e d a
members.read                  a
members.write                 a
clients.read                  a
clients.write                 a
audit.read                    a
users.read                    a
users.write                   a
tenants.read                  a
tenants.write                 a
secrets.rotate                a
"""
LETTERS = {"v": Role.VIEWER, "e": Role.DEVELOPER, "d": Role.DBA, "a": Role.ADMIN}
EXPECTED = {line.split()[0]: {LETTERS[c] for c in line.split()[1:]} for line in MATRIX.strip().splitlines()}


def principal(*scopes: str, tenant: str = DEFAULT_TENANT) -> Principal:
    return Principal("u1", "ada", tenant, frozenset(scopes))


def may(asked: Principal, action: str) -> bool:
    try:
        require(asked, action)
    except NotAllowed:
        return False
    return True


def test_the_matrix_is_total():
    assert set(EXPECTED) == set(ACTIONS)
    assert set(SCOPES_OF) == set(Role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", ACTIONS)
def test_roles(role, action):
    assert may(principal(*SCOPES_OF[role]), action) == (role in EXPECTED[action])


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("action", ACTIONS)
def test_scopes(scope, action):
    assert may(principal(scope), action) == (scope in (ACTIONS[action], Scope.ADMIN))


@pytest.mark.parametrize("action", ACTIONS)
def test_no_scope_may_nothing_and_the_local_administrator_everything(action):
    assert not may(principal(), action)
    assert may(LOCAL, action)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_admin_of_one_tenant_is_none_of_the_installation(action):
    assert may(principal(*SCOPES_OF[Role.ADMIN], tenant="acme"), action) == (action not in OF_THE_INSTALLATION)


def test_the_refusal_names_the_scope():
    with pytest.raises(NotAllowed, match="migrations:execute") as refused:
        require(principal("migrations:read"), "runs.start")
    assert refused.value.needed == "migrations:execute"


def test_an_action_that_is_not_in_the_table_is_a_bug():
    with pytest.raises(Bug):
        require(LOCAL, "runs.startt")


def test_words():
    assert role_named(" dba ") is Role.DBA
    with pytest.raises(Invalid, match="Viewer, Developer, DBA, Admin"):
        role_named("root")
    assert scopes_named(["admin", "migrations:read"]) == {Scope.ADMIN, Scope.READ}
    with pytest.raises(Invalid, match="everything"):
        scopes_named(["migrations:read", "everything"])


def test_a_key_is_never_stronger_than_its_owner():
    assert covered(["migrations:execute"], ["admin"])
    assert covered(["migrations:read"], ["migrations:read", "connections:read"])
    assert not covered(["migrations:read", "admin"], ["migrations:read"])
    assert narrowed(["admin"], ["migrations:read"]) == {"migrations:read"}
    assert narrowed(["migrations:read"], ["migrations:read", "admin"]) == {"migrations:read"}
