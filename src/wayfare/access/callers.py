"""From a request's headers to a Principal: cheap, and never more than a second behind a revoked right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import copy

from wayfare.access import tokens
from wayfare.access.accounts import Accounts, User
from wayfare.access.api_keys import PREFIX, ApiKey, ApiKeys
from wayfare.access.keyring import Keyring
from wayfare.access.oauth.clients import Client, Clients, Grant
from wayfare.access.recent import Recent
from wayfare.access.scopes import SCOPES_OF, Role, narrowed
from wayfare.core.errors import NotAllowed, NotSignedIn
from wayfare.core.principal import Principal

Authenticate = Callable[[str, str, str], Principal | None]  # authorization, API key, tenant asked for
CLIENT = "client:"  # before the id of an OAuth2 client that acts for itself


class Callers:
    """Thread-safe. `authenticate` is called for every request, by whatever the outside is."""

    def __init__(
        self,
        accounts: Accounts,
        keyring: Keyring,
        api_keys: ApiKeys,
        clients: Clients,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keyring = keyring
        self._api_keys = api_keys
        self._clock = clock
        self._users: Recent[str, User] = Recent(accounts.get)
        self._keys: Recent[str, ApiKey] = Recent(self._used_key)
        self._clients: Recent[str, Client] = Recent(clients.get)
        self._grants: Recent[str, Grant] = Recent(clients.grant)
        self._claims: Recent[str, tokens.Claims] = Recent(lambda token: tokens.read(token, keyring.find, clock))
        self.at_hand = self._without_asking()

    def _without_asking(self) -> Authenticate:
        """`authenticate` of what was looked up in the last second: for whoever must not wait. Raises NotAtHand."""
        here = copy(self)
        for name, kept in vars(self).items():
            if isinstance(kept, Recent):
                setattr(here, name, kept.at_hand)
        return here.authenticate

    def authenticate(self, authorization: str, api_key: str, tenant: str = "") -> Principal | None:
        """Who calls; None where no credential is given. `tenant` is what X-Tenant-ID asks for.

        Raises NotSignedIn for a credential that does not hold, NotAllowed for a tenant that is not the caller's.
        """
        kind, _, credential = authorization.strip().partition(" ")
        credential = credential.strip()
        if kind and (kind.lower() != "bearer" or not credential):
            raise NotSignedIn("only Bearer tokens are understood.", where="Authorization", remedy="Sign in for one.")
        if credential and not credential.startswith(PREFIX):
            return self._of_token(credential, tenant)
        if api_key or credential:
            return self._of_key(api_key or credential, tenant)
        return None

    def person(self, authorization: str, tenant: str = "") -> Principal:
        """Somebody who has signed in here themselves: what a key or a client was given, it may not pass on to others.

        Raises NotSignedIn, NotAllowed.
        """
        token = authorization.strip().partition(" ")[2].strip()
        if not token:
            raise NotSignedIn("this needs a person who has signed in.", remedy="Sign in with user name and password.")
        claims = None if token.startswith(PREFIX) else self._claims(token)
        if claims is None or claims.client:
            raise NotAllowed("only a person can do this, not a key or a program.", remedy="Sign in yourself.")
        return self._of_token(token, tenant)

    def _of_token(self, token: str, tenant: str) -> Principal:
        claims = self._claims(token)
        assert claims is not None, "reading a token gives claims or raises"
        if claims.expires_at <= self._clock():
            raise NotSignedIn("the token has ended.", where="Authorization", remedy="Sign in again.")
        if not claims.client:
            user = self._living(claims.user, claims.version)
            return _principal(user, chosen_tenant(user.roles, tenant))
        grant, client = self._grants(claims.grant), self._clients(claims.client)
        if grant is None or grant.revoked_at is not None or client is None or client.disabled:
            raise _revoked("Authorization")
        if tenant not in ("", claims.tenant):
            raise _foreign(tenant)
        if claims.user:
            user = self._living(claims.user, claims.version)
            return _principal(user, chosen_tenant(user.roles, claims.tenant), claims.scopes)
        owner = _principal(self._living(client.owner), client.tenant, client.scopes)
        return Principal(CLIENT + client.id, client.name, client.tenant, owner.scopes & (claims.scopes or frozenset()))

    def _of_key(self, text: str, tenant: str) -> Principal:
        key = self._keys(text)
        if key is None or not key.alive(self._clock()):
            raise NotSignedIn("the API key does not hold.", where="X-API-Key", remedy="Make a new one.")
        user = self._living(key.user)
        if tenant not in ("", key.tenant):
            raise _foreign(tenant)
        return _principal(user, chosen_tenant(user.roles, key.tenant), key.scopes)

    def _used_key(self, text: str) -> ApiKey | None:
        key = self._api_keys.look_up(text)
        if key is not None and key.alive(self._clock()):
            self._api_keys.note_use(key)
        return key

    def _living(self, id_: str, version: int | None = None) -> User:
        """Raises NotSignedIn. A key does not end with its owner's password; with the account, it does."""
        user = self._users(id_)
        if user is None or user.disabled or version not in (None, user.version):
            raise _revoked("Authorization" if version is not None else "X-API-Key")
        return user


def chosen_tenant(roles: Mapping[str, Role], wanted: str) -> str:
    """One of the caller's own: the one asked for, else the first joined. Raises NotAllowed."""
    if wanted:
        if wanted not in roles:
            raise _foreign(wanted)
        return wanted
    if not roles:
        raise NotAllowed("this account belongs to no tenant.", remedy="Ask an Admin to make it a member of one.")
    return next(iter(roles))


def _principal(user: User, tenant: str, scopes: frozenset[str] | None = None) -> Principal:
    if tenant not in user.roles:
        raise _foreign(tenant)
    held: frozenset[str] = frozenset(map(str, SCOPES_OF[user.roles[tenant]]))
    return Principal(user.id, user.name, tenant, held if scopes is None else narrowed(held, scopes))


def _foreign(tenant: str) -> NotAllowed:
    """The same whether there is such a tenant or not."""
    return NotAllowed(
        f"{tenant[:80]!r} is not a tenant of this caller.", where="X-Tenant-ID", remedy="Leave the header out."
    )


def _revoked(where: str) -> NotSignedIn:
    return NotSignedIn("the credential was revoked.", where=where, remedy="Sign in again, or make a new key.")
