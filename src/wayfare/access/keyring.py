"""The keys that tokens are signed with: a secret from outside, or keys of our own that the store keeps sealed.

Own keys can be changed without signing anybody out: a new one is announced before it signs, so that every worker and
every reader of the published set knows it by then, and the old one is believed until its last token has ended.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from joserfc.jwk import ECKey, OctKey

from wayfare.access.recent import Recent
from wayfare.access.tables import SERVER_KEYS, SIGNING_KEYS
from wayfare.access.tokens import ACCESS_SECONDS, KEY_ALGORITHM, SECRET_ALGORITHM, SigningKey
from wayfare.core.errors import UserError
from wayfare.core.principal import DEFAULT_TENANT, Principal
from wayfare.core.redacted import Redacted
from wayfare.store.seal import Place
from wayfare.store.store import Store

SECRET_BYTES_MIN = 32  # RFC 7518, section 3.2: as long as the hash
ANNOUNCED_SECONDS = 600
_STRETCHED = b"wayfare-jwt-secret"
_KEEP_SERVER_KEY = sa.text(
    "INSERT INTO server_keys (name, sealed) VALUES (:name, :sealed) ON CONFLICT (name) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    kid: str
    algorithm: str
    public: dict[str, Any]
    sealed: str
    signs_from: float
    ends_at: float | None


def token_secret(secret: Redacted, *, on_loopback: bool) -> tuple[bytes, str]:
    """(the key, a warning or ""). A short secret is stretched where only this machine can ask; else refused.

    Raises UserError, which ends a command with 2.
    """
    given = secret.reveal().encode()
    if len(given) >= SECRET_BYTES_MIN:
        return given, ""
    if not on_loopback:
        raise UserError(
            f"the secret has {len(given)} bytes, and tokens signed with it could be forged.",
            where="--jwt-secret",
            remedy=f"Give {SECRET_BYTES_MIN} or more, such as: openssl rand -base64 32",
        )
    stretched = hashlib.scrypt(given, salt=_STRETCHED, n=2**14, r=8, p=1, dklen=SECRET_BYTES_MIN)
    return stretched, f"--jwt-secret is shorter than {SECRET_BYTES_MIN} bytes; this is accepted on this machine only."


class Keyring:
    """Thread-safe. `secret` replaces the keys of the store for signing."""

    def __init__(self, store: Store, secret: bytes = b"", clock: Callable[[], float] = time.time) -> None:
        self._all = store.everywhere
        self._home = store.of(DEFAULT_TENANT)
        self._clock = clock
        self._secret = _secret_key(secret) if secret else None
        self._opened: dict[str, SigningKey] = {}
        self._server_keys: dict[str, bytes] = {}
        self._recent: Recent[str, Sequence[StoredKey]] = Recent(lambda _: self._load())

    def signing(self) -> SigningKey:
        """The key to sign with now; the first is made when it is needed."""
        if self._secret:
            return self._secret
        now = self._clock()
        able = [k for k in self._recent("") or () if k.signs_from <= now and (k.ends_at is None or now < k.ends_at)]
        if not able:
            self._make(now, announced=False)
            self._recent.forget()
            return self.signing()
        return self._open(max(able, key=lambda k: (k.signs_from, k.kid)))

    def find(self, kid: str) -> SigningKey | None:
        """The key that may have signed a token; None when it is not known, or is believed no longer."""
        if self._secret:
            return self._secret if kid == self._secret.kid else None
        found = self._believed(kid)
        if found is None and kid:
            self._recent.forget()  # another worker may just have made it
            found = self._believed(kid)
        return self._open(found) if found else None

    def published(self) -> dict[str, Any]:
        """The set of public keys (RFC 7517). Empty with a secret: that is nobody's to know."""
        if self._secret:
            return {"keys": []}
        now = self._clock()
        known = [k for k in self._recent("") or () if k.ends_at is None or now < k.ends_at]
        return {"keys": [{**k.public, "kid": k.kid, "alg": k.algorithm, "use": "sig"} for k in known]}

    def rotate(self, by: Principal, *, at_once: bool = False) -> str:
        """A new key; gives its id. `at_once` is for a stolen key: what the old ones signed is worthless now."""
        now = self._clock()
        ends = now if at_once else now + ANNOUNCED_SECONDS + ACCESS_SECONDS
        with self._all.write() as connection:
            living = sa.or_(SIGNING_KEYS.c.ends_at.is_(None), SIGNING_KEYS.c.ends_at > ends)
            connection.execute(sa.update(SIGNING_KEYS).where(living).values(ends_at=ends))
            kid = self._insert(connection, now, announced=not at_once)
            self._home.audit(connection, by, "keys.rotate", kid, details={"at_once": at_once})
        self._recent.forget()
        return kid

    def server_key(self, name: str) -> bytes:
        """A secret of this installation for one purpose, the same for ever: it is made once, and kept sealed."""
        if name not in self._server_keys:
            self._server_keys[name] = self._kept_server_key(name)
        return self._server_keys[name]

    def _believed(self, kid: str) -> StoredKey | None:
        now = self._clock()
        alive = (k for k in self._recent("") or () if k.ends_at is None or now < k.ends_at)
        return next((k for k in alive if k.kid == kid), None)

    def _open(self, stored: StoredKey) -> SigningKey:
        key = self._opened.get(stored.kid)
        if key is None:
            private = self._all.sealer.unseal(stored.sealed, _place(stored.kid))
            key = SigningKey(stored.kid, stored.algorithm, ECKey.import_key(json.loads(private)))
            self._opened[stored.kid] = key
        return key

    def _load(self) -> Sequence[StoredKey]:
        with self._all.read() as connection:
            rows = connection.execute(sa.select(SIGNING_KEYS)).all()
        return [StoredKey(r.kid, r.algorithm, json.loads(r.public), r.sealed, r.signs_from, r.ends_at) for r in rows]

    def _make(self, now: float, *, announced: bool) -> None:
        with self._all.write() as connection:
            self._insert(connection, now, announced=announced)

    def _insert(self, connection: sa.Connection, now: float, *, announced: bool) -> str:
        kid = secrets.token_hex(8)
        key = ECKey.generate_key("P-256")
        sealed = self._all.sealer.seal(json.dumps(key.as_dict(private=True)), _place(kid))
        public = json.dumps({name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")})
        row = {"kid": kid, "algorithm": KEY_ALGORITHM, "public": public, "sealed": sealed, "created_at": now}
        signs_from = now + ANNOUNCED_SECONDS if announced else now
        connection.execute(sa.insert(SIGNING_KEYS), {**row, "signs_from": signs_from, "ends_at": None})
        return kid

    def _kept_server_key(self, name: str) -> bytes:
        place = Place("", SERVER_KEYS.name, "sealed", name)
        query = sa.select(SERVER_KEYS.c.sealed).where(SERVER_KEYS.c.name == name)
        with self._all.read() as connection:
            sealed = connection.execute(query).scalar_one_or_none()
        if sealed is None:
            made = self._all.sealer.seal(secrets.token_hex(32), place)
            with self._all.write() as connection:  # of two workers, the first decides
                connection.execute(_KEEP_SERVER_KEY, {"name": name, "sealed": made})
                sealed = connection.execute(query).scalar_one()
        return bytes.fromhex(self._all.sealer.unseal(sealed, place))


def _secret_key(secret: bytes) -> SigningKey:
    kid = hashlib.sha256(b"wayfare-kid|" + secret).hexdigest()[:16]
    return SigningKey(kid, SECRET_ALGORITHM, OctKey.import_key(secret))


def _place(kid: str) -> Place:
    return Place("", SIGNING_KEYS.name, "sealed", kid)
