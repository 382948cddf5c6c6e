"""TRUNCATE loses all rows, closes the table, and cannot be had back once it is committed.

Safer: delete the rows in parts, after a dump.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "truncate"
TITLE = "All rows of a table are lost"
DIALECTS = ("postgres", "mysql", "tsql")


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.TRUNCATE):
        message = f"all rows of {action.table} are lost"
        advice = "Keep a dump, and delete in parts where others read the table meanwhile."
        yield notice(CODE, statement, message, advice)
