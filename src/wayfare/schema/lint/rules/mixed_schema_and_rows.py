"""A lock that a change of the schema takes is held while the same transaction changes rows.

Safer: two changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, named, notice

CODE = "mixed_schema_and_rows"
TITLE = "A change of the schema and of rows in one change"
DIALECTS = ("postgres",)
ALTERS = {
    *(Kind.ADD_COLUMN, Kind.DROP_COLUMN, Kind.RENAME_COLUMN, Kind.ALTER_TYPE, Kind.SET_DEFAULT, Kind.DROP_DEFAULT),
    *(Kind.SET_NOT_NULL, Kind.DROP_NOT_NULL, Kind.ADD_FOREIGN_KEY, Kind.ADD_CHECK, Kind.ADD_UNIQUE, Kind.ALTER_TABLE),
    *(Kind.ADD_PRIMARY_KEY, Kind.ADD_CONSTRAINT, Kind.DROP_CONSTRAINT, Kind.RENAME_TABLE, Kind.TRUNCATE),
}


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    written = list(facts.actions(statement, Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.COPY))
    altered = {a.table for a in facts.script if a.kind in ALTERS and not named(a.table, facts.new)}
    if written and altered:
        tables = ", ".join(sorted(altered))
        message = f"{tables} stays locked while rows of {written[0].table} are written"
        yield notice(CODE, statement, message, "Write the rows in a change of its own.")
