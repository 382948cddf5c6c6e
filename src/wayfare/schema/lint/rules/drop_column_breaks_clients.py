"""The values of a dropped column cannot be had back, and who still says its name fails.

Safer: stop using it first, drop it in a later change; keep a dump of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "drop_column_breaks_clients"
TITLE = "A column and its values are lost"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.DROP_COLUMN):
        message = f"the values of {action.table}.{action.name} are lost, and whoever says its name fails"
        advice = "Drop it only when no client says its name any more, and keep a dump."
        yield notice(CODE, statement, message, advice)
