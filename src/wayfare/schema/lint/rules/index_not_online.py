"""CREATE INDEX and ALTER INDEX … REBUILD close the table unless they are said to be ONLINE.

Safer: WITH (ONLINE = ON), which Enterprise and Azure have.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "index_not_online"
TITLE = "An index is built while its table is closed"
DIALECTS = ("tsql",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.CREATE_INDEX, Kind.REINDEX):
        if not action.details.get("concurrently") and not action.details.get("inline"):
            message = f"{action.table} is closed until {action.name} is built"
            advice = "Write WITH (ONLINE = ON) where the edition has it."
            yield notice(CODE, statement, message, advice)
