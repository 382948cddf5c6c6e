"""Our errors as this face tells them: the document names no envelope, so it is a plain one."""

from __future__ import annotations

from typing import Any

from wayfare.core.errors import WayfareError
from wayfare.faces.http.errors import status_of

SCHEMA = {
    "type": "object",
    "title": "ErrorAnswer",
    "properties": {name: {"type": "string"} for name in ("error", "code", "where", "remedy")},
    "required": ["error", "code", "where", "remedy"],
}


def render(error: WayfareError) -> tuple[int, dict[str, Any]]:
    """`code` is stable and documented in docs/errors.md; `where` names the file, field or setting at fault."""
    return status_of(error), {
        "error": error.message,
        "code": error.code,
        "where": error.where,
        "remedy": error.remedy,
    }
