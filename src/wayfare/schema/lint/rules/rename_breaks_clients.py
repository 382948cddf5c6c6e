"""Who still says the old name of a table or column fails from that moment.

Safer: a view with the old name, or a new column beside the old one, until nobody uses it (recipe `rename`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Action, Kind, Statement
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "rename_breaks_clients"
TITLE = "A table or column gets another name under its clients"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.RENAME_TABLE, Kind.RENAME_COLUMN):
        message = f"whoever says {_old(action)} fails once it is {action.details.get('new')}"
        advice = "Keep the old name alive until nobody uses it (recipe `rename`)."
        yield notice(CODE, statement, message, advice)


def _old(action: Action) -> str:
    return action.table if action.kind is Kind.RENAME_TABLE else f"{action.table}.{action.name}"
