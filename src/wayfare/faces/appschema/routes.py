"""Every path of document 000."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from wayfare.control import application as control
from wayfare.control import runs
from wayfare.control.application import Application, Standing
from wayfare.core.amounts import count
from wayfare.core.changes import Entry, Holder
from wayfare.core.errors import NotFound
from wayfare.core.findings import Finding
from wayfare.core.status import ENDED
from wayfare.faces.appschema.shapes import (
    ComponentAnswer,
    DryRunAnswer,
    DryRunBody,
    EntryAnswer,
    FindingAnswer,
    HealthAnswer,
    LockAnswer,
    MigrateAnswer,
    MigrateBody,
    PendingAnswer,
    ProgressAnswer,
    RevisionPlan,
    StatementAnswer,
    StatusAnswer,
)
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.threads import OneThread
from wayfare.schema.revisions.preview import Previewed
from wayfare.store.records import Run
from wayfare.store.store import Store

WAIT_SECONDS_MAX = 300.0

Reads = Annotated[Caller, Depends(Needs("revisions.read"))]
Applies = Annotated[Caller, Depends(Needs("revisions.apply"))]

router = APIRouter(tags=["revisions"], route_class=OneThread)


def _application(request: Request) -> Application:
    return access(request).application


@router.get("/api/migrations/status")
def migration_status(caller: Reads, request: Request) -> StatusAnswer:
    """The current version, what is pending, who holds the lock, and the last ten that were applied."""
    here = _application(request)
    return _status(control.standing(here, caller.store), here.environment)


def _status(standing: Standing, environment: str) -> StatusAnswer:
    compared = standing.compared
    pending = [
        PendingAnswer(version=r.version, name=r.name, checksum=r.checksum, reversible=r.down is not None)
        for r in compared.pending
    ]
    return StatusAnswer(
        current_version=compared.current or None,
        environment=environment or None,
        applied=len(compared.applied),
        pending=pending,
        pending_count=len(pending),
        lock=_lock(standing.holder),
        history=[_entry(entry) for entry in standing.last],
        problems=[_finding(finding) for finding in compared.findings],
        running=standing.active.id if standing.active else None,
    )


def _lock(holder: Holder | None) -> LockAnswer:
    if holder is None or not holder.alive:
        return LockAnswer(held=False, by=None, since=None, fence=holder.fence if holder else None, until=None)
    return LockAnswer(held=True, by=holder.by, since=_time(holder.since), fence=holder.fence, until=_time(holder.until))


def _entry(entry: Entry) -> EntryAnswer:
    took = None if entry.ended_at is None else round((entry.ended_at - entry.started_at) * 1000, 1)
    return EntryAnswer(
        version=entry.version,
        name=entry.name,
        status=entry.standing.value,
        statements_done=entry.done,
        statements=entry.total,
        started_at=_time(entry.started_at) or "",
        duration_ms=took,
        by=entry.by,
        error=entry.error,
    )


def _finding(finding: Finding) -> FindingAnswer:
    return FindingAnswer(
        code=finding.code,
        severity=finding.severity.value,
        message=finding.message,
        where=finding.where,
        advice=finding.advice,
    )


@router.post("/api/migrations/dry-run")
def dry_run(caller: Applies, request: Request, body: DryRunBody | None = None) -> DryRunAnswer:
    """What applying would do: each statement with its locks, rewrites and time. The database stays as it is."""
    body, here = body or DryRunBody(), _application(request)
    found = control.dry_run(here, caller.store, here.options(body.to, out_of_order=body.out_of_order))
    return DryRunAnswer(
        can_apply=not found.refused,
        revisions=[_plan(previewed) for previewed in found.revisions],
        problems=[_finding(finding) for finding in found.findings],
        estimated_seconds=round(found.estimate_seconds, 3),
    )


def _plan(previewed: Previewed) -> RevisionPlan:
    study = previewed.study
    return RevisionPlan(
        version=previewed.revision.version,
        name=previewed.revision.name,
        statements=[_statement(previewed, position) for position in range(len(study.up))],
        rollback=[statement.text for statement in study.down],
        rollback_proved=study.down_proved,
        estimated_seconds=round(study.estimate_seconds, 3),
        findings=[_finding(finding) for finding in study.findings],
    )


def _statement(previewed: Previewed, position: int) -> StatementAnswer:
    study = previewed.study
    measured = study.measured[position] if position < len(study.measured) else None
    return StatementAnswer(
        sql=study.up[position].text,
        line=study.up[position].line,
        locks=dict(measured.locks) if measured else {},
        blocks={table: blocks.value for table, blocks in measured.blocks.items()} if measured else {},
        rewrites=list(measured.rewrites) if measured else [],
        scans=list(measured.scans) if measured else [],
        estimated_seconds=round(measured.estimate_seconds, 3) if measured else 0.0,
        error=measured.error if measured else "",
    )


@router.get("/api/migrations/health", responses={503: {"model": HealthAnswer}})
def migration_health(caller: Reads, request: Request, response: Response) -> HealthAnswer:
    """Every part that applying needs; 503 where one of them does not work."""
    parts = control.health(_application(request), caller.store)
    ok = all(part.ok for part in parts)
    if not ok:
        response.status_code = 503
    components = [
        ComponentAnswer(
            name=part.name,
            status="healthy" if part.ok else "unhealthy",
            message=part.message,
            milliseconds=part.milliseconds,
        )
        for part in parts
    ]
    return HealthAnswer(status="healthy" if ok else "unhealthy", components=components)


@router.post("/api/migrate", status_code=202, responses={200: {"model": MigrateAnswer}})
def migrate(
    caller: Applies,
    request: Request,
    response: Response,
    body: MigrateBody | None = None,
    wait: Annotated[float, Query(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait for its end.")] = 0.0,
) -> MigrateAnswer:
    """Apply what is pending, as a run that goes on by itself. 200 where nothing is, or the wait has seen its end."""
    body, here = body or MigrateBody(), _application(request)
    options = here.options(body.to, out_of_order=body.out_of_order, client_wait=body.client_wait_seconds)
    run = control.migrate(here, caller.store, caller.principal, options)
    if run is None:
        response.status_code = 200
        return MigrateAnswer(run=None, status="succeeded", revisions=[], message="Nothing is pending.")
    response.headers["location"] = f"/api/migrate/{run.id}"
    if wait:
        run = runs.wait(caller.store, run.id, wait)
        response.status_code = 200 if run.status in ENDED else 202
    message = run.reason or f"{count(len(run.request['revisions']), 'revision')}."
    return MigrateAnswer(run=run.id, status=run.status.value, revisions=run.request["revisions"], message=message)


@router.get("/api/migrate/{run}")
def migrate_progress(run: str, caller: Reads) -> ProgressAnswer:
    """How far it is. Live, as events: GET /api/runs/{run}/events."""
    found = caller.store.run(run)
    if found.kind != control.KIND:
        raise NotFound(f"run {run} applies no revisions.", where="run", remedy="Ask GET /api/runs/{run} for others.")
    return _progress(caller.store, found)


def _progress(store: Store, run: Run) -> ProgressAnswer:
    titles: list[str] = run.request["revisions"]
    amounts = next(iter(store.progress(run.id).values()), {})
    done = int(amounts.get("revisions", 0))
    return ProgressAnswer(
        run=run.id,
        status=run.status.value,
        revisions=titles,
        done=done,
        total=len(titles),
        percent=100 * done // len(titles),
        current=titles[done] if done < len(titles) and run.status not in ENDED else None,
        error=run.reason,
        started_at=_time(run.started_at),
        ended_at=_time(run.ended_at),
        details=dict(amounts),
    )


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
