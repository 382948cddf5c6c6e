"""A foreign key, or a check, that is tried on the old rows while others write."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Phase, Recipe
from wayfare.schema.text.writing import dotted, given, listed, quoted

DIALECTS = ("postgres",)


def write(action: Action) -> Recipe | None:
    """None for a key whose details a recipe would lose: those of ON DELETE are in its "rule"."""
    if action.kind is not Kind.ADD_FOREIGN_KEY or action.details.get("not_valid") or action.details.get("inline"):
        return None
    said = action.details
    columns, referenced = list(said["columns"]), list(said.get("referenced", ()))
    plain = action.name or given("foreign_key", "postgres", action.table, columns)
    if not plain:
        return None
    table, name = dotted(action.table, "postgres"), quoted(plain, "postgres")
    target = dotted(str(said["references"]), "postgres")
    target += f" ({listed(referenced, 'postgres')})" if referenced else ""
    rule = f" {said['rule']}" if said.get("rule") else ""
    key = f"FOREIGN KEY ({listed(columns, 'postgres')}) REFERENCES {target}{rule}"
    return Recipe(
        "add_foreign_key",
        f"{plain} is checked on the old rows while others write",
        (
            Phase("New rows are checked", (f"ALTER TABLE {table} ADD CONSTRAINT {name} {key} NOT VALID",)),
            Phase("The old rows are checked", (f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",)),
        ),
    )
