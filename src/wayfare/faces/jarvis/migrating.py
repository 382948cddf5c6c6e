"""The universal migration service: POST /migrate and POST /test-connection."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from wayfare.control.connections import tried
from wayfare.control.copies import start_copy
from wayfare.control.migrated import outcome
from wayfare.core.errors import Invalid
from wayfare.core.status import ENDED
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import quickly
from wayfare.faces.jarvis.callers import Starts
from wayfare.faces.jarvis.errors import REFUSALS, MigrationRoute
from wayfare.faces.jarvis.shapes import (
    EndAnswer,
    MigrateAnswer,
    MigrateRequest,
    TestConnectionAnswer,
    TestConnectionRequest,
    migrate_answer,
)
from wayfare.store.records import Run

LOOK_SECONDS = 0.1

router = APIRouter(tags=["universal migration service"], route_class=MigrationRoute, responses=REFUSALS)


@router.post("/migrate")
async def migrate(body: MigrateRequest, caller: Starts, request: Request) -> MigrateAnswer:
    """Copy all tables and answer when that has ended. 200 also when it failed: `success` tells."""
    run = await run_in_threadpool(_started, body, caller, request)
    while (found := await quickly(caller.store.run, run.id)).status not in ENDED:
        await asyncio.sleep(LOOK_SECONDS)
    return migrate_answer(await run_in_threadpool(outcome, caller.store, found), run.id)


def _started(body: MigrateRequest, caller: Caller, request: Request) -> Run:
    return start_copy(caller.store, body.copy_request(access(request)))[0]


@router.post("/test-connection")
def test_connection(body: TestConnectionRequest, caller: Starts, request: Request) -> TestConnectionAnswer:
    """Try either end, or both. 200 also when one cannot be reached: `success` tells."""
    answers = {role: _tried(body, role, request) for role in ("source", "destination")}
    ends = [end for end in answers.values() if end]
    if not ends:
        raise Invalid(
            "names no connection.", where="body", remedy="Give source_type and source, or dest_type and destination."
        )
    success = all(end.success for end in ends)
    message = "Connection successful" if success else "; ".join(end.message for end in ends if not end.success)
    return TestConnectionAnswer(success=success, message=message, **answers)


def _tried(body: TestConnectionRequest, role: str, request: Request) -> EndAnswer | None:
    end = body.end(role)
    if end is None:
        return None
    connection, system = end
    check = tried(connection.address(system, role), access(request).connections)
    if check.ok:
        return EndAnswer(success=True, message="Connection successful", version=check.version)
    return EndAnswer(success=False, message=f"{role.capitalize()} connection failed: {check.message}")
