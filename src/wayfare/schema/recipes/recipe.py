"""What a recipe is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backfill:
    """Rows to be changed in parts: UPDATE table SET set_expression WHERE where, along the ranges of `key`.

    `table` is quoted already, as both expressions are. `key`: the column to go along; "" for the primary key.
    """

    table: str
    set_expression: str
    where: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """Statements of one change, or one backfill. `alone`: each statement is a change of its own, in no transaction."""

    title: str
    statements: tuple[str, ...] = ()
    alone: bool = False
    backfill: Backfill | None = None
    note: str = ""  # what people do before the next phase: "deploy the application that writes both"


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str  # of its module, as rules call it
    title: str
    phases: tuple[Phase, ...]
