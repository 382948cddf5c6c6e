"""DELETE without WHERE loses every row of the table.

Safer: say which rows, after a dump.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "delete_without_where"
TITLE = "DELETE without WHERE loses every row"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.DELETE):
        if not action.details.get("where"):
            message = f"every row of {action.table} is lost"
            advice = "Say WHERE, and keep a dump."
            yield notice(CODE, statement, message, advice)
