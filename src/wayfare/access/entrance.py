"""Everything about access to one store, put together once for each process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from wayfare.access import tokens
from wayfare.access.accounts import Accounts
from wayfare.access.api_keys import ApiKeys
from wayfare.access.callers import Callers
from wayfare.access.keyring import Keyring
from wayfare.access.oauth.clients import Clients
from wayfare.access.oauth.consent import Consent
from wayfare.access.oauth.endpoint import Endpoint
from wayfare.access.sign_in import SignIn
from wayfare.access.tenants import Tenants
from wayfare.store.store import Store


@dataclass(frozen=True, slots=True)
class Entrance:
    accounts: Accounts
    tenants: Tenants
    keyring: Keyring
    sign_in: SignIn
    api_keys: ApiKeys
    clients: Clients
    consent: Consent
    endpoint: Endpoint
    callers: Callers

    @classmethod
    def to(
        cls,
        store: Store,
        *,
        secret: bytes = b"",
        issuer: str = tokens.ISSUER,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """`secret` (from `keyring.token_secret`) replaces the keys of the store; `issuer` is OAuth2's name of us."""
        accounts, keyring = Accounts(store), Keyring(store, secret, clock)
        api_keys, clients = ApiKeys(store, accounts, keyring, clock), Clients(store, keyring, clock)
        return cls(
            accounts,
            Tenants(store),
            keyring,
            SignIn(store, accounts, keyring, clock),
            api_keys,
            clients,
            Consent(store, accounts, clients, issuer, clock),
            Endpoint(store, accounts, keyring, clients, clock),
            Callers(accounts, keyring, api_keys, clients, clock),
        )
