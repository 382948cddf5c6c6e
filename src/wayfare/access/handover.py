"""Handing a finished sign-in over to the page: a code that works once, for a minute, in the browser that signed in.

The provider sends the browser to us, and only the page keeps tokens. A token must not stand in an address, where
histories and logs have it; so the page finds a code there, and gives it back for the token.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

import sqlalchemy as sa

from wayfare.access.accounts import Accounts, User
from wayfare.access.tables import OIDC_STATES
from wayfare.core.errors import NotSignedIn
from wayfare.core.redacted import Redacted
from wayfare.store.seal import Place
from wayfare.store.store import Store

HANDOVER_SECONDS = 60.0


class Handover:
    """Thread-safe. Kept where the beginnings of sign-ins are: it is their end."""

    def __init__(self, store: Store, accounts: Accounts, clock: Callable[[], float] = time.time) -> None:
        self._all = store.everywhere
        self._accounts = accounts
        self._clock = clock

    def give(self, user: User, cookie: Redacted) -> Redacted:
        """The code, for the browser that has this cookie."""
        code = secrets.token_urlsafe(32)
        now, row_id = self._clock(), _digest(code)
        row = {"hash": row_id, "browser": _digest(cookie.reveal()), "redirect_uri": ""}
        row["sealed"] = self._all.sealer.seal(user.id, _place(row_id))
        with self._all.write() as connection:
            connection.execute(sa.insert(OIDC_STATES), {**row, "expires_at": now + HANDOVER_SECONDS})
        return Redacted(code)

    def take(self, code: Redacted, cookie: Redacted) -> User:
        """Who has signed in; used up by asking, right or wrong. Raises NotSignedIn."""
        with self._all.write() as connection:
            gone = sa.delete(OIDC_STATES).where(OIDC_STATES.c.hash == _digest(code.reveal())).returning(OIDC_STATES)
            row = connection.execute(gone).one_or_none()
        ours = row is not None and secrets.compare_digest(row.browser, _digest(cookie.reveal()))
        if row is None or not ours or row.expires_at <= self._clock():
            raise _ended()
        user = self._accounts.get(self._all.sealer.unseal(row.sealed, _place(row.hash)))
        if user is None or user.disabled:
            raise _ended()
        return user


def _digest(secret: str) -> str:
    """Never that of a beginning, so that neither can be given for the other."""
    return hashlib.blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=32, person=b"handover").hexdigest()


def _place(row: str) -> Place:
    return Place("", OIDC_STATES.name, "sealed", row)


def _ended() -> NotSignedIn:
    return NotSignedIn(
        "this sign-in was used already, has ended, or is another browser's.", where="sign-in", remedy="Begin again."
    )
