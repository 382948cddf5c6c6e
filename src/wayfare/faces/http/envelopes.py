"""Errors in the envelope of the face whose path was asked; the one place where an error becomes an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from wayfare.core.errors import Bug, Invalid, WayfareError
from wayfare.faces.http.errors import FIXED, classified, headers_of, status_of
from wayfare.faces.http.face import Face
from wayfare.faces.http.headers import Asgi, Message, Receive, Scope, Send
from wayfare.faces.http.limits import too_large

log = structlog.get_logger("wayfare.http")


@dataclass(frozen=True, slots=True)
class Envelopes:
    served: Sequence[Face]

    def face_of(self, path: str) -> Face:
        """By the longest prefix; paths of nobody are the fallback face's, or the only one's."""
        mine = [(len(p), f) for f in self.served for p in f.prefixes if f"{path}/".startswith(f"{p.rstrip('/')}/")]
        if mine:
            return max(mine, key=lambda pair: pair[0])[1]
        return next((f for f in self.served if f.fallback), self.served[0])

    def answer(self, path: str, error: Exception, headers: Mapping[str, str] | None = None) -> Response:
        """The status is the face's, except where HTTP or sign-in fix it."""
        if isinstance(error, RequestValidationError):
            error = first_problem(error)
        found = classified(error, path)
        if isinstance(found, Bug) and not isinstance(error, WayfareError):
            log.error("unexpected", path=path, exc_info=error)
        face = self.face_of(path)
        status, body = face.render(found)
        if isinstance(found, FIXED):
            status = status_of(found)
        more = {**headers_of(found), **(headers or {})}
        if isinstance(error, HTTPException):
            status, more = error.status_code, {**more, **(error.headers or {})}
        return JSONResponse(body, status, more, media_type=face.error_media)


class Rendered:
    """ASGI middleware: whatever is raised inside, and not rendered there, is answered in the face's envelope.

    Inside Starlette's own ServerErrorMiddleware, whose answers would miss the headers of the middleware around us.
    """

    def __init__(self, app: Asgi, envelopes: Envelopes) -> None:
        self._app = app
        self._envelopes = envelopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        started = False

        async def noticing(message: Message) -> None:
            nonlocal started
            if scope.get("wayfare.too_large") and not started and message["type"] == "http.response.start":
                raise too_large()  # the framework is about to call the unread body a bad one
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception as error:
            if started:
                raise  # half an answer is sent: closing the connection is all that can tell
            await self._envelopes.answer(scope["path"], error)(scope, receive, send)


def first_problem(error: RequestValidationError) -> Invalid:
    """What is wrong with a request's first wrong field. Never repeats its value, which may be a secret."""
    problem: Mapping[str, Any] = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"] if part != "body")
    if problem["type"] == "extra_forbidden":
        return Invalid("there is no such field.", where=where, remedy="Remove it, or correct its name.")
    if problem["type"] == "json_invalid" or (not where and problem["type"].endswith("_type")):
        return Invalid(
            "the body is not a JSON object.", remedy="Send one, with the header Content-Type: application/json."
        )
    return Invalid(f"{problem['msg']}.", where=where or "body", remedy="Correct the field and send it again.")
