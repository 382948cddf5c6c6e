"""SET NOT NULL reads the whole table while nobody else may.

Safer: ADD CHECK (… IS NOT NULL) NOT VALID, VALIDATE it, then SET NOT NULL, and DROP the check (recipe
`set_not_null`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Action, Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "set_not_null_scans"
TITLE = "SET NOT NULL reads the whole table while it is closed"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    proved = {_checked(a) for a in facts.script if a.kind is Kind.ADD_CHECK and a.details.get("not_valid")}
    for action in facts.actions(statement, Kind.SET_NOT_NULL):
        seen = (action.table, action.name.lower()) in proved or action.details.get("not_valid")
        if not seen and facts.scans(action.table):
            message = f"{action.table} is read whole, and closed meanwhile, to see that {action.name} is never NULL"
            advice = "Let a check that was NOT VALID and is validated prove it before (recipe `set_not_null`)."
            yield notice(CODE, statement, message, advice)


def _checked(action: Action) -> tuple[str, str]:
    """The column of CHECK (c IS NOT NULL)."""
    expression = str(action.details.get("expression", "")).lower()
    return action.table, expression.removesuffix(" is not null").strip(' "()')
