"""The rehearsal saw a block, a function or a query change the schema or close a table, which its text does not show.

Safer: write the statements themselves, so that each can be planned.
"""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.changes import Blocks
from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint.facts import Facts, notice

CODE = "hidden_change"
TITLE = "A block changes the schema"
DIALECTS = ("postgres", "mysql", "tsql")


def find(statement: Statement, facts: Facts) -> Iterator[Finding]:
    if statement.kind not in (Kind.BLOCK, Kind.SELECT) or facts.here is None:
        return
    closed = [table for table, blocks in facts.here.blocks.items() if blocks is Blocks.EVERYTHING]
    changed = dict.fromkeys([*facts.here.rewrites, *facts.here.creates, *facts.here.drops, *closed])
    if changed:
        message = f"it changes {', '.join(changed)}, which its text does not show"
        yield notice(CODE, statement, message, "Write the statements themselves, so that each can be planned.")
