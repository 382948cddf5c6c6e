"""A new column whose default differs from row to row, without writing the table anew at once."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Backfill, Phase, Recipe
from wayfare.schema.text.writing import dotted, quoted

DIALECTS = ("postgres",)


def write(action: Action) -> Recipe | None:
    """Not for serial and identity columns, which have a sequence of their own."""
    said = action.details
    if action.kind is not Kind.ADD_COLUMN or not said.get("volatile_default") or not said.get("default"):
        return None
    table, column = dotted(action.table, "postgres"), quoted(action.name, "postgres")
    after = " Then SET NOT NULL (recipe `set_not_null`)." if said.get("not_null") else ""
    backfill = Backfill(table, f"{column} = {said['default']}", f"{column} IS NULL")
    return Recipe(
        "volatile_default",
        f"the rows of {action.table} get their {action.name} in parts",
        (
            Phase("The column, empty", (f"ALTER TABLE {table} ADD COLUMN {column} {said['type']}",)),
            Phase("New rows get theirs", (f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {said['default']}",)),
            Phase("The old rows", backfill=backfill, note=f"Look that none is left.{after}"),
        ),
    )
