"""REFRESH MATERIALIZED VIEW closes the view until it is made again.

Safer: REFRESH … CONCURRENTLY, which needs a unique index on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "refresh_not_concurrent"
TITLE = "A materialized view is closed while it is made again"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.REFRESH):
        if not action.details.get("concurrently"):
            message = f"{action.name} is closed until it is made again"
            advice = "Write REFRESH MATERIALIZED VIEW CONCURRENTLY; it needs a unique index."
            yield notice(CODE, statement, message, advice)
