"""Another type for a column: a new column beside it, kept alike, filled in parts, and put in its place."""

from __future__ import annotations

from wayfare.core.statements import Action, Kind
from wayfare.schema.recipes.recipe import Backfill, Phase, Recipe
from wayfare.schema.text.writing import called, dotted, namespace, quoted

DIALECTS = ("postgres",)


def write(action: Action) -> Recipe | None:
    """Not where USING computes the values: what it says of the old column cannot be turned around."""
    using = str(action.details.get("using", ""))
    if action.kind is not Kind.ALTER_TYPE or (using and "(" in using):
        return None
    table, old = dotted(action.table, "postgres"), quoted(action.name, "postgres")
    new = quoted(called(action.name, "new"), "postgres")
    kind = str(action.details["type"])
    trigger = quoted(called(action.table, action.name, "both"), "postgres")
    space = namespace(action.table)
    function = dotted(f"{space}{called(action.table, action.name, 'both')}", "postgres")
    return Recipe(
        "type_change",
        f"{action.table}.{action.name} becomes {kind} in parts",
        (
            Phase("The new column", (f"ALTER TABLE {table} ADD COLUMN {new} {kind}",)),
            Phase("A trigger writes both", _trigger(table, old, new, kind, trigger, function)),
            Phase(
                "The old rows",
                backfill=Backfill(table, f"{new} = {old}::{kind}", f"{new} IS NULL AND {old} IS NOT NULL"),
                note="Give the new column what the old one has: NOT NULL, a default, indexes, keys.",
            ),
            Phase(
                "The columns change places, in one transaction",
                (
                    f"DROP TRIGGER {trigger} ON {table}",
                    f"ALTER TABLE {table} RENAME COLUMN {old} TO {quoted(called(action.name, 'old'), 'postgres')}",
                    f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}",
                    f"DROP FUNCTION {function}()",
                ),
                note="From here the old values are not kept up any more. Look at the application before you go on.",
            ),
            Phase(
                "The old column goes",
                (f"ALTER TABLE {table} DROP COLUMN {quoted(called(action.name, 'old'), 'postgres')}",),
            ),
        ),
    )


def _trigger(table: str, old: str, new: str, kind: str, trigger: str, function: str) -> tuple[str, ...]:
    body = f"BEGIN NEW.{new} := NEW.{old}::{kind}; RETURN NEW; END"
    return (
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $both$ {body} $both$",
        f"CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
    )
