"""Fitting a copy to a table that is in the target already: append, merge, and rows alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import Mode
from wayfare.core.tables import Column, Table


@dataclass(frozen=True, slots=True)
class Fitted:
    landed: Table  # the existing table, seen through the columns that are copied
    landings: list[Landing]
    added: tuple[str, ...]
    findings: tuple[Finding, ...]


def fit_existing(
    source: Table, landed: Table, landings: Sequence[Landing], existing: Table, mode: Mode, *, adds: bool
) -> Fitted:
    """The existing table keeps its types; new columns of the source are added to it (with `adds`); the rest is said."""
    have = {c.name: c for c in existing.columns}
    added = tuple(n.column.name for n in landings if n.column.name not in have)
    fitted = [_fit(landing, have.get(landing.column.name)) for landing in landings]
    findings = [*_common(landed, fitted, added), *_drift(landed, added, adds)]
    findings += _unfilled(landed, existing, {n.column.name for n in fitted})
    findings += _types(landed, landings, have)
    if mode is Mode.MERGE and not existing.key:
        message = f"{existing.label} has no primary key in the target, so rows cannot be merged into it."
        findings.append(Finding("no_key", Severity.ERROR, message, existing.label, "Add a key, or use --mode append."))
    table = replace(existing, columns=tuple(n.column for n in fitted), rows_estimate=landed.rows_estimate)
    return Fitted(table, fitted, added, tuple(findings))


def _fit(landing: Landing, column: Column | None) -> Landing:
    if column is None:
        return replace(landing, column=replace(landing.column, nullable=True))
    return landing if _same(landing.column, column) else Landing(column)


def _same(one: Column, other: Column) -> bool:
    return one.native == other.native and one.type == other.type


def _common(landed: Table, fitted: Sequence[Landing], added: Sequence[str]) -> list[Finding]:
    if len(added) < len(fitted):
        return []
    message = f"{landed.label} exists in the target and has none of the source's columns."
    advice = "Is it the right table? Rename one with --map, or replace it with --mode replace."
    return [Finding("target_differs", Severity.ERROR, message, landed.label, advice)]


def _drift(landed: Table, added: Sequence[str], adds: bool) -> list[Finding]:
    severity = Severity.INFO if adds else Severity.ERROR
    verb = "is new and will be added to" if adds else "is missing in"
    advice = "" if adds else "Leave out --data-only to have it added."
    return [
        Finding(
            "column_added", severity, f"the column {name} {verb} the target's table.", f"{landed.label}.{name}", advice
        )
        for name in added
    ]


def _unfilled(landed: Table, existing: Table, filled: set[str]) -> list[Finding]:
    findings = []
    for column in existing.columns:
        if column.name in filled or column.generated:
            continue
        where = f"{landed.label}.{column.name}"
        if column.nullable or column.default or column.identity:
            message = f"the source has no column {column.name}; it is left to its default."
            findings.append(Finding("column_removed", Severity.WARNING, message, where))
        else:
            message = f"the target needs a value for {column.name}, and the source has no such column."
            advice = "Give it a default, or let it be NULL."
            findings.append(Finding("column_unfilled", Severity.ERROR, message, where, advice))
    return findings


def _types(landed: Table, landings: Sequence[Landing], have: dict[str, Column]) -> list[Finding]:
    return [
        Finding(
            "type_differs",
            Severity.INFO,
            f"it would be {n.column.native}, and is {have[n.column.name].native}; "
            "values are converted exactly or refused.",
            f"{landed.label}.{n.column.name}",
        )
        for n in landings
        if n.column.name in have and not _same(n.column, have[n.column.name])
    ]
