"""Schedules: list, add, look ahead, pause, resume, remove."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field

from wayfare.control import schedules as control
from wayfare.control.missed import Missed
from wayfare.control.timetable import Due, Timetable, instant_of, zone_of
from wayfare.core.errors import Invalid
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.threads import OneThread
from wayfare.faces.wayfare.ends import copy_request, named
from wayfare.faces.wayfare.shapes import CopyWish, Shape, Text

Reads = Annotated[Caller, Depends(Needs("schedules.read"))]
Writes = Annotated[Caller, Depends(Needs("schedules.write"))]

router = APIRouter(tags=["schedules"], route_class=OneThread)


class TimesBody(Shape):
    """When: either `cron` or `at`."""

    cron: Text = Field(default="", description="Five fields, or six with the second first, or a name such as @daily.")
    at: Text = Field(default="", description="One time, such as 2030-03-31T02:30, on the clocks of `zone`.")
    zone: Text = Field(default="UTC", description="An IANA name, such as Europe/Berlin.")

    def timetable(self) -> Timetable:
        """Raises Invalid for what cannot be read."""
        return Timetable(self.cron, _due(self.at, self.zone) if self.at else None, self.zone)


class ScheduleBody(TimesBody):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: Annotated[Text, Field(min_length=1)]
    missed: Missed = Field(default=Missed.RUN_ONCE, description="What becomes of times that passed unattended.")
    wanted: CopyWish = Field(alias="copy")


class DueAnswer(Shape):
    at: float
    local: str = Field(description="On the clocks of the zone.")
    note: str = Field(description="What a change of the clocks has to do with it.")


class TimesAnswer(Shape):
    next_times: list[DueAnswer]


class ScheduleAnswer(TimesAnswer):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: str
    number: int
    version: int
    name: str
    paused: bool
    next_at: float | None
    owner_name: str
    cron: str
    at: float | None
    zone: str
    missed: Missed
    wanted: dict[str, Any] = Field(alias="copy", description="The copy that it starts, without secrets.")
    created_at: float
    updated_at: float


class SchedulesAnswer(Shape):
    schedules: list[ScheduleAnswer]


class StartAnswer(Shape):
    due_at: float
    state: str
    run: str
    reason: str
    passed_over: int = Field(description="Times before it that got no run.")


class StartsAnswer(Shape):
    starts: list[StartAnswer]


@router.get("/api/schedules")
def list_schedules(caller: Reads) -> SchedulesAnswer:
    """In the order they were made, each with its next times."""
    return SchedulesAnswer(schedules=[_answer(found) for found in control.everyone(caller.store)])


@router.post("/api/schedules", status_code=201)
def add_schedule(body: ScheduleBody, caller: Writes, request: Request, response: Response) -> ScheduleAnswer:
    """The copy is not tried now: a saved connection may change until it is due."""
    wanted = copy_request(body.wanted, caller, request)
    made = control.create(
        caller.store,
        caller.principal,
        body.name,
        body.timetable(),
        wanted,
        missed=body.missed,
        named=named(body.wanted),
    )
    response.headers["location"] = f"/api/schedules/{made.name}"
    return _answer(made)


@router.post("/api/schedules/-/times")
def look_ahead(body: TimesBody, caller: Reads) -> TimesAnswer:
    """The next times of a schedule that is not kept, with what changes of the clocks have to do with them."""
    timetable = body.timetable()
    zone, times = zone_of(timetable.zone), islice(timetable.after(time.time()), control.NEXT_SHOWN)
    return TimesAnswer(next_times=[DueAnswer(at=due.at, local=due.local(zone), note=due.note) for due in times])


@router.get("/api/schedules/{schedule}")
def show_schedule(schedule: str, caller: Reads) -> ScheduleAnswer:
    """By name, number or id."""
    return _answer(control.get(caller.store, schedule))


@router.delete("/api/schedules/{schedule}", status_code=204)
def remove_schedule(schedule: str, caller: Writes) -> None:
    """Runs that it has started stay."""
    control.remove(caller.store, caller.principal, schedule)


@router.get("/api/schedules/{schedule}/starts")
def list_starts(schedule: str, caller: Reads) -> StartsAnswer:
    """What became of each time it was due, newest first."""
    found = control.starts(caller.store, control.get(caller.store, schedule))
    return StartsAnswer(starts=[StartAnswer(**{k: start[k] for k in StartAnswer.model_fields}) for start in found])


@router.post("/api/schedules/{schedule}/{wish}")
def ask_schedule(schedule: str, wish: Literal["pause", "resume"], caller: Writes) -> ScheduleAnswer:
    """Paused, it starts nothing; times that pass meanwhile are not made up for."""
    act = control.pause if wish == "pause" else control.resume
    return _answer(act(caller.store, caller.principal, schedule))


def _due(text: str, zone: str) -> Due:
    try:
        wanted = datetime.fromisoformat(text)
        return Due(wanted.timestamp()) if wanted.tzinfo else instant_of(wanted, zone)
    except (ValueError, OverflowError, OSError) as error:
        remedy = "Write year, month, day and time, such as 2030-03-31T02:30."
        raise Invalid("this is no time.", where="at", remedy=remedy) from error


def _answer(found: control.Schedule) -> ScheduleAnswer:
    return ScheduleAnswer.model_validate(found.to_json())
