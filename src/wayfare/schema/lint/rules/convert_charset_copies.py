"""CONVERT TO CHARACTER SET copies the whole table while writes wait.

Safer: a new table or column beside it, filled in parts (recipe `type_change`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "convert_charset_copies"
TITLE = "Another character set copies the table"
DIALECTS = ("mysql",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ALTER_TABLE):
        if action.details.get("change") == "convert_charset":
            message = f"{action.table} is copied while writes to it wait"
            advice = "Fill a new column or table in parts (recipe `type_change`)."
            yield notice(CODE, statement, message, advice)
