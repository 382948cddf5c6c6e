"""A small installation: an Admin, a Developer and a Viewer in the default tenant, and somebody in two tenants."""

from __future__ import annotations

import time
from functools import cached_property

from wayfare.access.accounts import User
from wayfare.access.entrance import Entrance
from wayfare.access.scopes import SCOPES_OF, Role
from wayfare.core.principal import DEFAULT_TENANT, LOCAL, Principal
from wayfare.core.redacted import Redacted
from wayfare.store.store import Store

PASSWORD = Redacted("pass123")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, store: Store, clock: Clock, secret: bytes = b"") -> None:
        self.store = store
        self.clock = clock
        self.entrance = Entrance.to(store, secret=secret, clock=clock)

    def another_process(self) -> Entrance:
        """With caches of its own."""
        return Entrance.to(self.store, clock=self.clock)

    def user(self, name: str, role: Role = Role.DEVELOPER, tenant: str = DEFAULT_TENANT) -> User:
        return self.entrance.accounts.add(LOCAL, name, f"{name}@example.com", PASSWORD, role=role, tenant=tenant)

    @cached_property
    def admin(self) -> User:
        return self.user("admin", Role.ADMIN)

    def token(self, user: User) -> str:
        return self.entrance.sign_in.of(user).token

    def principal(self, user: User, tenant: str = DEFAULT_TENANT) -> Principal:
        return Principal(user.id, user.name, tenant, frozenset(map(str, SCOPES_OF[user.roles[tenant]])))

    def caller(self, token: str, tenant: str = "") -> Principal | None:
        return self.entrance.callers.authenticate(f"Bearer {token}", "", tenant)
