"""Starting the run of a schedule's due time, once, whoever dies on the way."""

from __future__ import annotations

from dataclasses import dataclass

from wayfare.access.egress import Policy
from wayfare.access.later import refusal
from wayfare.control.copies import recorded, start_fresh
from wayfare.control.leases import held
from wayfare.control.missed import Missed, decide
from wayfare.control.ordered import request_from
from wayfare.control.reaching import check_ends
from wayfare.control.schedules import schedule_from
from wayfare.core.errors import Busy, NotFound, WayfareError
from wayfare.core.principal import Principal
from wayfare.core.status import ENDED
from wayfare.store.claims import Schedules, Start
from wayfare.store.database import StoreAway
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import SCHEDULES

ATTEMPTS_MAX = 5
RETRY_SECONDS = (5.0, 30.0, 120.0, 300.0)  # between attempts, while a server cannot be reached
REFUSED_REMEDY = "It starts again when they may again; or let somebody else make it anew."


@dataclass(frozen=True, slots=True)
class Became:
    """What became of one time that a schedule was due."""

    state: str  # started, passed, failed
    reason: str = ""
    refused: Principal | None = None  # whose schedule it is, where they may start nothing any more


def claimed(everywhere: Store, record: Record, now: float) -> Start | None:
    """Deal with a schedule that is due: the right to start its run, or None where there is nothing (left) to start."""
    claims, schedule = Schedules(everywhere), schedule_from(record)
    decision = decide(schedule.timetable, record["next_at"], now, schedule.missed)
    if decision.start is None:
        skips = schedule.missed is Missed.SKIP
        reason = f"missed, and the policy is {Missed.SKIP.value}." if skips else "missed long ago."
        claims.pass_over(record, record["next_at"], decision.next_at, decision.passed_over, reason)
        return None
    if schedule.missed is Missed.RUN_ALL:  # each has its run, so it waits for the one before
        before = claims.run_before(record["tenant"], record["id"], decision.start)
        if before and before[1] not in ENDED:
            return None
    return claims.claim(record, decision.start, decision.next_at, decision.passed_over)


def begin(everywhere: Store, start: Start, policy: Policy) -> None:
    """Record the run of a claim. May be repeated, also by another process: the run's id is the claim's."""
    claims = Schedules(everywhere)
    with held(start.run, lambda: claims.renew(start)):
        try:
            became = _begun(everywhere.of(start.tenant), claims, start, policy)
        except StoreAway:
            raise
        except WayfareError as error:
            if error.retryable and start.attempts < ATTEMPTS_MAX:
                claims.later(start, RETRY_SECONDS[start.attempts - 1], str(error))
                return
            became = Became("failed", str(error))
    if claims.settle(start, became.state, became.reason):
        _tell(everywhere.of(start.tenant), start, became)


def _begun(store: Store, claims: Schedules, start: Start, policy: Policy) -> Became:
    """A schedule never has two runs at work: a time that comes while one is gets none, or waits."""
    if recorded(store, start.run):
        return Became("started")
    before = claims.run_before(start.tenant, start.schedule, start.due_at)
    if before and before[1] not in ENDED:
        return Became("passed", f"run {before[0]} of the time before is still {before[1]}.")
    shelf = Shelf(store, SCHEDULES)
    try:
        record = shelf.get(start.schedule)
    except NotFound:
        return Became("passed", "the schedule was removed.")
    schedule = schedule_from(record)
    if reason := refusal(store, schedule.owner, schedule.owner_name):
        owner = Principal(schedule.owner, schedule.owner_name, start.tenant, frozenset())
        return Became("passed", f"{reason} {REFUSED_REMEDY}", owner)
    request = request_from(store, schedule.wanted, shelf.secret(record))
    try:
        start_fresh(store, check_ends(request, policy), start.run)
    except Busy as error:
        return Became("passed", str(error))
    return Became("started")


def _tell(store: Store, start: Start, became: Became) -> None:
    data = {"due_at": start.due_at, "run": start.run if became.state == "started" else "", "reason": became.reason}
    with store.write() as transaction:
        if became.refused:
            details = {"due_at": start.due_at, "reason": became.reason}
            store.audit(transaction, became.refused, "schedules.start", start.schedule, "refused", details)
        store.publish(transaction, f"schedule.{became.state}", start.schedule, data)
