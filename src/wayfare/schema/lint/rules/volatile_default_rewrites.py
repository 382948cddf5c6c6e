"""A new column whose default differs from row to row (random(), gen_random_uuid(), nextval(), serial, identity), or
that is stored and generated, writes the whole table anew while it is closed.

Safer: add the column without a default, SET DEFAULT, then fill the rows in parts (recipe `volatile_default`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "volatile_default_rewrites"
TITLE = "A default that differs from row to row writes the table anew"
DIALECTS = ("postgres",)


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for action in facts.actions(statement, Kind.ADD_COLUMN):
        said = action.details
        differs = said.get("volatile_default") or said.get("identity") or said.get("generated") == "stored"
        if differs and facts.rewrites(action.table):
            message = f"{action.table} is written anew to give each row its own {action.name}"
            advice = "Add it without a default, SET DEFAULT, and fill the rows in parts (recipe `volatile_default`)."
            yield notice(CODE, statement, message, advice)
