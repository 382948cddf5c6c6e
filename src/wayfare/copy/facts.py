"""What the planner needs to know of the two databases: read once, before anything is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from wayfare.copy import sequences
from wayfare.copy.naming import NamingRules
from wayfare.copy.request import CopyRequest
from wayfare.copy.selection import select
from wayfare.core.errors import Invalid, NotFound
from wayfare.core.findings import Finding
from wayfare.core.ports import WHOLE, Chunk, Creates, Database, Facts, Names, Namespaced, Refines, ShowsViews, Stages
from wayfare.core.tables import Sequence, Table, View
from wayfare.systems.registry import adapter

# Small enough that lanes end together; large enough that a chunk's own price does not count. ClickHouse, where that is
# highest, takes a tenth longer with half of it.
CHUNK_BYTES = 64 << 20
LANES = 4  # as many as usually load one table, or twice as many
ROWS_PER_CHUNK_MAX = 1_000_000
ROWS_PER_CHUNK_MIN = 10_000
ROW_BYTES_GUESS = 100


@dataclass(frozen=True, slots=True)
class CopyFacts:
    source_system: str
    target_system: str
    source_dialect: str
    target_dialect: str
    source_default: str  # the source's default namespace
    tables: tuple[Table, ...]  # the chosen ones, refined
    chunks: Mapping[str, tuple[Chunk, ...]]  # by source label
    existing: tuple[Table, ...]  # in the target
    views: tuple[View, ...]
    sequences: tuple[Sequence, ...]
    rules: NamingRules
    carries: frozenset[str]
    findings: tuple[Finding, ...]
    versions: Mapping[str, str]


def gather(request: CopyRequest, source: Database, target: Database) -> CopyFacts:
    """Raises Invalid when source and target are one, or the target cannot be written; NotFound without tables."""
    if not isinstance(target, Stages):
        title = adapter(target.system).title
        raise Invalid(f"{title} can be copied from, not to, as yet.", where="target", remedy="See `wayfare systems`.")
    if request.source.url() == request.target.url():
        raise Invalid("source and target are the same database.", where="target", remedy="Give another target.")
    with ThreadPoolExecutor(1) as pool:  # loading two drivers and greeting two servers is worth doing at once
        asked = pool.submit(_target_facts, target)
        checked = source.check()
        default = source.default_namespace if isinstance(source, Namespaced) else ""
        found = source.tables()
    landing_place, existing = asked.result()
    chosen = select(found, request.tables, request.exclude, default)
    views = _views(source, request)
    if not chosen and (request.exclude or not views):
        raise _nothing_to_copy(request)
    tables = tuple(source.refine(t) for t in chosen) if isinstance(source, Refines) else tuple(chosen)
    whole = request.incremental or request.schema_only
    return CopyFacts(
        source_system=source.system,
        target_system=target.system,
        source_dialect=adapter(source.system).sql_dialect,
        target_dialect=adapter(target.system).sql_dialect,
        source_default=default,
        tables=tables,
        chunks={t.label: (WHOLE,) if whole else tuple(source.split(t, rows_per_chunk(request, t))) for t in tables},
        existing=existing,
        views=views,
        sequences=() if _partial(request) else sequences.wanted(source),
        rules=_naming_rules(target),
        carries=target.carries,
        findings=_placed("source", checked.findings) + _placed("target", landing_place.findings),
        versions={"source": checked.version, "target": landing_place.version},
    )


def _naming_rules(target: Stages) -> NamingRules:
    rules = NamingRules(target.has_namespaces, target.default_namespace, target.name_bytes_max, target.folds_case)
    if not isinstance(target, Names):
        return rules
    names: Names = target
    return replace(rules, fault=lambda name, is_table: names.name_fault(name, is_table=is_table))


def _nothing_to_copy(request: CopyRequest) -> NotFound:
    if request.exclude:
        return NotFound("no table is left to copy.", where="--exclude", remedy="Exclude fewer of them.")
    remedy = "Is this the right database, and may this user see its tables?"
    return NotFound("the source has no tables.", where="source", remedy=remedy)


def _target_facts(target: Database) -> tuple[Facts, tuple[Table, ...]]:
    return (Facts(""), ()) if is_missing(target) else (target.check(), tuple(target.tables()))


def is_missing(target: Database) -> bool:
    """Is the target a file that the copy is going to make?"""
    return isinstance(target, Creates) and target.vacant()


def rows_per_chunk(request: CopyRequest, table: Table) -> int:
    """As asked, or as many rows as make about CHUNK_BYTES."""
    if request.rows_per_chunk:
        return request.rows_per_chunk
    width = table.bytes_estimate // table.rows_estimate if table.rows_estimate and table.bytes_estimate else 0
    rows = CHUNK_BYTES // max(width or ROW_BYTES_GUESS, 1)
    return evened(max(ROWS_PER_CHUNK_MIN, min(rows, ROWS_PER_CHUNK_MAX)), table.rows_estimate)


def evened(rows: int, rows_in_all: int) -> int:
    """At most so many rows a chunk, in as many chunks as two or four lanes can share without a rest.

    Of 13 chunks the last one kept a lane alone at work while the other had nothing left to do.
    """
    chunks = -(-rows_in_all // rows)
    if chunks < 2:
        return rows
    share = LANES if chunks > LANES else LANES // 2
    return -(-rows_in_all // (-(-chunks // share) * share))


def _views(source: Database, request: CopyRequest) -> tuple[View, ...]:
    return () if _partial(request) or not isinstance(source, ShowsViews) else tuple(source.views())


def _partial(request: CopyRequest) -> bool:
    """Views and sequences belong to a whole copy; a chosen few tables, or rows alone, come without them."""
    return bool(request.tables) or request.data_only or request.incremental


def _placed(role: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(replace(f, where=f.where or role) for f in findings)
