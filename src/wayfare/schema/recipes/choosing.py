"""The recipe for a statement, asked of each in turn."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from wayfare.core.statements import Action, Statement
from wayfare.schema import recipes as folder
from wayfare.schema.recipes.recipe import Recipe

_NONE = {"recipe", "choosing"}


class Writer(Protocol):
    """A module of the folder."""

    DIALECTS: tuple[str, ...]

    def write(self, action: Action) -> Recipe | None:
        """For a table that was there before; None where the action needs no recipe."""
        ...


@cache
def every() -> tuple[Writer, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(folder.__path__) if m.name not in _NONE)
    return tuple(cast(Writer, import_module(f"{folder.__name__}.{name}")) for name in names)


def recipes(statement: Statement, dialect: str) -> Recipe | None:
    """A safer way to do what a statement does.

    None where there is none, and where the statement does several things: divide it first. Constraints within ADD
    COLUMN, and foreign keys of a new table, are several things too.
    """
    if len(statement.actions) != 1:
        return None
    action = statement.actions[0]
    found = (w.write(action) for w in every() if dialect in w.DIALECTS)
    return next((r for r in found if r), None)
