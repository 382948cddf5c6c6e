"""Foreign keys that not every system can have: between columns of different types, and in circles. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from wayfare.copy.naming import Place
from wayfare.copy.subject import TableCopy
from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import ForeignKey, Table

MIXED = "its columns are of another type than the parent's, which the target does not allow."


def without_mixed_keys(copies: Sequence[TableCopy]) -> tuple[list[TableCopy], list[Finding]]:
    """The copies without foreign keys whose landed columns are of another type than their parent's; each is told."""
    landed = {(c.landed.namespace, c.landed.name): c.landed for c in copies}
    kept: list[TableCopy] = []
    findings: list[Finding] = []
    for copy in copies:
        mixed = [
            k for k in copy.landed.foreign_keys if _mixed(copy.landed, k, landed.get((k.parent_namespace, k.parent)))
        ]
        findings += [_told(copy, key, MIXED) for key in mixed]
        keys = tuple(k for k in copy.landed.foreign_keys if k not in mixed)
        kept.append(replace(copy, landed=replace(copy.landed, foreign_keys=keys)))
    return kept, findings


def _mixed(table: Table, key: ForeignKey, parent: Table | None) -> bool:
    if parent is None:
        return False
    pairs = zip(key.columns, key.parent_columns, strict=False)
    return any(table.column(mine).native != parent.column(theirs).native for mine, theirs in pairs)


def without_circles(copies: Sequence[TableCopy]) -> tuple[list[TableCopy], list[Finding]]:
    """The copies without those foreign keys that would close a circle of tables; a table may refer to itself."""
    parents: dict[Place, set[Place]] = defaultdict(set)
    kept: list[TableCopy] = []
    findings: list[Finding] = []
    for copy in copies:
        here = (copy.landed.namespace, copy.landed.name)
        keys = []
        for key in copy.landed.foreign_keys:
            parent = (key.parent_namespace, key.parent)
            if parent != here and _leads(parent, here, parents):
                findings.append(_told(copy, key, "it closes a circle of tables, which the target does not allow."))
                continue
            parents[here].add(parent)
            keys.append(key)
        kept.append(replace(copy, landed=replace(copy.landed, foreign_keys=tuple(keys))))
    return kept, findings


def _leads(start: Place, end: Place, parents: Mapping[Place, set[Place]]) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        found = parents.get(waiting.pop(), set()) - seen
        seen |= found
        waiting += found
    return end in seen


def _told(copy: TableCopy, key: ForeignKey, reason: str) -> Finding:
    message = f"the foreign key ({', '.join(key.columns)}) to {key.parent} is not carried over: {reason}"
    advice = "Give both columns one type with --map, or check it by a query, if it is needed."
    return Finding("foreign_key_not_carried", Severity.WARNING, message, copy.source, advice)
