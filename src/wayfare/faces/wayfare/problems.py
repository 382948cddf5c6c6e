"""Our errors as RFC 9457 problems."""

from __future__ import annotations

from typing import Any

from wayfare.core.errors import WayfareError
from wayfare.faces.http.errors import status_of

MEDIA = "application/problem+json"
SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` is stable and documented.",
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "message", "where", "remedy")},
        "status": {"type": "integer"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}


def render(error: WayfareError) -> tuple[int, dict[str, Any]]:
    """`code` is stable and documented in docs/errors.md; `where` names the field or object at fault."""
    status = status_of(error)
    body = {
        "type": f"urn:wayfare:error:{error.code}",
        "title": error.code.replace("_", " "),
        "status": status,
        "detail": str(error),
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "remedy": error.remedy,
    }
    return status, body
