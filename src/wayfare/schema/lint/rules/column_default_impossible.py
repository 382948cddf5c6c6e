"""SQLite refuses to add a column that is NOT NULL without a default, or whose default is computed, to a table that has
rows.

Instead: give it a constant default.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "column_default_impossible"
TITLE = "A column cannot be added so"
DIALECTS = ("sqlite",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_COLUMN):
        default = str(action.details.get("default", ""))
        bare = action.details.get("not_null") and not action.details.get("generated")
        if (
            (bare and default.upper() in ("", "NULL"))
            or default.startswith("(")
            or default.upper().startswith("CURRENT_")
        ):
            message = f"{action.table}.{action.name} cannot be added to a table that has rows"
            yield notice(CODE, statement, message, "Give it a constant default.", Severity.ERROR)
