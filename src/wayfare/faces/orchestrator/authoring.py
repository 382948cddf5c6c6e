"""What authors are told while they write: lint as one types, and safer ways to do the same."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from wayfare.control.alterations import script_of
from wayfare.core.errors import Invalid
from wayfare.core.findings import Severity
from wayfare.core.statements import Statement
from wayfare.faces.http.threads import OneThread
from wayfare.faces.orchestrator.answers import SCRIPT, notices
from wayfare.faces.orchestrator.callers import Plans, cluster_of
from wayfare.faces.orchestrator.shapes import LintAnswer, LintBody, Notice, RecipeAnswer, RecipePhase, RecipesAnswer
from wayfare.schema.lint.facts import Facts
from wayfare.schema.lint.linting import lint
from wayfare.schema.recipes.choosing import recipes
from wayfare.schema.recipes.recipe import Recipe
from wayfare.systems.registry import adapter

router = APIRouter(prefix="/api/v1", tags=["authoring"], route_class=OneThread)


@router.post("/lint")
def lint_script(body: LintBody, caller: Plans) -> LintAnswer:
    """200 also for a script that cannot be read: where it stops being SQL is one of the errors."""
    cluster = cluster_of(caller, body.target_database_id, "targetDatabaseId")
    dialect = adapter(cluster.system).sql_dialect
    try:
        statements = script_of(body.migration_script, dialect, SCRIPT)
    except Invalid as error:
        problem = Notice(
            message=error.message, recommendation=error.remedy, field=SCRIPT, code=error.code, severity="Error"
        )
        return LintAnswer(errors=[problem], warnings=[], statements=0)
    found = lint(statements, Facts(dialect, cluster.environment))
    return LintAnswer(
        errors=notices(found, Severity.ERROR),
        warnings=notices(found, Severity.WARNING, Severity.INFO),
        statements=len(statements),
    )


@router.post("/recipes")
def recipes_of_script(body: LintBody, caller: Plans) -> RecipesAnswer:
    """Safer ways to do the same in several phases: expand, fill, contract. 400 for a script that cannot be read."""
    dialect = adapter(cluster_of(caller, body.target_database_id, "targetDatabaseId").system).sql_dialect
    found = ((s, recipes(s, dialect)) for s in script_of(body.migration_script, dialect, SCRIPT))
    return RecipesAnswer(recipes=[_recipe(statement, recipe) for statement, recipe in found if recipe])


def _recipe(statement: Statement, recipe: Recipe) -> RecipeAnswer:
    phases = [
        RecipePhase(
            title=phase.title,
            statements=list(phase.statements),
            alone=phase.alone,
            backfill=asdict(phase.backfill) if phase.backfill else None,
            note=phase.note,
        )
        for phase in recipe.phases
    ]
    return RecipeAnswer(
        line=statement.line, statement=statement.text, name=recipe.name, title=recipe.title, phases=phases
    )
