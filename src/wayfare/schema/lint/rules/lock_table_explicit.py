"""A lock taken by hand is held to the end of the transaction, whatever it was needed for.

Safer: leave it out. Locks are taken with patience for every statement.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "lock_table_explicit"
TITLE = "A table is locked by hand"
DIALECTS = ("postgres", "mysql")


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.OTHER):
        if action.details.get("statement") == "lock":
            message = f"{action.table} stays locked to the end of the change"
            advice = "Leave it out: locks are taken with patience for every statement."
            yield notice(CODE, statement, message, advice)
