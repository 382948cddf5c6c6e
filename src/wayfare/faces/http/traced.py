"""Every request has an id, a line in the access log, and is counted. Its answer and its lines of log have the id."""

from __future__ import annotations

import re
import secrets
import time

import structlog

from wayfare.faces.http.headers import Asgi, Message, Receive, Scope, Send
from wayfare.faces.http.metrics import Metrics

SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")  # anything else could forge lines of a log
UNMATCHED = "unmatched"  # the route of a path that is nobody's: a label for each would be without bound

log = structlog.get_logger("wayfare.http.access")


class Traced:
    """ASGI middleware, the outermost. `scope["wayfare.request_id"]` has the id."""

    def __init__(self, app: Asgi, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["wayfare.request_id"] = request_id
        status = 0
        began = time.perf_counter()

        async def telling(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", request_id.encode())]}
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self._app(scope, receive, telling)
            finally:
                self._tell(scope, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        """The query is left out: people put secrets there."""
        method = scope.get("method", "WEBSOCKET")
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._metrics.answered(route, method, status, seconds)
        caller = scope.get("wayfare.caller")
        log.info(
            "answered",
            method=method,
            path=scope["path"],
            status=status,  # 0: the connection was lost before an answer began
            ms=round(seconds * 1000, 1),
            client=scope["client"][0] if scope.get("client") else "",
            who=caller.name if caller else "",
            tenant=caller.tenant if caller else "",
        )


def _request_id(scope: Scope) -> str:
    given = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"")
    return bytes(given).decode() if SANE_ID.fullmatch(given) else secrets.token_hex(8)
