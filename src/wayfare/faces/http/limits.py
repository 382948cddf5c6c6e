"""No request has a body larger than BODY_BYTES_MAX, whether it says its length or not."""

from __future__ import annotations

from wayfare.faces.http.errors import TooLarge
from wayfare.faces.http.headers import Asgi, Message, Receive, Scope, Send

BODY_BYTES_MAX = 1 << 20


class BodyLimit:
    """ASGI middleware. Raises TooLarge: at once for a length that is said, else where the body is read.

    Whoever reads a body must let TooLarge pass; frameworks tend to make a 400 of what they do not know, so that
    `Rendered` answers 413 for a request whose `scope` says that it was too large.
    """

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = next((int(v) for k, v in scope["headers"] if k == b"content-length" and v.isdigit()), 0)
        if said > BODY_BYTES_MAX:
            raise too_large()
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_BYTES_MAX:
                scope["wayfare.too_large"] = True
                raise too_large()
            return message

        await self._app(scope, counted, send)


def too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {BODY_BYTES_MAX} bytes.", where="body", remedy="Send less at once.")
