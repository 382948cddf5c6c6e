"""A key of 32 bits (or fewer) ends at 2,147,483,647 rows, and making it longer then writes the table anew.

Better: bigint.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.columns import columns, parts
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "int_key"
TITLE = "A key of 32 bits ends at 2,147,483,647"
DIALECTS = EVERY
SHORT = {"int", "integer", "int4", "smallint", "int2", "serial", "serial4", "smallserial", "tinyint", "mediumint"}


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    keys = {(a.table, c) for a in parts(statement, Kind.ADD_PRIMARY_KEY) for c in a.details.get("columns", ())}
    for column in columns(statement):
        said = str(column.details.get("type", "")).lower().partition("(")[0]
        counted = (column.table, column.name) in keys or column.details.get("identity") or column.details.get("serial")
        if counted and said in SHORT and facts.dialect != "sqlite":
            message = f"{column.table}.{column.name} is a key of at most 2,147,483,647"
            yield notice(CODE, statement, message, "Write bigint.", Severity.INFO)
