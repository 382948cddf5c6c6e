"""What has happened to a source's columns since its target was made. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import Column, Table
from wayfare.flow.structure import column_changes

COLUMN_ADDED = "column_added"
COLUMN_REMOVED = "column_removed"
KEY_CHANGED = "primary_key_changed"


@dataclass(frozen=True, slots=True)
class Drift:
    """`added` are the columns to add to the target, ready for `Extends.add_columns`."""

    findings: tuple[Finding, ...] = ()
    added: tuple[Column, ...] = ()

    @property
    def blocked(self) -> bool:
        return any(f.severity is Severity.ERROR for f in self.findings)


def drift(landed: Table, target: Table) -> Drift:
    """`landed` is the source table as it is now, in the target's terms; `target` is the table as it stands there.

    Added columns can be applied (INFO). Removed ones stay in the target and get NULL (WARNING, or ERROR where the
    target wants a value). A changed type or nullability that may refuse rows is an ERROR.
    """
    present, wanted = {c.name: c for c in target.columns}, {c.name: c for c in landed.columns}
    findings: list[Finding] = []
    added = tuple(_addable(c) for c in landed.columns if c.name not in present)
    for column in added:
        message = f"the source has a new column of type {column.native or column.type}."
        advice = "It is added to the target; rows copied earlier have NULL there until a full copy."
        findings.append(Finding(COLUMN_ADDED, Severity.INFO, message, f"{landed.label}.{column.name}", advice))
    for name, column in wanted.items():
        if name in present:
            findings += column_changes(column, present[name], f"{landed.label}.{name}")
    findings += [_removed(column, landed.label) for name, column in present.items() if name not in wanted]
    if landed.key and target.key and landed.key != target.key:
        message = f"the primary key is now ({', '.join(landed.key)}), in the target ({', '.join(target.key)})."
        findings.append(Finding(KEY_CHANGED, Severity.ERROR, message, landed.label, "Copy the table with replace."))
    return Drift(tuple(findings), added)


def _addable(column: Column) -> Column:
    """Rows that are there already have no value for it, so it must be nullable, and cannot number itself."""
    return replace(column, nullable=True, identity=None) if not column.default else replace(column, identity=None)


def _removed(column: Column, label: str) -> Finding:
    needed = not (column.nullable or column.default or column.generated or column.identity)
    message = "the source no longer has this column" + (", but the target wants a value in it." if needed else ".")
    advice = "Make it nullable or drop it in the target." if needed else "New rows have NULL or its default there."
    severity = Severity.ERROR if needed else Severity.WARNING
    return Finding(COLUMN_REMOVED, severity, message, f"{label}.{column.name}", advice)
