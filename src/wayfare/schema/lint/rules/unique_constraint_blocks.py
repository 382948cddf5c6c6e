"""ADD UNIQUE builds an index while nobody else may read or write the table.

Safer: CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX (recipe `add_unique`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "unique_constraint_blocks"
TITLE = "A unique constraint builds its index while the table is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_UNIQUE):
        if not action.details.get("index") and facts.blocks(action.table):
            message = f"{action.table} is closed while the index of the constraint {action.name} is built"
            advice = (
                "Build a unique index CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX (recipe `add_unique`)."
            )
            yield notice(CODE, statement, message, advice)
