"""Another type mostly writes the whole table anew while it is closed.

Safer: a new column beside the old one, kept alike by a trigger, filled in parts (recipe `type_change`). A rehearsal
tells whether the change is one of the few that write nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "type_change_rewrites"
TITLE = "A column's type is changed by writing the table anew"
DIALECTS = ("postgres", "mysql", "tsql")


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ALTER_TYPE):
        if action.details.get("type") and facts.rewrites(action.table):
            message = f"{action.table} may be written anew to make {action.name} {action.details['type']}"
            advice = (
                "Rehearse it; where it rewrites, add a column beside it and fill that in parts (recipe `type_change`)."
            )
            yield notice(CODE, statement, message, advice)
