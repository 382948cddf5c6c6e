"""ID tokens of OpenID Connect, read without trust (Core 1.0, section 3.1.3.7)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidClaimError, JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from joserfc.jwt import ClaimsOption

from wayfare.core.errors import NotSignedIn

# By kind of key, so that a provider's public key can never serve as a secret; what is not here is not accepted.
ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("Ed25519",),
}
_ACCEPTED = tuple(name for names in ALGORITHMS.values() for name in names)
SKEW_SECONDS = 60
TOKEN_CHARACTERS_MAX = 32_768
SUBJECT_CHARACTERS_MAX = 255

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class Identity:
    """What the provider says of a person; only `subject` is theirs for ever."""

    subject: str
    email: str
    email_verified: bool
    name: str


def names_key_of(token: str, keys: Mapping[str, Any]) -> bool:
    """Does the token name a key of this set? Nothing of it is believed yet."""
    try:
        head = token.partition(".")[0]
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        return _key_for(header, keys) is not None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, JoseError):
        return False


def read(token: str, keys: Mapping[str, Any], issuer: str, client_id: str, nonce: str, now: float) -> Identity:
    """Raises NotSignedIn for a token that does not hold, or is not the answer to this very question."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise _worthless()

    def key_of(signed: Any) -> PublicKey:
        key = _key_for(signed.headers(), keys)
        if key is None:
            raise BadSignatureError
        return key

    try:
        said = jwt.decode(token, key_of, list(_ACCEPTED)).claims
        return _identity(said, issuer, client_id, nonce, now)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _worthless() from error


def _key_for(header: Mapping[str, Any], keys: Mapping[str, Any]) -> PublicKey | None:
    """The one key that the header names and whose kind fits its algorithm; without a name, the only one of its kind."""
    algorithm, kid = header.get("alg"), header.get("kid")
    fitting = [
        key
        for key in keys.get("keys", ())
        if isinstance(key, dict)
        and algorithm in ALGORITHMS.get(key.get("kty", ""), ())
        and key.get("alg") in (None, algorithm)
        and key.get("use") in (None, "sig")
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:
        return None
    public = {name: value for name, value in fitting[0].items() if name not in ("d", "p", "q", "dp", "dq", "qi", "k")}
    found = JWKRegistry.import_key(public)
    return found if isinstance(found, RSAKey | ECKey | OKPKey) else None


def _identity(said: Mapping[str, Any], issuer: str, client_id: str, nonce: str, now: float) -> Identity:
    expected = jwt.JWTClaimsRegistry(
        int(now),
        SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        nonce={"essential": True, "value": nonce},
        **{name: ClaimsOption(essential=True) for name in ("sub", "exp", "iat")},
    )
    expected.validate(dict(said))
    audience = said["aud"]
    if isinstance(audience, list) and len(audience) > 1 and said.get("azp") != client_id:
        raise InvalidClaimError("azp")
    if said.get("azp", client_id) != client_id:
        raise InvalidClaimError("azp")
    email, name = (said.get("email", ""), said.get("preferred_username") or said.get("name") or "")
    if not isinstance(email, str) or not isinstance(name, str):
        raise InvalidClaimError("email")
    if not 0 < len(said["sub"]) <= SUBJECT_CHARACTERS_MAX or not said["sub"].isprintable():
        raise InvalidClaimError("sub")
    return Identity(said["sub"], email, said.get("email_verified") is True, name)


def _worthless() -> NotSignedIn:
    return NotSignedIn("the provider's ID token does not hold.", where="sign-in", remedy="Begin again.")
