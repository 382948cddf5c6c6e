"""CREATE INDEX holds up every write to its table until the index is built.

Safer: CREATE INDEX CONCURRENTLY, in a change of its own (recipe `index`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "index_not_concurrent"
TITLE = "An index is built while writes wait"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.CREATE_INDEX):
        if not action.details.get("concurrently") and facts.blocks(action.table):
            message = f"writes to {action.table} wait until {action.name or 'the index'} is built"
            advice = "Write CREATE INDEX CONCURRENTLY, in a change of its own (recipe `index`)."
            yield notice(CODE, statement, message, advice)
