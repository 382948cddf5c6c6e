"""Errors as RFC 6749 has them, with our own words beside; and as pages, where a browser was sent to us."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from wayfare.access.oauth.refusals import OAuthRefused, described
from wayfare.core.errors import WayfareError
from wayfare.faces.http.errors import headers_of, status_of
from wayfare.faces.http.routes import refusing
from wayfare.faces.oauth.page import page_of

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


def _to_a_client(error: WayfareError) -> Response | None:
    """As the protocol has it, with how to prove oneself."""
    if not isinstance(error, OAuthRefused):
        return None
    status, body = render(error)
    headers = {"pragma": "no-cache", **({"www-authenticate": CHALLENGE} if status == 401 else {})}
    return JSONResponse(body, status, headers)


def _to_a_person(error: WayfareError) -> Response:
    """Whatever goes wrong is told on a page, to whoever sits there."""
    return page_of(error, status_of(error), headers_of(error))


ClientRoute = refusing(_to_a_client)  # for what clients call
PageRoute = refusing(_to_a_person)  # for what browsers are sent to
