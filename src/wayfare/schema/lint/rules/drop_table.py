"""The rows of a dropped table cannot be had back, and who still says its name fails.

Safer: rename it, wait, and drop it in a later change; keep a dump of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "drop_table"
TITLE = "A table and its rows are lost"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.DROP_TABLE):
        if not action.details.get("temporary"):
            message = f"{action.table} and its rows are lost"
            advice = "Rename it first, and drop it when nobody has missed it; keep a dump."
            yield notice(CODE, statement, message, advice)
