"""Runs, their standing and their events as JSON, the same for `--json` and for faces.

Times are seconds since the epoch.
"""

from __future__ import annotations

from typing import Any

from wayfare.control.picture import Picture
from wayfare.core.events import Event
from wayfare.store.records import Run
from wayfare.store.store import Store

EVENTS_AT_ONCE = 1000


def run_json(run: Run) -> dict[str, Any]:
    """Without secrets: `request` has none."""
    names = ("id", "kind", "title", "asked", "reason", "request", "plan_digest", "created_at", "started_at", "ended_at")
    return {**{name: getattr(run, name) for name in names}, "status": run.status.value}


def standing_json(picture: Picture) -> dict[str, Any]:
    return {
        "phases": [{"name": p.name, "steps": p.steps, "steps_done": p.steps_done} for p in picture.phases],
        "tables": [
            {"source": t.label, "target": t.target, "rows": t.rows, "chunks": t.chunks, "chunks_done": t.chunks_done}
            for t in picture.tables
        ],
        "findings": [
            {"code": f.code, "severity": f.severity, "message": f.message, "where": f.where, "advice": f.advice}
            for f in picture.findings
        ],
        "failure": dict(picture.failure) or None,
    }


def progress_json(picture: Picture) -> dict[str, Any]:
    """What moves while a run goes on: amounts, in all and for each table."""
    phase = picture.phase
    return {
        "status": picture.status.value,
        "phase": phase.name if phase else "",
        "rows": picture.rows,
        "rows_expected": picture.expected,
        "rows_per_second": round(picture.pace.per_second),
        "tables": [
            {
                "source": t.label,
                "target": t.target,
                "rows": t.rows,
                "rows_expected": t.expected,
                "rows_per_second": round(t.pace.per_second) if t.running else 0,
                "seconds_left": None if t.seconds_left is None else round(t.seconds_left),
                "chunks": t.chunks,
                "chunks_done": t.chunks_done,
                "running": t.running,
                "loaded": t.loaded,
                "verified": t.verified,
            }
            for t in picture.tables
        ],
    }


def event_json(event: Event) -> dict[str, Any]:
    names = ("sequence", "at", "name", "step", "attempt")
    return {**{name: getattr(event, name) for name in names}, "data": dict(event.data)}


def folded(store: Store, run: str, now: float) -> tuple[Picture, int]:
    """How the run stands, and the sequence of the last event it took in. Raises NotFound."""
    picture, since, more = Picture(store.plan(run)), 0, True
    while more and (events := store.events(run, since=since, limit=EVENTS_AT_ONCE)):
        since, more = events[-1].sequence, len(events) == EVENTS_AT_ONCE
        for _ in picture.see(events):
            pass
    picture.measure(store.progress(run), now)
    return picture, since
