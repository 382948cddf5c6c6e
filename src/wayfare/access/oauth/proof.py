"""How a client proves itself at the token endpoint: HTTP Basic, the body, or not at all (public clients)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import unquote_plus

from wayfare.access.oauth.clients import Client, Clients
from wayfare.access.oauth.refusals import OAuthRefused


def proven_client(clients: Clients, given: Mapping[str, str], authorization: str = "") -> Client:
    """Raises OAuthRefused, with 401. Exactly one way may be used (RFC 6749, section 2.3)."""
    basic = _of_basic(authorization) if authorization else None
    if basic and ("client_secret" in given or given.get("client_id", basic[0]) != basic[0]):
        raise OAuthRefused("invalid_request", "the client proves itself in two ways at once.")
    id_, secret = basic or (given.get("client_id", ""), given.get("client_secret", ""))
    client = clients.get(id_) if id_ else None
    if client is None or client.disabled:
        raise _unproven()
    if client.public:
        if secret:
            raise _unproven()
    elif not clients.knows(client, secret):
        raise _unproven()
    return client


def _of_basic(authorization: str) -> tuple[str, str]:
    """Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1)."""
    kind, _, encoded = authorization.strip().partition(" ")
    try:
        if kind.lower() != "basic":
            raise ValueError(kind)
        id_, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise _unproven() from error
    if not colon:
        raise _unproven()
    return unquote_plus(id_), unquote_plus(secret)


def _unproven() -> OAuthRefused:
    return OAuthRefused("invalid_client", "the client is not known, or its secret is wrong.", status=401)
