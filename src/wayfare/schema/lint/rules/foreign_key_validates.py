"""ADD FOREIGN KEY reads the whole table while writes to both tables wait.

Safer: ADD … NOT VALID, then VALIDATE CONSTRAINT in a change of its own (recipe `add_foreign_key`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "foreign_key_validates"
TITLE = "A foreign key is checked while both tables are held"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_FOREIGN_KEY):
        if not action.details.get("not_valid") and facts.blocks(action.table) and not _empty(statement):
            message = f"writes to {action.table} and {action.details.get('references')} wait while all rows are checked"
            advice = "Write NOT VALID, and VALIDATE CONSTRAINT in a change of its own (recipe `add_foreign_key`)."
            yield notice(CODE, statement, message, advice)


def _empty(statement: Statement) -> bool:
    """A column that is added in the same statement without a default is NULL everywhere: nothing is to be checked."""
    return any(a.kind is Kind.ADD_COLUMN and not a.details.get("default") for a in statement.actions)
