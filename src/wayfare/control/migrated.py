"""How a copy ended, table by table: what faces answer with."""

from __future__ import annotations

from dataclasses import dataclass

from wayfare.copy.report import TableProof
from wayfare.copy.subject import CopySubject
from wayfare.core.codec import decode
from wayfare.core.events import Name
from wayfare.core.findings import Severity
from wayfare.core.status import Status
from wayfare.store.records import Run
from wayfare.store.store import Store

EVENTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    succeeded: bool
    migrated: tuple[tuple[str, int], ...]  # table and rows
    failed: tuple[tuple[str, str], ...]  # table and reason
    total: int
    errors: tuple[str, ...]


def outcome(store: Store, run: Run) -> Outcome:
    """A copy publishes all of its tables or none, so a failure counts for every table; the reason names the culprit."""
    subject = decode(CopySubject, store.plan(run.id).subject)
    labels = [subject.short(copy) for copy in subject.tables]
    events = store.events(run.id, limit=EVENTS_MAX)
    if run.status is Status.SUCCEEDED:
        proofs = [decode(TableProof, r) for r in store.outcomes(run.id, "copy.verify").values()]
        arrived = {p.source: p.rows_target for p in proofs}
        rows = {subject.short(copy): arrived.get(copy.source, 0) for copy in subject.tables}
        findings = [e.data for e in events if e.name is Name.FINDING and e.data["severity"] == Severity.ERROR]
        errors = tuple(f"{f['where']}: {f['message']}" for f in findings)
        return Outcome(not errors, tuple((t, rows.get(t, 0)) for t in labels), (), len(labels), errors)
    failures = [e.data for e in events if e.name is Name.STEP_FAILED and not e.data.get("retryable")]
    reason = failures[-1]["message"] if failures else run.reason or f"the run is {run.status}."
    return Outcome(False, (), tuple((t, reason) for t in labels), len(labels), (reason,))
