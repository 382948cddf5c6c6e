"""UPDATE without WHERE changes every row of the table in one transaction.

Safer: say which rows, and fill large tables in parts.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "update_without_where"
TITLE = "UPDATE without WHERE changes every row"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.UPDATE):
        if not action.details.get("where"):
            message = f"every row of {action.table} is changed"
            advice = "Say WHERE; fill a large table in parts."
            yield notice(CODE, statement, message, advice)
