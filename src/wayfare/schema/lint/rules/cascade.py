"""CASCADE drops views, keys and functions that the change does not name.

Safer: drop them by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "cascade"
TITLE = "CASCADE drops what the change does not name"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in statement.actions:
        if action.details.get("cascade"):
            message = f"what depends on {action.name or action.table} is dropped, whatever it is"
            yield notice(CODE, statement, message, "Drop what depends on it by name; a rehearsal tells what that is.")
