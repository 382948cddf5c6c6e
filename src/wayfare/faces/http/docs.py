"""The faces described: OpenAPI for each at /openapi/{face}.json, and pages to read and try them at /docs.

Everything comes from this origin; the pages work without a network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.responses import HTMLResponse, JSONResponse, Response

from wayfare import __version__
from wayfare.core.errors import NotFound
from wayfare.faces.http import probes
from wayfare.faces.http.face import Face
from wayfare.faces.http.headers import PAGE_POLICY
from wayfare.faces.http.public import PUBLIC

ASSETS = {  # by name, never by joining paths
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "page.js": "text/javascript",
}
ASSET_SECONDS = 3600
SHELL = "shell"  # the routes that belong to no face
SIGN_IN = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

router = APIRouter(include_in_schema=False)


@router.get("/openapi/{face}.json")
def openapi(face: str, request: Request) -> JSONResponse:
    """The OpenAPI 3.1 description of one face, or of what surrounds them all: `shell`."""
    return JSONResponse(description(_named(face, request.app), request.app), headers={"cache-control": "no-cache"})


@router.get("/docs")
def index(request: Request) -> HTMLResponse:
    rows = [f'<li><a href="/docs/{escape(n)}">{escape(n)}</a> – {escape(t)}</li>' for n, t in _titles(request.app)]
    return _page("Wayfare", f"<h1>Wayfare {__version__}</h1><ul>{''.join(rows)}</ul>")


@router.get("/docs/{face}")
def page(face: str, request: Request) -> HTMLResponse:
    name = _named(face, request.app)
    body = '<div id="description"></div><script src="/docs/assets/swagger-ui-bundle.js"></script>'
    return _page(f"Wayfare: {name}", body + '<script src="/docs/assets/page.js"></script>', f"/openapi/{name}.json")


@router.get("/docs/assets/{name}")
def asset(name: str) -> Response:
    if name not in ASSETS:
        raise NotFound("there is no such asset.", where="name")
    return Response(
        _asset(name), media_type=ASSETS[name], headers={"cache-control": f"public, max-age={ASSET_SECONDS}"}
    )


@lru_cache(maxsize=len(ASSETS))
def _asset(name: str) -> bytes:
    return files("wayfare.faces.http").joinpath("assets", "swagger", name).read_bytes()


def _titles(app: FastAPI) -> Sequence[tuple[str, str]]:
    served: Sequence[Face] = app.state.served
    return [*((f.name, f.service) for f in served), (SHELL, "probes and metrics")]


def _routers(app: FastAPI) -> dict[str, APIRouter]:
    served: Sequence[Face] = app.state.served
    return {SHELL: probes.router, **{face.name: face.router for face in served}}


def _named(name: str, app: FastAPI) -> str:
    """The same name. Raises NotFound."""
    if name not in _routers(app):
        raise NotFound(f"there is no face {name[:80]!r} here.", remedy=f"There are: {', '.join(_routers(app))}.")
    return name


def descriptions(app: FastAPI) -> dict[str, dict[str, Any]]:
    """Of every face, by name."""
    return {name: description(name, app) for name in _routers(app)}


def description(name: str, app: FastAPI) -> dict[str, Any]:
    """OpenAPI of one face. Public routes need no sign-in; all others take either way of it."""
    described = _routers(app)[name]
    face = next((f for f in app.state.served if f.name == name), _fallback(app))
    found = get_openapi(title=f"Wayfare: {name}", version=__version__, routes=list(described.routes))
    components = found.setdefault("components", {})
    components["securitySchemes"] = SIGN_IN
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):  # what FastAPI would answer; ours is the face's envelope
        schemas.pop(unused, None)
    schemas["Refusal"] = face.error_schema
    routes = list(iter_route_contexts(described.routes))
    names = Counter(str(route.name) for route in routes)
    for route in routes:
        for method in route.methods or ():
            operation = found["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                name = str(route.name) if names[str(route.name)] == 1 else f"{method} {route.path}"
                _complete(operation, name, face.error_media, public=(method, route.path) in PUBLIC)
    return found


def _complete(operation: dict[str, Any], name: str, error_media: str, *, public: bool) -> None:
    """What is the same for all: a short name for generated clients, sign-in, and how a refusal looks."""
    operation["operationId"] = re.sub(r"\W+", "_", name).strip("_").lower()
    if not public:
        operation["security"] = [{scheme: []} for scheme in SIGN_IN]
    operation["responses"].pop("422", None)
    refusal = {"content": {error_media: {"schema": {"$ref": "#/components/schemas/Refusal"}}}}
    for statuses, told in (("4XX", "What the caller can mend."), ("5XX", "What the caller cannot.")):
        operation["responses"].setdefault(statuses, {"description": told, **refusal})


def _fallback(app: FastAPI) -> Face:
    served: Sequence[Face] = app.state.served
    return next((f for f in served if f.fallback), served[0])


def _page(title: str, body: str, description_url: str = "") -> HTMLResponse:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    head += '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    head += '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">'
    text = f'<!doctype html><html lang="en"><head>{head}</head>'
    text += f'<body data-description="{escape(description_url)}">{body}</body></html>'
    return HTMLResponse(text, headers={"content-security-policy": PAGE_POLICY})
