"""The JSON of document 001, exactly: names in camel case. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Text = Annotated[str, StringConstraints(max_length=2000)]
Script = Annotated[str, StringConstraints(max_length=10 * 1024 * 1024)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


# Migrations


class MigrationBody(Shape):
    name: Text
    description: Text = ""
    target_database_id: Annotated[Text, Field(description="The id, or the name, of a registered database.")]
    migration_script: Script
    rollback_script: Annotated[Script, Field(description='"" to have the way back found, and proved.')] = ""
    strategy: Text = "Phased"
    risk_level: Annotated[Text, Field(description="May raise what is measured, never lower it.")] = "Low"
    tags: list[Text] = []


class MigrationChange(Shape):
    """What is left out stays as it is."""

    name: Text | None = None
    description: Text | None = None
    target_database_id: Text | None = None
    migration_script: Script | None = None
    rollback_script: Script | None = None
    strategy: Text | None = None
    risk_level: Text | None = None
    tags: list[Text] | None = None


class Notice(Shape):
    message: str
    recommendation: str
    field: str = ""
    code: str = ""
    line: str = ""
    severity: str = ""


class CreatedAnswer(Shape):
    migration_id: str
    name: str
    status: str
    risk_level: str
    requires_approval: bool
    created_at: str
    warnings: list[Notice] = []


class MigrationLine(Shape):
    migration_id: str
    name: str
    status: str
    target_database: str
    risk_level: str
    strategy: str
    created_by: str
    created_at: str
    updated_at: str


class StatementAnswer(Shape):
    """One statement with what its rehearsal measured."""

    sql: str
    line: int
    kinds: list[str]
    locks: dict[str, str]
    blocks: dict[str, str]
    rewrites: list[str]
    scans: list[str]
    creates: list[str]
    drops: list[str]
    clause: str
    estimate_seconds: float
    error: str


class PlanAnswer(Shape):
    statements: list[StatementAnswer]
    rollback: list[StatementAnswer]
    rollback_by: Annotated[str, Field(description='"author", "inverse" (found and proved), or "" for none.')]
    rollback_proved: bool
    estimate_seconds: float
    rollback_seconds: float
    risk_reasons: list[str]
    difference: Annotated[str, Field(description="Of the schema, as `diff -u` writes it.")]
    fingerprint: str
    studied_at: str


class MigrationAnswer(MigrationLine):
    description: str
    migration_script: str
    rollback_script: str
    tags: list[str]
    requires_approval: bool
    approvals_needed: int
    approvals_given: int
    environment: str
    plan: PlanAnswer | None
    findings: list[Notice]
    last_execution_id: str | None


class MigrationsAnswer(Shape):
    migrations: list[MigrationLine]
    total: int
    limit: int
    offset: int


class ValidateBody(Shape):
    dry_run: Annotated[bool, Field(description="Rehearse it on a clone; without, only the script is read.")] = True


class Dependencies(Shape):
    has_conflicts: bool
    affected_objects: list[str]


class ValidAnswer(Shape):
    is_valid: bool
    errors: list[Notice]
    warnings: list[Notice]
    estimated_duration: int
    dependency_check: Dependencies
    risk_level: str
    requires_approval: bool
    plan: PlanAnswer | None


# Approvals


class ApprovalAnswer(Shape):
    approval_id: str
    migration_id: str
    status: str
    submitted_by: str
    submitted_at: str
    expires_at: str
    approvals_needed: int
    approvals_given: int
    reviewed_by: str | None
    reviewed_at: str | None
    reviews: list[dict[str, Any]]


class ApprovalsAnswer(Shape):
    approvals: list[ApprovalAnswer]
    total: int


class ReviewBody(Shape):
    notes: Annotated[str, StringConstraints(max_length=10_000)] = ""


# Executions


class ExecuteBody(Shape):
    environment: Text = ""
    strategy: Text = ""
    dry_run: bool = False
    phases: list[Text] = []
    observation_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    baseline_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    latency_ratio_max: Annotated[float, Field(gt=1, le=100)] = 1.4
    lock_wait_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    client_wait_seconds_max: Annotated[
        float, Field(gt=0, le=3600, description="Who waits for a lock longer has the change ended and taken back.")
    ] = 5.0
    replication_lag_seconds_max: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    rollback_on_lag: Annotated[bool, Field(description="False: too much lag pauses the execution.")] = False
    switch_seconds_max: Annotated[
        float, Field(gt=0, le=3600, description="BlueGreen: how long nobody may write; past it, it is taken back.")
    ] = 30.0


class StartedAnswer(Shape):
    execution_id: str
    migration_id: str
    status: str
    started_at: str
    estimated_duration: int


class Metrics(Shape):
    avg_query_latency_ms: float | None
    p99_query_latency_ms: float | None
    replication_lag_seconds: float | None
    latency_ratio: float | None = None
    waiting_for_locks: int | None = None


class PhaseAnswer(Shape):
    name: str
    status: str
    steps: list[dict[str, Any]]


class ExecutionAnswer(Shape):
    execution_id: str
    migration_id: str
    status: str
    started_at: str
    current_phase: str | None
    progress: int
    performance_metrics: Metrics
    completed_at: str | None
    reason: str
    dry_run: bool
    strategy: str
    phases: list[PhaseAnswer]
    findings: list[Notice]


class ExecutionLine(Shape):
    execution_id: str
    migration_id: str
    status: str
    started_at: str
    completed_at: str | None
    dry_run: bool
    reason: str


class ExecutionsAnswer(Shape):
    executions: list[ExecutionLine]
    total: int


class MetricsAnswer(Shape):
    """By member: a point for each half second it was watched."""

    members: dict[str, dict[str, Any]]


class RollbackBody(Shape):
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


class RolledBackAnswer(Shape):
    execution_id: str
    status: str
    rollback_completed_at: str | None
    rollback_duration: float | None


# Databases


class ReplicaBody(Shape):
    replica_id: Text
    connection_string: Text
    role: Text = "AsyncReplica"


class DatabaseBody(Shape):
    name: Text
    type: Text
    environment: Text
    master_connection_string: Text
    replicas: list[ReplicaBody] = []


class DatabaseChange(Shape):
    """What is left out stays as it is."""

    name: Text | None = None
    type: Text | None = None
    environment: Text | None = None
    master_connection_string: Text | None = None
    replicas: list[ReplicaBody] | None = None


class HealthAnswer(Shape):
    is_healthy: bool
    active_connections: int
    replication_lag: float


class MemberHealth(Shape):
    member: str
    role: str
    is_healthy: bool
    active_connections: int | None
    replication_lag: float | None
    version: str
    message: str
    checked_at: str


class DatabaseAnswer(Shape):
    database_id: str
    name: str
    type: str
    environment: str
    health: HealthAnswer
    members: list[MemberHealth]
    created_at: str
    updated_at: str


class DatabasesAnswer(Shape):
    databases: list[DatabaseAnswer]
    total: int


class DatabaseHealthAnswer(HealthAnswer):
    members: list[MemberHealth]


# What authors are told while they write


class LintBody(Shape):
    migration_script: Script
    target_database_id: Text


class LintAnswer(Shape):
    errors: list[Notice]
    warnings: list[Notice]
    statements: int


class RecipePhase(Shape):
    title: str
    statements: list[str]
    alone: Annotated[bool, Field(description="Each statement is a change of its own, in no transaction.")]
    backfill: dict[str, str] | None
    note: Annotated[str, Field(description="What people do before the next phase.")]


class RecipeAnswer(Shape):
    line: int
    statement: str
    name: str
    title: str
    phases: list[RecipePhase]


class RecipesAnswer(Shape):
    recipes: Annotated[list[RecipeAnswer], Field(description="A safer way for each statement that has one.")]


class AuditAnswer(Shape):
    entries: list[dict[str, Any]]
