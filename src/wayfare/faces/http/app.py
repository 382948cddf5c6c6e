"""The shell every face hangs in: one application, the same care for every request, errors in the envelope of the face.

    Traced → SecurityHeaders → Rendered → BodyLimit → Identified → Allowance → Idempotent → the faces' routes

All of it plain ASGI: three of Starlette's BaseHTTPMiddleware would cost a request 0.7 ms, three of these 0.03 ms.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from wayfare import __version__
from wayfare.control.tallies import Tallies
from wayfare.control.watching import Watching
from wayfare.core.errors import Bug
from wayfare.faces.http import docs, probes, telemetry
from wayfare.faces.http.access import Access
from wayfare.faces.http.allowances import Allowance, AllowanceHeaders
from wayfare.faces.http.callers import Identified, needs_of
from wayfare.faces.http.envelopes import Envelopes, Rendered
from wayfare.faces.http.face import Face
from wayfare.faces.http.headers import SecurityHeaders
from wayfare.faces.http.idempotent import Idempotent
from wayfare.faces.http.limits import BodyLimit
from wayfare.faces.http.metrics import Metrics
from wayfare.faces.http.probes import Readiness
from wayfare.faces.http.public import PUBLIC
from wayfare.faces.http.streams import Bell, Leaving
from wayfare.faces.http.threads import quickly
from wayfare.faces.http.traced import Traced
from wayfare.store.store import Store


def create_app(store: Store, served: Sequence[Face], access: Access) -> FastAPI:
    """The faces of `served` on one origin. Raises Bug for a route that does not say what it needs."""
    watching = Watching()
    traces = telemetry.provider(os.environ)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        app.state.leaving = Leaving()  # GuardedProtocol sets it when the server is asked to end
        app.state.bell = Bell()
        with watching:
            yield {"leaving": app.state.leaving}
        if traces is not None:
            await quickly(traces.shutdown)

    pages: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = FastAPI(title="Wayfare", version=__version__, lifespan=life, telemetry=telemetry.config(traces), **pages)
    app.state.store = store
    app.state.served = served
    app.state.watching = watching
    app.state.metrics = Metrics(Tallies(store))
    app.state.readiness = Readiness(store)
    app.state.access = access
    for router in (probes.router, docs.router, *(face.router for face in served)):
        app.include_router(router)
    refuse_open_routes(app)
    _wrap(app, Envelopes(served), access)
    return app


def _wrap(app: FastAPI, envelopes: Envelopes, access: Access) -> None:
    """The last one added is the outermost."""

    async def framework(request: Request, error: Exception) -> Response:
        return envelopes.answer(request.url.path, error)

    app.add_exception_handler(RequestValidationError, framework)
    app.add_exception_handler(HTTPException, framework)
    app.add_middleware(Idempotent, store=app.state.store)
    app.add_middleware(Allowance, rates=access.rates, limit=access.limit)
    app.add_middleware(Identified, callers=access.entrance.callers, enabled=access.enabled)
    app.add_middleware(BodyLimit)
    app.add_middleware(Rendered, envelopes=envelopes)
    app.add_middleware(AllowanceHeaders)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Traced, metrics=app.state.metrics)


def refuse_open_routes(app: FastAPI) -> None:
    """Every route is public by name, or says what it needs: forgetting it must not open it. Raises Bug."""
    for route in routes_of(app):
        for method in methods_of(route):
            if (method, route.path) not in PUBLIC and not needs_of(route):
                raise Bug(f"{method} {route.path} neither says what it needs nor stands in PUBLIC.")


def routes_of(app: FastAPI) -> list[RouteContext]:
    return [c for c in iter_route_contexts(app.routes) if isinstance(c.original_route, (APIRoute, WebSocketRoute))]


def methods_of(route: RouteContext) -> Sequence[str]:
    return sorted(route.methods or ()) or ["WEBSOCKET"]
