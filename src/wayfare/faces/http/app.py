"""The shell every face hangs in: one application, one health page, errors in the envelope of the face asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from wayfare import __version__
from wayfare.core.errors import Bug, Invalid, NotFound, WayfareError
from wayfare.faces.http.face import Face, Rendered
from wayfare.store.store import Store
from wayfare.systems.registry import databases

BODY_BYTES_MAX = 1 << 20


def create_app(store: Store, served: Sequence[Face]) -> FastAPI:
    """The faces of `served` on one origin. Routes read `request.app.state.store`."""
    app = FastAPI(title="Wayfare", version=__version__, docs_url=None, redoc_url=None)
    app.state.store = store
    for face in served:
        app.include_router(face.router)
    app.add_api_route("/health", lambda: health(served), methods=["GET"], tags=["health"])

    def answer(request: Request, error: WayfareError) -> JSONResponse:
        code, body = _face_of(request, served).render(error)
        return JSONResponse(body, status_code=code)

    async def ours(request: Request, error: Exception) -> JSONResponse:
        return answer(
            request, error if isinstance(error, WayfareError) else Bug("something went wrong inside Wayfare.")
        )

    async def unreadable(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answer(request, _first_problem(error))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        body = _face_of(request, served).render(NotFound(f"there is no {request.url.path} here."))[1]
        return JSONResponse({**body, "error": str(error.detail)}, error.status_code, dict(error.headers or {}))

    app.add_exception_handler(WayfareError, ours)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(BodyLimit)
    return app


def health(served: Sequence[Face]) -> dict[str, Any]:
    """The union of what the served documents promise: who answers, and which systems it can move."""
    names = sorted(a.name for a in databases().values() if a.drivers and not a.missing)
    return {
        "status": "healthy",
        "service": served[0].service if len(served) == 1 else "wayfare",
        "version": __version__,
        "sources": names,
        "destinations": names,
    }


def _face_of(request: Request, served: Sequence[Face]) -> Face:
    return next((f for f in served if request.url.path.startswith(f.prefixes)), served[0])


def _first_problem(error: RequestValidationError) -> Invalid:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"] if part != "body")
    if problem["type"] == "extra_forbidden":
        return Invalid("there is no such field.", where=where, remedy="Remove it, or correct its name.")
    if problem["type"] == "json_invalid" or (not where and problem["type"].endswith("_type")):
        return Invalid(
            "the body is not a JSON object.", remedy="Send one, with the header Content-Type: application/json."
        )
    return Invalid(f"{problem['msg']}.", where=where or "body", remedy="Correct the field and send it again.")


class BodyLimit:
    """Answers 413 to a body that says it is larger than a request can be, and cuts off one that turns out to be."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = next((int(v) for k, v in scope["headers"] if k == b"content-length" and v.isdigit()), 0)
        if said > BODY_BYTES_MAX:
            body = {"success": False, "error": f"the body is larger than {BODY_BYTES_MAX} bytes."}
            await JSONResponse(body, 413)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_BYTES_MAX:
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)


__all__ = ["Rendered", "create_app", "health"]
