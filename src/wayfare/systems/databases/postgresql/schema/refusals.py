"""What the server said about a statement of a script, with the place in the script."""

from __future__ import annotations

import psycopg

from wayfare.core.errors import Busy, Forbidden, Full, Refused, Unreachable, WayfareError
from wayfare.core.statements import Statement
from wayfare.systems.databases.postgresql.errors import translated

_AS_THEY_ARE = (Busy, Forbidden, Full, Unreachable)
_CANCELED = "57014"
_REMEDIES = {
    "23": "Look for the rows that break it, and mend them first.",
    "42": "Mend the script.",
    "25": "Let it run alone, or take it out of the script.",
}


def refusal(error: psycopg.Error, statement: Statement) -> WayfareError:
    """Refused, Forbidden, Full, Busy or Unreachable, with `where` = "line L, column C" of the script."""
    known = translated(error)
    code, place = error.sqlstate or "", where(statement, error.diag.statement_position)
    if isinstance(known, Unreachable):
        return known
    if code == _CANCELED:
        said = known.message
        return Refused(f"{said} (SQLSTATE {code})", where=place, remedy="Allow it more time, or make it smaller.")
    if isinstance(known, _AS_THEY_ARE):
        return type(known)(known.message, where=place, remedy=known.remedy)
    named = f" Constraint: {error.diag.constraint_name}." if error.diag.constraint_name else ""
    hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
    message = f"{known.message}{named}{hint} (SQLSTATE {code})"
    return Refused(message, where=place, remedy=_REMEDIES.get(code[:2], ""))


def where(statement: Statement, position: str | None = None) -> str:
    """The place in the script: of the statement, or of its character `position` (from 1), as the server counts."""
    before = statement.text[: int(position) - 1] if position else ""
    line = statement.line + before.count("\n")
    column = len(before) - before.rfind("\n") if "\n" in before else statement.column + len(before)
    return f"line {line}, column {column}"
