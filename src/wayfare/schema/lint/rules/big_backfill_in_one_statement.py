"""A statement that changes rows of a large table holds them, and what it leaves behind, until it ends; replicas fall
behind.

Safer: in parts of some thousand rows, each a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import EVERY, LARGE_ROWS, Facts, notice

CODE = "big_backfill_in_one_statement"
TITLE = "Very many rows are changed in one statement"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.UPDATE, Kind.DELETE):
        rows = facts.rows(action.table)
        if rows is not None and rows >= LARGE_ROWS:
            message = f"{action.table} has about {rows:,} rows, and one statement changes all that it finds"
            yield notice(CODE, statement, message, "Change them in parts, each a transaction of its own.")
