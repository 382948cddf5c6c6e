"""ADD PRIMARY KEY builds an index, and reads all rows for NULL, while nobody else may read or write the table.

Safer: CREATE UNIQUE INDEX CONCURRENTLY on columns that are NOT NULL, then ADD CONSTRAINT … PRIMARY KEY USING INDEX
(recipe `add_unique`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "primary_key_blocks"
TITLE = "A primary key builds its index while the table is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_PRIMARY_KEY):
        if not action.details.get("index") and facts.blocks(action.table):
            message = f"{action.table} is closed while the index of its primary key is built"
            advice = "Build a unique index CONCURRENTLY, then ADD … PRIMARY KEY USING INDEX (recipe `add_unique`)."
            yield notice(CODE, statement, message, advice)
