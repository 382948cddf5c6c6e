"""VACUUM FULL writes the whole table anew while nobody else may read it.

Safer: plain VACUUM, or a tool that repacks beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "vacuum_full"
TITLE = "VACUUM FULL writes the table anew while it is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.VACUUM):
        if action.details.get("full"):
            message = f"{action.table or 'every table'} is closed while it is written anew"
            advice = "Use plain VACUUM, or repack beside it."
            yield notice(CODE, statement, message, advice)
