"""What we know, as document 001 tells it."""

from __future__ import annotations

from collections.abc import Sequence

from wayfare.control import altering, approvals
from wayfare.control.alterations import Alteration, Studied
from wayfare.control.approvals import Approval
from wayfare.control.clusters import Cluster
from wayfare.core.changes import Measured
from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement
from wayfare.faces.orchestrator.errors import printed
from wayfare.faces.orchestrator.shapes import (
    ApprovalAnswer,
    Dependencies,
    MigrationAnswer,
    MigrationLine,
    Notice,
    PlanAnswer,
    StatementAnswer,
    ValidAnswer,
)
from wayfare.faces.orchestrator.words import APPROVAL, ENVIRONMENT, SEVERITIES, STATES
from wayfare.schema.risk import Risk
from wayfare.store.records import Run
from wayfare.store.store import Store

SCRIPT = "migrationScript"


def notice(finding: Finding) -> Notice:
    field = "rollbackScript" if finding.code.startswith("wayback") else SCRIPT
    return Notice(
        message=finding.message,
        recommendation=finding.advice,
        field=field,
        code=finding.code,
        line=finding.where,
        severity=SEVERITIES[finding.severity],
    )


def notices(findings: Sequence[Finding], *severities: Severity) -> list[Notice]:
    return [notice(f) for f in findings if f.severity in severities]


def migration_line(alteration: Alteration, database: str, run: Run | None) -> MigrationLine:
    return MigrationLine(
        migration_id=f"mig-{alteration.id}",
        name=alteration.title,
        status=STATES[altering.state_of(alteration, run)],
        target_database=database,
        risk_level=risk_of(alteration).name.title(),
        strategy=alteration.strategy.told,
        created_by=alteration.author_name,
        created_at=printed(alteration.created_at),
        updated_at=printed(alteration.updated_at),
    )


def risk_of(alteration: Alteration) -> Risk:
    return alteration.studied.judged.risk if alteration.studied else alteration.claimed


def migration_answer(store: Store, alteration: Alteration, cluster: Cluster) -> MigrationAnswer:
    run = altering.last_run(store, alteration)
    line = migration_line(alteration, cluster.name, run)
    approval = approvals.latest(store, alteration)
    studied = alteration.studied
    needed = approval.needed if approval else needed_of(alteration, cluster)
    return MigrationAnswer(
        **line.model_dump(),
        description=alteration.description,
        migration_script=alteration.script,
        rollback_script=alteration.rollback,
        tags=list(alteration.tags),
        requires_approval=needed > 0,
        approvals_needed=needed,
        approvals_given=approval.given if approval and needed else 0,
        environment=ENVIRONMENT[cluster.environment],
        plan=plan_answer(studied) if studied else None,
        findings=[notice(f) for f in studied.study.findings] if studied else [],
        last_execution_id=f"exec-{run.id}" if run else None,
    )


def needed_of(alteration: Alteration, cluster: Cluster) -> int:
    """How many approvals it would need as far as it is known by now."""
    return risk_of(alteration).approvals if cluster.production else 0


def plan_answer(studied: Studied) -> PlanAnswer:
    study = studied.study
    return PlanAnswer(
        statements=_statements(study.up, study.measured),
        rollback=_statements(study.down, study.down_measured),
        rollback_by=study.down_by,
        rollback_proved=study.down_proved,
        estimate_seconds=round(study.estimate_seconds, 3),
        rollback_seconds=round(study.rollback_seconds, 3),
        risk_reasons=[reason.text for reason in studied.judged.reasons],
        difference=study.difference,
        fingerprint=study.fingerprint,
        studied_at=printed(studied.at),
    )


def _statements(statements: Sequence[Statement], measured: Sequence[Measured]) -> list[StatementAnswer]:
    made = []
    for position, statement in enumerate(statements):
        found = measured[position] if position < len(measured) else Measured(0.0)
        made.append(
            StatementAnswer(
                sql=statement.text,
                line=statement.line,
                kinds=[a.kind.value for a in statement.actions],
                locks=dict(found.locks),
                blocks={table: blocks.value for table, blocks in found.blocks.items()},
                rewrites=list(found.rewrites),
                scans=list(found.scans),
                creates=list(found.creates),
                drops=list(found.drops),
                clause=found.clause,
                estimate_seconds=round(found.estimate_seconds, 3),
                error=found.error,
            )
        )
    return made


def valid_answer(studied: Studied, cluster: Cluster) -> ValidAnswer:
    study = studied.study
    return ValidAnswer(
        is_valid=not study.refused,
        errors=notices(study.findings, Severity.ERROR),
        warnings=notices(study.findings, Severity.WARNING, Severity.INFO),
        estimated_duration=round(study.estimate_seconds),
        dependency_check=Dependencies(has_conflicts=study.refused, affected_objects=affected(studied)),
        risk_level=studied.judged.risk.name.title(),
        requires_approval=studied.judged.approvals > 0 and cluster.production,
        plan=plan_answer(studied),
    )


def affected(studied: Studied) -> list[str]:
    """Tables, and what is made or dropped with them, in order."""
    found: dict[str, None] = {}
    for table in studied.study.sizes:
        found.setdefault(f"{table} table")
    for measured in studied.study.measured:
        found |= dict.fromkeys(f"{name} (new)" for name in measured.creates)
        found |= dict.fromkeys(f"{name} (will go)" for name in measured.drops)
        found |= dict.fromkeys(f"{name} table (rewritten)" for name in measured.rewrites)
    return list(found)


def approval_answer(approval: Approval) -> ApprovalAnswer:
    last = approval.reviews[-1] if approval.reviews else None
    return ApprovalAnswer(
        approval_id=f"appr-{approval.id}",
        migration_id=f"mig-{approval.alteration}",
        status=APPROVAL[approval.state],
        submitted_by=approval.author_name,
        submitted_at=printed(approval.created_at),
        expires_at=printed(approval.expires_at),
        approvals_needed=approval.needed,
        approvals_given=approval.given if approval.needed else 0,
        reviewed_by=last.name if last else None,
        reviewed_at=printed(last.at) if last else None,
        reviews=[
            {"by": r.name, "verdict": "Approved" if r.yes else "Rejected", "notes": r.notes, "at": printed(r.at)}
            for r in approval.reviews
        ],
    )
