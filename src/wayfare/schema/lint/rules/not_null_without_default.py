"""ADD COLUMN … NOT NULL without a default fails on a table that has rows; MySQL fills in an empty value that nobody
chose.

Safer: give a default, or add the column without NOT NULL, fill it, and then SET NOT NULL (recipe `set_not_null`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "not_null_without_default"
TITLE = "A column that may not be NULL is added without a default"
DIALECTS = ("postgres", "mysql", "tsql")


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_COLUMN):
        said = action.details
        filled = any(said.get(word) for word in ("default", "identity", "generated", "serial"))
        if said.get("not_null") and not filled:
            message = f"{action.table}.{action.name} may not be NULL, and the rows that are there have no value for it"
            advice = "Give it a default, or add it without NOT NULL, fill it and SET NOT NULL (recipe `set_not_null`)."
            yield notice(CODE, statement, message, advice)
