"""How a run is left, once it has been seen through: what is said, and with which exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wayfare.cli.conduct import see_through
from wayfare.cli.failures import INTERRUPTED, exit_code_of, show
from wayfare.cli.screen import console, print_json
from wayfare.cli.summary import Advice, print_differences, print_findings, print_summary, to_json
from wayfare.cli.views import view_for
from wayfare.control.picture import Picture
from wayfare.control.reports import write_report
from wayfare.core.errors import Mismatch
from wayfare.core.status import Status
from wayfare.settings import Settings
from wayfare.store.records import Run
from wayfare.store.store import Store

ROLLED_BACK = 7
AS_ASKED = {  # wished for by `wayfare runs …`, and come true
    Status.WAITING: "Paused. Go on with: wayfare runs resume {run}",
    Status.CANCELLED: "Cancelled. Take back what it did with: wayfare runs rollback {run}",
    Status.UNDONE: "Rolled back: the target is as it was before run {run}.",
}


def conduct(
    settings: Settings,
    store: Store,
    run: Run,
    *,
    as_json: bool,
    advice: Advice = (),
    wanted: Status = Status.SUCCEEDED,
) -> int:
    """See a run through, say what came of it, and give the exit code. `advice` is for when it succeeds."""
    picture = see_through(settings, store, run.id, view_for(console(), as_json=as_json))
    return conclude(settings, store, run.id, picture, as_json=as_json, advice=advice, wanted=wanted)


def conclude(
    settings: Settings,
    store: Store,
    run: str,
    picture: Picture,
    *,
    as_json: bool,
    advice: Advice = (),
    wanted: Status = Status.SUCCEEDED,
) -> int:
    """`picture` is of a run that has ended, that waits, or that goes on in another process."""
    if wanted in AS_ASKED and picture.status is wanted:
        return _said(run, picture, 0, AS_ASKED[wanted], as_json)
    if picture.status is Status.WAITING:
        told = "Paused. The same command goes on where it stood, as does: wayfare runs resume {run}"
        return _said(run, picture, INTERRUPTED, told, as_json)
    if not picture.ended:
        told = "It goes on without us. Look again with: wayfare runs show {run} --follow"
        return _said(run, picture, INTERRUPTED, told, as_json)
    return _reported(settings, store, run, picture, as_json, advice)


def _said(run: str, picture: Picture, code: int, told: str, as_json: bool) -> int:
    if as_json:
        print_json({"run": run, "status": picture.status.value, "rows": picture.rows, "exit_code": code})
    else:
        console().print(told.format(run=run))
    return code


def _reported(settings: Settings, store: Store, run: str, picture: Picture, as_json: bool, advice: Advice) -> int:
    report, page = write_report(store, settings.home, run)
    code = _exit_code(picture, report.outcome)
    if as_json:
        error: Mapping[str, Any] | None = picture.failure if picture.status is Status.FAILED else None
        print_json(to_json(report, page, status=picture.status.value, exit_code=code, error=error))
        return code
    print_findings(console(), report.findings)
    print_differences(console(), report.tables)
    if picture.status is Status.FAILED:
        show(picture.failure or {"message": picture.reason})
    print_summary(console(), report, page, advice if code == 0 else _way_out(run, picture.status))
    return code


def _exit_code(picture: Picture, outcome: str) -> int:
    match picture.status:
        case Status.SUCCEEDED:
            return Mismatch.exit_code if outcome == "different" else 0
        case Status.UNDONE:
            return ROLLED_BACK
        case _:
            return exit_code_of(str(picture.failure.get("code", "")))


def _way_out(run: str, status: Status) -> Advice:
    resume, undo = f"wayfare runs resume {run}", f"wayfare runs rollback {run}"
    match status:
        case Status.FAILED:
            return [("next", f"mend the cause, then: {resume}"), ("or", undo)]
        case Status.CANCELLED:
            return [("next", resume), ("or", undo)]
        case _:
            return []
