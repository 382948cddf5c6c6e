"""ADD CHECK reads the whole table while nobody else may.

Safer: ADD … NOT VALID, then VALIDATE CONSTRAINT in a change of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "check_validates"
TITLE = "A check is tried on all rows while the table is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_CHECK):
        if not action.details.get("not_valid") and facts.scans(action.table):
            message = f"{action.table} is closed while the check {action.name} is tried on all its rows"
            advice = "Write NOT VALID, and VALIDATE CONSTRAINT in a change of its own."
            yield notice(CODE, statement, message, advice)
