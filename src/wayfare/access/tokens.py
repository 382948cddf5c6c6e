"""Access tokens: JWTs by RFC 9068 (`at+jwt`), signed with one key whose algorithm is fixed, and read without trust.

A token says who signed in, not what they may do: roles are looked up when it is used, at most a second old. A token of
an OAuth2 client also says its client, tenant and scopes, and can only be narrower than its user.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, OctKey
from joserfc.jwt import ClaimsOption

from wayfare.core.errors import NotSignedIn

ISSUER = "wayfare"
AUDIENCE = "wayfare"
TYPE = "at+jwt"
SECRET_ALGORITHM = "HS256"  # noqa: S105  the name of an algorithm
KEY_ALGORITHM = "ES256"
TOKEN_CHARACTERS_MAX = 8192
SKEW_SECONDS = 5  # clocks of workers differ a little: for nbf and iat; an ended token has ended
ACCESS_SECONDS = 12 * 3600
OAUTH_ACCESS_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    algorithm: str
    key: OctKey | ECKey


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that holds says. Times are seconds since the epoch."""

    user: str  # the account's id; "" for a client that acts for itself
    version: int  # of the account: a changed password or a disabled account makes older tokens worthless
    id: str
    issued_at: int
    expires_at: int
    client: str = ""  # of OAuth2; "" for a sign-in at Wayfare itself
    grant: str = ""  # what the token was issued under, and is revoked with
    tenant: str = ""  # a client's tokens are for one tenant; "" leaves the choice to the caller
    scopes: frozenset[str] | None = None  # None: whatever the user may


def issue(
    key: SigningKey,
    *,
    user: str,
    version: int,
    seconds: int = ACCESS_SECONDS,
    client: str = "",
    grant: str = "",
    tenant: str = "",
    scopes: frozenset[str] | None = None,
    now: Callable[[], float] = time.time,
) -> tuple[str, Claims]:
    """A signed token, and what it says."""
    at = int(now())
    claims = Claims(user, version, secrets.token_urlsafe(12), at, at + seconds, client, grant, tenant, scopes)
    said: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": user or client, "jti": claims.id, "ver": version}
    said |= {"iat": at, "nbf": at, "exp": claims.expires_at}
    if client:
        said |= {"client_id": client, "grant": grant, "tenant": tenant, "scope": " ".join(sorted(scopes or ()))}
        said["user"] = user
    header = {"alg": key.algorithm, "kid": key.kid}
    return jwt.encode(header, said, key.key, [key.algorithm], default_type=TYPE), claims


def read(token: str, find: Callable[[str], SigningKey | None], now: Callable[[], float] = time.time) -> Claims:
    """What the token says, once it holds. Raises NotSignedIn, with the same words for all that is wrong but age."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise _worthless()

    def key_of(signed: Any) -> OctKey | ECKey:
        header = signed.headers()
        key = find(str(header.get("kid", "")))
        # The algorithm is the key's, never the token's choice: else a public key could serve as a secret.
        if key is None or header.get("alg") != key.algorithm or header.get("typ") != TYPE:
            raise BadSignatureError
        return key.key

    try:
        decoded = jwt.decode(token, key_of, [SECRET_ALGORITHM, KEY_ALGORITHM])
        return _claims(decoded.claims, int(now()))
    except ExpiredTokenError as error:
        raise NotSignedIn("the token has ended.", where="Authorization", remedy="Sign in again.") from error
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _worthless() from error


def _claims(said: Mapping[str, Any], now: int) -> Claims:
    """Raises JoseError, ValueError, TypeError or KeyError for what does not hold."""
    expected = jwt.JWTClaimsRegistry(
        now,
        SKEW_SECONDS,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        **{name: ClaimsOption(essential=True) for name in ("sub", "exp", "nbf", "iat", "jti", "ver")},
    )
    expected.validate(dict(said))
    if said["exp"] <= now:
        raise ExpiredTokenError("exp")
    client = _text(said, "client_id")
    version = said["ver"]
    if type(version) is not int:
        raise TypeError("ver")
    claims = {"version": version, "id": said["jti"], "issued_at": int(said["iat"]), "expires_at": int(said["exp"])}
    if not client:
        return Claims(user=said["sub"], **claims)
    scopes = frozenset(_text(said, "scope").split())
    named = {"client": client, "grant": _text(said, "grant"), "tenant": _text(said, "tenant"), "scopes": scopes}
    return Claims(user=_text(said, "user"), **claims, **named)  # type: ignore[arg-type]


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _worthless() -> NotSignedIn:
    return NotSignedIn("the token does not hold.", where="Authorization", remedy="Sign in again.")
