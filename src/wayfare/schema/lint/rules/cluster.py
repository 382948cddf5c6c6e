"""CLUSTER writes the whole table anew while nobody else may read it.

Safer: a tool that repacks beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "cluster"
TITLE = "CLUSTER writes the table anew while it is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.OTHER):
        if action.details.get("statement") == "cluster":
            message = f"{action.table or 'every table'} is closed while it is written anew"
            advice = "Repack beside it."
            yield notice(CODE, statement, message, advice)
