"""Where each statement is committed by itself, one that fails half-way must be carried out again from the begin.

Better: IF EXISTS, IF NOT EXISTS.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "if_exists_missing"
TITLE = "A statement that cannot be carried out twice"
DIALECTS = ("mysql",)
ROBUST = {Kind.CREATE_TABLE, Kind.DROP_TABLE, Kind.CREATE_VIEW, Kind.DROP_VIEW, Kind.DROP_TRIGGER}


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in statement.actions:
        said = action.details
        guarded = said.get("if_exists") or said.get("if_not_exists") or said.get("replace") or said.get("inline")
        if action.kind in ROBUST and not guarded:
            message = f"{action.name} would be refused if the change were carried out again"
            yield notice(CODE, statement, message, "Write IF EXISTS or IF NOT EXISTS.", Severity.INFO)
