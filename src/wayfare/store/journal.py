"""The journal and the status of a run, inside a caller's transaction: what changes and what is told commit together."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from wayfare.core.errors import Conflict, NotFound
from wayfare.core.events import Event, Name
from wayfare.core.plan import Json
from wayfare.core.status import ALLOWED, ENDED, Status
from wayfare.store import outbox
from wayfare.store.records import RUN_COLUMNS, Run, dumps, run_from
from wayfare.store.schema import EVENTS, RUNS, STEPS

# Statements of every step are built once: building costs more than executing.
_NUMBER = (
    sa.update(RUNS)
    .where(RUNS.c.id == sa.bindparam("of"))
    .values(last_sequence=RUNS.c.last_sequence + 1)
    .returning(RUNS.c.last_sequence, RUNS.c.tenant)
)
_KEEP = sa.insert(EVENTS)
_LOCKED = [RUNS.c[name] for name in ("status", "asked", "started_at", "executor", "round", "moves", "tenant")]


def lock(connection: sa.Connection, run: str) -> sa.Row[*tuple[Any, ...]]:
    """The run's row, held until the transaction ends, so that its events are numbered in the order they commit.

    SQLite has one writer at a time anyway, and ignores FOR UPDATE.
    """
    row = connection.execute(sa.select(*_LOCKED).where(RUNS.c.id == run).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"there is no run {run}.", where="run", remedy="List them with: wayfare runs list")
    return row


def append(connection: sa.Connection, event: Event) -> bool:
    """Keep an event once. Call after `lock`."""
    where = (EVENTS.c.run == event.run, EVENTS.c.step == event.step, EVENTS.c.attempt == event.attempt)
    if connection.execute(sa.select(EVENTS.c.sequence).where(*where, EVENTS.c.name == event.name)).first():
        return False
    write(connection, event)
    return True


def write(connection: sa.Connection, event: Event) -> None:
    """Keep an event that cannot be there yet. Call after `lock`."""
    sequence, tenant = connection.execute(_NUMBER, {"of": event.run}).one()
    values = {"run": event.run, "sequence": sequence, "name": event.name, "step": event.step, "attempt": event.attempt}
    told = {"data": dumps(dict(event.data)), "at": event.at or time.time(), "tenant": tenant}
    connection.execute(_KEEP, {**values, **told})


def move(connection: sa.Connection, run: str, to: Status, reason: str = "") -> Run:
    """Change the status, with its event, and tell others. Nothing happens where it is that already. Raises Conflict."""
    row = lock(connection, run)
    have = Status(row.status)
    if have is to:
        return _read(connection, run)
    if to not in ALLOWED[have]:
        raise Conflict(f"run {run} is {have} and cannot become {to}.", where="run")
    connection.execute(sa.update(RUNS).where(RUNS.c.id == run).values(**_changes(row, to, reason)))
    if to is Status.QUEUED:
        _reopen_steps(connection, run)
    append(connection, Event(run, Name.STATUS, attempt=row.moves + 1, data={"to": to, "reason": reason}))
    now = _read(connection, run)
    told: Json = {"kind": now.kind, "title": now.title, "from": have, "status": to, "reason": reason}
    outbox.publish(connection, now.tenant, f"run.{to}", run, told)
    return now


def _read(connection: sa.Connection, run: str) -> Run:
    return run_from(connection.execute(sa.select(*RUN_COLUMNS).where(RUNS.c.id == run)).one())


def _changes(row: sa.Row[*tuple[Any, ...]], to: Status, reason: str) -> dict[str, object]:
    now = time.time()
    changes: dict[str, object] = {
        "status": to,
        "reason": reason,
        "moves": row.moves + 1,
        "ended_at": now if to in ENDED else None,
    }
    if to is Status.RUNNING and row.started_at is None:
        changes["started_at"] = now
    late_roll_back = row.asked == "rollback" and to in ENDED and Status.UNDOING in ALLOWED[to]
    if not late_roll_back:  # a wish that came too late for this round is for the next one, which has a name of its own
        changes["asked"] = ""
    if to is Status.QUEUED:
        changes["halted"] = 0
    if to is Status.QUEUED or late_roll_back:
        changes["round"] = row.round + 1
    return changes


def _reopen_steps(connection: sa.Connection, run: str) -> None:
    """A new round carries out what was not done, or was undone."""
    stale = sa.and_(STEPS.c.run == run, STEPS.c.state.in_(("failed", "undone")))
    connection.execute(sa.update(STEPS).where(stale).values(state="open"))
