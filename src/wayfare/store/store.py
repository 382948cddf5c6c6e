"""The store as people and faces see it: runs, their plans, their journal, and what is wished of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from wayfare.core.address import Address
from wayfare.core.errors import Bug, Conflict, NotFound
from wayfare.core.events import Event, Name
from wayfare.core.ids import RUN_ID_CHARACTERS, new_run_id
from wayfare.core.plan import Json, Plan, plan_from_json, plan_to_json
from wayfare.core.status import Status
from wayfare.store import journal, outbox
from wayfare.store.bound import Bound
from wayfare.store.changes import Changes
from wayfare.store.records import RUN_COLUMNS, Run, dumps, run_from
from wayfare.store.schema import ADDRESSES, EVENTS, NOTES, OF_A_RUN, PROGRESS, RUNS, STEPS
from wayfare.store.seal import Place, address_from, address_text
from wayfare.store.wishes import wish
from wayfare.store.work import Work

RESUMABLE = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.FAILED)
# What is asked all the time is put together once: to do so each time takes as long as the database does.
_RUN = sa.select(*RUN_COLUMNS).where(RUNS.c.id == sa.bindparam("run"))
_PLAN = sa.select(RUNS.c.plan).where(RUNS.c.id == sa.bindparam("run"))
_PROGRESS = sa.select(PROGRESS.c.step, PROGRESS.c.amounts).where(PROGRESS.c.run == sa.bindparam("run"))
_EVENTS = (
    sa.select(EVENTS)
    .where(EVENTS.c.run == sa.bindparam("run"), EVENTS.c.sequence > sa.bindparam("since"))
    .order_by(EVENTS.c.sequence)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
OVER = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.UNDONE)


class Store(Bound):
    """Thread-safe. Any method raises StoreAway (an Unreachable) when its database does not answer."""

    @cached_property
    def work(self) -> Work:
        """The engine's side of the store."""
        return Work(self._connections.everywhere)

    @cached_property
    def changes(self) -> Changes:
        """What those ask often who watch runs."""
        return Changes(self._db)

    @property
    def queued(self) -> threading.Event:
        """Set when this process has put a run into the queue; whoever takes runs clears it. Others are not told."""
        return self._connections.queued

    # Runs

    def create_run(
        self,
        *,
        kind: str,
        title: str,
        request: Json,
        fingerprint: str,
        plan: Plan,
        addresses: Mapping[str, Address],
        run: str = "",
    ) -> Run:
        """Queue a run: a worker takes it. `request` must hold no secrets: `addresses` may, and are sealed.

        `run` is an id from `new_run_id`, chosen before; where there is such a run by now, that one is given.
        """
        chosen, run = bool(run), run or new_run_id()
        row: dict[str, object] = {"id": run, "kind": kind, "title": title, "request": dumps(request)}
        row |= {"plan": dumps(plan_to_json(plan)), "plan_digest": plan.digest(), "fingerprint": fingerprint}
        row |= {"status": Status.QUEUED, "asked": "", "halted": 0, "reason": "", "executor": "", "round": 1}
        row |= {"moves": 0, "last_sequence": 0, "created_at": time.time()}
        row |= {"tenant": self.one_tenant}
        sealed = [{"run": run, "role": r, "sealed": self._seal(run, r, a)} for r, a in addresses.items()]
        steps = _step_rows(run, plan)
        with suppress(*[IntegrityError] * chosen), self._db.write() as connection:
            connection.execute(sa.insert(RUNS), row)
            for table, rows in ((ADDRESSES, sealed), (STEPS, steps)):
                if rows:
                    connection.execute(sa.insert(table), rows)
            data = {"kind": kind, "title": title, "plan": row["plan_digest"]}
            journal.append(connection, Event(run, Name.CREATED, data=data))
        self.queued.set()
        return self.run(run)

    def run(self, reference: str) -> Run:
        """By id, unique beginning of one, or "last". Raises NotFound, or Conflict when several begin so."""
        query, given = (_RUN, {"run": reference}) if len(reference) == RUN_ID_CHARACTERS else (_named(reference), {})
        with self._db.read() as connection:
            rows = connection.execute(query, given).all()
        if not rows or not reference:
            raise NotFound(f"there is no run {reference!r}.", where="run", remedy="List them with: wayfare runs list")
        if len(rows) > 1 and reference != "last":
            raise Conflict(f"several runs begin with {reference!r}.", where="run", remedy="Give more of the id.")
        return run_from(rows[0])

    def runs(
        self, *, limit: int = 50, status: Collection[Status] = (), fingerprint: str = "", kind: str = ""
    ) -> Sequence[Run]:
        """Newest first; with a fingerprint, those of that wish."""
        query = sa.select(*RUN_COLUMNS).order_by(RUNS.c.id.desc()).limit(limit)
        if kind:
            query = query.where(RUNS.c.kind == kind)
        if fingerprint:
            query = query.where(RUNS.c.fingerprint == fingerprint)
        if status:
            query = query.where(RUNS.c.status.in_(list(status)))
        with self._db.read() as connection:
            return [run_from(row) for row in connection.execute(query)]

    def unfinished(self, fingerprint: str) -> Run | None:
        """The newest run of the same request that can be taken up again."""
        query = sa.select(*RUN_COLUMNS).where(RUNS.c.fingerprint == fingerprint, RUNS.c.status.in_(RESUMABLE))
        with self._db.read() as connection:
            row = connection.execute(query.order_by(RUNS.c.id.desc()).limit(1)).one_or_none()
        return run_from(row) if row else None

    def plan(self, run: str) -> Plan:
        with self._db.read() as connection:
            text = connection.execute(_PLAN, {"run": run}).scalar_one_or_none()
        if text is None:
            raise NotFound(f"there is no run {run}.", where="run")
        return plan_from_json(json.loads(text))

    def addresses(self, run: str) -> Mapping[str, Address]:
        """Unsealed, by role. Raises Invalid when the key has changed."""
        with self._db.read() as connection:
            rows = connection.execute(sa.select(ADDRESSES).where(ADDRESSES.c.run == run)).all()
        place = {row.role: _place(row.tenant, run, row.role) for row in rows}
        return {row.role: address_from(self.sealer.unseal(row.sealed, place[row.role])) for row in rows}

    def _seal(self, run: str, role: str, address: Address) -> str:
        return self.sealer.seal(address_text(address), _place(self.one_tenant, run, role))

    def move(self, run: str, to: Status, reason: str = "") -> Run:
        """Change the status, and journal it. Raises Conflict where `core.status.ALLOWED` forbids it."""
        with self._db.write() as connection:
            return journal.move(connection, run, to, reason)

    def ask(self, run: str, what: str) -> Run:
        """Wish for "pause", "resume", "cancel" (what is done stays) or "rollback". Raises Conflict, Invalid."""
        with self._db.write() as connection:
            wish(connection, run, what)
        self.queued.set()
        return self.run(run)

    def prune(self, older_than_seconds: float) -> Sequence[str]:
        """Forget runs that ended that long ago, and what was told of changes by then; gives the runs' ids.

        Two kinds are kept for as long as it takes: what may still have to be undone (a run that failed or was cancelled
        after it had begun), and of each wish the newest run that succeeded, as an incremental copy goes on from it.
        """
        old = sa.and_(RUNS.c.status.in_(OVER), RUNS.c.ended_at < time.time() - older_than_seconds)
        begun = sa.exists().where(STEPS.c.run == RUNS.c.id, STEPS.c.attempt > 0, STEPS.c.state != "undone")
        settled = sa.or_(RUNS.c.status.in_((Status.SUCCEEDED, Status.UNDONE)), ~begun)
        newest = sa.select(sa.func.max(RUNS.c.id)).where(RUNS.c.status == Status.SUCCEEDED)
        newest = newest.group_by(RUNS.c.tenant, RUNS.c.fingerprint)
        with self._db.read() as connection:
            ids = list(connection.execute(sa.select(RUNS.c.id).where(old, settled, RUNS.c.id.not_in(newest))).scalars())
        for run in ids:  # one by one, so that nobody waits long
            with self._db.write() as connection:
                for table in OF_A_RUN:
                    connection.execute(sa.delete(table).where(table.c.run == run))
                connection.execute(sa.delete(RUNS).where(RUNS.c.id == run))
        with self._db.write() as connection:
            outbox.prune(connection, older_than_seconds)
        return ids

    # Journal

    def append(self, event: Event) -> bool:
        """False when (run, step, attempt, name) is in the journal already."""
        with self._db.write() as connection:
            journal.lock(connection, event.run)
            return journal.append(connection, event)

    def events(self, run: str, since: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Those with a sequence above `since`, in order. Sequences count 1, 2, 3 … in each run."""
        with self._db.read() as connection:
            rows = connection.execute(_EVENTS, {"run": run, "since": since, "most": limit}).all()
        return [Event(r.run, Name(r.name), r.step, r.attempt, json.loads(r.data), r.at, r.sequence) for r in rows]

    # What steps leave for each other and for people

    def note(self, run: str, key: str, value: Json) -> None:
        with self._db.write() as connection:
            where = (NOTES.c.run == run, NOTES.c.key == key)
            if not connection.execute(sa.update(NOTES).where(*where).values(value=dumps(value))).rowcount:
                values = {"run": run, "key": key, "value": dumps(value), "tenant": _owner(connection, run)}
                connection.execute(sa.insert(NOTES).values(**values))

    def notes(self, run: str, key: str) -> Json:
        """None when nobody has noted it."""
        with self._db.read() as connection:
            text = connection.execute(sa.select(NOTES.c.value).where(NOTES.c.run == run, NOTES.c.key == key)).scalar()
        return None if text is None else json.loads(text)

    def progress(self, run: str) -> Mapping[str, Mapping[str, int]]:
        """The last amounts each step told, by step name."""
        with self._db.read() as connection:
            rows = connection.execute(_PROGRESS, {"run": run}).all()
        return {row.step: json.loads(row.amounts) for row in rows}

    def set_progress(self, run: str, step: str, amounts: Mapping[str, int]) -> None:
        with self._db.write() as connection:
            where = (PROGRESS.c.run == run, PROGRESS.c.step == step)
            if not connection.execute(sa.update(PROGRESS).where(*where).values(amounts=dumps(dict(amounts)))).rowcount:
                values = {"run": run, "step": step, "amounts": dumps(dict(amounts)), "tenant": _owner(connection, run)}
                connection.execute(sa.insert(PROGRESS).values(**values))

    def outcomes(self, run: str, tag: str) -> Mapping[str, Json]:
        """The results of the finished steps with that tag, by step name, in the plan's order."""
        done = sa.and_(EVENTS.c.run == STEPS.c.run, EVENTS.c.step == STEPS.c.name, EVENTS.c.name == Name.STEP_DONE)
        query = sa.select(STEPS.c.name, EVENTS.c.data).select_from(STEPS.join(EVENTS, done))
        query = query.where(STEPS.c.run == run, STEPS.c.tag == tag, STEPS.c.state == "done")
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(STEPS.c.position, EVENTS.c.sequence)).all()
        return {row.name: json.loads(row.data)["result"] for row in rows}


def _named(reference: str) -> sa.Select[Any]:
    query = sa.select(*RUN_COLUMNS).order_by(RUNS.c.id.desc()).limit(2)
    return query if reference == "last" else query.where(RUNS.c.id.startswith(reference, autoescape=True))


def _owner(connection: sa.Connection, run: str) -> str:
    """The tenant of a run. Raises NotFound where the transaction's tenant has no such run."""
    tenant = connection.execute(sa.select(RUNS.c.tenant).where(RUNS.c.id == run)).scalar_one_or_none()
    if tenant is None:
        raise NotFound(f"there is no run {run}.", where="run")
    return str(tenant)


def _place(tenant: str, run: str, role: str) -> Place:
    return Place(tenant, ADDRESSES.name, "sealed", f"{run}|{role}")


def _step_rows(run: str, plan: Plan) -> list[dict[str, object]]:
    for names in ([step.name for step in plan.steps], [phase.name for phase in plan.phases]):
        if len(names) != len(set(names)):
            raise Bug("two steps, or two phases, of a plan have the same name; the journal keys on names.")
    steps = [(number, step) for number, phase in enumerate(plan.phases) for step in phase.steps]
    fresh = {"state": "open", "attempt": 0, "lane": ""}
    return [
        {"run": run, "position": i, "phase": phase, "name": s.name, "tag": s.tag, "limit_key": s.limit_key, **fresh}
        for i, (phase, s) in enumerate(steps)
    ]
