"""Without a primary key the table is copied, and replicas look for each changed row by reading all.

Safer: drop it and add the next in the same statement.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "drop_primary_key"
TITLE = "A primary key is dropped"
DIALECTS = ("mysql",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    added = any(a.kind is Kind.ADD_PRIMARY_KEY for a in statement.actions)
    for action in facts.actions(statement, Kind.DROP_CONSTRAINT):
        if action.details.get("of") == "primary_key" and not added:
            message = f"{action.table} is copied, and replicates slowly without a primary key"
            yield notice(CODE, statement, message, "Add the next primary key in the same statement.")
