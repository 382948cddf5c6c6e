"""Foreign keys between columns of different types: some systems (DuckDB) have none such. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wayfare.copy.subject import TableCopy
from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import ForeignKey, Table


def without_mixed_keys(copies: Sequence[TableCopy]) -> tuple[list[TableCopy], list[Finding]]:
    """The copies without foreign keys whose landed columns are of another type than their parent's; each is told."""
    landed = {(c.landed.namespace, c.landed.name): c.landed for c in copies}
    kept: list[TableCopy] = []
    findings: list[Finding] = []
    for copy in copies:
        mixed = [
            k for k in copy.landed.foreign_keys if _mixed(copy.landed, k, landed.get((k.parent_namespace, k.parent)))
        ]
        findings += [_told(copy, key) for key in mixed]
        keys = tuple(k for k in copy.landed.foreign_keys if k not in mixed)
        kept.append(replace(copy, landed=replace(copy.landed, foreign_keys=keys)))
    return kept, findings


def _mixed(table: Table, key: ForeignKey, parent: Table | None) -> bool:
    if parent is None:
        return False
    pairs = zip(key.columns, key.parent_columns, strict=False)
    return any(table.column(mine).native != parent.column(theirs).native for mine, theirs in pairs)


def _told(copy: TableCopy, key: ForeignKey) -> Finding:
    message = (
        f"the foreign key ({', '.join(key.columns)}) to {key.parent} is not carried over: "
        "its columns are of another type than the parent's, which the target does not allow."
    )
    advice = "Give both the same type with --map, if it is needed."
    return Finding("foreign_key_not_carried", Severity.WARNING, message, copy.source, advice)
