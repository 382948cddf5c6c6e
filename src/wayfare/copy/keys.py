"""Foreign keys that not every system can have: between columns of different types, between namespaces, in circles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wayfare.copy.naming import Place
from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import ForeignKey, Table

MIXED = "its columns are of another type than the parent's, which the target does not allow."
ABROAD = "it refers to a table of another namespace, which the target does not allow."


def carried_keys(tables: Sequence[Table], carries: frozenset[str]) -> tuple[list[Table], list[Finding]]:
    """The landed tables with the foreign keys that a target with these `carries` can have."""
    kept, findings = list(tables), list[Finding]()
    for ability, without in (
        ("foreign_key_mixed", without_mixed_keys),
        ("foreign_key_abroad", without_keys_abroad),
        ("foreign_key_circle", without_circles),
    ):
        if ability not in carries:
            kept, noticed = without(kept)
            findings += noticed
    return kept, findings


def without_mixed_keys(tables: Sequence[Table]) -> tuple[list[Table], list[Finding]]:
    """The tables without foreign keys whose landed columns are of another type than their parent's; each is told."""
    there = {(t.namespace, t.name): t for t in tables}

    def mixed(table: Table, key: ForeignKey) -> bool:
        return _mixed(table, key, there.get((key.parent_namespace, key.parent)))

    return _without(tables, mixed, MIXED)


def without_keys_abroad(tables: Sequence[Table]) -> tuple[list[Table], list[Finding]]:
    """The tables without foreign keys to tables of another namespace; each is told."""
    return _without(tables, lambda table, key: key.parent_namespace != table.namespace, ABROAD)


def _without(
    tables: Sequence[Table], unwanted: Callable[[Table, ForeignKey], bool], reason: str
) -> tuple[list[Table], list[Finding]]:
    kept: list[Table] = []
    findings: list[Finding] = []
    for table in tables:
        left_out = [k for k in table.foreign_keys if unwanted(table, k)]
        findings += [_told(table, key, reason) for key in left_out]
        kept.append(replace(table, foreign_keys=tuple(k for k in table.foreign_keys if k not in left_out)))
    return kept, findings


def _mixed(table: Table, key: ForeignKey, parent: Table | None) -> bool:
    if parent is None:
        return False
    pairs = zip(key.columns, key.parent_columns, strict=False)
    return any(table.column(mine).native != parent.column(theirs).native for mine, theirs in pairs)


def without_circles(tables: Sequence[Table]) -> tuple[list[Table], list[Finding]]:
    """The tables without those foreign keys that would close a circle of tables; a table may refer to itself."""
    parents: dict[Place, set[Place]] = defaultdict(set)
    kept: list[Table] = []
    findings: list[Finding] = []
    for table in tables:
        here = (table.namespace, table.name)
        keys = []
        for key in table.foreign_keys:
            parent = (key.parent_namespace, key.parent)
            if parent != here and _leads(parent, here, parents):
                findings.append(_told(table, key, "it closes a circle of tables, which the target does not allow."))
                continue
            parents[here].add(parent)
            keys.append(key)
        kept.append(replace(table, foreign_keys=tuple(keys)))
    return kept, findings


def _leads(start: Place, end: Place, parents: Mapping[Place, set[Place]]) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        found = parents.get(waiting.pop(), set()) - seen
        seen |= found
        waiting += found
    return end in seen


def _told(table: Table, key: ForeignKey, reason: str) -> Finding:
    message = f"the foreign key ({', '.join(key.columns)}) to {key.parent} is not carried over: {reason}"
    give = "Give both columns one type with --map, or check" if reason == MIXED else "Check"
    advice = f"{give} it by a query, if it is needed."
    return Finding("foreign_key_not_carried", Severity.WARNING, message, table.label, advice)
