"""What `wayfare schedules` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table as Grid

from wayfare.cli.place import opened_store
from wayfare.cli.request import CopyOptions, request_of
from wayfare.cli.screen import console, print_json
from wayfare.control import schedules
from wayfare.control.missed import Missed
from wayfare.control.plain import clean
from wayfare.control.schedules import Schedule
from wayfare.control.timetable import Due, Timetable, instant_of, zone_of
from wayfare.core.address import SIGN
from wayfare.core.errors import Invalid
from wayfare.core.principal import LOCAL


@dataclass(frozen=True, slots=True)
class When:
    """As it stands on the command line."""

    cron: str
    at: str
    zone: str
    missed: str

    def timetable(self) -> Timetable:
        """Raises Invalid, naming the option."""
        if bool(self.cron) == bool(self.at):
            raise Invalid("a schedule needs one of --cron and --at.", where="--cron", remedy="Give one of them.")
        return Timetable(self.cron, _once(self.at, self.zone) if self.at else None, self.zone)

    def policy(self) -> Missed:
        try:
            return Missed(self.missed)
        except ValueError as error:
            told = f"there is no policy {self.missed!r}."
            raise Invalid(told, where="--missed", remedy=f"There are: {', '.join(Missed)}.") from error


def add(name: str, options: CopyOptions, when: When, *, as_json: bool) -> int:
    timetable, missed = when.timetable(), when.policy()
    request = request_of(options)
    ends = {"source": options.source, "target": options.target}
    named = {end: text for end, text in ends.items() if text.startswith(SIGN)}
    with opened_store() as (_, store):
        made = schedules.create(store, LOCAL, name, timetable, request, missed=missed, named=named)
    return _tell(made, as_json)


def list_all(*, as_json: bool) -> int:
    with opened_store() as (_, store):
        found = schedules.everyone(store)
    if as_json:
        print_json({"schedules": [one.to_json() for one in found]})
        return 0
    grid = Grid("", "name", "when", "next", "what", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in found:
        grid.add_row(str(one.number), one.name, _rule(one), _next(one), clean(_what(one)))
    console().print(grid if found else "There is none. Make one: wayfare schedules add NAME SOURCE TARGET --cron …")
    return 0


def show(name: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        found = schedules.get(store, name)
        starts = schedules.starts(store, found)
    if as_json:
        shown = ("due_at", "state", "run", "reason", "passed_over", "at")
        told = [{key: start[key] for key in shown} for start in starts]
        print_json({"schedule": found.to_json(), "starts": told})
        return 0
    _tell(found, as_json)
    if starts:
        grid = Grid("was due", "became", "run", "", box=box.SIMPLE_HEAD, pad_edge=False)
        for start in starts:
            grid.add_row(*_start(found, start))
        console().print(grid)
    return 0


def change(name: str, what: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        if what == "remove":
            schedules.remove(store, LOCAL, name)
            if as_json:
                print_json({"removed": name})
            else:
                console().print("Removed.")
            return 0
        changed = (schedules.pause if what == "pause" else schedules.resume)(store, LOCAL, name)
    return _tell(changed, as_json)


def _once(text: str, zone: str) -> Due:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"{text[:60]!r} is not a time.", where="--at", remedy="Write one like 2027-01-31T02:30."
        ) from error
    return Due(found.timestamp()) if found.tzinfo else instant_of(found, zone)


def _tell(schedule: Schedule, as_json: bool) -> int:
    if as_json:
        print_json({"schedule": schedule.to_json()})
        return 0
    console().print(f"{schedule.name}: {clean(_what(schedule))}\n{_rule(schedule)}, missed times: {schedule.missed}")
    zone = zone_of(schedule.timetable.zone)
    for due in schedule.next_times():
        console().print(f"  {due.local(zone)}  {due.note}".rstrip())
    if not schedule.next_times():
        console().print("  paused" if schedule.paused else "  never again")
    return 0


def _rule(schedule: Schedule) -> str:
    return f"{schedule.timetable.cron or 'once'} ({schedule.timetable.zone})"


def _next(schedule: Schedule) -> str:
    times = schedule.next_times(1)
    return times[0].local(zone_of(schedule.timetable.zone)) if times else "paused" if schedule.paused else "never again"


def _what(schedule: Schedule) -> str:
    return f"{schedule.wanted['source']} → {schedule.wanted['target']}"


def _start(schedule: Schedule, start: Mapping[str, Any]) -> tuple[str, str, str, str]:
    due = Due(start["due_at"]).local(zone_of(schedule.timetable.zone))
    more = f" ({start['passed_over']} earlier ones passed over)" if start["passed_over"] else ""
    return due, start["state"], start["run"] if start["state"] == "started" else "", clean(start["reason"]) + more
