"""Verifying a copy afterwards, from the two databases alone: rows by digests, what surrounds them by the catalogs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from wayfare.copy import sequences
from wayfare.copy.existing import fit_existing
from wayfare.copy.facts import CopyFacts
from wayfare.copy.keys import carried_keys
from wayfare.copy.naming import Place, place_tables
from wayfare.copy.policy import Passage, allowed_losses, forgiving, land_columns, land_structure, readable
from wayfare.copy.report import TableProof
from wayfare.copy.request import CopyRequest
from wayfare.copy.sequences import placed
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import Database, Mode, Relays, Snapshots
from wayfare.core.tables import Table
from wayfare.flow.cast import Cast
from wayfare.flow.compare import compare
from wayfare.flow.digest import relay_digest, table_digest
from wayfare.flow.scan import ROWS_PER_CHUNK, Side
from wayfare.flow.structure import compare_structure
from wayfare.kernel.hashing import EMPTY, Digest

DIFFERENCES_SHOWN_MAX = 100

Seen = Callable[[str, TableProof | None], None]  # (label, proof): None when its verification begins


def verify_tables(
    request: CopyRequest, facts: CopyFacts, source: Database, target: Database, *, rows: bool, seen: Seen
) -> tuple[list[TableProof], list[Finding]]:
    """A proof for each chosen table, and findings for everything that is not as a copy would have made it.

    With `rows`, the differing rows of unequal tables are located (both sides are read up to two more times).
    """
    places, findings = place_tables(facts.tables, facts.rules, facts.source_default, request.renames)
    passage = Passage.of(request, facts)
    there = {(t.namespace, t.name): t for t in facts.existing}
    expected = _expected(facts, passage, places, target)
    proofs: list[TableProof] = []
    with _view(source) as view:
        for table in facts.tables:
            seen(table.label, None)
            actual = there.get(places[(table.namespace, table.name)])
            pair = None if actual is None else _pair(actual, *expected[table.label])
            if pair is None:
                findings.append(_missing(table))
                proofs.append(TableProof(table.label, "", 0, 0, EMPTY.hex(), EMPTY.hex(), equal=False))
            else:
                findings += pair.findings
                proofs.append(_proof(pair, passage, source, target, view, rows))
            seen(table.label, proofs[-1])
    findings += sequences.behind(placed(facts.sequences, facts.rules, facts.source_default), target)
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

    def cast(self, passage: Passage) -> Cast:
        allowed = frozenset(allowed_losses(self.table, passage))
        masks = {c.name: mask for c in self.table.columns if (mask := passage.mask(self.table, c))}
        return Cast(self.table, self.landings, allowed, masks)


Landed = tuple[Table, list[Landing], Table]  # as it is read, how its columns land, and as it stands in the target


def _expected(facts: CopyFacts, passage: Passage, places: Mapping[Place, Place], target: Database) -> dict[str, Landed]:
    """What a copy would have made of each table, by its source label."""
    reads = [readable(table, passage) for table in facts.tables]
    landings = [land_columns(read, passage, target.land)[0] for read in reads]
    landed = [
        land_structure(read, tuple(n.column for n in found), places, passage)[0]
        for read, found in zip(reads, landings, strict=True)
    ]
    tables, _ = carried_keys(landed, facts.carries)
    return {r.label: (forgiving(r, passage), n, t) for r, n, t in zip(reads, landings, tables, strict=True)}


def _pair(actual: Table, read: Table, landings: list[Landing], landed: Table) -> _Pair:
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


def _proof(pair: _Pair, passage: Passage, source: Database, target: Database, view: str, rows: bool) -> TableProof:
    began = time.monotonic()
    cast = pair.cast(passage)
    form = _common_form(pair, passage, source, target)
    with ThreadPoolExecutor(2, thread_name_prefix="verify") as pool:
        if form:
            ours = pool.submit(_sent, source, pair.table, form, view)
            theirs = pool.submit(_sent, target, pair.landed, form, "")
        else:
            ours = pool.submit(table_digest, source, pair.table, view=view, cast=cast)
            theirs = pool.submit(table_digest, target, pair.landed)
        one, other = ours.result(), theirs.result()
    more: dict[str, Any] = {}
    if one != other and rows:
        left, right = Side(source, pair.table, cast, view), Side(target, pair.landed)
        found = compare(left, right, key=pair.landed.key, shown=DIFFERENCES_SHOWN_MAX)
        more = {"differences": found.differences, "differences_total": found.total}
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


def _sent(database: Database, table: Table, form: str, view: str) -> Digest:
    assert isinstance(database, Relays)
    return relay_digest(database, table, form, view=view, chunks=database.split(table, ROWS_PER_CHUNK, view))


def _common_form(pair: _Pair, passage: Passage, source: Database, target: Database) -> str:
    """A wire format that both ends can send, so that both can be hashed without parsing; "" when there is none."""
    if not (isinstance(source, Relays) and isinstance(target, Relays)) or passage.masks:
        return ""
    if allowed_losses(pair.table, passage):
        return ""
    if source.system != target.system or any(n.limits.any for n in pair.landings):
        return ""
    # One that could also be received: only then are equal rows sure to be equal bytes.
    theirs = set(target.sends(pair.landed)) & set(target.receives(pair.table, pair.landed))
    return next((form for form in source.sends(pair.table) if form in theirs), "")
