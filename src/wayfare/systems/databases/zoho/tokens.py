"""Access tokens: each lasts an hour, is shared by all threads, and is renewed once for all of them.

Zoho makes ten tokens in ten minutes for one refresh token, so they outlive the connection that asked for them: everyone
in this process who has the same credentials uses the same one. Nothing of it is written anywhere.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wayfare.core.errors import Busy, Invalid
from wayfare.core.redacted import Redacted
from wayfare.systems.databases.zoho.options import Options

EARLY_SECONDS = 60.0  # a token is renewed so long before it ends, where it tells when that is
RENEWALS_MAX = 10
RENEWALS_SECONDS = 600.0

Ask = Callable[[dict[str, str]], Any]  # a form for the accounts server → its answer, or what `token_refused` makes


@dataclass
class AccessTokens:
    """The tokens of one refresh token."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _token: Redacted = field(default_factory=lambda: Redacted(""))
    _ends: float = 0.0
    _renewals: deque[float] = field(default_factory=deque)

    def current(self, options: Options, ask: Ask) -> Redacted:
        """A token that should be valid. Raises Unauthenticated, Busy, Unreachable, or Invalid (another data centre)."""
        with self._lock:
            if not self._token or time.monotonic() >= self._ends:
                self._renew(options, ask)
            return self._token

    def renewed(self, refused: Redacted, options: Options, ask: Ask) -> Redacted:
        """Another token than the one that was refused; threads that were refused together ask once."""
        with self._lock:
            if self._token == refused:
                self._renew(options, ask)
            return self._token

    def _renew(self, options: Options, ask: Ask) -> None:
        now = time.monotonic()
        while self._renewals and self._renewals[0] < now - RENEWALS_SECONDS:
            self._renewals.popleft()
        if len(self._renewals) >= RENEWALS_MAX:
            wait = int(self._renewals[0] + RENEWALS_SECONDS - now) + 1
            raise Busy(
                f"Zoho makes {RENEWALS_MAX} access tokens in ten minutes, and so many were made.",
                where=options.accounts_url,
                remedy=f"Wait {wait} seconds, then resume.",
            )
        answer = ask(
            {
                "grant_type": "refresh_token",
                "client_id": options.client_id,
                "client_secret": options.client_secret.reveal(),
                "refresh_token": options.refresh_token.reveal(),
            }
        )
        self._renewals.append(now)
        _check_domain(options, str(answer.get("api_domain", "")))
        lasts = float(answer.get("expires_in") or 3600)
        self._token = Redacted(str(answer["access_token"]))
        self._ends = now + max(lasts - EARLY_SECONDS, lasts / 2)


def _check_domain(options: Options, told: str) -> None:
    """A token of one data centre is unknown in every other; sandboxes have subdomains of their own."""
    if not told or options.local:
        return
    ours, theirs = (domain.rpartition("zohoapis.")[2].rstrip("/") for domain in (options.api_domain, told))
    if ours != theirs:
        raise Invalid(
            f"this account is kept at {told}, not at {options.api_domain}.",
            where="api_domain",
            remedy=f"Write {told} in its place.",
        )


_KEPT: dict[str, AccessTokens] = {}
_KEPT_LOCK = threading.Lock()


def kept(options: Options) -> AccessTokens:
    """The tokens of these credentials in this process."""
    secrets = (options.client_secret.reveal(), options.refresh_token.reveal())
    text = "\0".join((options.accounts_url, options.api_domain, options.client_id, *secrets))
    key = hashlib.sha256(text.encode()).hexdigest()
    with _KEPT_LOCK:
        return _KEPT.setdefault(key, AccessTokens())
