"""Who may do what: the one table of roles, scopes and actions, and the one place that asks it.

Roles are document 001's, scopes document 003's. A Developer starts what is not production, a DBA also what is;
approving is an Admin's alone. Whoever holds `admin` in a tenant may do everything there; accounts and tenants
themselves belong to the whole installation, so only an Admin of its first tenant may touch them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from wayfare.core.errors import Bug, Invalid, NotAllowed
from wayfare.core.principal import DEFAULT_TENANT, Principal


class Scope(StrEnum):
    READ = "migrations:read"
    WRITE = "migrations:write"
    EXECUTE = "migrations:execute"
    EXECUTE_PRODUCTION = "migrations:execute_production"  # 001: "DBA, Admin (production); Developer (dev/QA)"
    APPROVE = "migrations:approve"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_WRITE = "connections:write"
    ADMIN = "admin"


class Role(StrEnum):
    VIEWER = "Viewer"
    DEVELOPER = "Developer"
    DBA = "DBA"
    ADMIN = "Admin"


_VIEWER = frozenset({Scope.READ, Scope.CONNECTIONS_READ})
_DEVELOPER = _VIEWER | {Scope.WRITE, Scope.EXECUTE, Scope.CONNECTIONS_WRITE}
_DBA = _VIEWER | {Scope.EXECUTE, Scope.EXECUTE_PRODUCTION, Scope.CONNECTIONS_WRITE}  # 001: a DBA does not create

SCOPES_OF: Mapping[Role, frozenset[Scope]] = MappingProxyType(
    {Role.VIEWER: _VIEWER, Role.DEVELOPER: _DEVELOPER, Role.DBA: _DBA, Role.ADMIN: frozenset(Scope)}
)

ACTIONS: Mapping[str, Scope] = MappingProxyType(
    {
        "connections.read": Scope.CONNECTIONS_READ,
        "connections.write": Scope.CONNECTIONS_WRITE,
        "connections.test": Scope.CONNECTIONS_WRITE,  # opens a socket to wherever the caller says
        "connections.describe": Scope.CONNECTIONS_READ,
        "services.read": Scope.CONNECTIONS_READ,
        "services.write": Scope.CONNECTIONS_WRITE,
        "migrations.read": Scope.READ,
        "migrations.write": Scope.WRITE,
        "migrations.plan": Scope.WRITE,
        "migrations.submit": Scope.WRITE,
        "migrations.approve": Scope.APPROVE,
        "runs.read": Scope.READ,
        "runs.start": Scope.EXECUTE,
        "runs.start_production": Scope.EXECUTE_PRODUCTION,
        "runs.ask": Scope.EXECUTE,  # pause, resume, cancel, roll back
        "revisions.read": Scope.READ,
        "revisions.apply": Scope.ADMIN,  # 000: dry runs and manual triggers are an administrator's
        "schedules.read": Scope.READ,
        "schedules.write": Scope.EXECUTE,  # what is scheduled will be carried out
        "templates.read": Scope.READ,
        "templates.write": Scope.WRITE,
        "webhooks.read": Scope.READ,
        "webhooks.write": Scope.WRITE,
        "analytics.read": Scope.READ,
        "keys.own": Scope.READ,  # a key is never stronger than its owner, so everybody may have some
        "members.read": Scope.ADMIN,
        "members.write": Scope.ADMIN,
        "clients.read": Scope.ADMIN,
        "clients.write": Scope.ADMIN,
        "audit.read": Scope.ADMIN,
        "users.read": Scope.ADMIN,
        "users.write": Scope.ADMIN,
        "tenants.read": Scope.ADMIN,
        "tenants.write": Scope.ADMIN,
        "secrets.rotate": Scope.ADMIN,
    }
)
OF_THE_INSTALLATION = frozenset({"users.read", "users.write", "tenants.read", "tenants.write", "secrets.rotate"})


def require(principal: Principal, action: str) -> None:
    """Raises NotAllowed, naming the scope that is missing; Bug for an action that is not in the table."""
    scope = ACTIONS.get(action)
    if scope is None:
        raise Bug(f"{action!r} is not an action of access/scopes.py.")
    if not principal.may(scope):
        raise NotAllowed(
            f"{action} needs the scope {scope}, which {principal.name} does not have.",
            remedy="Ask an Admin for a role that has it, or use a key with it.",
            needed=scope,
        )
    if action in OF_THE_INSTALLATION and principal.tenant != DEFAULT_TENANT:
        raise NotAllowed(
            f"{action} concerns the whole installation.",
            where="X-Tenant-ID",
            remedy=f"An Admin of the tenant {DEFAULT_TENANT!r} may do it.",
            needed=scope,
        )


def role_named(text: str, where: str = "role") -> Role:
    """Raises Invalid, naming the roles there are. Upper and lower case are the same."""
    for role in Role:
        if role.lower() == text.strip().lower():
            return role
    raise Invalid(f"there is no role {text!r}.", where=where, remedy=f"Choose one of: {', '.join(Role)}.")


def scopes_named(texts: Collection[str], where: str = "scopes") -> frozenset[Scope]:
    """Raises Invalid, naming the scopes there are."""
    unknown = sorted(set(texts) - set(Scope))
    if unknown:
        raise Invalid(f"there is no scope {unknown[0]!r}.", where=where, remedy=f"Choose from: {', '.join(Scope)}.")
    return frozenset(Scope(text) for text in texts)


def covered(wanted: Collection[str], held: Collection[str]) -> bool:
    """Does whoever holds `held` hold `wanted` too?"""
    return Scope.ADMIN in held or set(wanted) <= set(held)


def narrowed(held: Collection[str], to: Collection[str]) -> frozenset[str]:
    """What is left of `held` for a key or client that was given only `to`."""
    return frozenset(to) if Scope.ADMIN in held else frozenset(held) & frozenset(to)
