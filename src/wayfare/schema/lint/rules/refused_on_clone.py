"""The statement was refused on an empty clone of the schema, and would be refused on the database too.

Mend it; the message has the words of the server.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement
from wayfare.schema.lint.facts import EVERY, Facts, notice

CODE = "refused_on_clone"
TITLE = "The rehearsal refused a statement"
DIALECTS = EVERY


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    if facts.here and facts.here.error:
        yield notice(CODE, statement, facts.here.error, "Mend the statement.", Severity.ERROR)
