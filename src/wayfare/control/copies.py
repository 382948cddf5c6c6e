"""Planning, starting and verifying copies."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from wayfare import __version__
from wayfare.copy.facts import gather, is_missing
from wayfare.copy.load import PACE
from wayfare.copy.plan import Bound
from wayfare.copy.plan import plan_copy as make_plan
from wayfare.copy.report import Report
from wayfare.copy.request import CopyRequest
from wayfare.copy.subject import CopySubject
from wayfare.copy.verification import Seen, verify_tables
from wayfare.core.codec import decode
from wayfare.core.errors import Busy, Conflict, Invalid, LossRefused, Mismatch, NotFound, Refused
from wayfare.core.events import Name
from wayfare.core.findings import Finding, Severity
from wayfare.core.ids import new_run_id
from wayfare.core.plan import Plan
from wayfare.core.redacted import Redacted
from wayfare.core.status import Status
from wayfare.flow.mask import PURPOSE
from wayfare.flow.probe import probe as probe_values
from wayfare.store.derived import derived
from wayfare.store.records import Run
from wayfare.store.seal import Sealer
from wayfare.store.store import Store
from wayfare.systems.registry import open_database, settled

_FOUND = frozenset({Mismatch.code, Conflict.code, LossRefused.code, Invalid.code, Refused.code})

__all__ = ["CopyRequest", "keyed", "plan_copy", "start_copy", "verify"]


def plan_copy(request: CopyRequest, *, probe: bool = False, since: Mapping[str, Bound] | None = None) -> Plan:
    """What a copy would do. With `probe`, values at risk are looked for by reading the columns that have limits.

    Raises what the systems raise (Unreachable, Unauthenticated …), and Invalid or NotFound for the request itself.
    """
    with ExitStack() as stack:
        source = stack.enter_context(open_database(request.source))
        target = stack.enter_context(open_database(request.target))
        plan = make_plan(request, gather(request, source, target), source, target, since)
        if not probe:
            return plan
        subject = decode(CopySubject, plan.subject)
        any_key = Redacted(secrets.token_hex())  # whether a masked value fits does not depend on it
        found: list[Finding] = []
        for copy in subject.tables:
            allowed = frozenset(copy.allow_loss)
            found += probe_values(source, copy.table, copy.landings, masks=copy.mask_of(any_key), allow_loss=allowed)
    return Plan(plan.kind, plan.subject, plan.phases, (*plan.findings, *found))


def start_copy(store: Store, request: CopyRequest) -> tuple[Run, bool]:
    """Record a run of this copy as queued: (run, resumed). An unfinished run of the same request is taken up.

    Raises Invalid or LossRefused, with the first of the plan's errors, when it is blocked; nothing is recorded then.
    """
    request = replace(request, source=settled(request.source), target=settled(request.target))
    unfinished = store.unfinished(request.fingerprint())
    if unfinished and _worth_resuming(store, unfinished):
        store.note(unfinished.id, PACE, request.rows_per_second)
        return _resumed(store, unfinished), True
    if unfinished:
        store.ask(unfinished.id, "rollback")  # what it staged is of no use to anybody
    return _record(store, request), False


def start_fresh(store: Store, request: CopyRequest, run: str) -> Run:
    """Record a new run under an id chosen before, so that whoever repeats this finds it.

    What an earlier, failed run of the same request has staged is taken away. Raises Busy while one is at work, and what
    `start_copy` raises.
    """
    if found := recorded(store, run):
        return found
    request = replace(request, source=settled(request.source), target=settled(request.target))
    unfinished = store.unfinished(request.fingerprint())
    if unfinished and unfinished.status is not Status.FAILED:
        raise Busy(f"run {unfinished.id} of the same copy is {unfinished.status}.", remedy="Wait for its end.")
    if unfinished:
        store.ask(unfinished.id, "rollback")
    return _record(store, request, run)


def recorded(store: Store, run: str) -> Run | None:
    """The run with exactly that id, where there is one by now."""
    try:
        return store.run(run)
    except NotFound:
        return None


def _record(store: Store, request: CopyRequest, run: str = "") -> Run:
    plan = plan_copy(request, since=last_cursors(store, request) if request.incremental and not request.since else None)
    refuse_blocked(plan)
    return store.create_run(
        kind="copy",
        title=request.title,
        request=request.to_json(),
        fingerprint=request.fingerprint(),
        plan=plan,
        addresses={"source": request.source, "target": request.target},
        run=run,
    )


def _worth_resuming(store: Store, run: Run) -> bool:
    """A run that failed because of what it found (rows differ, tables changed) would only find it again."""
    if run.status is not Status.FAILED:
        return True
    failures = [e for e in store.events(run.id, limit=1_000_000) if e.name is Name.STEP_FAILED]
    return not failures or failures[-1].data.get("code") not in _FOUND


def _resumed(store: Store, run: Run) -> Run:
    if run.status in (Status.WAITING, Status.FAILED, Status.CANCELLED):
        return store.ask(run.id, "resume")
    return run


def refuse_blocked(plan: Plan) -> None:
    """Raises for a plan with errors: LossRefused when all that is wrong is a loss nobody has allowed."""
    errors = [f for f in plan.findings if f.severity is Severity.ERROR]
    if not errors:
        return
    first = errors[0]
    more = f" ({len(errors) - 1} more: see `wayfare plan`)" if len(errors) > 1 else ""
    kind: type[Invalid] | type[LossRefused] | type[Conflict] = Invalid
    if all(f.code == "type_lossy" for f in errors):
        kind = LossRefused
    elif first.code == "name_collision":
        kind = Conflict
    raise kind(first.message + more, where=first.where, remedy=first.advice)


def last_cursors(store: Store, request: CopyRequest) -> dict[str, Bound]:
    """Where the last successful incremental copy of this request ended, by source label."""
    for run in store.runs(status=(Status.SUCCEEDED,), limit=1000):
        if run.fingerprint == request.fingerprint():
            subject = decode(CopySubject, store.plan(run.id).subject)
            loads = store.outcomes(run.id, "copy.load").values()
            return {subject.tables[r["table"]].source: r["cursor"] or r["chunk"].get("after") for r in loads}
    return {}


def keyed(request: CopyRequest, sealer: Sealer) -> CopyRequest:
    """The request with this installation's key for its masks."""
    return replace(request, mask_key=derived(sealer, PURPOSE)) if request.masks else request


def verify(request: CopyRequest, *, rows: bool = False, seen: Seen = lambda label, proof: None) -> Report:
    """Compare a source with its copy as they are now. `seen` hears of each table when it begins and ends.

    A request with masks needs the key they were made with: see `keyed`.
    """
    began = time.time()
    with ExitStack() as stack:
        source = stack.enter_context(open_database(request.source))
        target = stack.enter_context(open_database(request.target))
        facts = gather(replace(request, schema_only=True), source, target)
        if is_missing(target):
            target.check()  # says which file is not there
        proofs, findings = verify_tables(request, facts, source, target, rows=rows, seen=seen)
    wrong = any(f.severity is Severity.ERROR for f in findings) or not all(p.equal for p in proofs)
    return Report(
        run=new_run_id(),
        title=request.title,
        outcome="different" if wrong else "equal",
        plan_digest="",
        started_at=began,
        ended_at=time.time(),
        tables=tuple(proofs),
        findings=(*facts.findings, *findings),
        versions={"wayfare": __version__, **facts.versions},
    )
