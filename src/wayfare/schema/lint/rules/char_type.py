"""char(n) fills its values up with spaces, and saves nothing.

Better: text, or varchar(n).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement
from wayfare.schema.lint.columns import columns
from wayfare.schema.lint.facts import Facts, notice

CODE = "char_type"
TITLE = "char(n) fills its values up with spaces"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for column in columns(statement):
        said = str(column.details.get("type", "")).lower()
        if said.startswith(("char(", "character(", "bpchar")) or said in ("char", "character"):
            message = f"{column.table}.{column.name} is {said}, which is filled up with spaces"
            yield notice(CODE, statement, message, "Write text, or varchar(n).", Severity.INFO)
