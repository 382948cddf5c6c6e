"""Our errors in document 004's envelope: `error`; and, for /migrate, the lists that its clients read in any case."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from wayfare.core.errors import Conflict, NotAllowed, NotFound, NotSignedIn, RateLimited, UserError, WayfareError
from wayfare.faces.http.errors import FIXED
from wayfare.faces.http.routes import refusing

STATUSES: tuple[tuple[type[WayfareError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (RateLimited, 429),
    (NotFound, 404),
    (Conflict, 409),
    (UserError, 400),
)


class ErrorAnswer(BaseModel):
    error: str
    code: str


class Failure(UserError):
    """An answer that is an error in the document's own words, with what it prints beside them."""

    def __init__(self, error: str, status: int = 400, **beside: Any) -> None:
        super().__init__(error)
        self.status = status
        self.beside = beside


def render(error: WayfareError) -> tuple[int, dict[str, Any]]:
    """400 for what the caller can mend, 500 for the rest, as the document has it; others where they say more."""
    if isinstance(error, Failure):
        return error.status, {"error": error.message, "code": error.code, **error.beside}
    code = next((code for kind, code in STATUSES if isinstance(error, kind)), 500)
    return code, {"error": str(error), "code": error.code}


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorAnswer, "description": told}
    for code, told in (
        (400, "Something in the request cannot be"),
        (401, "Not signed in"),
        (403, "Not authorized"),
        (404, "Not found"),
        (409, "In conflict with the state"),
        (429, "Too many requests"),
        (500, "A connected system did not do its part"),
    )
}


def _beside_lists(error: WayfareError) -> JSONResponse | None:
    """An error beside the lists of a migration that moved nothing."""
    if isinstance(error, FIXED):
        return None
    status, body = render(error)
    lists = {"tables_migrated": [], "tables_failed": [], "total_tables": 0, "errors": [body["error"]]}
    # The path is there; what is not is something that the body names.
    return JSONResponse({"success": False, **body, **lists}, 400 if status == 404 else status)


MigrationRoute = refusing(_beside_lists)
