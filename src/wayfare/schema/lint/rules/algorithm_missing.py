"""Without ALGORITHM= the server silently takes the slowest way that it needs.

Safer: ALGORITHM=INSTANT or INPLACE, which refuses instead; a rehearsal finds the mildest, and a change is carried
out with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "algorithm_missing"
TITLE = "A change may copy the table without having said so"
DIALECTS = ("mysql",)
ALTERS = (Kind.ADD_COLUMN, Kind.DROP_COLUMN, Kind.ALTER_TYPE, Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.ALTER_TABLE)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in list(facts.actions(statement, *ALTERS))[:1]:
        if not action.details.get("clauses") and not (facts.here and facts.here.clause):
            message = f"{action.table} may be copied while it is closed"
            yield notice(CODE, statement, message, "Rehearse it, or say ALGORITHM=INSTANT or INPLACE.", Severity.INFO)
