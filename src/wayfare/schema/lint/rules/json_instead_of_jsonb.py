"""json has no equality, so that SELECT DISTINCT fails, and is parsed again each time.

Better: jsonb.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement
from wayfare.schema.lint.columns import columns
from wayfare.schema.lint.facts import Facts, notice

CODE = "json_instead_of_jsonb"
TITLE = "json is text that is parsed again each time"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for column in columns(statement):
        if str(column.details.get("type", "")).lower() in ("json", "json[]"):
            message = f"{column.table}.{column.name} is json, which cannot be compared or indexed"
            yield notice(CODE, statement, message, "Write jsonb.", Severity.INFO)
