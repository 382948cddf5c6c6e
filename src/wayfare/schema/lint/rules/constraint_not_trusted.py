"""WITH NOCHECK adds a constraint that was never checked on the rows that are there, and that the planner does not
trust.

Then: ALTER TABLE … WITH CHECK CHECK CONSTRAINT, in a change of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "constraint_not_trusted"
TITLE = "A constraint that nobody checked"
DIALECTS = ("tsql",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    checked = {(a.table, a.name) for a in facts.script if a.kind is Kind.VALIDATE_CONSTRAINT}
    for action in facts.actions(statement, Kind.ADD_FOREIGN_KEY, Kind.ADD_CHECK):
        if action.details.get("not_valid") and (action.table, action.name) not in checked:
            message = f"{action.name} is not checked on the rows of {action.table}"
            yield notice(
                CODE, statement, message, "Write ALTER TABLE … WITH CHECK CHECK CONSTRAINT later.", Severity.INFO
            )
