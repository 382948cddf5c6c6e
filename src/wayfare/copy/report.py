"""The proof of a copy, as data: what was moved, what was compared, and what is worth knowing about it.

Written as JSON by `codec.encode`, and as a page by `report_page`. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wayfare.core.findings import Finding
from wayfare.flow.differences import Difference

__all__ = ["Difference", "PhaseTime", "Rate", "Report", "TableProof"]


@dataclass(frozen=True, slots=True)
class TableProof:
    source: str  # label in the source
    target: str  # label in the target
    rows_source: int
    rows_target: int
    digest_source: str  # 32 hex digits: two 64-bit sums over all row hashes
    digest_target: str
    equal: bool
    path: str = ""  # "relay" or "arrow": how the rows travelled
    chunks: int = 0
    seconds_copy: float = 0.0
    seconds_verify: float = 0.0
    values_lost: int = 0  # values that became NULL under --allow-loss
    differences: tuple[Difference, ...] = ()  # the first few
    differences_total: int = 0


@dataclass(frozen=True, slots=True)
class PhaseTime:
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows that had arrived `seconds` after the start."""

    seconds: float
    rows: int


@dataclass(frozen=True, slots=True)
class Report:
    run: str
    title: str  # "postgresql://shop@db/shop → duckdb:///warehouse.duckdb", without secrets
    outcome: str  # "equal", "different", "unproven" (with --data-only --no-verify), "failed"
    plan_digest: str
    started_at: float
    ended_at: float
    tables: tuple[TableProof, ...]
    findings: tuple[Finding, ...] = ()
    phases: tuple[PhaseTime, ...] = ()
    rates: tuple[Rate, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # wayfare, source, target, python

    @property
    def rows(self) -> int:
        return sum(t.rows_target for t in self.tables)
