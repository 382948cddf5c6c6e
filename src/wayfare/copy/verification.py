"""Verifying a copy afterwards, from the two databases alone: rows by digests, what surrounds them by the catalogs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from wayfare.copy.existing import fit_existing
from wayfare.copy.facts import CopyFacts
from wayfare.copy.naming import place_tables
from wayfare.copy.policy import Passage, land_columns, land_structure, readable
from wayfare.copy.report import Difference, TableProof
from wayfare.copy.request import CopyRequest
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import Database, Mode, Relays, Snapshots
from wayfare.core.tables import Table
from wayfare.flow.cast import Cast
from wayfare.flow.compare import compare_tables
from wayfare.flow.digest import relay_digest, table_digest
from wayfare.flow.mask import masked_column, parse_masks
from wayfare.flow.structure import compare_structure
from wayfare.kernel.hashing import EMPTY

DIFFERENCES_SHOWN_MAX = 100

Seen = Callable[[str, TableProof | None], None]  # (label, proof): None when its verification begins


def verify_tables(
    request: CopyRequest, facts: CopyFacts, source: Database, target: Database, *, rows: bool, seen: Seen
) -> tuple[list[TableProof], list[Finding]]:
    """A proof for each chosen table, and findings for everything that is not as a copy would have made it.

    With `rows`, the differing rows of unequal tables are located (both sides are read up to two more times).
    """
    places, findings = place_tables(facts.tables, facts.rules, facts.source_default, request.renames)
    passage = Passage(
        facts.source_system,
        facts.target_system,
        facts.source_dialect,
        facts.target_dialect,
        facts.carries,
        frozenset(request.allow_loss),
        request.type_map,
    )
    there = {(t.namespace, t.name): t for t in facts.existing}
    proofs: list[TableProof] = []
    with _view(source) as view:
        for table in facts.tables:
            seen(table.label, None)
            actual = there.get(places[(table.namespace, table.name)])
            pair = None if actual is None else _pair(table, actual, request, passage, places, target)
            if pair is None:
                findings.append(_missing(table))
                proofs.append(TableProof(table.label, "", 0, 0, EMPTY.hex(), EMPTY.hex(), equal=False))
            else:
                findings += pair.findings
                proofs.append(_proof(pair, request, source, target, view, rows))
            seen(table.label, proofs[-1])
    return proofs, findings


@contextmanager
def _view(source: Database) -> Iterator[str]:
    if not isinstance(source, Snapshots):
        yield ""
        return
    with source.snapshot() as snapshot:
        yield snapshot.token


class _Pair:
    """A source table and the actual table that should be its copy."""

    def __init__(self, table: Table, landed: Table, landings: list[Landing], findings: list[Finding]) -> None:
        self.table = table
        self.landed = landed
        self.landings = landings
        self.findings = findings


def _pair(table: Table, actual: Table, request: CopyRequest, passage: Passage, places: Any, target: Database) -> _Pair:
    masks = parse_masks(request.masks)
    read = readable(table, passage)
    columns = (
        masked_column(c, masks[name]) if (name := passage.says(frozenset(masks), read, c)) else c for c in read.columns
    )
    landings, _ = land_columns(replace(read, columns=tuple(columns)), passage, target.land)
    landed, _ = land_structure(read, tuple(n.column for n in landings), places, passage)
    findings = list(compare_structure(landed, actual))
    fitted = fit_existing(read, landed, landings, actual, Mode.REPLACE, adds=True)
    if not fitted.added:
        return _Pair(read, fitted.landed, fitted.landings, findings)
    kept = frozenset(c.name for c in read.columns) - frozenset(fitted.added)
    some = [n for n in fitted.landings if n.column.name in kept]
    return _Pair(read.only(kept), fitted.landed.only(kept), some, findings)


def _missing(table: Table) -> Finding:
    message = f"{table.label} is not in the target."
    return Finding("table_missing", Severity.ERROR, message, table.label, "Copy it, or leave it out with --exclude.")


def _proof(pair: _Pair, request: CopyRequest, source: Database, target: Database, view: str, rows: bool) -> TableProof:
    began = time.monotonic()
    cast = Cast(pair.table, pair.landings, frozenset(request.allow_loss), parse_masks(request.masks))
    form = _common_form(pair, request, source, target)
    with ThreadPoolExecutor(2, thread_name_prefix="verify") as pool:
        if form:
            ours = pool.submit(relay_digest, source, pair.table, form, view=view)
            theirs = pool.submit(relay_digest, target, pair.landed, form)
        else:
            ours = pool.submit(table_digest, source, pair.table, view=view, cast=cast)
            theirs = pool.submit(table_digest, target, pair.landed)
        one, other = ours.result(), theirs.result()
    more: dict[str, Any] = {}
    if one != other and rows:
        found = compare_tables(
            source, pair.table, target, pair.landed, cast=cast, view=view, limit=DIFFERENCES_SHOWN_MAX
        )
        shown = tuple(Difference(d.kind, d.key, d.column, d.source, d.target) for d in found.differences)
        more = {"differences": shown, "differences_total": found.total}
    return TableProof(
        source=pair.table.label,
        target=pair.landed.label,
        rows_source=one.rows,
        rows_target=other.rows,
        digest_source=one.hex(),
        digest_target=other.hex(),
        equal=one == other,
        path="relay" if form else "arrow",
        seconds_verify=round(time.monotonic() - began, 3),
        **more,
    )


def _common_form(pair: _Pair, request: CopyRequest, source: Database, target: Database) -> str:
    """A wire format that both ends can send, so that both can be hashed without parsing; "" when there is none."""
    if not (isinstance(source, Relays) and isinstance(target, Relays)) or request.masks:
        return ""
    if source.system != target.system or any(n.limits.any for n in pair.landings):
        return ""
    theirs = target.sends(pair.landed)
    return next((form for form in source.sends(pair.table) if form in theirs), "")
