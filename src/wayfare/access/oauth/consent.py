"""The authorization endpoint: a client asks a person for something, and is sent a code or a no.

Codes need PKCE with S256, also from confidential clients. Redirect URIs match to the letter: until one does, nobody is
sent anywhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from wayfare.access import tokens
from wayfare.access.accounts import Accounts
from wayfare.access.oauth import records
from wayfare.access.oauth.clients import CODE, Client, Clients
from wayfare.access.oauth.refusals import OAuthRefused, Pairs, once
from wayfare.access.scopes import narrowed
from wayfare.core.errors import NotAllowed
from wayfare.core.plan import Json
from wayfare.core.principal import Principal
from wayfare.store.store import Store

STATE_CHARACTERS_MAX = 1024
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request, to be shown to the person."""

    client: Client
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    challenge: str


class Consent:
    """Thread-safe. `issuer` is told to the client, so that it can tell servers apart (RFC 9207)."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        clients: Clients,
        issuer: str = tokens.ISSUER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._clients = clients
        self._issuer = issuer
        self._clock = clock

    def told_as(self, issuer: str) -> Consent:
        """The same, where clients know us by this name."""
        return Consent(self._store, self._accounts, self._clients, issuer, self._clock)

    def asked(self, query: Pairs) -> Asked:
        """Raises OAuthRefused: with `redirect`, send the person there; without, show it, as nobody can be trusted."""
        given = once(query)
        client = self._clients.get(given.get("client_id", ""))
        if client is None or client.disabled:
            raise OAuthRefused("invalid_client", "there is no such client.")
        uri = given.get("redirect_uri", "")
        if uri not in client.redirect_uris:
            raise OAuthRefused("invalid_request", "redirect_uri is not one that the client has registered.")
        state = given.get("state", "")
        try:
            if len(state) > STATE_CHARACTERS_MAX:
                state = ""
                raise OAuthRefused("invalid_request", "state is too long.")
            return Asked(client, uri, asked_scopes(client, given), state, _challenge(client, given))
        except OAuthRefused as error:
            raise error.sent_to(self._back(uri, error.fields(), state)) from None

    def approve(self, asked: Asked, by: Principal) -> str:
        """Where to send the person, with a code. They give of what they have themselves. Raises NotAllowed."""
        user = self._accounts.get(by.user)
        if user is None or user.disabled:
            raise NotAllowed("only somebody with an account can let a client act for them.", remedy="Sign in.")
        if by.tenant != asked.client.tenant:
            raise NotAllowed(f"{asked.client.name} belongs to another tenant.", where="client_id")
        granted = narrowed(by.scopes, asked.scopes)
        if not granted:
            raise NotAllowed(f"{by.name} has none of the scopes that {asked.client.name} asks for.", where="scope")
        now = self._clock()
        store = self._store.of(by.tenant)
        with self._store.everywhere.write() as connection:
            until = now + records.GRANT_SECONDS
            grant = records.new_grant(connection, asked.client, granted, now, until, (user.id, user.version))
            code = records.new_code(connection, grant, asked.redirect_uri, asked.challenge, now)
            told: dict[str, Json] = {"name": asked.client.name, "scopes": " ".join(sorted(granted))}
            store.audit(connection, by, "clients.consent", asked.client.id, details=told)
        return self._back(asked.redirect_uri, {"code": code}, asked.state)

    def deny(self, asked: Asked) -> str:
        """Where to send a person who says no."""
        no = OAuthRefused("access_denied", "the person said no.")
        return self._back(asked.redirect_uri, no.fields(), asked.state)

    def _back(self, uri: str, told: Mapping[str, str], state: str) -> str:
        """Beside what the URI's query has already (RFC 6749, section 3.1.2)."""
        parts = urlsplit(uri)
        told = {**told, **({"state": state} if state else {}), "iss": self._issuer}
        query = "&".join(filter(None, (parts.query, urlencode(told))))
        return urlunsplit(parts._replace(query=query))


def asked_scopes(client: Client, given: Mapping[str, str]) -> frozenset[str]:
    """Those named, or else all that the client may have."""
    wanted = frozenset(given.get("scope", "").split()) or client.scopes
    if not wanted <= client.scopes:
        raise OAuthRefused("invalid_scope", "the client may not have these scopes.")
    return wanted


def _challenge(client: Client, given: Mapping[str, str]) -> str:
    if given.get("response_type") != "code":
        raise OAuthRefused("unsupported_response_type", "response_type must be code.")
    if CODE not in client.grants:
        raise OAuthRefused("unauthorized_client", "this client may not ask for codes.")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise OAuthRefused("invalid_request", "PKCE is needed: code_challenge with code_challenge_method=S256.")
    return challenge
