"""REINDEX holds up writes, and reads that would use the index, until it is built.

Safer: REINDEX … CONCURRENTLY, in a change of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "reindex_not_concurrent"
TITLE = "An index is rebuilt while writes wait"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.REINDEX):
        if not action.details.get("concurrently"):
            message = f"writes wait until {action.name or action.table} is built again"
            advice = "Write REINDEX … CONCURRENTLY, in a change of its own."
            yield notice(CODE, statement, message, advice)
