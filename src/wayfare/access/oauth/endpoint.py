"""The token endpoint: codes, refresh tokens and client credentials become tokens; tokens are revoked and explained."""

from __future__ import annotations

import hashlib
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any

import sqlalchemy as sa

from wayfare.access import tokens
from wayfare.access.accounts import Accounts
from wayfare.access.callers import CLIENT
from wayfare.access.keyring import Keyring
from wayfare.access.oauth import records
from wayfare.access.oauth.clients import CODE, CREDENTIALS, GRANT_TYPES, REFRESH, Client, Clients, Grant
from wayfare.access.oauth.consent import asked_scopes
from wayfare.access.oauth.proof import proven_client
from wayfare.access.oauth.refusals import OAuthRefused, Pairs, once
from wayfare.access.pruning import now_and_then
from wayfare.access.scopes import Scope
from wayfare.access.tables import OAUTH_CODES, REFRESH_TOKENS
from wayfare.core.errors import NotSignedIn
from wayfare.core.plan import Json
from wayfare.core.principal import Principal
from wayfare.store.store import Store

_PROOFS = ("client_secret_basic", "client_secret_post")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636, section 4.1


class Endpoint:
    """Thread-safe. Every method raises OAuthRefused."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        keyring: Keyring,
        clients: Clients,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._all = store.everywhere
        self._accounts = accounts
        self._keyring = keyring
        self._clients = clients
        self._clock = clock

    def token(self, form: Pairs, authorization: str = "") -> dict[str, Any]:
        """The answer's JSON."""
        given = once(form)
        client = proven_client(self._clients, given, authorization)
        kind = given.get("grant_type", "")
        if kind not in GRANT_TYPES:
            raise OAuthRefused("unsupported_grant_type", f"grant_type is one of {', '.join(GRANT_TYPES)}.")
        if kind not in client.grants:
            raise OAuthRefused("unauthorized_client", f"this client may not use {kind}.")
        by = {CREDENTIALS: self._by_credentials, CODE: self._by_code, REFRESH: self._by_refresh}[kind]
        answer = by(client, given)
        now_and_then(self.prune)
        return answer

    def _by_credentials(self, client: Client, given: Mapping[str, str]) -> dict[str, Any]:
        scopes = asked_scopes(client, given)
        owner = self._accounts.get(client.owner)
        if owner is None or owner.disabled or client.tenant not in owner.roles:
            raise OAuthRefused("unauthorized_client", "the client's owner is no longer here.")
        now = self._clock()
        with self._all.write() as connection:
            grant = records.new_grant(connection, client, scopes, now, now + tokens.OAUTH_ACCESS_SECONDS)
        return self._answer(grant, scopes)

    def _by_code(self, client: Client, given: Mapping[str, str]) -> dict[str, Any]:
        """A code is used up by the first try of its client, right or wrong."""
        now, refresh = self._clock(), ""
        with self._all.write() as connection:
            taken = records.take(connection, OAUTH_CODES, given.get("code", ""), client, now)
            self._note(connection, client, taken)
            if isinstance(taken, records.Taken):
                if not _fits(taken.values, given):
                    records.end(connection, taken.grant.id, now)
                    taken = OAuthRefused("invalid_grant", "the code does not fit redirect_uri and code_verifier.")
                elif REFRESH in client.grants:
                    refresh = records.new_refresh(connection, taken.grant, now)
        if isinstance(taken, OAuthRefused):
            raise taken
        return self._answer(taken.grant, taken.grant.scopes, refresh)

    def _by_refresh(self, client: Client, given: Mapping[str, str]) -> dict[str, Any]:
        now, refresh, scopes = self._clock(), "", frozenset[str]()
        with self._all.write() as connection:
            taken = records.take(connection, REFRESH_TOKENS, given.get("refresh_token", ""), client, now)
            self._note(connection, client, taken)
            if isinstance(taken, records.Taken):
                scopes = _within(taken.grant, given)  # raising here undoes the taking: the token stays good
                refresh = records.new_refresh(connection, taken.grant, now)
        if isinstance(taken, OAuthRefused):
            raise taken
        return self._answer(taken.grant, scopes, refresh)

    def _answer(self, grant: Grant, scopes: frozenset[str], refresh: str = "") -> dict[str, Any]:
        if not self._holds(grant):
            raise OAuthRefused("invalid_grant", "the person's sign-in has ended.")
        token, claims = tokens.issue(
            self._keyring.signing(),
            user=grant.user,
            version=grant.user_version,
            seconds=tokens.OAUTH_ACCESS_SECONDS,
            client=grant.client,
            grant=grant.id,
            tenant=grant.tenant,
            scopes=scopes,
            now=self._clock,
        )
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": claims.expires_at - claims.issued_at}
        return {**answer, "scope": " ".join(sorted(scopes)), **({"refresh_token": refresh} if refresh else {})}

    def _holds(self, grant: Grant) -> bool:
        """Is the person still who they were when they consented?"""
        user = self._accounts.get(grant.user) if grant.user else None
        return not grant.user or (user is not None and not user.disabled and user.version == grant.user_version)

    def _note(self, connection: sa.Connection, client: Client, taken: records.Taken | OAuthRefused) -> None:
        """In the audit log: a second use is how a theft shows."""
        if isinstance(taken, records.Reused):
            told: dict[str, Json] = {"user": taken.grant.user}
            store = self._store.of(client.tenant)
            store.audit(connection, _itself(client), "clients.reuse", taken.grant.id, "refused", told)

    def revoke(self, form: Pairs, authorization: str = "") -> None:
        """RFC 7009: the grant ends, with all its tokens. What is no token of this client is passed over."""
        given = once(form)
        client = proven_client(self._clients, given, authorization)
        token = given.get("token", "")
        with self._all.read() as connection:
            id_ = records.grant_of_refresh(connection, token)
        claims = None if id_ else self._claims(token)
        grant = self._clients.grant(id_ or (claims.grant if claims else ""))
        if grant is not None and grant.client == client.id and grant.revoked_at is None:
            with self._all.write() as connection:
                records.end(connection, grant.id, self._clock())
                self._store.of(client.tenant).audit(connection, _itself(client), "clients.revoke", grant.id)

    def introspect(self, form: Pairs, authorization: str = "") -> dict[str, Any]:
        """RFC 7662, for confidential clients and access tokens of their own tenant."""
        given = once(form)
        client = proven_client(self._clients, given, authorization)
        if client.public:
            raise OAuthRefused("invalid_client", "introspection needs a client with a secret.", status=401)
        claims = self._claims(given.get("token", ""))
        grant = self._clients.grant(claims.grant) if claims else None
        if claims is None or grant is None or grant.tenant != client.tenant:
            return {"active": False}
        if grant.revoked_at is not None or not self._holds(grant):
            return {"active": False}
        told: dict[str, Any] = {"active": True, "client_id": claims.client, "sub": claims.user or claims.client}
        told |= {"scope": " ".join(sorted(claims.scopes or ())), "iss": tokens.ISSUER, "aud": tokens.AUDIENCE}
        return {**told, "jti": claims.id, "exp": claims.expires_at, "iat": claims.issued_at, "token_type": "Bearer"}

    def prune(self) -> int:
        """Forget what has long ended; gives how many grants."""
        with self._all.write() as connection:
            return records.prune(connection, self._clock())

    def _claims(self, token: str) -> tokens.Claims | None:
        try:
            return tokens.read(token, self._keyring.find, self._clock)
        except NotSignedIn:
            return None


def _itself(client: Client) -> Principal:
    return Principal(CLIENT + client.id, client.name, client.tenant, frozenset())


def s256(verifier: str) -> str:
    """RFC 7636, section 4.2."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def metadata(base_url: str, issuer: str = tokens.ISSUER) -> dict[str, Any]:
    """RFC 8414. The endpoints are where document 003 has them."""
    base = base_url.rstrip("/")
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/auth/authorize",
        "token_endpoint": f"{base}/auth/token",
        "revocation_endpoint": f"{base}/auth/revoke",
        "introspection_endpoint": f"{base}/auth/introspect",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "scopes_supported": [str(scope) for scope in Scope],
        "response_types_supported": ["code"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*_PROOFS, "none"],
        "revocation_endpoint_auth_methods_supported": [*_PROOFS, "none"],
        "introspection_endpoint_auth_methods_supported": list(_PROOFS),
        "authorization_response_iss_parameter_supported": True,
    }


def _fits(kept: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    verifier = given.get("code_verifier", "")
    right = kept["redirect_uri"] == given.get("redirect_uri", "")
    return right and bool(_VERIFIER.fullmatch(verifier)) and compare_digest(s256(verifier), kept["challenge"])


def _within(grant: Grant, given: Mapping[str, str]) -> frozenset[str]:
    wanted = frozenset(given.get("scope", "").split()) or grant.scopes
    if not wanted <= grant.scopes:
        raise OAuthRefused("invalid_scope", "this is more than was granted.")
    return wanted
