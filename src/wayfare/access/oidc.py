"""Signing in with an OpenID Connect provider that the operator has named: we are its relying party.

Authorization code with PKCE, state, nonce and a cookie: the answer counts only in the browser that asked, once, and
within ten minutes. The identity is what the signed ID token says. It belongs to the user it was linked to; else to the
user without a password who has the same address, where the provider has verified that; else to a new account, where
people may register. A user with a password is never taken for somebody else: whoever chose that password may only have
claimed the address.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import httpx2
import sqlalchemy as sa

from wayfare.access import id_tokens
from wayfare.access.accounts import Accounts, User
from wayfare.access.calls import json_from
from wayfare.access.id_tokens import Identity
from wayfare.access.names import same
from wayfare.access.oauth.clients import LOCAL_HOSTS
from wayfare.access.oauth.endpoint import s256
from wayfare.access.tables import OIDC_STATES
from wayfare.core.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, Refused
from wayfare.core.principal import DEFAULT_TENANT, Principal
from wayfare.core.redacted import Redacted
from wayfare.store.seal import Place
from wayfare.store.store import Store

STATE_SECONDS = 600.0
KNOWN_SECONDS = 3600.0  # what a provider publishes about itself is asked for again
SCOPE = "openid email profile"
_URL = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Provider:
    issuer: str  # to the letter, as its ID tokens say it
    client_id: str
    client_secret: Redacted

    @classmethod
    def parse(cls, url: Redacted, where: str = "WAYFARE_OIDC") -> Provider:
        """From https://CLIENT_ID:CLIENT_SECRET@ISSUER. Raises Invalid, never repeating the secret."""
        try:
            parts = urlsplit(url.reveal())
            host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
        except ValueError:
            raise _no_provider(where) from None
        secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL_HOSTS)
        if not parts.username or not host or not secure or parts.query or parts.fragment:
            raise _no_provider(where)
        place = f"[{host}]" if ":" in host else host
        issuer = f"{parts.scheme}://{place}{port}{parts.path}"
        return cls(issuer, unquote(parts.username), Redacted(unquote(parts.password or "")))


@dataclass(frozen=True, slots=True)
class Beginning:
    url: str  # where to send the person
    cookie: Redacted  # for this browser, HttpOnly, SameSite=Lax, for STATE_SECONDS; to be given to `finish`


class Oidc:
    """Thread-safe. `http` is a `calls.client`, so that the provider is reached where egress allows."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        provider: Provider,
        http: httpx2.Client,
        *,
        open_to_all: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._all = store.everywhere
        self._accounts = accounts
        self._provider = provider
        self._http = http
        self._open_to_all = open_to_all
        self._clock = clock
        self._known: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    def begin(self, redirect_uri: str) -> Beginning:
        """`redirect_uri` is ours, as the provider knows it. Raises Unreachable, Refused, AddressRefused."""
        state, nonce, verifier, cookie = (secrets.token_urlsafe(32) for _ in range(4))
        now, row_id = self._clock(), _digest(state)
        sealed = self._all.sealer.seal(json.dumps({"nonce": nonce, "verifier": verifier}), _place(row_id))
        row = {"hash": row_id, "browser": _digest(cookie), "sealed": sealed, "redirect_uri": redirect_uri}
        asked = {"response_type": "code", "client_id": self._provider.client_id, "redirect_uri": redirect_uri}
        asked |= {"scope": SCOPE, "state": state, "nonce": nonce}
        asked |= {"code_challenge": s256(verifier), "code_challenge_method": "S256"}
        endpoint = self._metadata()["authorization_endpoint"]
        with self._all.write() as connection:
            connection.execute(sa.delete(OIDC_STATES).where(OIDC_STATES.c.expires_at < now))
            connection.execute(sa.insert(OIDC_STATES), {**row, "expires_at": now + STATE_SECONDS})
        return Beginning(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", Redacted(cookie))

    def finish(self, query: Mapping[str, str], cookie: Redacted) -> User:
        """Who has signed in. `query` is what the provider sent the browser back with.

        Raises NotSignedIn for what was not asked for here or is not proven, NotAllowed where there is no account.
        """
        redirect_uri, nonce, verifier = self._expected(query.get("state", ""), cookie)
        if query.get("error") or not query.get("code"):
            raise _failed("the provider did not sign this person in")
        if query.get("iss", self._provider.issuer) != self._provider.issuer:
            raise _failed("the answer is another provider's")
        answer = self._exchange(query["code"], redirect_uri, verifier)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _failed("the provider gave no ID token")
        return self._user(self._identity(token, nonce))

    def _expected(self, state: str, cookie: Redacted) -> tuple[str, str, str]:
        """(redirect URI, nonce, verifier) of what this browser began; used up by asking."""
        with self._all.write() as connection:
            gone = sa.delete(OIDC_STATES).where(OIDC_STATES.c.hash == _digest(state)).returning(OIDC_STATES)
            row = connection.execute(gone).one_or_none()
        ours = row is not None and secrets.compare_digest(row.browser, _digest(cookie.reveal()))
        if row is None or not ours or row.expires_at <= self._clock():
            raise _failed("this was not asked for by this browser, or too long ago")
        kept = json.loads(self._all.sealer.unseal(row.sealed, _place(row.hash)))
        return row.redirect_uri, kept["nonce"], kept["verifier"]

    def _exchange(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier, "client_id": self._provider.client_id}
        if self._provider.client_secret:
            form["client_secret"] = self._provider.client_secret.reveal()
        try:
            return json_from(self._http, "POST", str(self._metadata()["token_endpoint"]), data=form)
        except Refused as error:
            raise _failed("the provider does not accept the code") from error

    def _identity(self, token: str, nonce: str) -> Identity:
        """With the provider's keys as known; asked for again when the token was signed with another."""
        expected = (self._provider.issuer, self._provider.client_id, nonce, self._clock())
        keys = self._published_keys(fresh=False)
        if not id_tokens.names_key_of(token, keys):
            keys = self._published_keys(fresh=True)
        return id_tokens.read(token, keys, *expected)

    def _user(self, identity: Identity) -> User:
        linked = self._accounts.linked(self._provider.issuer, identity.subject)
        user = linked or self._by_address(identity) or self._new(identity)
        if user.disabled:
            raise NotAllowed("this account is disabled.", remedy="Ask an Admin.")
        self._accounts.link(_oneself(user), user, self._provider.issuer, identity.subject)
        return user

    def _by_address(self, identity: Identity) -> User | None:
        if not identity.email or not identity.email_verified:
            return None
        try:
            found = self._accounts.find(identity.email)
        except NotFound:
            return None
        if same(found.email) != same(identity.email) or self._accounts.password_hash(found.id):
            raise NotAllowed(
                "an account with this e-mail address signs in with a password.",
                where="email",
                remedy="Sign in with it, or ask an Admin to remove the password: wayfare users password NAME --remove",
            )
        return found

    def _new(self, identity: Identity) -> User:
        email = identity.email if identity.email_verified else ""
        name = _user_name(identity)
        try:
            return self._accounts.register(name, email, open_to_all=self._open_to_all, proven=True)
        except Conflict:
            fresh = f"{name}-{secrets.token_hex(3)}"
            return self._accounts.register(fresh, email, open_to_all=self._open_to_all, proven=True)

    def _metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery, section 4. Raises Refused for a provider that calls itself something else."""
        if self._known is None or self._clock() - self._known[0] > KNOWN_SECONDS:
            url = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            told = json_from(self._http, "GET", url)
            if told.get("issuer") != self._provider.issuer:
                raise Refused("the provider calls itself by another name.", where="WAYFARE_OIDC")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _URL.fullmatch(str(told.get(name))):
                    raise Refused(f"the provider does not tell its {name}.", where="WAYFARE_OIDC")
            self._known = (self._clock(), told)
        return self._known[1]

    def _published_keys(self, *, fresh: bool) -> dict[str, Any]:
        if fresh or self._keys is None or self._clock() - self._keys[0] > KNOWN_SECONDS:
            self._keys = (self._clock(), json_from(self._http, "GET", str(self._metadata()["jwks_uri"])))
        return self._keys[1]


def _oneself(user: User) -> Principal:
    return Principal(user.id, user.name, DEFAULT_TENANT, frozenset())


def _user_name(identity: Identity) -> str:
    """What the provider suggests, made fit to be one of ours."""
    suggested = identity.name.partition("@")[0] or identity.email.partition("@")[0]
    return re.sub(r"[^\w.-]+", "-", suggested)[:48].strip("-.") or f"user-{secrets.token_hex(3)}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _place(row: str) -> Place:
    return Place("", OIDC_STATES.name, "sealed", row)


def _no_provider(where: str) -> Invalid:
    return Invalid(
        "this is not a provider's URL.",
        where=where,
        remedy="Write https://CLIENT_ID:CLIENT_SECRET@login.example.com, its parts percent-encoded.",
    )


def _failed(why: str) -> NotSignedIn:
    return NotSignedIn(f"{why}.", where="sign-in", remedy="Begin again from the sign-in page.")
