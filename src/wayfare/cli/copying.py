"""`wayfare copy` and `wayfare plan`, and how any command sees a run through."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from rich.text import Text

from wayfare.cli.conduct import see_through
from wayfare.cli.failures import INTERRUPTED, exit_code_of, show
from wayfare.cli.picture import Picture
from wayfare.cli.place import opened_store
from wayfare.cli.plan_text import print_plan
from wayfare.cli.request import CopyOptions, asking_passwords, request_of
from wayfare.cli.screen import console, errors_console, print_json
from wayfare.cli.summary import Advice, print_differences, print_findings, print_summary, to_json
from wayfare.cli.views import view_for
from wayfare.control.copies import plan_copy, start_copy
from wayfare.control.reports import write_report
from wayfare.copy.request import CopyRequest
from wayfare.core.errors import Invalid, Mismatch
from wayfare.core.plan import plan_to_json
from wayfare.core.status import Status
from wayfare.settings import Settings
from wayfare.store.records import Run
from wayfare.store.store import Store

T = TypeVar("T")

ROLLED_BACK = 7


def copy(options: CopyOptions, *, as_json: bool) -> int:
    request = request_of(options)
    with opened_store() as (settings, store):
        run, resumed = asking_passwords(request, lambda r: looking_at(r, partial(start_copy, store)))
        if resumed and not as_json:
            console().print(f"Going on with run {run.id}.")
        return conduct(settings, store, run, as_json=as_json)


def plan(options: CopyOptions, *, as_json: bool) -> int:
    """Exits with Invalid's code when the plan has an error that would stop the copy."""
    request = request_of(options)
    made = asking_passwords(request, lambda r: looking_at(r, partial(plan_copy, probe=True)))
    if as_json:
        print_json({**plan_to_json(made), "digest": made.digest(), "blocked": made.blocked})
    else:
        print_plan(console(), made)
    return Invalid.exit_code if made.blocked else 0


def looking_at(request: CopyRequest, act: Callable[[CopyRequest], T]) -> T:
    """Do `act` beside a sign of life; on standard error, so that standard output holds nothing but answers."""
    with errors_console().status(Text(f"Looking at {request.source} and {request.target}")):
        return act(request)


def conduct(
    settings: Settings,
    store: Store,
    run: Run,
    *,
    as_json: bool,
    advice: Advice = (),
    wanted: Status = Status.SUCCEEDED,
) -> int:
    """See a run through, show what came of it, and give the exit code. `advice` is for when it goes as wanted."""
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
    """Say how a run stands after it was seen through."""
    if not picture.ended:
        return _unfinished(run, picture, as_json)
    report, page = write_report(store, settings.home, run)
    code = _exit_code(picture, report.outcome, wanted)
    if as_json:
        print_json(to_json(report, page, status=picture.status.value, exit_code=code))
        return code
    print_findings(console(), report.findings)
    print_differences(console(), report.tables)
    if picture.status is Status.FAILED:
        show(picture.failure or {"message": picture.reason})
    if wanted is Status.UNDONE and code == 0:
        console().print(f"Rolled back: the target is as it was before run {run}.")
    else:
        print_summary(console(), report, page, advice if code == 0 else _hints(run, picture))
    return code


def _unfinished(run: str, picture: Picture, as_json: bool) -> int:
    paused = picture.status is Status.WAITING
    if as_json:
        print_json({"run": run, "status": picture.status.value, "rows": picture.rows, "exit_code": INTERRUPTED})
    elif paused:
        console().print(f"Paused. The same command goes on where it stood, as does: wayfare runs resume {run}")
    else:
        console().print(f"It goes on without us. Look again with: wayfare runs show {run} --follow")
    return INTERRUPTED


def _exit_code(picture: Picture, outcome: str, wanted: Status) -> int:
    if picture.status is wanted:
        return Mismatch.exit_code if outcome == "different" and wanted is Status.SUCCEEDED else 0
    if picture.status is Status.UNDONE:
        return ROLLED_BACK
    return exit_code_of(str(picture.failure.get("code", "")))


def _hints(run: str, picture: Picture) -> Advice:
    if picture.status is Status.UNDONE:
        return []
    return [("next", f"mend the cause, then: wayfare runs resume {run}"), ("or", f"wayfare runs rollback {run}")]
