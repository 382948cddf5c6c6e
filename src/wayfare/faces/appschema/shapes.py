"""The JSON of document 000. It prints none, so names are plain; times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wayfare.schema.revisions.runner import CLIENT_WAIT_SECONDS

Version = Annotated[str, StringConstraints(max_length=200)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DryRunBody(Shape):
    to: Annotated[Version, Field(description="The last version to apply; all where it is left out.")] = ""
    out_of_order: Annotated[bool, Field(description="Also what comes before what is applied.")] = False


class MigrateBody(DryRunBody):
    client_wait_seconds: Annotated[
        float,
        Field(ge=0, le=86_400, description="Behind a statement at work, which is ended then; 0: as long as it takes."),
    ] = CLIENT_WAIT_SECONDS


class PendingAnswer(Shape):
    version: str
    name: str
    checksum: str
    reversible: Annotated[bool, Field(description="Is there a way back beside it?")]


class LockAnswer(Shape):
    held: bool
    by: str | None
    since: str | None
    fence: int | None
    until: Annotated[str | None, Field(description="Where the lock is a lease: when it ends.")]


class EntryAnswer(Shape):
    version: str
    name: str
    status: str
    statements_done: int
    statements: int
    started_at: str
    duration_ms: float | None
    by: str
    error: str


class FindingAnswer(Shape):
    code: str
    severity: str
    message: str
    where: str
    advice: str


class StatusAnswer(Shape):
    current_version: str | None
    environment: str | None
    applied: int
    pending: list[PendingAnswer]
    pending_count: int
    lock: LockAnswer
    history: Annotated[list[EntryAnswer], Field(description="The last ten, newest first.")]
    problems: Annotated[list[FindingAnswer], Field(description="Where folder and database do not fit together.")]
    running: Annotated[str | None, Field(description="The run that applies revisions now.")]


class StatementAnswer(Shape):
    sql: str
    line: int
    locks: dict[str, str]
    blocks: dict[str, str]
    rewrites: list[str]
    scans: list[str]
    estimated_seconds: float
    error: str


class RevisionPlan(Shape):
    version: str
    name: str
    statements: list[StatementAnswer]
    rollback: list[str]
    rollback_proved: bool
    estimated_seconds: float
    findings: list[FindingAnswer]


class DryRunAnswer(Shape):
    can_apply: bool
    revisions: list[RevisionPlan]
    problems: list[FindingAnswer]
    estimated_seconds: float


class ComponentAnswer(Shape):
    name: str
    status: Literal["healthy", "unhealthy"]
    message: str
    milliseconds: float


class HealthAnswer(Shape):
    status: Literal["healthy", "unhealthy"]
    components: list[ComponentAnswer]


class MigrateAnswer(Shape):
    run: Annotated[str | None, Field(description="Ask GET /api/migrate/{run} how it stands; null: nothing to do.")]
    status: str
    revisions: list[str]
    message: str


class ProgressAnswer(Shape):
    run: str
    status: str
    revisions: list[str]
    done: int
    total: int
    percent: int
    current: str | None
    error: str
    started_at: str | None
    ended_at: str | None
    details: dict[str, Any]
