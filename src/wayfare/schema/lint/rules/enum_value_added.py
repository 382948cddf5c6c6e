"""A value that is added to an enum cannot be taken away, and the transaction that adds it cannot use it.

Safer: use it in a later change; where values come and go, a table of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "enum_value_added"
TITLE = "A value of an enum cannot be taken away"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ALTER_ENUM):
        if action.details.get("value") and not action.details.get("old"):
            message = f"{action.details['value']} stays in {action.name} for good"
            advice = "Use the value only in a later change."
            yield notice(CODE, statement, message, advice, Severity.INFO)
