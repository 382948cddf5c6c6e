"""Our errors in document 001's envelope."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog

from wayfare.core.errors import Conflict, NotAllowed, NotFound, NotSignedIn, RateLimited, UserError, WayfareError
from wayfare.faces.http.errors import HttpError, status_of

# The first class that an error is an instance of counts.
CODES: tuple[tuple[type[WayfareError], int, str], ...] = (
    (NotSignedIn, 401, "UNAUTHORIZED"),
    (NotAllowed, 403, "FORBIDDEN"),
    (RateLimited, 429, "RATE_LIMIT_EXCEEDED"),
    (NotFound, 404, "NOT_FOUND"),
    (Conflict, 409, "CONFLICT"),
    (UserError, 400, "VALIDATION_ERROR"),
)
SCHEMA = {
    "type": "object",
    "title": "ErrorAnswer",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                **{name: {"type": "string"} for name in ("code", "message", "remedy", "traceId", "timestamp")},
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                    },
                },
            },
            "required": ["code", "message", "details", "traceId", "timestamp"],
        }
    },
    "required": ["error"],
}


def render(error: WayfareError) -> tuple[int, dict[str, Any]]:
    """What the document has no code for keeps ours: 502 UNREACHABLE is a server of the caller's, not one of our own."""
    fitting = next(((status, code) for kind, status, code in CODES if isinstance(error, kind)), None)
    status, code = fitting or (status_of(error), error.code.upper())
    if isinstance(error, HttpError):
        status, code = error.status, error.code.upper()
    if status == 500:
        code = "INTERNAL_ERROR"
    details = [{"field": error.where, "message": error.message}] if error.where else []
    body = {
        "code": code,
        "message": error.message,
        "details": details,
        "remedy": error.remedy,
        "traceId": f"trace-{structlog.contextvars.get_contextvars().get('request', '')}",
        "timestamp": printed(datetime.now(UTC).timestamp()),
    }
    return status, {"error": body}


def printed(seconds: float) -> str:
    """As the document prints times: UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def printed_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else printed(seconds)
