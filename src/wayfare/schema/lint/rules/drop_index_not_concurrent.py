"""DROP INDEX closes the table of the index for reads and writes, and queues behind every reader.

Safer: DROP INDEX CONCURRENTLY, in a change of its own (recipe `index`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "drop_index_not_concurrent"
TITLE = "An index is dropped while its table is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.DROP_INDEX):
        if not action.details.get("concurrently"):
            message = f"the table of {action.name} is closed while the index is dropped"
            advice = "Write DROP INDEX CONCURRENTLY, in a change of its own (recipe `index`)."
            yield notice(CODE, statement, message, advice)
