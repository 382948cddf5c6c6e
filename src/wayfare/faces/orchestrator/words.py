"""Document 001's words and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wayfare.control.alterations import APPROVED, DRAFT, PENDING
from wayfare.control.altering import FAILED, IN_PROGRESS, ROLLED_BACK, SUCCEEDED
from wayfare.control.approvals import EXPIRED, REJECTED, WITHDRAWN
from wayfare.control.clusters import ENVIRONMENTS
from wayfare.core.changes import Part
from wayfare.core.errors import Invalid, NotFound
from wayfare.core.findings import Severity
from wayfare.core.status import Status
from wayfare.schema.plan import Strategy
from wayfare.schema.risk import Risk
from wayfare.systems.registry import adapter

STATES: Mapping[str, str] = MappingProxyType(
    {
        DRAFT: "Draft",
        PENDING: "PendingApproval",
        APPROVED: "Approved",
        IN_PROGRESS: "InProgress",
        SUCCEEDED: "Succeeded",
        FAILED: "Failed",
        ROLLED_BACK: "RolledBack",
    }
)
EXECUTION: Mapping[Status, str] = MappingProxyType(
    {
        Status.QUEUED: "Running",  # the document starts at once: "Running" is what its 202 says
        Status.RUNNING: "Running",
        Status.WAITING: "Paused",
        Status.SUCCEEDED: "Succeeded",
        Status.FAILED: "Failed",
        Status.CANCELLED: "Failed",
        Status.UNDOING: "RollingBack",
        Status.UNDONE: "RolledBack",
    }
)
APPROVAL: Mapping[str, str] = MappingProxyType(
    {
        PENDING: "Pending",
        APPROVED: "Approved",
        REJECTED: "Rejected",
        WITHDRAWN: "Withdrawn",
        EXPIRED: "Expired",
    }
)
STRATEGIES: Mapping[str, Strategy] = MappingProxyType({s.told: s for s in Strategy})
RISKS: Mapping[str, Risk] = MappingProxyType({r.name.title(): r for r in Risk})
ENVIRONMENT: Mapping[str, str] = MappingProxyType({e: "QA" if e == "qa" else e.title() for e in ENVIRONMENTS})
PARTS: Mapping[str, str] = MappingProxyType(
    {
        Part.ALONE: "Standalone",
        Part.PRIMARY: "Master",
        Part.STANDBY: "AsyncReplica",
        Part.SUBSCRIBER: "LogicalReplica",
        Part.REPLICA: "AsyncReplica",
    }
)
SEVERITIES: Mapping[Severity, str] = MappingProxyType({s: s.value.title() for s in Severity})


def strategy_named(text: str, where: str = "strategy") -> Strategy:
    """Raises Invalid, naming those there are."""
    if found := STRATEGIES.get(text):
        return found
    raise Invalid(f"there is no strategy {text[:40]!r}.", where=where, remedy=f"Choose from: {', '.join(STRATEGIES)}.")


def risk_named(text: str) -> Risk:
    if text not in RISKS:
        known = ", ".join(RISKS)
        raise Invalid(f"there is no risk {text[:40]!r}.", where="riskLevel", remedy=f"Choose from: {known}.")
    return RISKS[text]


def system_named(text: str) -> str:
    """ "PostgreSQL", "MySQL", "MariaDB", "SQLite", "SqlServer" → our name of it. Raises Invalid."""
    try:
        return adapter(text.strip().lower().replace(" ", "")).name
    except Invalid as error:
        raise Invalid(error.message, where="type", remedy=error.remedy) from error


def state_named(text: str) -> str:
    """Raises Invalid, naming those there are."""
    for state, word in STATES.items():
        if word == text:
            return state
    known = ", ".join(STATES.values())
    raise Invalid(f"there is no status {text[:40]!r}.", where="status", remedy=f"Choose from: {known}.")


def reference(text: str, prefix: str, noun: str) -> str:
    """What stands behind `mig-`, `db-`, `exec-` or `appr-`. Raises NotFound for another text."""
    if not text.startswith(prefix) or len(text) == len(prefix):
        raise NotFound(f"there is no {noun} {text[:80]!r}.", where=f"{noun}Id", remedy="Check the id.")
    return text.removeprefix(prefix)
