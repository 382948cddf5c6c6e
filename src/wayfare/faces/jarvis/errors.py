"""Our errors in document 004's envelope: `success`, `error`, and the lists a client of /migrate reads in any case."""

from __future__ import annotations

from typing import Any

from wayfare.core.errors import Conflict, UserError, WayfareError


def render(error: WayfareError) -> tuple[int, dict[str, Any]]:
    """400 for what the caller can mend, 409 for a conflict, 500 for the rest."""
    code = 409 if isinstance(error, Conflict) else 400 if isinstance(error, UserError) else 500
    body = {
        "success": False,
        "error": str(error),
        "code": error.code,
        "tables_migrated": [],
        "tables_failed": [],
        "total_tables": 0,
        "errors": [str(error)],
    }
    return code, body
