"""A table or column gets another name, and the old one stays until nobody says it."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Phase, Recipe
from wayfare.schema.text.writing import dotted, namespace, quoted

DIALECTS = ("postgres",)


def write(action: Action) -> Recipe | None:
    if action.kind is Kind.RENAME_TABLE:
        return _table(action)
    if action.kind is Kind.RENAME_COLUMN and action.details.get("of") == "table":
        return _column(action)
    return None


def _table(action: Action) -> Recipe:
    """A view of one table can be written to as the table can."""
    new = str(action.details["new"])
    old, now = dotted(action.table, "postgres"), dotted(f"{namespace(action.table)}{new}", "postgres")
    both = (f"ALTER TABLE {old} RENAME TO {quoted(new, 'postgres')}", f"CREATE VIEW {old} AS SELECT * FROM {now}")
    return Recipe(
        "rename",
        f"{action.table} can be said until nobody does",
        (
            Phase(
                "The new name, and a view with the old one, in one transaction",
                both,
                note=f"Grant on the view what is granted on the table, and deploy the application that says {new}.",
            ),
            Phase("The view goes", (f"DROP VIEW {old}",)),
        ),
    )


def _column(action: Action) -> Recipe:
    """The table gets the name of its own with _base, and a view shows the column by both names."""
    new, plain = str(action.details["new"]), action.table.rpartition(".")[2]
    table, base = dotted(action.table, "postgres"), f"{plain}_base"
    hidden = dotted(f"{namespace(action.table)}{base}", "postgres")
    column, renamed = quoted(action.name, "postgres"), quoted(new, "postgres")
    return Recipe(
        "rename",
        f"{action.table}.{action.name} can be read until nobody does",
        (
            Phase(
                "The new name, and a view that has both, in one transaction",
                (
                    f"ALTER TABLE {table} RENAME COLUMN {column} TO {renamed}",
                    f"ALTER TABLE {table} RENAME TO {quoted(base, 'postgres')}",
                    f"CREATE VIEW {table} AS SELECT *, {renamed} AS {column} FROM {hidden}",
                ),
                note=f"The old name can be read and updated, but an INSERT says one of both. Deploy who says {new}.",
            ),
            Phase(
                "The view goes, in one transaction",
                (f"DROP VIEW {table}", f"ALTER TABLE {hidden} RENAME TO {quoted(plain, 'postgres')}"),
            ),
        ),
    )
