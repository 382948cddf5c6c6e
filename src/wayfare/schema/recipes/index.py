"""An index that is built, or dropped, while others write."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Phase, Recipe
from wayfare.schema.text.writing import dotted, given, listed, quoted

DIALECTS = ("postgres",)


def write(action: Action) -> Recipe | None:
    """Only for what an action tells whole: columns, without a condition or another method than btree."""
    said = action.details
    if said.get("concurrently"):
        return None
    if action.kind is Kind.DROP_INDEX and not said.get("cascade"):
        exists = "IF EXISTS " if said.get("if_exists") else ""
        statement = f"DROP INDEX CONCURRENTLY {exists}{dotted(action.name, 'postgres')}"
        return Recipe(
            "index", f"{action.name} is dropped while others write", (Phase("The index", (statement,), True),)
        )
    if action.kind is not Kind.CREATE_INDEX or not said.get("plain"):
        return None
    columns = [str(c) for c in said["columns"]]
    plain = action.name or given("index", "postgres", action.table, columns)
    if not plain:
        return None
    exists = "IF NOT EXISTS " if said.get("if_not_exists") else ""
    unique = "UNIQUE " if said.get("unique") else ""
    place = f"{dotted(action.table, 'postgres')} ({listed(columns, 'postgres')})"
    statement = f"CREATE {unique}INDEX CONCURRENTLY {exists}{quoted(plain, 'postgres')} ON {place}"
    return Recipe("index", f"{plain} is built while others write", (Phase("The index", (statement,), alone=True),))
