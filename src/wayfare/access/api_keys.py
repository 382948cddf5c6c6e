"""API keys: 256 random bits, shown once, kept as an HMAC with a key of the installation.

Whoever reads the table can neither use what is there nor try guesses without the installation's key. A key belongs to
one user and one tenant, and may do what both its scopes and its owner's role allow.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wayfare.access.accounts import Accounts
from wayfare.access.keyring import Keyring
from wayfare.access.names import may_name
from wayfare.access.scopes import Scope, covered, scopes_named
from wayfare.access.tables import API_KEYS
from wayfare.core.errors import Conflict, Invalid, NotAllowed, NotFound
from wayfare.core.ids import new_record_id
from wayfare.core.principal import Principal
from wayfare.core.redacted import Redacted
from wayfare.store.store import Store

PREFIX = "wf_"
KEY_CHARACTERS = len(PREFIX) + 43  # 32 bytes in base64 without padding
BEGINNING_CHARACTERS = 9  # shown in lists; 220 bits stay secret
NAME_CHARACTERS_MAX = 100
NOTED_EVERY_SECONDS = 60.0  # use is noted this often, not with every call
PURPOSE = "api-keys"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of a key. Times are seconds since the epoch."""

    id: str
    tenant: str
    user: str
    name: str
    beginning: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None

    def alive(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ApiKeys:
    """Thread-safe."""

    def __init__(
        self, store: Store, accounts: Accounts, keyring: Keyring, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._keyring = keyring
        self._clock = clock

    def create(
        self,
        owner: Principal,
        name: str,
        scopes: Collection[str] = (),
        seconds: float | None = None,
        *,
        by: Principal | None = None,
    ) -> tuple[ApiKey, Redacted]:
        """The key, which is never seen again, and what is kept of it. Without `scopes`: all that the owner has now.
        `by` is who makes it, where that is not the owner.

        Raises Invalid; NotAllowed for a scope that the owner lacks; Conflict for an owner without an account.
        """
        if self._accounts.get(owner.user) is None:
            raise Conflict("a key belongs to an account, and this caller has none.", where="user", remedy="Name one.")
        kept = name.strip()
        if not kept or len(kept) > NAME_CHARACTERS_MAX or not kept.isprintable():
            raise Invalid(f"a key's name has 1 to {NAME_CHARACTERS_MAX} printable characters.", where="name")
        if seconds is not None and seconds <= 0:
            raise Invalid("a key must last some time.", where="expires", remedy="Give a time to come, or none.")
        given = _granted(owner, scopes)
        key = PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        row: dict[str, Any] = {"id": new_record_id(), "user_id": owner.user, "name": kept, "created_at": now}
        row |= {"tenant": owner.tenant, "beginning": key[:BEGINNING_CHARACTERS], "hash": self._hash(key)}
        row |= {"scopes": " ".join(sorted(given)), "expires_at": None if seconds is None else now + seconds}
        row |= {"revoked_at": None, "last_used_at": None}
        store = self._store.of(owner.tenant)
        with store.write() as connection:
            connection.execute(sa.insert(API_KEYS), row)
            store.audit(
                connection, by or owner, "keys.create", row["id"], details={"name": kept, "scopes": sorted(given)}
            )
        return self._get(owner.tenant, row["id"]), Redacted(key)

    def all(self, tenant: str, user: str = "") -> Sequence[ApiKey]:
        """Newest first; those of one user, where it is given."""
        query = sa.select(API_KEYS).order_by(API_KEYS.c.id.desc())
        if user:
            query = query.where(API_KEYS.c.user_id == user)
        with self._store.of(tenant).read() as connection:
            return [_api_key(row) for row in connection.execute(query)]

    def revoke(self, by: Principal, reference: str) -> ApiKey:
        """By id or beginning, in the tenant of `by`; who is no Admin revokes their own. Raises NotFound, Conflict."""
        store = self._store.of(by.tenant)
        query = sa.select(API_KEYS.c.id).where(sa.or_(API_KEYS.c.id == reference, API_KEYS.c.beginning == reference))
        if not by.may(Scope.ADMIN):
            query = query.where(API_KEYS.c.user_id == by.user)
        with store.write() as connection:
            found = list(connection.execute(query.limit(2)).scalars()) if may_name(reference) else []
            if not found:
                raise NotFound(f"there is no key {reference[:40]!r}.", where="key", remedy="List: wayfare keys list")
            if len(found) > 1:
                raise Conflict("several keys begin so.", where="key", remedy="Give the id.")
            living = (API_KEYS.c.id == found[0], API_KEYS.c.revoked_at.is_(None))
            if connection.execute(sa.update(API_KEYS).where(*living).values(revoked_at=self._clock())).rowcount:
                store.audit(connection, by, "keys.revoke", found[0])
        return self._get(by.tenant, found[0])

    def look_up(self, key: str) -> ApiKey | None:
        """What is kept of a key, alive or not; None for what is none."""
        if len(key) != KEY_CHARACTERS or not key.startswith(PREFIX) or not key.isascii():
            return None
        with self._store.everywhere.read() as connection:
            row = connection.execute(sa.select(API_KEYS).where(API_KEYS.c.hash == self._hash(key))).one_or_none()
        return _api_key(row) if row else None

    def note_use(self, key: ApiKey) -> None:
        now = self._clock()
        if key.last_used_at is not None and now - key.last_used_at < NOTED_EVERY_SECONDS:
            return
        stale = sa.or_(API_KEYS.c.last_used_at.is_(None), API_KEYS.c.last_used_at < now - NOTED_EVERY_SECONDS)
        with self._store.of(key.tenant).write() as connection:
            connection.execute(sa.update(API_KEYS).where(API_KEYS.c.id == key.id, stale).values(last_used_at=now))

    def _get(self, tenant: str, id_: str) -> ApiKey:
        with self._store.of(tenant).read() as connection:
            return _api_key(connection.execute(sa.select(API_KEYS).where(API_KEYS.c.id == id_)).one())

    def _hash(self, key: str) -> str:
        return hmac.digest(self._keyring.server_key(PURPOSE), key.encode(), "sha256").hex()


def _granted(owner: Principal, scopes: Collection[str]) -> frozenset[str]:
    wanted = scopes_named(scopes) if scopes else owner.scopes
    if not covered(wanted, owner.scopes):
        missing = ", ".join(sorted(set(wanted) - owner.scopes))
        raise NotAllowed(
            f"a key cannot have scopes that its owner lacks: {missing}.", where="scopes", remedy="Leave them out."
        )
    return frozenset(str(scope) for scope in wanted)


def _api_key(row: sa.Row[*tuple[Any, ...]]) -> ApiKey:
    names = ("id", "tenant", "name", "beginning", "created_at", "expires_at", "revoked_at", "last_used_at")
    fields = {name: row._mapping[name] for name in names}
    return ApiKey(**fields, user=row.user_id, scopes=frozenset(row.scopes.split()))
