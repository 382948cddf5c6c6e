"""SET NOT NULL without reading the table while it is closed: a check that is validated proves it."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Phase, Recipe
from wayfare.schema.text.writing import called, dotted, quoted

DIALECTS = ("postgres",)


def write(action: Action) -> Recipe | None:
    if action.kind is not Kind.SET_NOT_NULL or action.details.get("not_valid"):
        return None
    table, column = dotted(action.table, "postgres"), quoted(action.name, "postgres")
    check = quoted(called(action.table, action.name, "not_null"), "postgres")
    alter = f"ALTER TABLE {table}"
    return Recipe(
        "set_not_null",
        f"{action.table}.{action.name} is proved by a check before it is NOT NULL",
        (
            Phase(
                "New rows are checked",
                (f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID",),
                note="Fill the rows that have no value, in parts.",
            ),
            Phase("The old rows are checked, while others write", (f"{alter} VALIDATE CONSTRAINT {check}",)),
            Phase(
                "The column says it itself",
                (f"{alter} ALTER COLUMN {column} SET NOT NULL", f"{alter} DROP CONSTRAINT {check}"),
            ),
        ),
    )
