"""The rehearsal saw the table being written anew: it is closed meanwhile, and needs its size again on disk.

Safer: a new column beside the old one, filled in parts (recipe `type_change`).
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding
from wayfare.core.statements import Statement
from wayfare.schema.lint.facts import EVERY, Facts, named, notice

CODE = "rewrites_table"
TITLE = "A table is written anew"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    for table in facts.here.rewrites if facts.here else ():
        if not named(table, facts.new):
            seconds = facts.here.estimate_seconds if facts.here else 0.0
            lasting = f", for about {seconds:.0f} s" if seconds else ""
            message = f"{table} is written anew, and closed meanwhile{lasting}"
            yield notice(
                CODE, statement, message, "Add a column beside it, and fill that in parts (recipe `type_change`)."
            )
