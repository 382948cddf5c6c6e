"""Runs: list, start, look, watch, ask. A run is named by its whole id."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse

from wayfare.control import runs as control
from wayfare.control.copies import plan_copy, start_copy
from wayfare.control.picture import Picture
from wayfare.control.plain import line
from wayfare.control.reports import report_of
from wayfare.control.telling import event_json, folded, run_json, standing_json
from wayfare.copy.report_page import render as report_page
from wayfare.core.codec import encode
from wayfare.core.errors import NotFound
from wayfare.core.plan import plan_to_json
from wayfare.core.status import ENDED, Status
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.streams import over_socket, sse
from wayfare.faces.http.threads import OneThread
from wayfare.faces.wayfare.ends import copy_request
from wayfare.faces.wayfare.shapes import CopyBody, JournalAnswer, RunAnswer, RunsAnswer, StandingAnswer, StartedAnswer
from wayfare.store.records import Run

RUN_ID = re.compile(r"[0-9a-hj-km-np-tv-z]{16}")  # as core.ids makes them
EVENTS_MAX = 1000
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

Reads = Annotated[Caller, Depends(Needs("runs.read"))]
Starts = Annotated[Caller, Depends(Needs("runs.start"))]
Asks = Annotated[Caller, Depends(Needs("runs.ask"))]
Since = Annotated[int, Query(ge=0, le=2**62, description="The last sequence that is known already.")]

router = APIRouter(tags=["runs"], route_class=OneThread)


@router.get("/api/runs")
def list_runs(
    caller: Reads,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    status: Annotated[list[Status] | None, Query()] = None,
) -> RunsAnswer:
    """Newest first."""
    return RunsAnswer(runs=[_answer(run) for run in caller.store.runs(limit=limit, status=status or ())])


@router.post("/api/runs", responses={201: {"model": StartedAnswer, "description": "A run was recorded."}})
def start(body: CopyBody, caller: Starts, request: Request, response: Response) -> StartedAnswer:
    """Record a copy to be carried out; 200 when an unfinished run of the same request is taken up, or for a dry run."""
    wanted = copy_request(body, caller, request)
    if body.dry_run:
        plan = plan_copy(wanted, probe=True)
        told = {"digest": plan.digest(), "blocked": plan.blocked, **plan_to_json(plan)}
        return StartedAnswer.model_validate({"plan": told})
    run, resumed = start_copy(caller.store, wanted)
    response.headers["location"] = f"/api/runs/{run.id}"
    response.status_code = 200 if resumed else 201
    return StartedAnswer(run=_answer(run), resumed=resumed)


@router.get("/api/runs/{run}")
def show(run: str, caller: Reads) -> StandingAnswer:
    """How it stands: phases, tables, findings."""
    found = _run(caller, run)
    picture, _ = folded(caller.store, found.id, time.time())
    reports = {name: f"/api/runs/{found.id}/reports/{name}" for name in REPORTS}
    return StandingAnswer.model_validate({**run_json(found), **standing_json(picture), "reports": reports})


@router.get("/api/runs/{run}/journal")
def journal(
    run: str, caller: Reads, since: Since = 0, limit: Annotated[int, Query(ge=1, le=EVENTS_MAX)] = EVENTS_MAX
) -> JournalAnswer:
    """What has happened, in order. Ask again with the last sequence for more."""
    events = caller.store.events(_id(run), since=since, limit=limit)
    if not events:
        _run(caller, run)  # a run has one event at least, so that this need not be asked before
    return JournalAnswer.model_validate({"run": run, "events": [event_json(e) for e in events]})


@router.get("/api/runs/{run}/logs", response_class=PlainTextResponse)
def logs(run: str, caller: Reads) -> PlainTextResponse:
    """The journal in words, one line for each thing that happened."""
    found = _run(caller, run)
    picture, since, lines = Picture(caller.store.plan(found.id)), 0, []
    while events := caller.store.events(found.id, since=since, limit=EVENTS_MAX):
        since = events[-1].sequence
        lines += [f"{_clock(e.at)}  {text}\n" for e in picture.see(events) if (text := line(e, picture))]
    return PlainTextResponse("".join(lines))


@router.get(
    "/api/runs/{run}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, 204: {"description": "It has ended, and all is known."}},
)
async def events(
    run: str,
    caller: Reads,
    request: Request,
    since: Since = 0,
    last_event_id: Annotated[int, Header(ge=0, le=2**62)] = 0,
) -> Response:
    """Live, as Server-Sent Events: `event` (with its sequence as id), `progress`, and `end`.

    204 tells an EventSource that there is nothing to come back for.
    """
    known = max(since, last_event_id)
    found = await run_in_threadpool(_run, caller, run)
    if found.status in ENDED and not found.asked and known >= await run_in_threadpool(_last, caller, found.id):
        return Response(status_code=204)
    stream = sse(request.app, caller.store, found.id, known)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.websocket("/ws/runs/{run}")
async def socket(socket: WebSocket, run: str, caller: Reads, since: Since = 0) -> None:
    """The same as text messages: `{"events": […], "progress": {…} or null, "ended": false}`."""
    found = await run_in_threadpool(_run, caller, run)
    await over_socket(socket, caller.store, found.id, since)


@router.post("/api/runs/{run}/{wish}", status_code=202)
def ask(run: str, wish: Literal["pause", "resume", "cancel", "rollback"], caller: Asks) -> RunAnswer:
    """Ask for it; whoever carries the run out obeys soon. 409 where the run's status does not allow it."""
    return _answer(WISHES[wish](caller.store, _run(caller, run).id))


@router.get("/api/runs/{run}/reports/{name}", response_class=Response)
def report(run: str, name: str, caller: Reads) -> Response:
    """The report of a run, finished or not: report.json or report.html. Made from the journal; no path is joined."""
    found = _run(caller, run)
    if name not in REPORTS:
        raise NotFound(f"there is no such report of run {found.id}.", remedy=f"There are: {', '.join(REPORTS)}.")
    answer = REPORTS[name](caller, found.id)
    answer.headers["content-disposition"] = f'inline; filename="{found.id}-{name}"'
    return answer


def _report_json(caller: Caller, run: str) -> Response:
    return JSONResponse(encode(report_of(caller.store, run)))


def _report_page(caller: Caller, run: str) -> Response:
    page = report_page(report_of(caller.store, run))
    return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})


REPORTS = {"report.json": _report_json, "report.html": _report_page}
WISHES = {"pause": control.pause, "resume": control.resume, "cancel": control.cancel, "rollback": control.roll_back}


def _run(caller: Caller, run: str) -> Run:
    """Raises NotFound: also for another tenant's, which this caller's store does not have."""
    return caller.store.run(_id(run))


def _id(run: str) -> str:
    """Raises NotFound for what cannot be one."""
    if not RUN_ID.fullmatch(run):
        raise NotFound("there is no such run.", where="run", remedy="GET /api/runs lists them.")
    return run


def _last(caller: Caller, run: str) -> int:
    return caller.store.changes.last_sequences([run]).get(run, 0)


def _answer(run: Run) -> RunAnswer:
    return RunAnswer.model_validate(run_json(run))


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


__all__: list[Any] = ["router"]
