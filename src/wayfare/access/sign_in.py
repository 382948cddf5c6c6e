"""Signing in with a password, and how often one may be wrong.

An attempt is counted before the password is looked at, and taken back when it was right: so parallel attempts cannot
outrun the count. Unknown users, wrong passwords and disabled accounts get one answer, at one price.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from wayfare.access import passwords, tokens
from wayfare.access.accounts import Accounts, User
from wayfare.access.keyring import Keyring
from wayfare.access.names import same
from wayfare.access.pruning import now_and_then
from wayfare.access.tables import LOGIN_FAILURES
from wayfare.core.errors import NotFound, NotSignedIn, RateLimited
from wayfare.core.principal import DEFAULT_TENANT, Principal
from wayfare.core.redacted import Redacted
from wayfare.store.store import Store

FAILURES_MAX = 10
WINDOW_SECONDS = 900.0
_ACCOUNT = "account:"
_HOLD = sa.text(  # an update that changes nothing holds the row, on every store
    "INSERT INTO login_failures (who, times, at) VALUES (:who, '[]', :at)"
    " ON CONFLICT (who) DO UPDATE SET who = excluded.who RETURNING times"
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    token: str
    expires_at: int  # seconds since the epoch


class SignIn:
    """Thread-safe."""

    def __init__(
        self, store: Store, accounts: Accounts, keyring: Keyring, clock: Callable[[], float] = time.time
    ) -> None:
        self._all = store.everywhere
        self._accounts = accounts
        self._keyring = keyring
        self._clock = clock

    def with_password(self, name: str, password: Redacted, address: str = "") -> SignedIn:
        """By user name or e-mail address, from the caller's IP `address`. Raises NotSignedIn, RateLimited."""
        user = self._known(name)
        counted = _counted(user.id if user else same(name), address)
        attempt = self._count(counted)
        hash_ = self._accounts.password_hash(user.id) if user else self._accounts.password_hash("")
        if not passwords.holds(hash_ or None, password) or user is None or user.disabled:
            raise NotSignedIn(
                "user name or password is wrong.", where="password", remedy="Correct them, or ask an Admin to reset it."
            )
        self._forgive(counted, attempt)
        if passwords.outdated(hash_):
            self._accounts.refresh_hash(user, password)
        return self.of(user)

    def of(self, user: User) -> SignedIn:
        """A token for somebody whose identity is proven."""
        token, claims = tokens.issue(self._keyring.signing(), user=user.id, version=user.version, now=self._clock)
        return SignedIn(user, token, claims.expires_at)

    def change_password(self, user: User, old: Redacted, new: Redacted) -> SignedIn:
        """By its owner; all other sign-ins end. Raises NotSignedIn, RateLimited, Invalid."""
        self.with_password(user.name, old)
        self._accounts.set_password(Principal(user.id, user.name, DEFAULT_TENANT, frozenset()), user, new)
        return self.of(self._accounts.find(user.id))

    def _known(self, name: str) -> User | None:
        try:
            return self._accounts.find(name)
        except NotFound:
            return None

    def _count(self, who: Sequence[str]) -> float:
        """Gives the attempt's time, which names it. Raises RateLimited."""
        now = self._clock()
        with self._all.write() as connection:
            for one in who:
                times = _held(connection, one, now)
                if len(times) >= FAILURES_MAX:
                    wait = max(1.0, times[-FAILURES_MAX] + WINDOW_SECONDS - now)
                    raise RateLimited(
                        "too many failed sign-ins.", retry_after_seconds=wait, remedy=f"Wait {wait / 60:.0f} minutes."
                    )
                _keep(connection, one, [*times, now])
        now_and_then(self.prune)
        return now

    def _forgive(self, who: Sequence[str], attempt: float) -> None:
        """The account starts anew; of an address, only this attempt was right."""
        with self._all.write() as connection:
            for one in who:
                times = _held(connection, one, attempt)
                rest = [] if one.startswith(_ACCOUNT) else _without(times, attempt)
                _keep(connection, one, rest)

    def prune(self) -> None:
        """Forget failures that no longer count."""
        old = sa.select(LOGIN_FAILURES.c.who).where(LOGIN_FAILURES.c.at < self._clock() - WINDOW_SECONDS)
        with self._all.write() as connection:
            idle = old.with_for_update(skip_locked=True)  # who is being counted now is not old
            connection.execute(sa.delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.who.in_(idle)))


def _held(connection: sa.Connection, who: str, now: float) -> list[float]:
    """The failures within the window, oldest first; nobody else counts for `who` until the transaction ends."""
    times = json.loads(connection.execute(_HOLD, {"who": who, "at": now}).scalar_one())
    return [at for at in times if at > now - WINDOW_SECONDS]


def _keep(connection: sa.Connection, who: str, times: Sequence[float]) -> None:
    change = sa.update(LOGIN_FAILURES).where(LOGIN_FAILURES.c.who == who)
    connection.execute(change.values(times=json.dumps(list(times)), at=max(times, default=0.0)))


def _without(times: Sequence[float], one: float) -> list[float]:
    rest = list(times)
    if one in rest:
        rest.remove(one)
    return rest


def _counted(who: str, address: str) -> list[str]:
    """What an attempt counts against. Not this machine's own address: behind a proxy, that is everybody."""
    keys = [_ACCOUNT + hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]]
    with suppress(ValueError):  # no address is known: a socket of this machine
        found = ipaddress.ip_address(address)
        if not found.is_loopback:
            # Whoever has one IPv6 address has all of its network.
            place = ipaddress.ip_network((found, 64), strict=False) if found.version == 6 else found
            keys.append(f"address:{place}")
    return sorted(keys)
