"""Who begins what is due: each claim is one conditional update, so that of many workers exactly one succeeds.

A claim names the run before it is recorded. If its holder dies, another takes the claim over when the lease is up, and
finds the run by that name or records it; the name is unique, so that both cannot.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from wayfare.core.ids import new_run_id
from wayfare.core.status import ENDED, Status
from wayfare.store.bound import Bound
from wayfare.store.schema import RUNS
from wayfare.store.shelf import Record
from wayfare.store.wanted import MIGRATIONS, SCHEDULES, STARTS

LEASE_SECONDS = 15.0  # renewed while somebody is at work
GRACE_SECONDS = 5.0  # a migration is left alone so long after a change: whoever made it may start or remove it first


@dataclass(frozen=True, slots=True)
class Start:
    """The right to start one run, for one time that a schedule was due."""

    tenant: str
    schedule: str
    due_at: float
    run: str  # its id, also before it is recorded
    attempts: int


@dataclass(frozen=True)
class Schedules:
    """`everywhere` is the store of all tenants."""

    everywhere: Bound

    def due(self, now: float, limit: int) -> Sequence[Record]:
        """Those that are due, but for those whose last time is still being begun: one after the other."""
        beginning = sa.exists().where(STARTS.c.schedule == SCHEDULES.c.id, STARTS.c.state == "claimed")
        query = sa.select(SCHEDULES).where(SCHEDULES.c.paused == 0, SCHEDULES.c.next_at <= now, ~beginning)
        with self.everywhere.read() as connection:
            rows = connection.execute(query.order_by(SCHEDULES.c.next_at).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def claim(self, schedule: Record, due_at: float, next_at: float | None, passed_over: int) -> Start | None:
        """Move the schedule on, and keep the right to start this time. None where another was first."""
        claimed = Start(schedule["tenant"], schedule["id"], due_at, new_run_id(), 1)
        try:
            with self.everywhere.of(schedule["tenant"]).write() as connection:
                if not _moved_on(connection, schedule, next_at):
                    return None
                connection.execute(sa.insert(STARTS), _row(claimed, "claimed", passed_over))
        except IntegrityError:  # the schedule was set back to a time that has had its run
            with self.everywhere.of(schedule["tenant"]).write() as connection:
                _moved_on(connection, schedule, next_at)
            return None
        return claimed

    def pass_over(self, schedule: Record, due_at: float, next_at: float | None, passed_over: int, reason: str) -> None:
        """Move the schedule on without a run, and keep why."""
        passed = Start(schedule["tenant"], schedule["id"], due_at, "", 0)
        with self.everywhere.of(schedule["tenant"]).write() as connection:
            there = (STARTS.c.schedule == schedule["id"], STARTS.c.due_at == due_at)
            if (
                _moved_on(connection, schedule, next_at)
                and not connection.execute(sa.select(STARTS).where(*there)).first()
            ):
                connection.execute(sa.insert(STARTS), {**_row(passed, "passed", passed_over), "reason": reason})

    def lapsed(self, now: float, limit: int) -> Sequence[Start]:
        """Claims whose holder has not been heard of."""
        query = sa.select(STARTS).where(STARTS.c.state == "claimed", STARTS.c.lease_until < now)
        with self.everywhere.read() as connection:
            rows = connection.execute(query.order_by(STARTS.c.due_at).limit(limit)).all()
        return [Start(r.tenant, r.schedule, r.due_at, r.run, r.attempts) for r in rows]

    def take_over(self, start: Start) -> Start | None:
        """None where another was first."""
        values = {"attempts": start.attempts + 1, "lease_until": time.time() + LEASE_SECONDS}
        if not self._settle(start, values):
            return None
        return Start(start.tenant, start.schedule, start.due_at, start.run, start.attempts + 1)

    def renew(self, start: Start) -> None:
        self._settle(start, {"lease_until": time.time() + LEASE_SECONDS})

    def later(self, start: Start, seconds: float, reason: str) -> None:
        """Try the same start again then."""
        self._settle(start, {"lease_until": time.time() + seconds, "reason": reason})

    def settle(self, start: Start, state: str, reason: str = "") -> bool:
        """Started, failed or passed, for good. False where somebody else has taken it over."""
        return self._settle(start, {"state": state, "reason": reason})

    def run_before(self, tenant: str, schedule: str, due_at: float) -> tuple[str, Status] | None:
        """The run that this schedule started last before that time, with its status."""
        before = sa.and_(STARTS.c.schedule == schedule, STARTS.c.due_at < due_at, RUNS.c.id == STARTS.c.run)
        query = sa.select(RUNS.c.id, RUNS.c.status).select_from(STARTS).join(RUNS, before)
        with self.everywhere.of(tenant).read() as connection:
            row = connection.execute(query.order_by(STARTS.c.due_at.desc()).limit(1)).one_or_none()
        return (row.id, Status(row.status)) if row else None

    def _settle(self, start: Start, values: Mapping[str, Any]) -> bool:
        ours = (
            STARTS.c.schedule == start.schedule,
            STARTS.c.due_at == start.due_at,
            STARTS.c.attempts == start.attempts,
        )
        with self.everywhere.of(start.tenant).write() as connection:
            change = sa.update(STARTS).where(*ours, STARTS.c.state == "claimed").values(**values)
            return bool(connection.execute(change).rowcount)


def _moved_on(connection: sa.Connection, schedule: Record, next_at: float | None) -> bool:
    same = [SCHEDULES.c[name] == schedule[name] for name in ("id", "next_at", "version")]
    change = sa.update(SCHEDULES).where(*same, SCHEDULES.c.paused == 0).values(next_at=next_at)
    return bool(connection.execute(change).rowcount)


def _row(start: Start, state: str, passed_over: int) -> dict[str, Any]:
    now = time.time()
    row = {"schedule": start.schedule, "due_at": start.due_at, "tenant": start.tenant, "run": start.run, "state": state}
    return row | {
        "attempts": start.attempts,
        "lease_until": now + LEASE_SECONDS,
        "passed_over": passed_over,
        "reason": "",
        "at": now,
    }


@dataclass(frozen=True)
class Migrations:
    """Beginning and ending migrations; `everywhere` is the store of all tenants."""

    everywhere: Bound

    def due(self, now: float, limit: int) -> Sequence[Record]:
        query = sa.select(MIGRATIONS).where(MIGRATIONS.c.status == Status.QUEUED, MIGRATIONS.c.due_at <= now)
        query = query.where(MIGRATIONS.c.updated_at < now - GRACE_SECONDS)
        return self._all(query.order_by(MIGRATIONS.c.due_at).limit(limit))

    def lapsed(self, now: float, limit: int) -> Sequence[Record]:
        """At work, and nobody says at what: the run is the engine's by now, or whoever began it is gone."""
        query = sa.select(MIGRATIONS).where(MIGRATIONS.c.status == Status.RUNNING, MIGRATIONS.c.lease_until < now)
        return self._all(query.order_by(MIGRATIONS.c.lease_until).limit(limit))

    def claim(self, migration: Record, by: str) -> Record | None:
        """Begin it, under the id of a new run. None where it has changed since it was read."""
        now = time.time()
        fresh = {"status": Status.RUNNING, "run": new_run_id(), "started_by": by, "started_at": now, "ended_at": None}
        fresh |= {
            "error": "",
            "result": "null",
            "lease_until": now + LEASE_SECONDS,
            "attempts": migration["attempts"] + 1,
        }
        return self._change(migration, fresh, MIGRATIONS.c.version == migration["version"])

    def take_over(self, migration: Record) -> Record | None:
        """Go on with what somebody else began, under the same id. None where another was first."""
        values = {"attempts": migration["attempts"] + 1, "lease_until": time.time() + LEASE_SECONDS}
        return self._change(migration, values, *self._held(migration))

    def renew(self, migration: Record, seconds: float = LEASE_SECONDS) -> bool:
        """Nothing that people see changes by it."""
        until = sa.update(MIGRATIONS).where(MIGRATIONS.c.id == migration["id"], *self._held(migration))
        with self.everywhere.of(migration["tenant"]).write() as connection:
            return bool(connection.execute(until.values(lease_until=time.time() + seconds)).rowcount)

    def end(self, migration: Record, status: Status, result: str, error: str) -> Record | None:
        """Succeeded or failed. None where it has ended already, or was taken over and begun again."""
        assert status in ENDED
        values = {"status": status, "result": result, "error": error, "ended_at": time.time()}
        return self._change(migration, values, *self._held(migration))

    def _held(self, migration: Record) -> Sequence[sa.ColumnElement[bool]]:
        return MIGRATIONS.c.status == Status.RUNNING, MIGRATIONS.c.attempts == migration["attempts"]

    def _change(self, migration: Record, values: Mapping[str, Any], *where: sa.ColumnElement[bool]) -> Record | None:
        change = sa.update(MIGRATIONS).where(MIGRATIONS.c.id == migration["id"], *where)
        change = change.values(**values, version=MIGRATIONS.c.version + 1, updated_at=time.time())
        with self.everywhere.of(migration["tenant"]).write() as connection:
            row = connection.execute(change.returning(*MIGRATIONS.c)).mappings().one_or_none()
        return dict(row) if row else None

    def _all(self, query: sa.Select[Any]) -> Sequence[Record]:
        with self.everywhere.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def history(store: Bound, schedule: str, limit: int) -> Sequence[Record]:
    """What became of the times a schedule was due, newest first."""
    query = sa.select(STARTS).where(STARTS.c.schedule == schedule).order_by(STARTS.c.due_at.desc()).limit(limit)
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
