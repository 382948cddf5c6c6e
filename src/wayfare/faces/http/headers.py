"""Headers that every answer wears, errors too, so that a browser does with it only what is meant.

A route may set one of them itself (a page its Content-Security-Policy, a picture its Cache-Control): its own wins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

NO_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"  # for JSON
PAGE_POLICY = (  # for pages of ours: everything from this origin, and styles that scripts set on elements
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HTTPS_FOR_SECONDS = 31_536_000  # a year, as hstspreload.org asks
ALWAYS = {
    "content-security-policy": NO_CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
RAW = tuple((name.encode(), value.encode()) for name, value in ALWAYS.items())
RAW_HTTPS = (b"strict-transport-security", f"max-age={HTTPS_FOR_SECONDS}; includeSubDomains".encode())


class SecurityHeaders:
    """ASGI middleware. HSTS is sent over https only: over http a browser must ignore it."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = (*RAW, RAW_HTTPS) if scope["scheme"] in ("https", "wss") else RAW

        async def wearing(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                own = list(message.get("headers", ()))
                there = {bytes(name).lower() for name, _ in own}
                message = {**message, "headers": [*own, *((n, v) for n, v in headers if n not in there)]}
            await send(message)

        await self._app(scope, receive, wearing)
