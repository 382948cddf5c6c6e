"""Errors as RFC 6749 has them, with our own words beside; and as pages, where a browser was sent to us."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from wayfare.access.oauth.refusals import OAuthRefused, described
from wayfare.core.errors import WayfareError
from wayfare.faces.http.envelopes import first_problem
from wayfare.faces.http.errors import headers_of, status_of
from wayfare.faces.oauth.page import page_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

SCHEMA = {
    "type": "object",
    "title": "Refusal",
    "description": "RFC 6749, section 5.2. The other fields are the same in words for people.",
    "properties": {
        name: {"type": "string"} for name in ("error", "error_description", "code", "message", "where", "remedy")
    },
    "required": ["error", "error_description"],
}
CHALLENGE = 'Basic realm="wayfare"'  # how a client proves itself
PAGES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A page that says what is wrong.", "content": {"text/html": {}}},
    "5XX": {"description": "A page that says what did not work.", "content": {"text/html": {}}},
}


def render(error: WayfareError) -> tuple[int, dict[str, Any]]:
    """`error` is the protocol's code where it has one, else ours (docs/errors.md)."""
    ours = {"code": error.code, "message": error.message, "where": error.where, "remedy": error.remedy}
    if isinstance(error, OAuthRefused):
        return error.status, {**error.fields(), **ours}
    return status_of(error), {"error": error.code, "error_description": described(str(error)), **ours}


class ClientRoute(APIRoute):
    """For what clients call: a refusal of theirs is answered as the protocol has it, with how to prove oneself."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except OAuthRefused as refused:
                status, body = render(refused)
                headers = {"pragma": "no-cache", **({"www-authenticate": CHALLENGE} if status == 401 else {})}
                return JSONResponse(body, status, headers)

        return handler


class PageRoute(APIRoute):
    """For what browsers are sent to: whatever goes wrong is told on a page, to whoever sits there."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except (WayfareError, RequestValidationError) as error:
                found = error if isinstance(error, WayfareError) else first_problem(error)
                return page_of(found, status_of(found), headers_of(found))

        return handler
