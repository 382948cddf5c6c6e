"""Who calls: found once for each request, asked by every route that is not public.

    @router.get("/things")
    def things(caller: Annotated[Caller, Depends(Needs("things.read"))]) -> …:
        caller.store  # of the caller's tenant

On loopback without accounts a missing credential acts as the local administrator; a credential that is given is always
checked. As a browser's pages can reach loopback too, such a request must come from nowhere (a command) or from a page
of this very origin, by a name of this machine: else any web site, or a name rebound to 127.0.0.1, could move databases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from wayfare.access.callers import Callers
from wayfare.access.recent import NotAtHand
from wayfare.access.scopes import ACTIONS, require
from wayfare.core.errors import Bug, NotAllowed, NotSignedIn, WayfareError
from wayfare.core.principal import LOCAL, Principal
from wayfare.faces.http.access import is_loopback
from wayfare.faces.http.headers import Asgi, Receive, Scope, Send
from wayfare.faces.http.threads import quickly
from wayfare.store.store import Store

BEARER_PROTOCOL = "bearer."  # browsers cannot set headers of a WebSocket: the token comes as a subprotocol


@dataclass(frozen=True, slots=True)
class Caller:
    principal: Principal
    store: Store  # of the principal's tenant


class Needs:
    """A dependency that gives the Caller. Raises NotSignedIn (401), and NotAllowed (403) without the action's scope."""

    def __init__(self, action: str) -> None:
        if action not in ACTIONS:
            raise Bug(f"{action!r} is not an action of access/scopes.py.")
        self.action = action

    async def __call__(self, connection: HTTPConnection) -> Caller:
        principal = signed_in(connection.scope)
        require(principal, self.action)
        store: Store = connection.app.state.store
        return Caller(principal, store.of(principal.tenant))


def signed_in(scope: Scope) -> Principal:
    """Raises NotSignedIn, or what was wrong with the credential."""
    if refusal := scope.get("wayfare.refusal"):
        raise refusal
    principal: Principal | None = scope.get("wayfare.caller")
    if principal is None:
        raise NotSignedIn(
            "this needs a signed-in caller.", remedy="Send Authorization: Bearer TOKEN, or X-API-Key: KEY."
        )
    return principal


class Identified:
    """ASGI middleware: leaves the Principal, or the reason why there is none, in the scope for `signed_in`.

    A wrong credential is no reason to refuse a public route: who signs in again may still carry the old token.
    """

    def __init__(self, app: Asgi, callers: Callers, *, enabled: bool) -> None:
        self._app = app
        self._callers = callers
        self._enabled = enabled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            try:
                scope["wayfare.caller"] = await self._caller(scope)
            except WayfareError as refusal:
                scope["wayfare.refusal"] = refusal
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Principal | None:
        headers = HTTPConnection(scope).headers
        given = (headers.get("authorization", "") or _of_subprotocol(scope), headers.get("x-api-key", ""))
        tenant = headers.get("x-tenant-id", "")
        if any(given):
            try:
                return self._callers.at_hand(*given, tenant)  # nearly always; a thread would take longer than all of it
            except NotAtHand:
                return await quickly(self._callers.authenticate, *given, tenant)
        if self._enabled:
            return None
        refuse_foreign(scope, headers)
        if tenant not in ("", LOCAL.tenant):
            raise NotAllowed(f"the local caller has no tenant {tenant[:80]!r}.", where="X-Tenant-ID")
        return LOCAL


def refuse_foreign(scope: Scope, headers: Mapping[str, str]) -> None:
    """Raises NotAllowed for a request that a foreign page, or a rebound name, has made a browser send."""
    host = headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    origin = headers.get("origin", "")
    local = is_loopback(name) or name == (scope.get("server") or ("",))[0]
    foreign = bool(origin) and urlsplit(origin).netloc != host
    if not local or foreign or headers.get("sec-fetch-site", "") in ("cross-site", "same-site"):
        raise NotAllowed(
            "without sign-in, only programs and pages of this machine are served.",
            where="Origin" if local else "Host",
            remedy="Start it with --auth-enabled, and sign in.",
        )


def _of_subprotocol(scope: Scope) -> str:
    tokens = (p.removeprefix(BEARER_PROTOCOL) for p in scope.get("subprotocols", ()) if p.startswith(BEARER_PROTOCOL))
    return f"Bearer {token}" if (token := next(tokens, "")) else ""


def needs_of(route: Any) -> str:
    """The action that a route says it needs; "" when it says nothing."""
    found = (d.call for d in walk(route.dependant) if isinstance(d.call, Needs))
    return next((needs.action for needs in found), "")


def walk(dependant: Any) -> list[Any]:
    return [dependant, *(inner for d in dependant.dependencies for inner in walk(d))]
