"""What the copied tables are called in the target. Pure.

The source's default namespace (public, main …) becomes the target's; other namespaces keep their names where the target
has namespaces, and are dropped where it has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import Table

Place = tuple[str, str]  # (namespace, name)


@dataclass(frozen=True, slots=True)
class NamingRules:
    """What the target says about names (see `core.ports.Stages`)."""

    has_namespaces: bool
    default_namespace: str
    name_bytes_max: int
    folds_case: bool = False
    fault: Callable[[str, bool], str] = lambda name, is_table: ""  # `core.ports.Names`


def place_tables(
    tables: Sequence[Table], rules: NamingRules, source_default: str = "", renames: Mapping[str, str] | None = None
) -> tuple[dict[Place, Place], list[Finding]]:
    """Where each table goes, and what is wrong with that: collisions, impossible names, renames of nothing."""
    renames = renames or {}
    places = {_place(t): _target(t, rules, source_default, renames) for t in tables}
    known = {name for t in tables for name in (t.label, t.name)}
    findings = [_rename_of_nothing(name) for name in renames if name not in known]
    findings += _collisions(tables, places, rules)
    for table in tables:
        findings += _bad_names(table, places[_place(table)], rules)
    return places, findings


def _place(table: Table) -> Place:
    return (table.namespace, table.name)


def _target(table: Table, rules: NamingRules, source_default: str, renames: Mapping[str, str]) -> Place:
    namespace = table.namespace
    if not rules.has_namespaces or namespace in ("", source_default):
        namespace = rules.default_namespace
    wanted = renames.get(table.label) or renames.get(table.name)
    if not wanted:
        return namespace, table.name
    before, dot, name = wanted.rpartition(".")
    return (before, name) if dot and rules.has_namespaces else (namespace, wanted)


def _collisions(tables: Sequence[Table], places: Mapping[Place, Place], rules: NamingRules) -> Iterator[Finding]:
    taken: dict[Place, list[Table]] = defaultdict(list)
    for table in tables:
        namespace, name = places[_place(table)]
        taken[(namespace.lower(), name.lower()) if rules.folds_case else (namespace, name)].append(table)
    for same in taken.values():
        if len(same) > 1:
            labels = " and ".join(t.label for t in same)
            yield Finding(
                "name_collision",
                Severity.ERROR,
                f"{labels} would both be called {places[_place(same[0])][1]} in the target.",
                same[0].label,
                "Rename one with --map ([tables] section), or leave one out with --exclude.",
            )


def _bad_names(table: Table, place: Place, rules: NamingRules) -> Iterator[Finding]:
    for name, where in ((place[1], table.label), *((c.name, f"{table.label}.{c.name}") for c in table.columns)):
        if len(name.encode()) > rules.name_bytes_max:
            yield Finding(
                "name_too_long",
                Severity.ERROR,
                f"{name!r} has {len(name.encode())} bytes; the target allows {rules.name_bytes_max}.",
                where,
                "Rename the table with --map, or leave it out with --exclude.",
            )
        elif fault := rules.fault(name, where == table.label):
            yield Finding(
                "name_impossible",
                Severity.ERROR,
                f"{name!r} {fault}, and the target has no such names.",
                where,
                "Rename a table with --map, and a column in the source; or leave the table out with --exclude.",
            )
    if rules.folds_case:
        seen: dict[str, str] = {}
        for column in table.columns:
            other = seen.setdefault(column.name.lower(), column.name)
            if other != column.name:
                yield Finding(
                    "name_collision",
                    Severity.ERROR,
                    f"the columns {other!r} and {column.name!r} are the same to the target, which ignores case.",
                    f"{table.label}.{column.name}",
                    "Rename one of them in the source, or copy a view of the table.",
                )


def _rename_of_nothing(name: str) -> Finding:
    message = f"the table {name!r} that is to be renamed is not among those copied."
    return Finding("rename_of_nothing", Severity.ERROR, message, name, "Correct its name in the --map file.")
