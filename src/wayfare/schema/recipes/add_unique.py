"""A unique constraint or primary key whose index is built while others write."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Phase, Recipe
from wayfare.schema.text.writing import dotted, given, listed, quoted

DIALECTS = ("postgres",)
_SORTS = {Kind.ADD_UNIQUE: ("unique", "UNIQUE"), Kind.ADD_PRIMARY_KEY: ("primary_key", "PRIMARY KEY")}


def write(action: Action) -> Recipe | None:
    if action.kind not in _SORTS or action.details.get("index") or not action.details.get("columns"):
        return None
    sort, words = _SORTS[action.kind]
    columns = [str(c) for c in action.details["columns"]]
    plain = action.name or given(sort, "postgres", action.table, columns)
    if not plain:
        return None
    table, name = dotted(action.table, "postgres"), quoted(plain, "postgres")
    nulls = " NULLS NOT DISTINCT" if action.details.get("nulls_not_distinct") else ""
    index = f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({listed(columns, 'postgres')}){nulls}"
    null = "Its columns must be NOT NULL by then (recipe `set_not_null`)." if sort == "primary_key" else ""
    return Recipe(
        "add_unique",
        f"the index of {plain} is built while others write",
        (
            Phase("The index", (index,), alone=True, note=null),
            Phase(
                "The constraint takes it", (f"ALTER TABLE {table} ADD CONSTRAINT {name} {words} USING INDEX {name}",)
            ),
        ),
    )
