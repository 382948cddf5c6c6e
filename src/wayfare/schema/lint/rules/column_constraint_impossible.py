"""SQLite refuses to add a column that is UNIQUE or a PRIMARY KEY.

Instead: add it without, and CREATE UNIQUE INDEX.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "column_constraint_impossible"
TITLE = "A column with a key cannot be added"
DIALECTS = ("sqlite",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY):
        if action.details.get("inline") and statement.kind is Kind.ADD_COLUMN:
            message = f"a column of {action.table} cannot be added with a key"
            advice = "Add it without, and CREATE UNIQUE INDEX."
            yield notice(CODE, statement, message, advice, Severity.ERROR)
