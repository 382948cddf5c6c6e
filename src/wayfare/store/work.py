"""The engine's side of the store: which step is whose, and what became of it.

A lane carries out one step at a time. Each incarnation of a lane holds a token; whoever takes a lane over after a crash
writes a new one, so that a process thought dead that wakes up can record nothing (`Superseded`).
A step's state and its event commit together. Therefore a step is repeated only if it was in flight.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from wayfare.core.errors import Stopped
from wayfare.core.events import Event, Name
from wayfare.core.plan import Json
from wayfare.core.status import Status
from wayfare.store import journal
from wayfare.store.database import Transactions
from wayfare.store.rounds import Rounds
from wayfare.store.schema import EVENTS, LANES, RUNS, STEPS

# Statements of every step are built once: building costs more than executing.
_LOOK = (
    sa.select(RUNS.c.status, RUNS.c.asked, RUNS.c.halted, RUNS.c.round, LANES.c.token)
    .join(LANES, LANES.c.run == RUNS.c.id)
    .where(LANES.c.id == sa.bindparam("lane"))
)
_OWN = _LOOK.with_for_update(of=RUNS)
_NEXT = (
    sa.select(STEPS.c.position, STEPS.c.name, STEPS.c.attempt)
    .where(STEPS.c.run == sa.bindparam("run"), STEPS.c.phase == sa.bindparam("phase"), STEPS.c.state == "open")
    .order_by(STEPS.c.position)
    .limit(1)
)
_NEXT_OF_KEY = _NEXT.where(STEPS.c.limit_key == sa.bindparam("limit_key"))
_START = (
    sa.update(STEPS)
    .where(STEPS.c.run == sa.bindparam("of"), STEPS.c.position == sa.bindparam("at"))
    .values(state="running", attempt=sa.bindparam("attempt"), lane=sa.bindparam("lane"))
)
_SETTLE = (
    sa.update(STEPS)
    .where(STEPS.c.run == sa.bindparam("of"), STEPS.c.position == sa.bindparam("at"))
    .values(state=sa.bindparam("state"))
)


@dataclass(frozen=True, slots=True)
class Lane:
    """One incarnation of a lane. A run's conductor is a lane too: the one named as the run."""

    id: str
    run: str
    executor: str
    token: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out one step once."""

    lane: Lane
    position: int
    name: str
    attempt: int  # counts every start of this step, over crashes and rounds


class Superseded(Stopped):
    """Another process has taken this lane over; nothing of ours may be recorded any more."""


class Work:
    """Every method is one transaction. Those that take a Lane or Claim raise Superseded.

    The engine carries out the runs of every tenant: its transactions are not fenced.
    """

    def __init__(self, everywhere: Transactions) -> None:
        self._db = everywhere
        self.rounds = Rounds(everywhere)

    # Lanes

    def begin(self, run: str, round_: int, executor: str) -> tuple[Lane, Status] | None:
        """Become the conductor of the run, set running or undoing. None where this round has nothing to conduct."""
        with self._db.write() as connection:
            row = journal.lock(connection, run)
            to = _status_to_conduct(row) if row.round == round_ else None
            if to is None:
                return None
            if row.executor not in ("", executor) and row.status == to:
                _tell_adoption(connection, run, row.executor, executor)
            lane = _enter(connection, run, run, executor, row.tenant)
            connection.execute(sa.update(RUNS).where(RUNS.c.id == run).values(executor=executor))
            journal.move(connection, run, to, "rolled back on request" if to is Status.UNDOING else "")
        return lane, to

    def enter(self, lane: str, run: str, executor: str) -> Lane:
        """Take the lane, also from a dead process: its step in flight is open again."""
        with self._db.write() as connection:
            row = journal.lock(connection, run)
            return _enter(connection, lane, run, executor, row.tenant)

    def reopen(self, run: str, phase: int, executor: str) -> None:
        """Take over the lanes that hold steps of the phase: none of them may write any more."""
        flying = sa.and_(STEPS.c.run == run, STEPS.c.phase == phase, STEPS.c.state == "running")
        with self._db.write() as connection:
            row = journal.lock(connection, run)
            for lane in list(connection.execute(sa.select(STEPS.c.lane).where(flying)).scalars()):
                _enter(connection, lane, run, executor, row.tenant)

    def move(self, lane: Lane, to: Status, reason: str = "") -> None:
        """Change the run's status, as its conductor."""
        with self._db.write() as connection:
            self._own(connection, lane)
            journal.move(connection, lane.run, to, reason)

    # Steps

    def claim(self, lane: Lane, phase: int, limit_key: str | None = None) -> Claim | None:
        """The next open step of the phase, journalled as started. None when there is none, or the run is to stop."""
        with self._db.write() as connection:
            row = self._own(connection, lane)
            if row.asked or row.halted or row.status != Status.RUNNING:
                return None
            query = _NEXT if limit_key is None else _NEXT_OF_KEY
            values = {"run": lane.run, "phase": phase, "limit_key": limit_key}
            step = connection.execute(query, values).one_or_none()
            if step is None:
                return None
            claim = Claim(lane, step.position, step.name, step.attempt + 1)
            _start(connection, claim)
        return claim

    def again(self, claim: Claim) -> Claim:
        """The next attempt at the same step."""
        retried = replace(claim, attempt=claim.attempt + 1)
        with self._db.write() as connection:
            self._own(connection, claim.lane)
            _start(connection, retried)
        return retried

    def done(self, claim: Claim, result: Json, seconds: float) -> None:
        with self._db.write() as connection:
            self._own(connection, claim.lane)
            _settle(connection, claim, "done")
            _tell(connection, claim, Name.STEP_DONE, {"result": result, "seconds": round(seconds, 6)})

    def failed(self, claim: Claim, data: Mapping[str, Json], *, final: bool) -> None:
        """Journal a failed attempt. A final one halts the run: no step of it starts any more, those in flight stop."""
        with self._db.write() as connection:
            self._own(connection, claim.lane)
            _tell(connection, claim, Name.STEP_FAILED, data)
            if final:
                _settle(connection, claim, "failed")
                connection.execute(sa.update(RUNS).where(RUNS.c.id == claim.lane.run).values(halted=1))

    def release(self, claim: Claim) -> None:
        """The step was stopped: it is open again."""
        with self._db.write() as connection:
            self._own(connection, claim.lane)
            _settle(connection, claim, "open")

    def undone(self, lane: Lane, position: int, name: str) -> None:
        with self._db.write() as connection:
            row = self._own(connection, lane)
            where = (STEPS.c.run == lane.run, STEPS.c.position == position)
            connection.execute(sa.update(STEPS).where(*where).values(state="undone"))
            journal.append(connection, Event(lane.run, Name.STEP_UNDONE, name, row.round))

    # Looking

    def stop_reason(self, lane: Lane) -> str:
        """Why the step in flight should stop: "asked", "halted" or "superseded"; "" to go on. One cheap read."""
        with self._db.read() as connection:
            row = connection.execute(_LOOK, {"lane": lane.id}).one_or_none()
        if row is None or row.token != lane.token:
            return "superseded"
        return "asked" if row.asked else "halted" if row.halted else ""

    def states(self, run: str, phase: int) -> Mapping[str, int]:
        """How many steps of the phase stand where: state → number."""
        return self._numbers(STEPS.c.state, STEPS.c.run == run, STEPS.c.phase == phase)

    def open_keys(self, run: str, phase: int) -> Mapping[str, int]:
        """limit key → steps still open."""
        return self._numbers(STEPS.c.limit_key, STEPS.c.run == run, STEPS.c.phase == phase, STEPS.c.state == "open")

    def failure(self, run: str) -> str:
        """What the first step that failed for good in this round says; "" where none has."""
        last = sa.and_(EVENTS.c.run == STEPS.c.run, EVENTS.c.step == STEPS.c.name, EVENTS.c.attempt == STEPS.c.attempt)
        query = sa.select(STEPS.c.name, EVENTS.c.data).select_from(STEPS.join(EVENTS, last))
        query = query.where(STEPS.c.run == run, STEPS.c.state == "failed", EVENTS.c.name == Name.STEP_FAILED)
        with self._db.read() as connection:
            row = connection.execute(query.order_by(EVENTS.c.sequence).limit(1)).one_or_none()
        if row is None:
            return ""
        data = json.loads(row.data)
        return f"{row.name}: {data['message']} {data['remedy']}".strip()

    def started(self, run: str) -> Sequence[tuple[int, str, int]]:
        """(position, name, attempt) of the steps that ever started and are not undone, last first."""
        query = sa.select(STEPS.c.position, STEPS.c.name, STEPS.c.attempt)
        query = query.where(STEPS.c.run == run, STEPS.c.attempt > 0, STEPS.c.state != "undone")
        with self._db.read() as connection:
            return [
                (row.position, row.name, row.attempt) for row in connection.execute(query.order_by(-STEPS.c.position))
            ]

    def _numbers(self, column: sa.Column[Any], *where: sa.ColumnElement[bool]) -> Mapping[str, int]:
        with self._db.read() as connection:
            rows = connection.execute(sa.select(column, sa.func.count()).where(*where).group_by(column)).all()
        return {row[0]: row[1] for row in rows}

    def _own(self, connection: sa.Connection, lane: Lane) -> sa.Row[*tuple[Any, ...]]:
        """The locked run. Raises Superseded when the lane is another's by now."""
        row = connection.execute(_OWN, {"lane": lane.id}).one_or_none()
        if row is None or row.token != lane.token:
            raise Superseded(f"{lane.id} was taken over by another process.")
        return row


def _status_to_conduct(row: sa.Row[*tuple[Any, ...]]) -> Status | None:
    status = Status(row.status)
    if status in (Status.RUNNING, Status.UNDOING):
        return status  # a conductor before this one did not come to the end
    if row.asked == "rollback":
        return Status.UNDOING
    return Status.RUNNING if status is Status.QUEUED else None


def _enter(connection: sa.Connection, lane: str, run: str, executor: str, tenant: str) -> Lane:
    """Call with the run locked."""
    entered = Lane(lane, run, executor, secrets.token_hex(8))
    before = connection.execute(sa.select(LANES.c.executor).where(LANES.c.id == lane)).scalar()
    values = {"token": entered.token, "executor": executor}
    if before is None:
        connection.execute(sa.insert(LANES).values(id=lane, run=run, tenant=tenant, **values))
        return entered
    connection.execute(sa.update(LANES).where(LANES.c.id == lane).values(**values))
    flying = sa.and_(STEPS.c.run == run, STEPS.c.lane == lane, STEPS.c.state == "running")
    for name, attempt in connection.execute(sa.select(STEPS.c.name, STEPS.c.attempt).where(flying)).all():
        journal.append(connection, Event(run, Name.ADOPTED, name, attempt, {"from": before, "by": executor}))
    connection.execute(sa.update(STEPS).where(flying).values(state="open"))
    return entered


def _tell_adoption(connection: sa.Connection, run: str, before: str, by: str) -> None:
    where = (EVENTS.c.run == run, EVENTS.c.name == Name.ADOPTED, EVENTS.c.step == "")
    times = connection.execute(sa.select(sa.func.count()).where(*where)).scalar_one()
    journal.write(connection, Event(run, Name.ADOPTED, attempt=times + 1, data={"from": before, "by": by}))


def _start(connection: sa.Connection, claim: Claim) -> None:
    values = {"of": claim.lane.run, "at": claim.position, "attempt": claim.attempt, "lane": claim.lane.id}
    connection.execute(_START, values)
    _tell(connection, claim, Name.STEP_STARTED, {"executor": claim.lane.executor})


def _settle(connection: sa.Connection, claim: Claim, state: str) -> None:
    connection.execute(_SETTLE, {"of": claim.lane.run, "at": claim.position, "state": state})


def _tell(connection: sa.Connection, claim: Claim, name: Name, data: Mapping[str, Json]) -> None:
    journal.write(connection, Event(claim.lane.run, name, claim.name, claim.attempt, data))
