"""The proof: every staged table is read again and compared with what was read from the source."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from wayfare.copy.load import stages, view_of
from wayfare.copy.report import TableProof
from wayfare.copy.subject import RELAY, TableCopy, subject_of
from wayfare.core.amounts import count
from wayfare.core.codec import decode, encode
from wayfare.core.errors import Mismatch
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Json, StepContext
from wayfare.core.ports import Chunk, Relays
from wayfare.flow.compare import Watch, compare
from wayfare.flow.digest import relay_digest, table_digest
from wayfare.flow.scan import ROWS_PER_CHUNK, Side
from wayfare.kernel.hashing import EMPTY, Digest

DIFFERENCES_SHOWN_MAX = 20


class Verify:
    """Effect "copy.verify": the result is an encoded TableProof. A difference is recorded here and judged by Prove."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        subject = subject_of(context)
        copy = subject.tables[args["table"]]
        began = time.monotonic()
        loads = {n: r for n, r in context.outcomes("copy.load").items() if r["table"] == args["table"]}
        moved = in_flight(list(loads.values()))
        comparable_relay = moved is not None and copy.path == RELAY
        target = target_digest(context, copy, as_sent=comparable_relay)
        source, lost = (
            (moved, _lost(loads)) if moved is not None else source_digest(context, copy, list(loads.values()))
        )
        for finding in lost_findings(copy, lost):
            context.finding(finding)
        proof = TableProof(
            source=copy.source,
            target=copy.target,
            rows_source=source.rows,
            rows_target=target.rows,
            digest_source=source.hex(),
            digest_target=target.hex(),
            equal=source == target,
            path=copy.path,
            chunks=len(loads),
            seconds_copy=round(sum(r["seconds"] for r in loads.values()), 3),
            seconds_verify=round(time.monotonic() - began, 3),
            values_lost=sum(lost.values()),
            **({} if source == target else located(context, copy)),
        )
        return encode(proof)


def in_flight(loads: list[Any]) -> Digest | None:
    """What was hashed while it was copied; None when that is no proof.

    It proves the whole table only when every chunk was hashed, and they were read from one view of the source or by one
    statement. Otherwise (a crash between a chunk's commit and its record, a resumed run with a second snapshot, a
    source without snapshots) the source is read again.
    """
    views = {load["view"] for load in loads}
    one_view = len(loads) == 1 or (len(views) == 1 and "" not in views)
    if not one_view or any(load["digest"] is None for load in loads):
        return None
    return sum((Digest(load["rows"], _sums(load["digest"])) for load in loads), EMPTY)


def _sums(text: str) -> tuple[int, int]:
    """The inverse of `Digest.hex`."""
    return int(text[:16], 16), int(text[16:], 16)


def target_digest(context: StepContext, copy: TableCopy, *, as_sent: bool) -> Digest:
    target = context.open("target")
    staged = stages(target).staged(context.run, copy.landed)
    if as_sent and isinstance(target, Relays):
        chunks = target.split(staged, ROWS_PER_CHUNK)
        return relay_digest(target, staged, copy.form, chunks=chunks, stopping=context.stopping)
    return table_digest(target, staged, stopping=context.stopping)


def source_digest(context: StepContext, copy: TableCopy, loads: list[Any]) -> tuple[Digest, Mapping[str, int]]:
    """The source read again, cast as the copy cast it, in the view that is open now; and what that cast lost."""
    source = context.open("source")
    view, _ = view_of(context)
    chunks = [decode(Chunk, load["chunk"]) for load in loads] if copy.cursor else None
    cast = copy.cast(context)
    digest = table_digest(source, copy.table, view=view, cast=cast, chunks=chunks, stopping=context.stopping)
    return digest, cast.lost


def _lost(loads: Mapping[str, Any]) -> Mapping[str, int]:
    """Column → how many of its values were lost, as allowed, in all chunks together."""
    total: Counter[str] = Counter()
    for load in loads.values():
        total.update(load.get("lost") or {})
    return total


def lost_findings(copy: TableCopy, lost: Mapping[str, int]) -> list[Finding]:
    """What an allowed loss came to, for each column that had one."""
    return [
        Finding(
            "values_lost",
            Severity.WARNING,
            f"{count(number, 'value')} could not be kept exactly, and became NULL or the nearest value, as allowed.",
            f"{copy.source}.{name}",
            "Choose another type with --map, or correct the values in the source, to keep them.",
        )
        for name, number in sorted(lost.items())
        if number
    ]


def located(context: StepContext, copy: TableCopy) -> dict[str, Any]:
    target = context.open("target")
    found = compare(
        Side(context.open("source"), copy.table, copy.cast(context), view_of(context)[0]),
        Side(target, stages(target).staged(context.run, copy.landed)),
        key=copy.landed.key,
        shown=DIFFERENCES_SHOWN_MAX,
        watch=Watch(stopping=context.stopping),
    )
    return {"differences": found.differences, "differences_total": found.total}


class Prove:
    """Effect "copy.prove": nothing is published unless every table is equal."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        proofs = [decode(TableProof, r) for r in context.outcomes("copy.verify").values()]
        unequal = [p for p in proofs if not p.equal]
        for proof in unequal:
            message = f"{proof.differences_total or 'some'} rows differ between {proof.source} and its copy."
            advice = "Did the source change under the copy? Start it again; see the report for the rows."
            context.finding(Finding("rows_differ", Severity.ERROR, message, proof.source, advice))
        if unequal:
            labels = ", ".join(p.source for p in unequal)
            raise Mismatch(
                f"source and copy differ in {labels}.", remedy="Nothing was published. The report has the rows."
            )
        return {"tables": len(proofs), "rows": sum(p.rows_target for p in proofs)}
