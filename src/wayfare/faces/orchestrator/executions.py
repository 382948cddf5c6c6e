"""Executions of document 001: an execution is a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from wayfare.control import altering, clusters, runs
from wayfare.control.alterations import Alteration
from wayfare.control.picture import Picture
from wayfare.control.telling import folded
from wayfare.core.errors import Conflict
from wayfare.core.events import Event, Name
from wayfare.core.plan import Plan
from wayfare.core.status import ENDED, Status
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import OneThread
from wayfare.faces.orchestrator.answers import notice
from wayfare.faces.orchestrator.callers import Asks, Reads, Starts, alteration_of, policy
from wayfare.faces.orchestrator.errors import printed, printed_or_none
from wayfare.faces.orchestrator.shapes import (
    ExecuteBody,
    ExecutionAnswer,
    ExecutionLine,
    ExecutionsAnswer,
    Metrics,
    MetricsAnswer,
    PhaseAnswer,
    RollbackBody,
    RolledBackAnswer,
    StartedAnswer,
)
from wayfare.faces.orchestrator.words import EXECUTION, reference, strategy_named
from wayfare.schema.plan import Strategy
from wayfare.schema.subject import subject_from
from wayfare.schema.watch import Limits
from wayfare.store.records import Run
from wayfare.store.store import Store

ROLLBACK_SECONDS_MAX = 60.0  # what a caller waits; a longer one is answered 202, and goes on

router = APIRouter(prefix="/api/v1/migrations/{migration_id}", tags=["executions"], route_class=OneThread)


@router.post("/execute", status_code=202)
def execute_migration(
    migration_id: str, caller: Starts, request: Request, body: ExecuteBody | None = None
) -> StartedAnswer:
    """DBA and Admin for production, Developer elsewhere. A dry run rehearses only, and needs no approval."""
    body = body or ExecuteBody()
    wish = altering.Start(
        environment=clusters.environment_named(body.environment) if body.environment else "",
        strategy=strategy_named(body.strategy) if body.strategy else None,
        phases=tuple(body.phases),
        dry_run=body.dry_run,
        limits=Limits(
            ratio_max=body.latency_ratio_max,
            lock_wait_seconds_max=body.client_wait_seconds_max,
            lag_seconds_max=body.replication_lag_seconds_max,
            lag_undoes=body.rollback_on_lag,
            baseline_seconds=body.baseline_seconds,
            observe_seconds=body.observation_seconds,
            switch_seconds_max=body.switch_seconds_max,
        ),
        lock_wait_seconds=body.lock_wait_seconds,
    )
    alteration = alteration_of(caller, migration_id)
    run, studied = altering.start(caller.store, caller.principal, alteration, wish, policy(request))
    waiting = 0.0 if body.dry_run else body.baseline_seconds + body.observation_seconds
    return StartedAnswer(
        execution_id=f"exec-{run.id}",
        migration_id=f"mig-{alteration.id}",
        status=EXECUTION[Status.RUNNING],
        started_at=printed(run.created_at),
        estimated_duration=round(studied.study.estimate_seconds + waiting),
    )


@router.get("/executions")
def list_executions(migration_id: str, caller: Reads) -> ExecutionsAnswer:
    """Newest first, dry runs among them."""
    found = altering.runs_of(caller.store, alteration_of(caller, migration_id))
    return ExecutionsAnswer(executions=[_line(run) for run in found], total=len(found))


@router.get("/executions/{execution_id}")
def get_execution(migration_id: str, execution_id: str, caller: Reads) -> ExecutionAnswer:
    """How it stands: phases with their steps, and how the database fares while it is watched."""
    run = _run(caller, alteration_of(caller, migration_id), execution_id)
    return execution_answer(caller.store, run)


@router.get("/executions/{execution_id}/metrics")
def get_metrics(migration_id: str, execution_id: str, caller: Reads) -> MetricsAnswer:
    """What was measured of each member, point by point, with the limit that takes the change back."""
    run = _run(caller, alteration_of(caller, migration_id), execution_id)
    return MetricsAnswer(members=dict(watched(caller.store, run, caller.store.plan(run.id))))


@router.post("/executions/{execution_id}/rollback")
def roll_back_execution(
    migration_id: str, execution_id: str, caller: Asks, response: Response, body: RollbackBody | None = None
) -> RolledBackAnswer:
    """Waits for the end, for up to a minute; 202 where it takes longer."""
    alteration = alteration_of(caller, migration_id)
    run = _run(caller, alteration, execution_id)
    began = time.time()
    reason = body.reason if body else ""
    altering.roll_back(caller.store, caller.principal, alteration, run, reason or "rolled back on request")
    run = runs.wait(caller.store, run.id, ROLLBACK_SECONDS_MAX, until=ROLLED)
    if run.status is Status.FAILED:
        told = f"it could not be rolled back: {run.reason}"
        raise Conflict(told, where="executionId", remedy="Mend that, and ask again.")
    if run.status is not Status.UNDONE:
        response.status_code = 202
    return RolledBackAnswer(
        execution_id=f"exec-{run.id}",
        status=EXECUTION[run.status],
        rollback_completed_at=printed_or_none(run.ended_at if run.status is Status.UNDONE else None),
        rollback_duration=round(run.ended_at - began, 3) if run.ended_at and run.status is Status.UNDONE else None,
    )


ROLLED = frozenset({Status.UNDONE})


@router.post("/executions/{execution_id}/pause")
def pause_execution(migration_id: str, execution_id: str, caller: Asks) -> ExecutionLine:
    """It stops between statements, and goes on where it stood."""
    return _line(runs.pause(caller.store, _run(caller, alteration_of(caller, migration_id), execution_id).id))


@router.post("/executions/{execution_id}/resume")
def resume_execution(migration_id: str, execution_id: str, caller: Asks) -> ExecutionLine:
    return _line(runs.resume(caller.store, _run(caller, alteration_of(caller, migration_id), execution_id).id))


@router.post("/executions/{execution_id}/cancel")
def cancel_execution(migration_id: str, execution_id: str, caller: Asks) -> ExecutionLine:
    """What is done stays; roll it back to have it taken away."""
    return _line(runs.cancel(caller.store, _run(caller, alteration_of(caller, migration_id), execution_id).id))


def _run(caller: Caller, alteration: Alteration, execution_id: str) -> Run:
    return altering.run_of(caller.store, alteration, reference(execution_id, "exec-", "execution"))


def _line(run: Run) -> ExecutionLine:
    return ExecutionLine(
        execution_id=f"exec-{run.id}",
        migration_id=f"mig-{run.fingerprint}",
        status=EXECUTION[run.status],
        started_at=printed(run.started_at or run.created_at),
        completed_at=printed_or_none(run.ended_at),
        dry_run=bool(run.request.get("dry_run")),
        reason=run.reason,
    )


def execution_answer(store: Store, run: Run) -> ExecutionAnswer:
    plan = store.plan(run.id)
    events = store.events(run.id, limit=10_000)
    picture, _ = folded(store, run.id, time.time())
    members = dict(watched(store, run, plan))
    line = _line(run)
    return ExecutionAnswer(
        **line.model_dump(),
        current_phase=_current(picture, run),
        progress=_percent(picture, run),
        performance_metrics=_metrics(members),
        strategy=Strategy(run.request["strategy"]).told if run.request.get("strategy") else "",
        phases=[_phase(phase.name, plan, events, over=run.status in ENDED) for phase in picture.phases],
        findings=[notice(finding) for finding in picture.findings],
    )


def _current(picture: Picture, run: Run) -> str | None:
    running = [phase.name for phase in picture.phases if phase.running]
    return running[-1] if running and run.status not in ENDED else None


def _percent(picture: Picture, run: Run) -> int:
    if run.status is Status.SUCCEEDED:
        return 100
    steps = sum(phase.steps for phase in picture.phases)
    return 100 * sum(phase.steps_done for phase in picture.phases) // steps if steps else 0


def watched(store: Store, run: Run, plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    for member in subject_from(plan.subject).members:
        if note := store.notes(run.id, f"watch {member.name}"):
            yield member.name, note


def _metrics(members: Mapping[str, Mapping[str, Any]]) -> Metrics:
    """Of the member that was watched last, with the greatest lag of all."""
    lags = [float(note["lag_seconds"]) for note in members.values() if note.get("lag_seconds") is not None]
    points = [note["points"][-1] for note in members.values() if note.get("points")]
    last = max(points, key=lambda point: point["at"], default=None)
    return Metrics(
        avg_query_latency_ms=round(last["mean_ms"], 3) if last else None,
        p99_query_latency_ms=round(last["p99_ms"], 3) if last else None,
        replication_lag_seconds=round(max(lags), 3) if lags else None,
        latency_ratio=last["ratio"] if last else None,
        waiting_for_locks=last["waiting"] if last else None,
    )


_STATES = {
    Name.STEP_STARTED: "Running",
    Name.STEP_DONE: "Succeeded",
    Name.STEP_FAILED: "Failed",
    Name.STEP_UNDONE: "RolledBack",
}


def _phase(name: str, plan: Plan, events: Sequence[Event], *, over: bool) -> PhaseAnswer:
    steps = next(phase.steps for phase in plan.phases if phase.name == name)
    made = [_step(step.name, events) for step in steps]
    for step in made:
        if over and step["status"] == "Running":  # it was stopped, and nobody will take it up
            step["status"] = "Stopped"
    states = {str(step["status"]) for step in made}
    order = ("Failed", "Running", "RolledBack", "Stopped")
    status = next((s for s in order if s in states), "Succeeded" if states == {"Succeeded"} else "Pending")
    return PhaseAnswer(name=name, status=status, steps=made)


def _step(name: str, events: Sequence[Event]) -> dict[str, object]:
    status, message = "Pending", ""
    started: float | None = None
    ended: float | None = None
    for event in events:
        if event.step != name or event.name not in _STATES:
            continue
        status = _STATES[event.name]
        if event.name is Name.STEP_STARTED:
            started, ended = event.at, None
        else:
            ended, message = event.at, str(event.data.get("message", ""))
    return {
        "name": name,
        "status": status,
        "startedAt": printed_or_none(started),
        "completedAt": printed_or_none(ended),
        "seconds": round(ended - started, 3) if started and ended else None,
        "message": message,
    }
