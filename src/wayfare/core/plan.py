"""A plan is data: phases run in order, the steps of one phase may run together. A dry run is a printed plan.

A step names the registered `Effect` that carries it out by tag, so the engine needs to know no capability.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, runtime_checkable

from wayfare.core.findings import Finding, Severity
from wayfare.core.ports import Database
from wayfare.core.redacted import Redacted

Json = Any  # what json.dumps takes: None, bool, int, float, str, list, dict with text keys


@dataclass(frozen=True, slots=True)
class Step:
    """The smallest journalled unit. Carrying it out twice must equal once."""

    tag: str  # the effect: "copy.load"
    name: str  # what people read and the journal keys on; unique in its plan: "load shop.orders 3/16"
    args: Mapping[str, Json] = field(default_factory=dict)
    limit_key: str = ""  # steps with the same key share a limit of their own (one source server)


@dataclass(frozen=True, slots=True)
class Phase:
    """`hold` is the tag of a registered holder, kept open by whichever process conducts the phases it names."""

    name: str
    steps: tuple[Step, ...]
    together: bool = False  # may the steps run in parallel?
    hold: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    kind: str  # "copy", "schema" …
    subject: Json  # what the steps share: the tables, the types, the choices made
    phases: tuple[Phase, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for phase in self.phases for step in phase.steps)

    @property
    def blocked(self) -> bool:
        return any(f.severity is Severity.ERROR for f in self.findings)

    def digest(self) -> str:
        """What an approval approves: change one argument of one step and it no longer holds. 16 digits of SHA-256."""
        return hashlib.sha256(json.dumps(plan_to_json(self), sort_keys=True).encode()).hexdigest()[:16]


def plan_to_json(plan: Plan) -> Json:
    return {
        "kind": plan.kind,
        "subject": plan.subject,
        "phases": [
            {
                "name": p.name,
                "together": p.together,
                "hold": p.hold,
                "steps": [
                    {"tag": s.tag, "name": s.name, "args": dict(s.args), "limit_key": s.limit_key} for s in p.steps
                ],
            }
            for p in plan.phases
        ],
        "findings": [
            {"code": f.code, "severity": f.severity, "message": f.message, "where": f.where, "advice": f.advice}
            for f in plan.findings
        ],
    }


def plan_from_json(data: Json) -> Plan:
    phases = (Phase(p["name"], tuple(Step(**s) for s in p["steps"]), p["together"], p["hold"]) for p in data["phases"])
    findings = (Finding(**{**f, "severity": Severity(f["severity"])}) for f in data["findings"])
    return Plan(data["kind"], data["subject"], tuple(phases), tuple(findings))


class StepContext(Protocol):
    """All that a step may touch. One per attempt; safe to use from the threads a step starts."""

    run: str
    subject: Json  # the plan's
    attempt: int  # 1 for the first try of this step

    def open(self, role: str) -> Database:
        """The opened "source" or "target", shared by this process's steps of the run and closed after it."""
        ...

    def progress(self, **amounts: int) -> None:
        """Report absolute amounts of this step so far (rows=…, bytes=…). Lossy: never needed for correctness."""
        ...

    def stopping(self) -> None:
        """Raises Stopped when the run was asked to pause or cancel. Called between batches."""
        ...

    def ask(self, what: str, reason: str) -> NoReturn:
        """Have the run paused ("pause") or rolled back ("rollback"), for that reason: raises Stopped."""
        ...

    def finding(self, finding: Finding) -> None:
        """Put a finding in the journal, once however often the step is repeated."""
        ...

    def note(self, key: str, value: Json) -> None:
        """A small fact that other steps of the run read by `notes`; the last one wins. Survives crashes."""
        ...

    def notes(self, key: str) -> Json:
        """None when nobody has noted it."""
        ...

    def secret(self, purpose: str) -> Redacted:
        """A secret of this installation for that purpose alone, the same in every process and run: 64 hex digits."""
        ...

    def outcomes(self, tag: str) -> Mapping[str, Json]:
        """The results of this run's finished steps with that tag, by step name."""
        ...


class Effect(Protocol):
    """Carries out the steps of one tag. `run` returns a small JSON result, kept in the journal."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json: ...


@runtime_checkable
class Undoes(Protocol):
    """An effect that can be taken back. Called at most for steps that started, in reverse order; repeatable."""

    def undo(self, context: StepContext, args: Mapping[str, Json]) -> None: ...


Alive = Callable[[], bool]


class Holder(Protocol):
    """Keeps something open (a snapshot) while phases run; opened anew when a run is resumed or adopted.

    The context gives a function that says whether what is held still stands, or None where it cannot be lost. What is
    lost is opened anew: steps that needed it fail as Unreachable, and find the new one at their next attempt.
    """

    def __call__(self, context: StepContext) -> AbstractContextManager[Alive | None]: ...
