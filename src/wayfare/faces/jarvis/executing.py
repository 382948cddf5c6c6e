"""POST /api/operations/{id}/execute of document 004: now, and answered when it has ended."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from wayfare.control import carrying, migrations
from wayfare.control.carrying import BY_SCHEDULE, Policies
from wayfare.control.migrations import Migration
from wayfare.core.status import Status
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import OneThread
from wayfare.faces.jarvis.callers import Starts
from wayfare.faces.jarvis.clock import printed
from wayfare.faces.jarvis.errors import REFUSALS, Failure
from wayfare.faces.jarvis.operation_shapes import ExecutedAnswer, failed_end, result_data
from wayfare.faces.jarvis.operations import answer, own
from wayfare.store.claims import Migrations

WAIT_SECONDS_MAX = 600.0  # document 004: "Increased timeout for large migrations (10 minutes)"
LOOK_SECONDS = 0.2
BEGINNERS = 32  # operations begun at once: each holds a thread while its connections are tried, or a service works
CLAIM_ATTEMPTS_MAX = 10
AT_WORK = frozenset({Status.RUNNING, Status.WAITING, Status.UNDOING})

router = APIRouter(prefix="/api/operations", tags=["operations"], responses=REFUSALS, route_class=OneThread)
_beginners = CapacityLimiter(BEGINNERS)


@router.post("/{operation_id}/execute")
async def execute(
    operation_id: Annotated[int, Path(ge=0, le=2**31 - 1)],
    caller: Starts,
    request: Request,
    force: Annotated[bool, Query(description="Also when its time is yet to come.")] = False,
) -> ExecutedAnswer:
    """Start it, and answer when it has ended, or as it stands after ten minutes.

    With `force`, one that the scheduler has just started by itself is followed to its end.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    found, claimed = await run_in_threadpool(_begin, operation_id, caller, request, force)
    if found.status is Status.SUCCEEDED:
        return await run_in_threadpool(_executed, "Operation already completed", found, caller, request)
    if claimed is not None:
        here = access(request)
        policies = Policies(here.connections, here.calls)
        work = asyncio.create_task(
            anyio.to_thread.run_sync(
                lambda: carrying.carry(caller.store.everywhere, claimed, policies), limiter=_beginners
            )
        )
        await asyncio.wait([work], timeout=deadline - time.monotonic())
        if work.done():
            work.result()
    ended = await _ended(found.number, caller, deadline)
    return await run_in_threadpool(_told, ended, caller, request)


def _begin(number: int, caller: Caller, request: Request, force: bool) -> tuple[Migration, Any]:
    """(operation, its claim); without a claim, it has succeeded, or the scheduler is at it. Raises Failure."""
    for _ in range(CLAIM_ATTEMPTS_MAX):
        found = own(caller, number)
        if found.status is Status.SUCCEEDED:
            return found, None
        if found.status in AT_WORK:
            if force and found.record["started_by"] == BY_SCHEDULE:
                return found, None
            raise Failure("Operation is already running", operation=_shown(found, caller, request))
        if found.due_at is not None and found.due_at > time.time() and not force:
            told = f"Operation is scheduled for {printed(found.due_at)}. Use force=true to execute it now."
            raise Failure(told, operation=_shown(found, caller, request))
        claimed = Migrations(caller.store.everywhere).claim(found.record, caller.principal.user)
        if claimed is not None:
            return found, claimed
    raise Failure("Operation is already running")


async def _ended(number: int, caller: Caller, deadline: float) -> Migration:
    """The operation once it has ended, or as it stands at the deadline."""
    while True:
        found = await run_in_threadpool(migrations.get, caller.store, number)
        if found.status not in AT_WORK or time.monotonic() > deadline:
            return found
        await run_in_threadpool(carrying.watched, caller.store.everywhere, found.record)
        await asyncio.sleep(LOOK_SECONDS)


def _told(ended: Migration, caller: Caller, request: Request) -> ExecutedAnswer:
    """Raises Failure for one that failed, in the document's words."""
    if ended.status is Status.SUCCEEDED:
        return _executed("Operation executed successfully", ended, caller, request)
    if ended.status in AT_WORK:
        return _executed("Operation is still running", ended, caller, request)
    shown = _shown(ended, caller, request)
    if end := failed_end(ended):
        raise Failure(f"{end} connection test failed", operation=shown)
    beside = {"microservice_response": result_data(ended), "status_code": _status_code(ended)}
    raise Failure("Operation failed", 500, operation=shown, **beside)


def _executed(message: str, migration: Migration, caller: Caller, request: Request) -> ExecutedAnswer:
    return ExecutedAnswer(
        message=message,
        operation=answer(migration, caller, request),
        microservice_response=result_data(migration),
        status_code=_status_code(migration),
    )


def _status_code(migration: Migration) -> int | None:
    """What the service answered with; our own /migrate answers 200 to whatever it has carried out."""
    result = migration.result or {}
    return 200 if "outcome" in result else result.get("status_code")


def _shown(migration: Migration, caller: Caller, request: Request) -> dict[str, Any]:
    return answer(migration, caller, request).model_dump()
