"""The columns and constraints that a statement defines, in a new table or an old one."""

from __future__ import annotations

from collections.abc import Iterator

from wayfare.core.statements import Action, Kind, Statement


def columns(statement: Statement) -> Iterator[Action]:
    """As actions of kind ADD_COLUMN."""
    for action in statement.actions:
        if action.kind is Kind.ADD_COLUMN:
            yield action
        yield from action.details.get("definitions", ())


def parts(statement: Statement, kind: Kind) -> Iterator[Action]:
    """Constraints of a kind, those within CREATE TABLE too."""
    for action in statement.actions:
        if action.kind is kind:
            yield action
        yield from (c for c in action.details.get("constraints", ()) if c.kind is kind)
