"""`wayfare runs …` and `wayfare worker`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from wayfare.cli.conduct import picture_of, watch
from wayfare.cli.conduct import work as carry_out
from wayfare.cli.ending import conclude, conduct
from wayfare.cli.live import draw
from wayfare.cli.place import opened_store
from wayfare.cli.screen import console, print_json
from wayfare.cli.summary import print_findings
from wayfare.cli.views import Silent, view_for
from wayfare.control import runs as control
from wayfare.control.picture import Picture
from wayfare.control.plain import clean
from wayfare.control.plain import line as plain_line
from wayfare.control.telling import event_json, run_json, standing_json
from wayfare.core.amounts import duration
from wayfare.core.errors import Invalid
from wayfare.core.events import Event
from wayfare.core.status import ENDED, Status
from wayfare.settings import Settings
from wayfare.store.records import Run
from wayfare.store.store import Store

STATUS_STYLES = {
    Status.SUCCEEDED: "green",
    Status.FAILED: "bold red",
    Status.RUNNING: "cyan",
    Status.UNDOING: "cyan",
    Status.WAITING: "yellow",
    Status.QUEUED: "yellow",
}
WISHES: dict[str, tuple[Callable[[Store, str], Run], Status]] = {  # how to ask, and what is to come of it
    "pause": (control.pause, Status.WAITING),
    "resume": (control.resume, Status.SUCCEEDED),
    "cancel": (control.cancel, Status.CANCELLED),
    "rollback": (control.roll_back, Status.UNDONE),
}
EVENTS_AT_ONCE = 1000


def list_runs(limit: int, status: Sequence[str], *, as_json: bool) -> int:
    wanted = [_status(name) for name in status]
    with opened_store() as (_, store):
        found = store.runs(limit=limit, status=wanted)
    if as_json:
        print_json({"runs": [run_json(run) for run in found]})
        return 0
    if not found:
        console().print("No runs yet. Begin with: wayfare demo")
        return 0
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("run", "status", "began", "took"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("what", overflow="fold")
    for run in found:
        style = STATUS_STYLES.get(run.status, "dim")
        grid.add_row(run.id, Text(run.status, style=style), _moment(run), _took(run), Text(clean(run.title)))
    console().print(grid)
    return 0


def show(reference: str, *, follow: bool, as_json: bool) -> int:
    with opened_store() as (settings, store):
        run = store.run(reference)
        if follow and run.status not in ENDED:
            picture = watch(store, run.id, view_for(console(), as_json=as_json))
            return conclude(settings, store, run.id, picture, as_json=as_json)
        picture = picture_of(store, run.id)
        if as_json:
            print_json({**run_json(run), **standing_json(picture), "report": _report_page(settings, run)})
        else:
            _print_run(run, picture, _report_page(settings, run))
    return 0


def logs(reference: str, *, follow: bool, as_json: bool) -> int:
    """The journal, one line per event; with `follow`, until the run stands still."""
    with opened_store() as (_, store):
        run = store.run(reference)
        if as_json:
            print_json({"run": run.id, "events": [event_json(e) for e in _all_events(store, run.id)]})
            return 0
        picture = Picture(store.plan(run.id))
        for event in picture.see(_all_events(store, run.id)):
            _print_event(event, picture)
        if follow and run.status not in ENDED:
            watch(store, run.id, _Journal())
    return 0


def ask(reference: str, what: str, *, as_json: bool) -> int:
    """Wish for something, and see it come true; an engine is started only where one has to do something for it."""
    act, wanted = WISHES[what]
    with opened_store() as (settings, store):
        run = act(store, reference)
        if run.status is wanted and not run.asked:
            return conclude(settings, store, run.id, picture_of(store, run.id), as_json=as_json, wanted=wanted)
        return conduct(settings, store, run, as_json=as_json, wanted=wanted)


def work(*, as_json: bool) -> int:
    """Until SIGINT or SIGTERM."""
    with opened_store() as (settings, store):
        if not as_json:
            place = "the shared store" if not settings.embedded else str(settings.home)
            console().print(f"Carrying out the runs of {place}. Ctrl-C stops; what is unfinished is taken up again.")
        carry_out(settings, store)
    return 0


class _Journal(Silent):
    def tell(self, event: Event, picture: Picture) -> None:
        _print_event(event, picture)


def _status(name: str) -> Status:
    try:
        return Status(name)
    except ValueError:
        raise Invalid(
            f"there is no status {name!r}.", where="--status", remedy=f"There are: {', '.join(Status)}."
        ) from None


def _all_events(store: Store, run: str) -> Sequence[Event]:
    events: list[Event] = []
    while more := store.events(run, since=events[-1].sequence if events else 0, limit=EVENTS_AT_ONCE):
        events += more
    return events


def _print_event(event: Event, picture: Picture) -> None:
    at = datetime.fromtimestamp(event.at).strftime("%H:%M:%S.%f")[:-3]
    told = plain_line(event, picture) or clean(f"{event.name.replace('_', ' ')} {event.step}".strip())
    attempt = f" (attempt {event.attempt})" if event.attempt > 1 and event.step and event.name != "finding" else ""
    console().print(Text.assemble((f"{at}  ", "dim"), told + attempt), soft_wrap=True)


def _print_run(run: Run, picture: Picture, page: str | None) -> None:
    out = console()
    style = STATUS_STYLES.get(run.status, "dim")
    out.print(
        Text.assemble("run ", (run.id, "bold"), "  ", (run.status, style), f"  {_moment(run)}  plan {run.plan_digest}")
    )
    if run.reason:
        out.print(Text(clean(run.reason), style=style), soft_wrap=True)
    out.print(draw(picture, run.ended_at or time.time(), out.width, 10_000, with_findings=False))
    print_findings(out, tuple(picture.findings))
    if page:
        out.print(Text(f"report  {page}"), soft_wrap=True)


def _report_page(settings: Settings, run: Run) -> str | None:
    page = settings.home / "runs" / run.id / "report.html"
    return str(page) if page.exists() else None


def _moment(run: Run) -> str:
    return datetime.fromtimestamp(run.started_at or run.created_at).strftime("%Y-%m-%d %H:%M")


def _took(run: Run) -> str:
    return duration((run.ended_at or time.time()) - run.started_at) if run.started_at else ""
