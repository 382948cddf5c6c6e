"""Schedules: when a copy starts by itself. What one is to do, when it is due, and what became of each time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from wayfare.control.connections import NAME
from wayfare.control.missed import Missed
from wayfare.control.ordered import ends_of, plain
from wayfare.control.timetable import Due, Timetable, zone_of
from wayfare.copy.request import CopyRequest
from wayfare.core.errors import Conflict, Invalid
from wayfare.core.principal import Principal
from wayfare.store.claims import history
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import SCHEDULES
from wayfare.systems.registry import settled

NEXT_SHOWN = 5
STARTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Schedule:
    id: str
    number: int
    version: int
    name: str
    timetable: Timetable
    missed: Missed
    paused: bool
    next_at: float | None  # seconds since the epoch; None: never again
    owner: str
    owner_name: str
    wanted: Mapping[str, Any]  # the copy, without secrets
    created_at: float
    updated_at: float

    def next_times(self, count: int = NEXT_SHOWN, now: float | None = None) -> Sequence[Due]:
        """When it is due, from the time that is kept on; none while it is paused."""
        if self.paused or self.next_at is None:
            return ()
        return tuple(islice(self.timetable.after(self.next_at - 0.5), count))

    def to_json(self) -> dict[str, Any]:
        zone = zone_of(self.timetable.zone)
        times = [{"at": due.at, "local": due.local(zone), "note": due.note} for due in self.next_times()]
        plain = ("id", "number", "version", "name", "paused", "next_at", "owner_name", "created_at", "updated_at")
        return {
            **{name: getattr(self, name) for name in plain},
            "cron": self.timetable.cron,
            "at": self.timetable.at.at if self.timetable.at else None,
            "zone": self.timetable.zone,
            "missed": self.missed.value,
            "copy": dict(self.wanted),
            "next_times": times,
        }


def create(
    store: Store,
    principal: Principal,
    name: str,
    timetable: Timetable,
    request: CopyRequest,
    *,
    missed: Missed = Missed.RUN_ONCE,
    named: Mapping[str, str] | None = None,
) -> Schedule:
    """Raises Invalid for a name that cannot be or a time that has passed; Conflict for a name that is taken."""
    if not NAME.fullmatch(name):
        remedy = "Use up to 64 letters, digits, dots, dashes and underscores, not digits alone."
        raise Invalid(f"{name[:80]!r} cannot name a schedule.", where="name", remedy=remedy)
    first = next(timetable.after(time.time()), None)
    if first is None:
        raise Invalid("that time has passed.", where="at", remedy="Give one that is to come, or start the copy now.")
    request = replace(request, source=settled(request.source), target=settled(request.target))
    shelf = Shelf(store, SCHEDULES)
    values = {
        "name": name,
        **_times(timetable),
        "missed": missed.value,
        "paused": 0,
        "next_at": first.at,
        "owner": principal.user,
        "owner_name": principal.name,
        "wanted": json.dumps(plain(request, named)),
    }
    with store.write() as transaction:
        made = shelf.add(transaction, values, secret=ends_of(request, named))
        store.audit(transaction, principal, "schedules.create", made["id"], details={"name": name})
        store.publish(transaction, "schedule.created", made["id"], {"name": name})
    return schedule_from(made)


def get(store: Store, reference: str | int) -> Schedule:
    """By name, number or id. Raises NotFound."""
    return schedule_from(Shelf(store, SCHEDULES).get(reference))


def everyone(store: Store) -> Sequence[Schedule]:
    """All of the tenant, in the order they were made."""
    return [schedule_from(record) for record in Shelf(store, SCHEDULES).find()]


def pause(store: Store, principal: Principal, reference: str | int) -> Schedule:
    """Nothing starts until it is resumed. A run that has started goes on."""
    return _changed(store, principal, reference, "pause", lambda found: {"paused": 1})


def resume(store: Store, principal: Principal, reference: str | int) -> Schedule:
    """Go on with the next time; those that passed meanwhile are not made up for. Raises Conflict when none is left."""

    def values(found: Schedule) -> dict[str, Any]:
        due = next(found.timetable.after(time.time()), None)
        if due is None and found.next_at is not None:
            raise Conflict("its time has passed while it was paused.", where="schedule", remedy="Make a new one.")
        return {"paused": 0, "next_at": due.at if due else None} if found.paused else {}

    return _changed(store, principal, reference, "resume", values)


def remove(store: Store, principal: Principal, reference: str | int) -> None:
    """Raises NotFound. Runs that it has started stay."""
    shelf = Shelf(store, SCHEDULES)
    record = shelf.get(reference)
    with store.write() as transaction:
        shelf.remove(transaction, record)
        store.audit(transaction, principal, "schedules.remove", record["id"], details={"name": record["name"]})
        store.publish(transaction, "schedule.removed", record["id"], {"name": record["name"]})


def starts(store: Store, schedule: Schedule, limit: int = STARTS_SHOWN) -> Sequence[Mapping[str, Any]]:
    """What became of each time it was due, newest first: due_at, state, run, reason, passed_over."""
    return history(store, schedule.id, limit)


def schedule_from(record: Record) -> Schedule:
    at = None if record["at"] is None else Due(record["at"], record["note"])
    same = ("id", "number", "version", "name", "next_at", "owner", "owner_name", "created_at", "updated_at")
    return Schedule(
        timetable=Timetable(record["cron"], at, record["zone"]),
        missed=Missed(record["missed"]),
        paused=bool(record["paused"]),
        wanted=json.loads(record["wanted"]),
        **{name: record[name] for name in same},
    )


def _times(timetable: Timetable) -> dict[str, Any]:
    at = timetable.at
    return {
        "cron": timetable.cron,
        "at": at.at if at else None,
        "note": at.note if at else "",
        "zone": timetable.zone,
    }


def _changed(store: Store, principal: Principal, reference: str | int, verb: str, values: Any) -> Schedule:
    shelf = Shelf(store, SCHEDULES)
    record = shelf.get(reference)
    with store.write() as transaction:
        changed = shelf.change(transaction, record, values(schedule_from(record)), expected_version=record["version"])
        store.audit(transaction, principal, f"schedules.{verb}", record["id"], details={"name": record["name"]})
        store.publish(transaction, f"schedule.{verb}d", record["id"], {"name": record["name"]})
    return schedule_from(changed)
