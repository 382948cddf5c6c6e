"""timestamp without a zone means another moment wherever it is read.

Better: timestamptz.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement
from wayfare.schema.lint.columns import columns
from wayfare.schema.lint.facts import Facts, notice

CODE = "timestamp_without_time_zone"
TITLE = "A moment without a zone means another moment elsewhere"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for column in columns(statement):
        said = str(column.details.get("type", "")).lower()
        if said.startswith("timestamp") and "tz" not in said and "with time zone" not in said:
            message = f"{column.table}.{column.name} does not say in which zone its moments are"
            yield notice(CODE, statement, message, "Write timestamptz.", Severity.INFO)
