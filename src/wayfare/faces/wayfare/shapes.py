"""The JSON of our own face. Unknown fields are refused. Times are seconds since the epoch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wayfare.copy.request import CopyRequest
from wayfare.core.address import Address
from wayfare.core.ports import Mode
from wayfare.core.status import Status

Text = Annotated[str, StringConstraints(max_length=4000)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CopyWish(Shape):
    """What `wayfare copy` takes, by the same names."""

    source: Annotated[Text, Field(min_length=1, description="A database URL, or `@name` of a saved connection.")]
    target: Annotated[Text, Field(min_length=1, description="A database URL, or `@name` of a saved connection.")]
    tables: list[Pattern] = Field(default=[], description="Patterns, such as orders or sales.*; none means all.")
    exclude: list[Pattern] = []
    schema_only: bool = False
    data_only: bool = False
    mode: Mode = Mode.REPLACE
    incremental: bool = False
    cursor: Text = ""
    since: Text = ""
    deletes: bool = False
    keep_replaced: bool = False
    type_map: dict[Pattern, Pattern] = {}
    renames: dict[Pattern, Pattern] = {}
    masks: list[Pattern] = []
    allow_loss: list[Pattern] = []
    workers: Annotated[int, Field(ge=0, le=1024)] = 0
    rows_per_second: Count = 0
    rows_per_chunk: Count = 0

    def request(self, source: Address, target: Address) -> CopyRequest:
        """Raises Invalid for choices that contradict each other."""
        lists: dict[str, Any] = {
            name: tuple(getattr(self, name)) for name in ("tables", "exclude", "allow_loss", "masks")
        }
        plain = self.model_dump(exclude={"source", "target", "dry_run", *lists})
        return CopyRequest(source=source, target=target, **lists, **plain)


class CopyBody(CopyWish):
    dry_run: bool = Field(default=False, description="Answer with the plan, and change nothing.")


class FindingAnswer(Shape):
    code: str
    severity: Literal["info", "warning", "error"]
    message: str
    where: str
    advice: str


class RunAnswer(Shape):
    id: str
    kind: str
    title: str
    status: Status
    asked: str = Field(description="What was asked of the run and is not yet fulfilled: pause, cancel, rollback.")
    reason: str
    request: Any = Field(description="What was wanted, without secrets.")
    plan_digest: str
    created_at: float
    started_at: float | None
    ended_at: float | None


class PhaseAnswer(Shape):
    name: str
    steps: int
    steps_done: int


class TableAnswer(Shape):
    source: str
    target: str
    rows: int
    chunks: int
    chunks_done: int


class StandingAnswer(RunAnswer):
    phases: list[PhaseAnswer]
    tables: list[TableAnswer]
    findings: list[FindingAnswer]
    failure: dict[str, Any] | None = Field(description="Of the last step that failed.")
    reports: dict[str, str] = Field(description="Where its reports are: by name, as paths here.")


class RunsAnswer(Shape):
    runs: list[RunAnswer]


class EventAnswer(Shape):
    sequence: int
    at: float
    name: str
    step: str
    attempt: int
    data: dict[str, Any]


class JournalAnswer(Shape):
    run: str
    events: list[EventAnswer]


class PlanAnswer(Shape):
    digest: str = Field(description="Changes with anything that would be done.")
    blocked: bool = Field(description="Whether starting it would be refused, by an error among the findings.")
    kind: str
    subject: Any
    phases: list[dict[str, Any]]
    findings: list[FindingAnswer]


class StartedAnswer(Shape):
    run: RunAnswer | None = None
    resumed: bool = Field(default=False, description="An unfinished run of the same request was taken up.")
    plan: PlanAnswer | None = Field(default=None, description="Of a dry run.")
