"""What those who keep a service running ask: is it alive, can it work, how much does it do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import JSONResponse, Response

from wayfare import __version__
from wayfare.core.errors import NotAllowed, WayfareError
from wayfare.core.principal import DEFAULT_TENANT
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.face import Face
from wayfare.faces.http.metrics import Metrics
from wayfare.faces.http.threads import quickly
from wayfare.store.store import Store
from wayfare.systems.registry import databases

READY_SECONDS = 1.5  # within which the store must answer
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["probes"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """200 while the process serves. Asks nobody else."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "The store does not answer."}})
async def readyz(request: Request) -> JSONResponse:
    """200 while the store answers within two seconds, else 503: send requests elsewhere."""
    readiness: Readiness = request.app.state.readiness
    problem = await readiness.problem()
    if problem:
        return JSONResponse({"status": "not ready", "problem": problem}, 503, {"retry-after": "1"})
    return JSONResponse({"status": "ready"})


@router.get("/health")
def health_of(request: Request) -> dict[str, Any]:
    """What the documents of the served faces promise, together."""
    return health(request.app.state.served)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, caller: Annotated[Caller, Depends(Needs("audit.read"))]) -> Response:
    """In Prometheus' text format. For administrators of the first tenant: the amounts tell about everybody."""
    if caller.principal.tenant != DEFAULT_TENANT:
        told = "the amounts of all tenants are for the administrators of the first one."
        raise NotAllowed(told, remedy=f"Ask somebody in the tenant {DEFAULT_TENANT!r}.")
    counted: Metrics = request.app.state.metrics
    return Response(counted.text(), media_type=METRICS_TYPE)


def health(served: Sequence[Face]) -> dict[str, Any]:
    """Who answers, and which systems it can move."""
    names = list(_movable())
    return {
        "status": "healthy",
        "service": served[0].service if len(served) == 1 else "wayfare",
        "version": __version__,
        "sources": names,
        "destinations": names,
    }


@lru_cache(maxsize=1)
def _movable() -> tuple[str, ...]:
    """Looking for drivers takes a millisecond, and none is installed while we run."""
    return tuple(sorted(a.name for a in databases().values() if a.drivers and not a.missing))


class Readiness:
    """Asks the store; however many ask us meanwhile, they wait for the one question that is open.

    A store that hangs keeps one thread, not one for each probe.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asking: asyncio.Future[str] | None = None

    async def problem(self) -> str:
        """ "" when the store answers in time."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(quickly(self._ask))
        try:
            return await asyncio.wait_for(asyncio.shield(self._asking), READY_SECONDS)
        except TimeoutError:
            return f"the store has not answered within {READY_SECONDS} s."

    def _ask(self) -> str:
        try:
            self._store.everywhere.changes.answers()
        except WayfareError as error:
            return error.message
        return ""


def include(app: FastAPI) -> None:
    app.include_router(router)
