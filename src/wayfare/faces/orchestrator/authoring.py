"""What authors are told while they write: lint as one types, and safer ways to do the same."""

from __future__ import annotations

from fastapi import APIRouter

from wayfare.control.alterations import script_of
from wayfare.core.errors import Invalid
from wayfare.core.findings import Severity
from wayfare.faces.http.threads import OneThread
from wayfare.faces.orchestrator.answers import SCRIPT, notices
from wayfare.faces.orchestrator.callers import Plans, cluster_of
from wayfare.faces.orchestrator.shapes import LintAnswer, LintBody, Notice
from wayfare.schema.lint.facts import Facts
from wayfare.schema.lint.linting import lint
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
