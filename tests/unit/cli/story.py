"""A copy as its journal tells it, for tests of those who read journals."""

from __future__ import annotations

from collections.abc import Sequence

from wayfare.core.events import Event, Name
from wayfare.core.findings import Finding
from wayfare.core.plan import Phase, Plan, Step

START = 1_000.0
PHASES = ("check", "stage", "load", "verify", "seal", "publish", "finish")


def plan_of(tables: dict[str, int], chunks: int = 1, findings: Sequence[Finding] = ()) -> Plan:
    """Each table with that many rows, in that many chunks."""
    entries = [{"source": name, "target": f"main.{name}", "rows_estimate": rows} for name, rows in tables.items()]
    loads = tuple(
        Step("copy.load", f"load {name} {chunk + 1}/{chunks}", {"table": index})
        for index, name in enumerate(tables)
        for chunk in range(chunks)
    )
    steps = {"load": loads}
    for verb in ("verify", "seal"):
        steps[verb] = tuple(Step(f"copy.{verb}", f"{verb} {name}", {"table": i}) for i, name in enumerate(tables))
    phases = tuple(Phase(name, steps.get(name, (Step(f"copy.{name}", name),))) for name in PHASES)
    subject = {"title": "sqlite:///shop.db → duckdb:///shop.duckdb", "tables": entries}
    return Plan("copy", subject, phases, tuple(findings))


def status(to: str, at: float = START, **data: str) -> Event:
    return Event("r", Name.STATUS, data={"to": to, **data}, at=at)


def phase(name: str, began: float, ended: float | None = None) -> list[Event]:
    events = [Event("r", Name.PHASE_STARTED, name, at=START + began)]
    return [*events, Event("r", Name.PHASE_DONE, name, at=START + ended)] if ended is not None else events


def started(step: str, at: float, attempt: int = 1) -> Event:
    return Event("r", Name.STEP_STARTED, step, attempt, at=START + at)


def done(step: str, at: float, **result: int) -> Event:
    return Event("r", Name.STEP_DONE, step, data={"result": result, "seconds": 1.0}, at=START + at)


def failed(step: str, at: float, *, retryable: bool, **data: str) -> Event:
    return Event("r", Name.STEP_FAILED, step, data={"retryable": retryable, **data}, at=START + at)
