"""A run as it stands, folded from its plan, its journal and its progress. Pure: drawing is `live`'s and `plain`'s.

Any process can fold the same picture, so a run of another process is followed just as one's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wayfare.core.events import Event, Name
from wayfare.core.findings import Finding, Severity
from wayfare.core.status import ENDED, Status

if TYPE_CHECKING:
    from wayfare.core.plan import Plan, Step

LOAD, VERIFY = "copy.load", "copy.verify"
RATE_WINDOW_SECONDS = 5.0
NO_RATE = 0.0


@dataclass(slots=True)
class Pace:
    """Rows per second over the last few seconds, from samples of a growing amount."""

    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def sample(self, now: float, amount: int) -> None:
        self.samples.append((now, amount))
        while len(self.samples) > 2 and now - self.samples[1][0] >= RATE_WINDOW_SECONDS:
            self.samples.popleft()

    @property
    def per_second(self) -> float:
        if len(self.samples) < 2:
            return NO_RATE
        (start, before), (end, after) = self.samples[0], self.samples[-1]
        return max(after - before, 0) / (end - start) if end > start else NO_RATE


@dataclass(slots=True)
class PhaseView:
    name: str
    steps: int
    steps_done: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0

    @property
    def running(self) -> bool:
        return bool(self.started_at) and not self.ended_at

    def seconds(self, now: float) -> float:
        return (self.ended_at or now) - self.started_at if self.started_at else 0.0


@dataclass(slots=True)
class TableView:
    label: str
    target: str
    rows_expected: int
    chunks: int = 0
    chunks_done: int = 0
    rows: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    verified: bool = False
    pace: Pace = field(default_factory=Pace)

    @property
    def loaded(self) -> bool:
        return bool(self.ended_at)

    @property
    def running(self) -> bool:
        return bool(self.started_at) and not self.loaded

    @property
    def expected(self) -> int:
        """Estimates come from statistics: what is there already is never more than what is expected."""
        return self.rows if self.loaded else max(self.rows_expected, self.rows)

    @property
    def seconds_left(self) -> float | None:
        rate = self.pace.per_second
        return (self.expected - self.rows) / rate if rate and not self.loaded else None


class Picture:
    def __init__(self, plan: Plan) -> None:
        subject = plan.subject if isinstance(plan.subject, Mapping) else {}
        self.title = str(subject.get("title", plan.kind))
        self.phases = [PhaseView(phase.name, len(phase.steps)) for phase in plan.phases]
        self.tables = [_table(entry) for entry in subject.get("tables", ())]
        self.findings: list[Finding] = list(plan.findings)
        self.status = Status.QUEUED
        self.reason = ""
        self.failure: Mapping[str, Any] = {}  # of the last step that failed: code, message, remedy, where
        self.retries = 0
        self.started_at = 0.0
        self.ended_at = 0.0
        self.pace = Pace()
        self._steps = {step.name: (step, number) for number, phase in enumerate(plan.phases) for step in phase.steps}
        self._phase_numbers = {phase.name: number for number, phase in enumerate(plan.phases)}
        self._rows_of_step: dict[str, int] = {}
        self._finished: set[str] = set()
        for step, _ in self._steps.values():
            if step.tag == LOAD and (table := self._table_of(step)):
                table.chunks += 1

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def expected(self) -> int:
        return sum(table.expected for table in self.tables)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def phase(self) -> PhaseView | None:
        return next((phase for phase in self.phases if phase.running), None)

    def see(self, events: Iterable[Event]) -> Iterator[Event]:
        """Fold events in, giving each back once the picture holds it."""
        for event in events:
            self._fold(event)
            yield event

    def measure(self, progress: Mapping[str, Mapping[str, int]], now: float) -> None:
        """Take in what the steps report: absolute amounts, by step."""
        for name, amounts in progress.items():
            self._count_rows(name, int(amounts.get("rows", 0)))
        for table in self.tables:
            if table.running:
                table.pace.sample(now, table.rows)
        self.pace.sample(now, self.rows)

    def table_of(self, step_name: str) -> TableView | None:
        found = self._steps.get(step_name)
        return self._table_of(found[0]) if found else None

    def is_a(self, tag: str, step_name: str) -> bool:
        found = self._steps.get(step_name)
        return found is not None and found[0].tag == tag

    def _fold(self, event: Event) -> None:
        match event.name:
            case Name.STATUS:
                self._turn(event)
            case Name.PHASE_STARTED if event.step in self._phase_numbers:
                phase = self.phases[self._phase_numbers[event.step]]
                phase.started_at, phase.ended_at = phase.started_at or event.at, 0.0
            case Name.PHASE_DONE if event.step in self._phase_numbers:
                self.phases[self._phase_numbers[event.step]].ended_at = event.at
            case Name.STEP_STARTED if event.step in self._steps:
                self._begin(event)
            case Name.STEP_DONE if event.step in self._steps:
                self._finish(event)
            case Name.STEP_FAILED:
                self.failure = event.data
                self.retries += bool(event.data.get("retryable"))
            case Name.FINDING:
                self._notice(event)
            case _:
                pass

    def _turn(self, event: Event) -> None:
        self.status = Status(event.data["to"])
        self.reason = str(event.data.get("reason") or "")
        if self.status is Status.RUNNING:
            self.started_at, self.ended_at = self.started_at or event.at, 0.0
        elif self.status is not Status.QUEUED:
            self.ended_at = event.at

    def _begin(self, event: Event) -> None:
        step, _ = self._steps[event.step]
        table = self._table_of(step)
        if step.tag == LOAD and table:
            table.started_at = table.started_at or event.at

    def _finish(self, event: Event) -> None:
        if event.step in self._finished:
            return
        self._finished.add(event.step)
        step, number = self._steps[event.step]
        self.phases[number].steps_done += 1
        table = self._table_of(step)
        if table is None:
            return
        if step.tag == VERIFY:
            table.verified = True
        if step.tag == LOAD:
            result = event.data.get("result")
            if isinstance(result, Mapping) and "rows" in result:
                self._count_rows(event.step, int(result["rows"]))
            table.chunks_done += 1
            if table.chunks_done == table.chunks:
                table.ended_at = event.at

    def _count_rows(self, name: str, rows: int) -> None:
        found = self._steps.get(name)
        if not found or found[0].tag != LOAD:
            return
        table = self._table_of(found[0])
        more = rows - self._rows_of_step.get(name, 0)
        # A repeated chunk starts again at nothing, so its amount may also shrink; a finished one never does.
        if table and (more > 0 or name not in self._finished):
            self._rows_of_step[name] = rows
            table.rows += more

    def _notice(self, event: Event) -> None:
        data = {k: str(event.data.get(k, "")) for k in ("code", "message", "where", "advice")}
        finding = Finding(severity=Severity(event.data.get("severity", Severity.INFO)), **data)
        if finding not in self.findings:
            self.findings.append(finding)

    def _table_of(self, step: Step) -> TableView | None:
        index = step.args.get("table")
        return self.tables[index] if isinstance(index, int) and 0 <= index < len(self.tables) else None


def _table(entry: Mapping[str, Any]) -> TableView:
    return TableView(str(entry["source"]), str(entry["target"]), int(entry.get("rows_estimate", 0)))
