"""How often a caller may call: one allowance for everything, and tighter ones where a route says so.

    @router.post("/things", dependencies=[Depends(Allowed("things", Limit(10)))])

Every answer tells the allowance that counted last, in X-RateLimit-Limit, -Remaining and -Reset (epoch seconds).
"""

from __future__ import annotations

import math
import time

from starlette.requests import HTTPConnection

from wayfare.access.rates import Limit, MemoryRates, Rates, Verdict
from wayfare.core.principal import LOCAL
from wayfare.faces.http.headers import Asgi, Message, Receive, Scope, Send
from wayfare.faces.http.threads import quickly

FREE = frozenset({"/livez", "/readyz", "/health", "/metrics"})  # who keeps us running asks as often as they like


class AllowanceHeaders:
    """ASGI middleware, outside of where errors become answers: a refusal tells the allowance too."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            verdict: Verdict | None = scope.get("wayfare.verdict")
            if verdict and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_headers(verdict)]}
            await send(message)

        await self._app(scope, receive, telling)


class Allowance:
    """ASGI middleware, inside `Identified`. Raises RateLimited. Whoever sits at this machine has no limit."""

    def __init__(self, app: Asgi, rates: Rates, limit: Limit) -> None:
        self._app = app
        self._rates = rates
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] not in FREE and scope.get("wayfare.caller") is not LOCAL:
            await _take(scope, self._rates, "all", self._limit)
        await self._app(scope, receive, send)


class Allowed:
    """A dependency for a route with a limit of its own; `name` is shared by routes that share the limit."""

    def __init__(self, name: str, limit: Limit) -> None:
        self._name = name
        self._limit = limit

    async def __call__(self, connection: HTTPConnection) -> None:
        if connection.scope.get("wayfare.caller") is not LOCAL:
            await _take(connection.scope, connection.app.state.access.rates, self._name, self._limit)


async def _take(scope: Scope, rates: Rates, name: str, limit: Limit) -> None:
    caller = f"{_who(scope)} {name}"
    # What is counted in memory takes a microsecond; a thread for it would take a hundred.
    verdict = rates.take(caller, limit) if isinstance(rates, MemoryRates) else await quickly(rates.take, caller, limit)
    scope["wayfare.verdict"] = verdict
    verdict.insist()


def _who(scope: Scope) -> str:
    """Whoever has signed in counts by themselves in each tenant, others by where they call from."""
    caller = scope.get("wayfare.caller")
    if caller:
        return f"{caller.tenant}/{caller.user}"
    return f"from {scope['client'][0] if scope.get('client') else 'nowhere'}"


def _headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    told = {
        "x-ratelimit-limit": verdict.limit,
        "x-ratelimit-remaining": verdict.remaining,
        "x-ratelimit-reset": math.ceil(time.time() + verdict.reset_seconds),
    }
    return [(name.encode(), str(value).encode()) for name, value in told.items()]
