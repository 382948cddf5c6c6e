"""What programs read to find their way: the endpoints (RFC 8414), and the public keys of tokens (RFC 7517)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from wayfare.access.keyring import ANNOUNCED_SECONDS
from wayfare.access.oauth.endpoint import metadata
from wayfare.faces.http.access import access
from wayfare.faces.oauth.parameters import origin

KEYS_SECONDS = ANNOUNCED_SECONDS // 2  # may be kept: a new key is announced for longer before it signs

router = APIRouter(prefix="/.well-known", tags=["discovery"])


@router.get("/oauth-authorization-server")
def server(request: Request) -> dict[str, Any]:
    """Where the endpoints are, and what they understand. The issuer is the origin by which you have asked."""
    here = origin(request)
    return metadata(here, issuer=here)


@router.get("/jwks.json")
def keys(request: Request, response: Response) -> dict[str, Any]:
    """The keys that tokens are signed with. None, where they are signed with WAYFARE_JWT_SECRET."""
    response.headers["cache-control"] = f"public, max-age={KEYS_SECONDS}"
    keyring = access(request).entrance.keyring
    keyring.signing()  # the first is made when it is needed: whoever asks for the set is about to need it
    return keyring.published()
