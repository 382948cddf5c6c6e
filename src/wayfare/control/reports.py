"""Reports of runs, made from the journal alone, so that one can be made again at any time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from wayfare.copy.report import PhaseTime, Rate, Report, TableProof
from wayfare.copy.report_page import render
from wayfare.copy.subject import CopySubject
from wayfare.core.codec import decode, encode
from wayfare.core.events import Event, Name
from wayfare.core.findings import Finding, Severity
from wayfare.core.status import Status
from wayfare.store.store import Store

EVENTS_MAX = 1_000_000


def report_of(store: Store, run_id: str) -> Report:
    """The report of a copy, finished or not. Raises NotFound for an unknown run."""
    run = store.run(run_id)
    plan = store.plan(run.id)
    subject = decode(CopySubject, plan.subject)
    events = store.events(run.id, limit=EVENTS_MAX)
    proofs = tuple(decode(TableProof, r) for r in store.outcomes(run.id, "copy.verify").values())
    began = run.started_at or run.created_at
    return Report(
        run=run.id,
        title=run.title,
        outcome=_outcome(run.status, proofs),
        plan_digest=run.plan_digest,
        started_at=began,
        ended_at=run.ended_at or (events[-1].at if events else began),
        tables=proofs,
        findings=(*plan.findings, *_findings(events)),
        phases=tuple(_phases(events)),
        rates=tuple(_rates(events, began)),
        versions=subject.versions,
    )


def _outcome(status: Status, proofs: Sequence[TableProof]) -> str:
    if any(not p.equal for p in proofs):
        return "different"
    if status is not Status.SUCCEEDED:
        return "failed"
    return "equal" if proofs else "unproven"


def _findings(events: Sequence[Event]) -> list[Finding]:
    return [Finding(**{**e.data, "severity": Severity(e.data["severity"])}) for e in events if e.name is Name.FINDING]


def _phases(events: Sequence[Event]) -> list[PhaseTime]:
    started = {e.step: e.at for e in events if e.name is Name.PHASE_STARTED}
    return [
        PhaseTime(e.step, round(e.at - started[e.step], 3))
        for e in events
        if e.name is Name.PHASE_DONE and e.step in started
    ]


def _rates(events: Sequence[Event], began: float) -> list[Rate]:
    """Rows arrived over time, a point for each finished chunk."""
    points, rows = [Rate(0.0, 0)], 0
    for event in events:
        if event.name is Name.STEP_DONE and event.step.startswith("load "):
            rows += int(event.data["result"]["rows"])
            points.append(Rate(round(event.at - began, 3), rows))
    return points


def write_report(store: Store, home: Path, run_id: str) -> tuple[Report, Path]:
    """Write report.json and report.html under home/runs/<run>/; gives the page's path."""
    report = report_of(store, run_id)
    return report, save_report(report, home / "runs" / report.run)


def save_report(report: Report, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(encode(report), indent=2, ensure_ascii=False), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(render(report), encoding="utf-8")
    return page
