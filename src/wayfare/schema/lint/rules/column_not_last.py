"""A column in the middle writes the table anew on older servers, and stops a replica that has not got it yet.

Safer: add it last; columns are found by their names.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "column_not_last"
TITLE = "A column is not added at the end"
DIALECTS = ("mysql",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_COLUMN):
        if action.details.get("first") or action.details.get("after"):
            message = f"{action.table}.{action.name} is not added at the end: replicas that have not got it yet stop"
            advice = "Leave FIRST or AFTER out."
            yield notice(CODE, statement, message, advice)
