"""How dangerous a change is: what was measured × how large it is × where. Pure; an author may raise it, never lower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from wayfare.core.changes import Blocks, Measured, Size
from wayfare.core.findings import Severity
from wayfare.core.statements import Kind, Statement
from wayfare.schema.study import Study

BLOCKED_SECONDS_MEDIUM = 0.5  # longer than most clients are patient without noticing
BLOCKED_SECONDS_HIGH = 5.0
ROWS_MEDIUM = 1_000_000
LOSES_ROWS = frozenset({Kind.DROP_TABLE, Kind.DROP_COLUMN, Kind.TRUNCATE, Kind.DELETE, Kind.DROP_SCHEMA})
BREAKS_CLIENTS = frozenset({Kind.RENAME_TABLE, Kind.RENAME_COLUMN, Kind.ALTER_TYPE, Kind.DROP_VIEW, Kind.DROP_FUNCTION})


class Risk(IntEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2

    @property
    def approvals(self) -> int:
        """How many others must say yes before it may touch production."""
        return int(self)


@dataclass(frozen=True, slots=True)
class Reason:
    risk: Risk
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    risk: Risk
    approvals: int
    reasons: tuple[Reason, ...]  # the gravest first


def judge(study: Study, *, production: bool, claimed: Risk = Risk.LOW) -> Judged:
    """`claimed` is the author's own. Outside of production nobody has to approve."""
    reasons = sorted(_reasons(study), key=lambda reason: -reason.risk)
    measured = max((r.risk for r in reasons), default=Risk.LOW)
    if claimed > measured:
        reasons.insert(0, Reason(claimed, f"its author says {claimed.name.lower()}."))
    risk = max(measured, claimed)
    return Judged(risk, risk.approvals if production else 0, tuple(reasons))


def _reasons(study: Study) -> Iterator[Reason]:
    for position, statement in enumerate(study.up):
        measured = study.measured[position] if position < len(study.measured) else None
        yield from _of_kind(statement, study.sizes)
        if measured:
            yield from _of_measure(statement, measured, study.sizes)
    if not study.measured and study.up:
        yield Reason(Risk.MEDIUM, "it could not be rehearsed, so its locks and times are not known.")
    if study.up and not study.down_by:
        yield Reason(Risk.HIGH, "there is no way back.")
    elif study.measured and not study.down_proved:
        yield Reason(Risk.MEDIUM, "its way back is not proved to give the same schema again.")
    if study.rollback_seconds > BLOCKED_SECONDS_HIGH:
        yield Reason(Risk.MEDIUM, f"its way back takes about {study.rollback_seconds:.0f} s.")
    if any(f.severity is Severity.ERROR for f in study.findings):
        yield Reason(Risk.HIGH, "it would be refused as it stands.")


def _of_kind(statement: Statement, sizes: Mapping[str, Size]) -> Iterator[Reason]:
    for action in statement.actions:
        made_here = action.table and action.table not in sizes
        if action.kind in LOSES_ROWS and not made_here:
            yield Reason(Risk.HIGH, f"{action.kind.replace('_', ' ')} loses rows.", statement.line)
        elif action.kind in BREAKS_CLIENTS:
            told = f"{action.kind.replace('_', ' ')} breaks clients that know the old shape."
            yield Reason(Risk.MEDIUM, told, statement.line)
        elif action.kind is Kind.UPDATE and sizes.get(action.table, Size(0, 0)).rows >= ROWS_MEDIUM:
            yield Reason(Risk.MEDIUM, f"it changes many rows of {action.table} in one statement.", statement.line)


def _of_measure(statement: Statement, measured: Measured, sizes: Mapping[str, Size]) -> Iterator[Reason]:
    for table, blocks in measured.blocks.items():
        if blocks not in (Blocks.EVERYTHING, Blocks.WRITES):
            continue
        seconds = measured.estimate_seconds
        heavy = table in (*measured.rewrites, *measured.scans)
        large = sizes.get(table, Size(0, 0)).rows >= ROWS_MEDIUM
        if seconds > BLOCKED_SECONDS_HIGH or (heavy and large and blocks is Blocks.EVERYTHING):
            yield Reason(Risk.HIGH, f"{table} takes {blocks.told} for about {seconds:.1f} s.", statement.line)
        elif seconds > BLOCKED_SECONDS_MEDIUM:
            yield Reason(Risk.MEDIUM, f"{table} takes {blocks.told} for about {seconds:.1f} s.", statement.line)
