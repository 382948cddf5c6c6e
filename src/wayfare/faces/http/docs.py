"""The faces described: OpenAPI for each at /openapi/{face}.json, and pages to read and try them at /docs.

Everything comes from this origin; the pages work without a network.
"""

from __future__ import annotations

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
    return JSONResponse(description(_named(face, request.app)), headers={"cache-control": "no-cache"})


@router.get("/docs")
def index(request: Request) -> HTMLResponse:
    rows = [f'<li><a href="/docs/{escape(n)}">{escape(n)}</a> – {escape(t)}</li>' for n, t in _titles(request.app)]
    return _page("Wayfare", f"<h1>Wayfare {__version__}</h1><ul>{''.join(rows)}</ul>")


@router.get("/docs/{face}")
def page(face: str, request: Request) -> HTMLResponse:
    name, _ = _named(face, request.app)
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


def _named(name: str, app: FastAPI) -> tuple[str, APIRouter]:
    """Raises NotFound."""
    served: Sequence[Face] = app.state.served
    routers = {SHELL: probes.router, **{face.name: face.router for face in served}}
    if name not in routers:
        raise NotFound(f"there is no face {name[:80]!r} here.", remedy=f"There are: {', '.join(routers)}.")
    return name, routers[name]


def description(named: tuple[str, APIRouter]) -> dict[str, Any]:
    """OpenAPI of one router. Public routes need no sign-in; all others take either way of it, and may answer 401."""
    name, described = named
    found = get_openapi(
        title=f"Wayfare: {name}", version=__version__, routes=list(described.routes), description=_purpose(described)
    )
    found.setdefault("components", {})["securitySchemes"] = SIGN_IN
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            if (method.upper(), path) not in PUBLIC:
                operation["security"] = [{scheme: []} for scheme in SIGN_IN]
    return found


def _purpose(described: APIRouter) -> str:
    public = [c.path for c in iter_route_contexts(described.routes) if ("GET", c.path) in PUBLIC]
    return f"Without sign-in: {', '.join(str(path) for path in public)}." if public else "Every route needs sign-in."


def _page(title: str, body: str, description_url: str = "") -> HTMLResponse:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    head += '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    head += '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">'
    text = f'<!doctype html><html lang="en"><head>{head}</head>'
    text += f'<body data-description="{escape(description_url)}">{body}</body></html>'
    return HTMLResponse(text, headers={"content-security-policy": PAGE_POLICY})
