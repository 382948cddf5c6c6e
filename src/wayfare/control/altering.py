"""Carrying an alteration out: who may, whether it is approved as it stands, and the run that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wayfare.access.egress import Policy
from wayfare.access.scopes import require
from wayfare.control import alterations, approvals, clusters, runs, studying
from wayfare.control.alterations import APPROVED, DRAFT, PENDING, Alteration, Studied, tell
from wayfare.control.clusters import Cluster
from wayfare.control.reaching import check_address
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.ids import new_run_id
from wayfare.core.principal import Principal
from wayfare.core.status import Status
from wayfare.engine.context import WHY
from wayfare.schema.plan import Strategy, Wish, check_order, plan_change
from wayfare.schema.watch import Limits
from wayfare.store.records import Run
from wayfare.store.shelf import Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import ALTERATIONS, CLUSTERS

KIND = "schema"
IN_PROGRESS, SUCCEEDED, FAILED, ROLLED_BACK = "in_progress", "succeeded", "failed", "rolled_back"
OF_RUN = {
    Status.QUEUED: IN_PROGRESS,
    Status.RUNNING: IN_PROGRESS,
    Status.WAITING: IN_PROGRESS,
    Status.UNDOING: IN_PROGRESS,
    Status.SUCCEEDED: SUCCEEDED,
    Status.FAILED: FAILED,
    Status.CANCELLED: FAILED,
    Status.UNDONE: ROLLED_BACK,
}
STATES = (DRAFT, PENDING, APPROVED, IN_PROGRESS, SUCCEEDED, FAILED, ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Start:
    """How somebody wants it carried out."""

    environment: str = ""  # "" or the cluster's own
    strategy: Strategy | None = None  # None: the alteration's
    phases: tuple[str, ...] = ()
    dry_run: bool = False
    limits: Limits = field(default_factory=Limits)
    lock_wait_seconds: float = 60.0


def state_of(alteration: Alteration, run: Run | None) -> str:
    """Its run says more than what is written with it."""
    return OF_RUN[run.status] if run and run.id == alteration.run else alteration.state


def start(
    store: Store, principal: Principal, alteration: Alteration, wish: Start, policy: Policy
) -> tuple[Run, Studied]:
    """Record the run. A dry run needs no approval, and changes nothing.

    Raises NotAllowed for production without the right, Conflict before approval, after an edit or drift, or while
    another change of that cluster is at work; Invalid for phases or an environment that are not its own.
    """
    cluster = clusters.get(store, alteration.cluster)
    _may(principal, cluster, wish)
    if not wish.dry_run:
        alterations.refuse_running(store, alteration)
        clusters.refuse_busy(store, cluster.active)
        _refuse_done(store, alteration)
    check_order(list(cluster.addresses()), wish.phases)  # before anything is asked, or recorded
    members = clusters.members(cluster, policy)
    alteration, studied = _ready(store, principal, alteration, wish, policy)
    plan = plan_change(
        Wish(
            alteration.id,
            alteration.title,
            alteration.checksum,
            studied.study,
            members,
            wish.strategy or alteration.strategy,
            wish.phases,
            cluster.environment,
            principal.name,
            wish.limits,
            wish.lock_wait_seconds,
            wish.dry_run,
        )
    )
    run = new_run_id()
    if not wish.dry_run:
        _claim(store, principal, alteration, cluster, run)
    addresses = {name: check_address(address, policy) for name, address in cluster.addresses().items()}
    request = {
        "alteration": alteration.id,
        "cluster": cluster.name,
        "environment": cluster.environment,
        "strategy": (wish.strategy or alteration.strategy).value,
        "phases": list(wish.phases),
        "dry_run": wish.dry_run,
    }
    made = store.create_run(
        kind=KIND,
        title=f"{alteration.title} on {cluster.name}",
        request=request,
        fingerprint=alteration.id,
        plan=plan,
        addresses=addresses,
        run=run,
    )
    return made, studied


def _may(principal: Principal, cluster: Cluster, wish: Start) -> None:
    require(principal, "runs.start")
    if cluster.production and not wish.dry_run:
        require(principal, "runs.start_production")
    if wish.environment and wish.environment != cluster.environment:
        told = f"{cluster.name} is {cluster.environment}, not {wish.environment}."
        raise Invalid(told, where="environment", remedy="Name the environment that the database is registered for.")


def _refuse_done(store: Store, alteration: Alteration) -> None:
    if alteration.run and (run := last_run(store, alteration)) and run.status is Status.SUCCEEDED:
        told = f"{alteration.title} was carried out by run {run.id}."
        raise Conflict(told, where="migration", remedy="Make another change, or roll that one back.")


def _ready(
    store: Store, principal: Principal, alteration: Alteration, wish: Start, policy: Policy
) -> tuple[Alteration, Studied]:
    """Studied as the cluster is now, and approved as it stands; what needs nobody's yes is approved by policy here."""
    if wish.dry_run:
        studied = studying.study_now(store, alteration, policy)
        return alterations.get(store, alteration.id), studied
    fresh = None
    if approvals.latest(store, alteration) is None:
        _, fresh = approvals.submit(store, principal, alteration, policy)
        alteration = alterations.get(store, alteration.id)
    approval = approvals.insisted(store, alteration)
    if approval.needed and wish.strategy and wish.strategy is not alteration.strategy:
        told = f"it was approved as {alteration.strategy.told}, not {wish.strategy.told}."
        raise Conflict(told, where="strategy", remedy="Change its strategy, and submit it for approval again.")
    if fresh:  # it was studied this very moment
        return alteration, fresh
    before = alteration.digest
    studied = studying.study_again(store, alteration, policy)
    alteration = alterations.get(store, alteration.id)
    if alteration.digest != before:
        why = "the schema is no longer the one that the approval was given for."
        approvals.drop(store, principal, alteration, why)
        raise Conflict(why, where="migration", remedy="Look at the new study, and submit it for approval again.")
    if problems := alterations.errors_of(studied):
        first = problems[0]
        raise Conflict(f"{first.where}: {first.message}", where="migration", remedy=first.advice)
    return alteration, studied


def _claim(store: Store, principal: Principal, alteration: Alteration, cluster: Cluster, run: str) -> None:
    """One run a cluster, also where two ask at once: the later finds another version. Raises Stale."""
    with store.write() as transaction:
        Shelf(store, CLUSTERS).change(
            transaction, Shelf(store, CLUSTERS).get(cluster.id), {"active": run}, expected_version=cluster.version
        )
        changed = Shelf(store, ALTERATIONS).change(
            transaction, alteration.record, {"run": run}, expected_version=alteration.version
        )
        tell(store, transaction, principal, "start", changed, run=run)


def runs_of(store: Store, alteration: Alteration) -> Sequence[Run]:
    """Newest first, dry runs among them."""
    return store.runs(fingerprint=alteration.id, limit=1000)


def run_of(store: Store, alteration: Alteration, reference: str) -> Run:
    """One of this alteration's runs. Raises NotFound."""
    run = store.run(reference)
    if run.fingerprint != alteration.id:
        raise NotFound(f"there is no run {reference} of {alteration.title}.", where="executionId")
    return run


def last_run(store: Store, alteration: Alteration) -> Run | None:
    return store.run(alteration.run) if alteration.run else None


def roll_back(store: Store, principal: Principal, alteration: Alteration, run: Run, reason: str) -> Run:
    """Asks for it; `runs.wait` waits for its end. Raises Conflict for a dry run, and where there is nothing left."""
    if run.request.get("dry_run"):
        raise Conflict("a dry run has changed nothing.", where="executionId", remedy="There is nothing to roll back.")
    store.note(run.id, WHY, {"what": "rollback", "reason": reason})
    asked = runs.roll_back(store, run.id)
    with store.write() as transaction:
        tell(store, transaction, principal, "rollback", alteration.record, run=run.id, reason=reason)
    return asked
