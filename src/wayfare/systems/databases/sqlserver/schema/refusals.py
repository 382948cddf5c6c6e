"""What the server said about a statement of a script, with the place in the script."""

from __future__ import annotations

import re

from wayfare.core.errors import Busy, Forbidden, Full, Refused, Unreachable, WayfareError
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlserver.errors import line_of

_AS_THEY_ARE = (Busy, Forbidden, Full)
_NUMBER = re.compile(r"\((\d+)\)$")
# https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
_REMEDIES = {
    **dict.fromkeys((515, 547, 1505, 2601, 2627, 4901, 2628, 8152), "Look for the rows that break it, and mend them."),
    **dict.fromkeys((226, 574, 3021), "Write GO before and after it, so that it is carried out by itself."),
    **dict.fromkeys((5074, 4922, 3726, 3729), "Drop or change what depends on it first, in the same script."),
}


def refusal(error: WayfareError, statement: Statement) -> WayfareError:
    """Refused, Forbidden, Full or Busy with `where` = "line L, column C" of the script; Unreachable as it is."""
    if isinstance(error, Unreachable):
        return error
    place = where(statement, line_of(error))
    if isinstance(error, _AS_THEY_ARE):
        return type(error)(error.message, where=place, remedy=error.remedy)
    found = _NUMBER.search(error.message)
    remedy = _REMEDIES.get(int(found[1]), "") if found else ""
    return Refused(error.message, where=place, remedy=remedy or "Mend the script.")


def where(statement: Statement, line: int = 0) -> str:
    """The place in the script. A batch may hold many statements; `line` (from 1) is the one that the server told."""
    lines = statement.text.split("\n")
    if not 1 < line <= len(lines):
        return statement.place
    text = lines[line - 1]
    return f"line {statement.line + line - 1}, column {len(text) - len(text.lstrip()) + 1}"
