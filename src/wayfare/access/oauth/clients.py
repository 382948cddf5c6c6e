"""OAuth2 clients: who may ask people for their rights, or act for itself; and the grants they hold."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from wayfare.access.keyring import Keyring
from wayfare.access.names import may_name
from wayfare.access.scopes import covered, scopes_named
from wayfare.access.tables import OAUTH_CLIENTS, OAUTH_GRANTS
from wayfare.core.errors import Invalid, NotAllowed, NotFound
from wayfare.core.ids import new_record_id
from wayfare.core.principal import Principal
from wayfare.core.redacted import Redacted
from wayfare.store.store import Store

CODE, CREDENTIALS, REFRESH = "authorization_code", "client_credentials", "refresh_token"
GRANT_TYPES = (CODE, CREDENTIALS, REFRESH)
PURPOSE = "oauth-clients"
NAME_CHARACTERS_MAX = 100
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    tenant: str
    owner: str  # the account's id: a client that acts for itself may never do more than this user
    name: str
    public: bool  # has no secret: a page, or a program on somebody's machine
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    grants: frozenset[str]
    disabled: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """One consent, or one sign-in of a client: the family of all tokens that come from it."""

    id: str
    client: str
    user: str  # "": the client acts for itself
    user_version: int
    tenant: str
    scopes: frozenset[str]
    expires_at: float
    revoked_at: float | None


class Clients:
    """Thread-safe."""

    def __init__(self, store: Store, keyring: Keyring, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock

    def add(
        self,
        owner: Principal,
        name: str,
        *,
        scopes: Collection[str],
        grants: Collection[str],
        redirect_uris: Sequence[str] = (),
        public: bool = False,
        by: Principal | None = None,
    ) -> tuple[Client, Redacted]:
        """The client, and its secret, which is never seen again; none for a public one. Raises Invalid, NotAllowed.

        `by` is who makes it, where that is not the owner.
        """
        _check(name, scopes, grants, redirect_uris, public)
        if not covered(scopes, owner.scopes):
            raise NotAllowed("a client cannot have scopes that its owner lacks.", where="scopes")
        secret = "" if public else secrets.token_urlsafe(32)
        row: dict[str, Any] = {
            "id": new_record_id(),
            "tenant": owner.tenant,
            "user_id": owner.user,
            "name": name.strip(),
        }
        row |= {"secret_hash": self._hash(secret) if secret else "", "redirect_uris": json.dumps(list(redirect_uris))}
        row |= {"scopes": " ".join(sorted(scopes)), "grants": " ".join(sorted(grants))}
        store = self._store.of(owner.tenant)
        with store.write() as connection:
            connection.execute(sa.insert(OAUTH_CLIENTS), {**row, "disabled": 0, "created_at": self._clock()})
            store.audit(connection, by or owner, "clients.add", row["id"], details={"name": row["name"]})
        client = self.get(row["id"])
        assert client is not None, "it was just made"
        return client, Redacted(secret)

    def all(self, tenant: str) -> Sequence[Client]:
        with self._store.of(tenant).read() as connection:
            return [_client(row) for row in connection.execute(sa.select(OAUTH_CLIENTS).order_by(OAUTH_CLIENTS.c.id))]

    def disable(self, by: Principal, id_: str) -> None:
        """All its tokens are worthless from now on. Raises NotFound."""
        store = self._store.of(by.tenant)
        with store.write() as connection:
            change = sa.update(OAUTH_CLIENTS).where(OAUTH_CLIENTS.c.id == id_).values(disabled=1)
            if not may_name(id_) or not connection.execute(change).rowcount:
                raise NotFound(f"there is no client {id_[:80]!r}.", where="client")
            store.audit(connection, by, "clients.disable", id_)

    def get(self, id_: str) -> Client | None:
        if not may_name(id_):
            return None
        with self._store.everywhere.read() as connection:
            row = connection.execute(sa.select(OAUTH_CLIENTS).where(OAUTH_CLIENTS.c.id == id_)).one_or_none()
        return _client(row) if row else None

    def knows(self, client: Client, secret: str) -> bool:
        """Is it the client's secret? False for public clients, which have none."""
        query = sa.select(OAUTH_CLIENTS.c.secret_hash).where(OAUTH_CLIENTS.c.id == client.id)
        with self._store.everywhere.read() as connection:
            kept = connection.execute(query).scalar_one_or_none() or ""
        return bool(kept) and hmac.compare_digest(kept, self._hash(secret))

    def grant(self, id_: str) -> Grant | None:
        """None for one that has ended."""
        with self._store.everywhere.read() as connection:
            row = connection.execute(sa.select(OAUTH_GRANTS).where(OAUTH_GRANTS.c.id == id_)).one_or_none()
        return grant_from(row) if row and row.expires_at > self._clock() else None

    def _hash(self, secret: str) -> str:
        return hmac.digest(self._keyring.server_key(PURPOSE), secret.encode("utf-8", "surrogatepass"), "sha256").hex()


def grant_from(row: sa.Row[*tuple[Any, ...]]) -> Grant:
    who = (row.client_id, row.user_id, row.user_version, row.tenant_id)
    return Grant(row.id, *who, frozenset(row.scopes.split()), row.expires_at, row.revoked_at)


def _client(row: sa.Row[*tuple[Any, ...]]) -> Client:
    return Client(
        id=row.id,
        tenant=row.tenant,
        owner=row.user_id,
        name=row.name,
        public=not row.secret_hash,
        redirect_uris=tuple(json.loads(row.redirect_uris)),
        scopes=frozenset(row.scopes.split()),
        grants=frozenset(row.grants.split()),
        disabled=bool(row.disabled),
    )


def _check(
    name: str, scopes: Collection[str], grants: Collection[str], redirect_uris: Sequence[str], public: bool
) -> None:
    if not name.strip() or len(name.strip()) > NAME_CHARACTERS_MAX or not name.isprintable():
        raise Invalid(f"a client's name has 1 to {NAME_CHARACTERS_MAX} printable characters.", where="name")
    if not scopes:
        raise Invalid("a client needs a scope.", where="scopes", remedy="Name what it may do.")
    scopes_named(scopes)
    if not grants or set(grants) - set(GRANT_TYPES):
        raise Invalid(f"grants are some of {', '.join(GRANT_TYPES)}.", where="grants")
    if public and CREDENTIALS in grants:
        raise Invalid(
            "a public client has no credentials of its own.", where="grants", remedy=f"Leave {CREDENTIALS} out."
        )
    if CODE in grants and not redirect_uris:
        raise Invalid("people must be sent back somewhere.", where="redirect_uris", remedy="Give the client's address.")
    for uri in redirect_uris:
        _check_redirect(uri)


def _check_redirect(uri: str) -> None:
    """https; http to the person's own machine; a program's own scheme, with a dot in it (RFC 8252, section 7.1)."""
    try:
        parts = urlsplit(uri)
        local = parts.hostname in LOCAL_HOSTS
    except ValueError as error:
        raise Invalid("a redirect URI is a URL.", where="redirect_uris") from error
    own = "." in parts.scheme and parts.scheme not in ("http", "https")
    fits = (parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and local) or own
    if not fits or "#" in uri or "@" in parts.netloc or not uri.isascii() or any(c <= " " for c in uri):
        raise Invalid(
            "a redirect URI is an absolute https:// URL without a fragment, http:// only to this machine.",
            where="redirect_uris",
            remedy="Write it exactly as the client will send it.",
        )
