"""/api/v1/migrations of document 001: drafts, lists, validation."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from wayfare.access.rates import Limit
from wayfare.control import alterations, altering, approvals, clusters, studying
from wayfare.control.alterations import Alteration, Wanted
from wayfare.core.findings import Severity
from wayfare.faces.http.access import access
from wayfare.faces.http.allowances import Allowed
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import OneThread
from wayfare.faces.http.versions import etag, expected
from wayfare.faces.orchestrator.answers import (
    migration_answer,
    migration_line,
    needed_of,
    notice,
    notices,
    risk_of,
    valid_answer,
)
from wayfare.faces.orchestrator.callers import Audits, Plans, Reads, Writes, alteration_of, cluster_of, policy
from wayfare.faces.orchestrator.errors import printed
from wayfare.faces.orchestrator.shapes import (
    AuditAnswer,
    CreatedAnswer,
    Dependencies,
    MigrationAnswer,
    MigrationBody,
    MigrationChange,
    MigrationsAnswer,
    ValidAnswer,
    ValidateBody,
)
from wayfare.faces.orchestrator.words import STATES, risk_named, state_named, strategy_named
from wayfare.store import audit

AUDITED_MAX = 10_000  # entries that are looked through
CREATES = Limit(10)  # "10 req/min per user"

router = APIRouter(prefix="/api/v1/migrations", tags=["migrations"], route_class=OneThread)


@router.post("", status_code=201, dependencies=[Depends(Allowed("alterations.create", CREATES))])
def create_migration(body: MigrationBody, caller: Writes, response: Response) -> CreatedAnswer:
    """A draft. The script is read and linted now; nothing is opened."""
    wanted = _wanted(body, caller)
    made = alterations.create(caller.store, caller.principal, wanted)
    response.headers["location"] = f"/api/v1/migrations/mig-{made.id}"
    response.headers["etag"] = etag(made.version)
    return CreatedAnswer(
        migration_id=f"mig-{made.id}",
        name=made.title,
        status=STATES[made.state],
        risk_level=risk_of(made).name.title(),
        requires_approval=needed_of(made, wanted.cluster) > 0,
        created_at=printed(made.created_at),
        warnings=[notice(finding) for finding in alterations.noticed(wanted)],
    )


def _wanted(body: MigrationBody, caller: Caller) -> Wanted:
    return Wanted(
        body.name,
        body.description,
        cluster_of(caller, body.target_database_id, "targetDatabaseId"),
        body.migration_script,
        body.rollback_script,
        strategy_named(body.strategy),
        risk_named(body.risk_level),
        tuple(body.tags),
    )


@router.get("")
def list_migrations(
    caller: Reads,
    status: str = "",
    database: str = "",
    tag: str = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> MigrationsAnswer:
    """Newest first."""
    equal = {"cluster": cluster_of(caller, database, "database").id} if database else {}
    wanted_state = state_named(status) if status else ""
    found: list[tuple[Alteration, object]] = []
    runs = {run.id: run for run in caller.store.runs(kind=altering.KIND, limit=10_000)}
    for alteration in alterations.everyone(caller.store, **equal):
        run = runs.get(alteration.run)
        if wanted_state in ("", altering.state_of(alteration, run)) and (not tag or tag in alteration.tags):
            found.append((alteration, run))
    names = {cluster.id: cluster.name for cluster in clusters.everyone(caller.store)}
    lines = [migration_line(a, names.get(a.cluster, ""), runs.get(a.run)) for a, _ in found[offset : offset + limit]]
    return MigrationsAnswer(migrations=lines, total=len(found), limit=limit, offset=offset)


@router.get("/{migration_id}")
def get_migration(migration_id: str, caller: Reads, response: Response) -> MigrationAnswer:
    """With its scripts, its last study, and who has said yes."""
    alteration = alteration_of(caller, migration_id)
    response.headers["etag"] = etag(alteration.version)
    return migration_answer(caller.store, alteration, clusters.get(caller.store, alteration.cluster))


@router.put("/{migration_id}")
def change_migration(
    migration_id: str, body: MigrationChange, caller: Writes, request: Request, response: Response
) -> MigrationAnswer:
    """It is a draft again: what was approved was another text."""
    alteration = alteration_of(caller, migration_id)
    version = expected(request)
    if version is not None:
        alteration = replace(alteration, version=version)
    cluster = clusters.get(caller.store, alteration.cluster)
    given = body.model_dump(exclude_none=True)
    before = alterations.wanted_of(alteration, cluster)
    wanted = Wanted(
        given.get("name", before.title),
        given.get("description", before.description),
        cluster_of(caller, body.target_database_id, "targetDatabaseId") if body.target_database_id else cluster,
        given.get("migration_script", before.script),
        given.get("rollback_script", before.rollback),
        strategy_named(body.strategy) if body.strategy else before.strategy,
        risk_named(body.risk_level) if body.risk_level else before.risk,
        tuple(given.get("tags", before.tags)),
    )
    changed = alterations.update(caller.store, caller.principal, alteration, wanted)
    response.headers["etag"] = etag(changed.version)
    return migration_answer(caller.store, changed, wanted.cluster)


@router.delete("/{migration_id}", status_code=204)
def remove_migration(migration_id: str, caller: Writes) -> None:
    """What it has done to its database stays as it is."""
    alterations.remove(caller.store, caller.principal, alteration_of(caller, migration_id))


@router.post("/{migration_id}/validate")
def validate_migration(
    migration_id: str, caller: Plans, request: Request, body: ValidateBody | None = None
) -> ValidAnswer:
    """Rehearse it on an empty clone, prove its way back, and ask the rows what would be refused. Nothing changes."""
    alteration = alteration_of(caller, migration_id)
    cluster = clusters.get(caller.store, alteration.cluster)
    if body is None or body.dry_run:
        return valid_answer(studying.study_now(caller.store, alteration, policy(request)), cluster)
    wanted = alterations.wanted_of(alteration, cluster)
    found = alterations.noticed(wanted)
    errors = notices(found, Severity.ERROR)
    return ValidAnswer(
        is_valid=not errors,
        errors=errors,
        warnings=notices(found, Severity.WARNING, Severity.INFO),
        estimated_duration=0,
        dependency_check=Dependencies(has_conflicts=bool(errors), affected_objects=[]),
        risk_level=risk_of(alteration).name.title(),
        requires_approval=needed_of(alteration, cluster) > 0,
        plan=None,
    )


@router.get("/{migration_id}/audit")
def audit_of_migration(migration_id: str, caller: Audits, request: Request) -> AuditAnswer:
    """Who did what with it, oldest first."""
    alteration = alteration_of(caller, migration_id)
    subjects = {alteration.id, *(a.id for a in approvals.of(caller.store, alteration))}
    with caller.store.read() as connection:
        entries = audit.entries(connection, limit=AUDITED_MAX)
    accounts = access(request).entrance.accounts
    told = [entry for entry in reversed(entries) if entry.subject in subjects]
    names = {p: found.name for p in {entry.principal for entry in told} if (found := accounts.get(p))}
    told_by = [{"who": names.get(entry.principal, entry.principal), "at": printed(entry.at)} for entry in told]
    return AuditAnswer(entries=[{**asdict(entry), **by} for entry, by in zip(told, told_by, strict=True)])
