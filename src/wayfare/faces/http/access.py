"""How this server lets people in, and where it may connect to: put together once, asked by every face.

access(request).entrance.sign_in …
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from starlette.requests import Request

from wayfare.access.accounts import registration_open
from wayfare.access.calls import client
from wayfare.access.egress import Policy, for_calls, for_connections
from wayfare.access.entrance import Entrance
from wayfare.access.keyring import token_secret
from wayfare.access.machine import Machine
from wayfare.access.oidc import Oidc, Provider
from wayfare.access.rates import Limit, MemoryRates, Rates, StoreRates
from wayfare.control.application import Application
from wayfare.core.principal import Principal
from wayfare.core.redacted import Redacted
from wayfare.schema.revisions.folder import Folder
from wayfare.settings import Settings
from wayfare.store.store import Store

CALLS = Limit(600)  # of one caller, in a minute
NO_MAIL = Redacted("")


@dataclass(frozen=True, slots=True)
class Access:
    entrance: Entrance
    connections: Policy  # where databases may be
    calls: Policy  # where other services may be
    rates: Rates
    limit: Limit = CALLS
    enabled: bool = False  # False: a missing credential acts as the local administrator
    on_loopback: bool = True  # only this machine can reach us
    smtp: Redacted = NO_MAIL  # who sends mail; "": nobody
    registration: bool = True  # may people make accounts for themselves, once there is one?
    provider: Provider | None = None  # where people may sign in instead
    oidc: Oidc | None = None  # … and how
    application: Application = field(default_factory=lambda: Application(NO_MAIL, Folder(Path("migrations"))))

    @classmethod
    def to(cls, store: Store, settings: Settings, *, enabled: bool = False, host: str = "127.0.0.1") -> Self:
        """Raises UserError for a secret that others than this machine could guess, Invalid for WAYFARE_OIDC."""
        local = is_loopback(host)
        secret = token_secret(settings.jwt_secret, on_loopback=local)[0] if settings.jwt_secret else b""
        allowed = settings.egress_allow
        alone = local and not enabled  # a proxy may stand between this machine and those who have accounts
        machine = Machine.of(settings, lends=not enabled)
        entrance, calls = Entrance.to(store, secret=secret), for_calls(on_loopback=alone, allowed=allowed)
        registration = registration_open(settings.registration, on_loopback=local)
        provider = Provider.parse(settings.oidc) if settings.oidc else None
        return cls(
            entrance=entrance,
            connections=for_connections(on_loopback=alone, allowed=allowed, machine=machine),
            calls=calls,
            rates=MemoryRates() if settings.embedded else StoreRates(store),
            limit=Limit(settings.calls_per_minute),
            enabled=enabled,
            on_loopback=local,
            smtp=settings.smtp,
            registration=registration,
            provider=provider,
            application=Application(settings.schema_database, Folder(settings.revisions), settings.environment),
            oidc=Oidc(store, entrance.accounts, provider, client(calls), open_to_all=registration)
            if provider
            else None,
        )

    def of(self, tenant: str) -> Self:
        """The same for one who calls from that tenant."""
        machine = self.connections.machine.for_tenant(tenant)
        return replace(self, connections=replace(self.connections, machine=machine))


def access(request: Request) -> Access:
    """As far as the caller's tenant goes."""
    found: Access = request.app.state.access
    caller: Principal | None = request.scope.get("wayfare.caller")
    return found.of(caller.tenant) if caller else found


def is_loopback(host: str) -> bool:
    """Can only this machine reach what listens there?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
