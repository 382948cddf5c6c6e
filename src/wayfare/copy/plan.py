"""From a request and what is known of both databases to the plan of a copy.

Pure: of the databases only those questions are asked (`land`, `draft`, `sends`, `receives`) that promise to do no I/O.

    check → stage → load → verify → prove → seal → publish → (deletes) → finish
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from wayfare import __version__
from wayfare.copy import translate
from wayfare.copy.condense import condensed
from wayfare.copy.existing import fit_existing
from wayfare.copy.facts import CopyFacts
from wayfare.copy.keys import carried_keys
from wayfare.copy.naming import Place, place_tables
from wayfare.copy.policy import Passage, allowed_losses, forgiving, land_columns, land_structure, readable
from wayfare.copy.request import CopyRequest
from wayfare.copy.sequences import placed
from wayfare.copy.subject import ARROW, RELAY, CopySubject, TableCopy
from wayfare.core.codec import encode
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.ports import Chunk, Database, Drafts, Mode, Relays
from wayfare.core.tables import Table, View

Bound = int | str | None

SNAPSHOT = "copy.snapshot"  # the holder that keeps one view of the source open


def plan_copy(
    request: CopyRequest, facts: CopyFacts, source: Database, target: Database, since: Mapping[str, Bound] | None = None
) -> Plan:
    """The plan, with every finding. A plan with an ERROR finding is shown, and refused when somebody starts it.

    `since` has, for an incremental copy, where the last one ended for each source label.
    """
    places, findings = place_tables(facts.tables, facts.rules, facts.source_default, request.renames)
    findings = [*facts.findings, *findings]
    passage = Passage.of(request, facts)
    findings += _unknown_columns(facts.tables, passage)
    copies = []
    for table in facts.tables:
        copy, noticed = _table_copy(table, request, facts, passage, places, source, target)
        copies.append(copy)
        findings += noticed
    landed, noticed = carried_keys([copy.landed for copy in copies], facts.carries)
    copies = [replace(copy, landed=table) for copy, table in zip(copies, landed, strict=True)]
    findings += noticed
    views, noticed = _views(facts, places, passage)
    findings += noticed
    subject = CopySubject(
        title=request.title,
        tables=tuple(copies),
        views=views,
        sequences=placed(facts.sequences, facts.rules, facts.source_default),
        rows_per_second=request.rows_per_second,
        keep_replaced=request.keep_replaced,
        source_default=facts.source_default,
        deletes=request.deletes,
        versions={"wayfare": __version__, "python": sys.version.split()[0], **facts.versions},
    )
    return Plan("copy", subject.to_json(), _phases(request, facts, copies, since or {}), condensed(findings))


def _table_copy(
    table: Table,
    request: CopyRequest,
    facts: CopyFacts,
    passage: Passage,
    places: Mapping[Place, Place],
    source: Database,
    target: Database,
) -> tuple[TableCopy, list[Finding]]:
    read = readable(table, passage)
    landings, findings = land_columns(read, passage, target.land)
    landed, noticed = land_structure(read, tuple(n.column for n in landings), places, passage)
    findings += noticed
    existing = next((t for t in facts.existing if (t.namespace, t.name) == (landed.namespace, landed.name)), None)
    added: tuple[str, ...] = ()
    mode, cursor, noticed = table_mode(request, table, landed)
    findings += noticed
    if existing and (mode is not Mode.REPLACE or request.data_only):
        fitted = fit_existing(read, landed, landings, existing, mode, adds=not request.data_only)
        landed, landings, added = fitted.landed, fitted.landings, fitted.added
        findings += fitted.findings
    elif request.data_only:
        findings.append(_no_target(landed))
    form = _relay_form(read, landed, request, passage, source, target)
    written = [n for n in landings if not n.column.generated]
    copy = TableCopy(
        source=table.label,
        target=landed.label,
        table=forgiving(read, passage),
        landed=landed,
        limits=tuple(n.limits for n in written),
        verdicts=tuple(n.verdict for n in written),
        allow_loss=allowed_losses(read, passage),
        masks=tuple(f"{c.name}={m.kind}" for c in read.columns if (m := passage.mask(read, c))),
        mode=mode,
        cursor=cursor,
        path=RELAY if form else ARROW,
        form=form,
        chunks=0 if request.schema_only else len(facts.chunks[table.label]),
        rows_estimate=table.rows_estimate,
        bytes_estimate=table.bytes_estimate,
        statements=tuple(target.draft(landed)) if isinstance(target, Drafts) and not existing else (),
        exists=existing is not None,
        added=added,
    )
    return copy, findings


def _relay_form(
    table: Table,
    landed: Table,
    request: CopyRequest,
    passage: Passage,
    source: Database,
    target: Database,
) -> str:
    """The wire format both speak for this table, or "".

    A relay does not change values, so masks and allowed losses prevent it. What the target cannot hold, it refuses.
    """
    if not (isinstance(source, Relays) and isinstance(target, Relays)) or request.incremental:
        return ""
    if any(passage.says(passage.masks, table, c) for c in table.columns):
        return ""
    if allowed_losses(table, passage):
        return ""
    receivable = target.receives(table, landed)
    return next((form for form in source.sends(table) if form in receivable), "")


def _unknown_columns(tables: Sequence[Table], passage: Passage) -> list[Finding]:
    """A column named in an option must exist: a mask that masks nothing would be a leak."""
    findings = []
    for option, names in (("--allow-loss", passage.allow_loss), ("--mask", passage.masks), ("--map", passage.type_map)):
        for name in names:
            if not any(passage.says({name}, t, c) for t in tables for c in t.columns):
                message = f"no copied table has a column {name!r}."
                findings.append(Finding("unknown_column", Severity.ERROR, message, option, "Correct its name."))
    return findings


def _no_target(landed: Table) -> Finding:
    message = f"{landed.label} is not in the target, and --data-only makes no tables."
    return Finding("no_target_table", Severity.ERROR, message, landed.label, "Copy the schema first: --schema-only.")


def table_mode(request: CopyRequest, table: Table, landed: Table) -> tuple[Mode, str, list[Finding]]:
    """How this table's rows join the target's, and by which column an incremental copy continues: `(mode, cursor, …)`.

    An incremental copy merges what is new by the primary key. Where a table has no such column it is read whole, and
    where it has no key it is replaced: slower, and as exact.
    """
    if not request.incremental:
        if request.mode is Mode.MERGE and not landed.key:
            message = f"{table.label} has no primary key, so its rows cannot be merged."
            finding = Finding("no_key", Severity.ERROR, message, table.label, "Add a key, or use --mode append.")
            return request.mode, "", [finding]
        return request.mode, "", []
    names = {c.name for c in table.columns}
    cursor = next((c for c in request.cursors if c in names), "")
    if request.mode is Mode.REPLACE and not landed.key:
        message = f"{table.label} has no primary key to merge by: it is copied whole, and replaced."
        return Mode.REPLACE, "", [Finding("incremental_replaced", Severity.INFO, message, table.label)]
    way = Mode.MERGE if request.mode is Mode.REPLACE else request.mode
    if not cursor:
        message = f"{table.label} has no column {' or '.join(request.cursors)}: it is read whole."
        severity = Severity.ERROR if way is Mode.APPEND else Severity.INFO
        advice = (
            "Appended whole it would stand there twice: leave it out with --exclude." if severity == "error" else ""
        )
        return way, "", [Finding("no_cursor", severity, message, table.label, advice)]
    if table.column(cursor).nullable:
        message = f"rows whose {cursor} is NULL are never seen by an incremental copy."
        where = f"{table.label}.{cursor}"
        return way, cursor, [Finding("cursor_nullable", Severity.WARNING, message, where)]
    return way, cursor, []


def _views(facts: CopyFacts, places: Mapping[Place, Place], passage: Passage) -> tuple[tuple[View, ...], list[Finding]]:
    views, findings = [], []
    for view in facts.views:
        try:
            if "view" not in passage.carries:
                raise ValueError("the target has no views")
            text = translate.view(view.definition, facts.source_dialect, facts.target_dialect, places)
        except ValueError as reason:
            message = f"the view {view.label} is not carried over: {reason}. Its text is {view.definition}"
            findings.append(Finding("view_not_carried", Severity.WARNING, message, view.label, "Rewrite it by hand."))
            continue
        keep = facts.rules.has_namespaces and view.namespace not in ("", facts.source_default)
        namespace = view.namespace if keep else facts.rules.default_namespace
        views.append(replace(view, definition=text, namespace=namespace, origin=facts.target_system))
        places = {**places, (view.namespace, view.name): (namespace, view.name)}
    return tuple(views), findings


def _phases(
    request: CopyRequest, facts: CopyFacts, copies: Sequence[TableCopy], since: Mapping[str, Bound]
) -> tuple[Phase, ...]:
    numbered = list(enumerate(copies))
    loads = tuple(
        _load(request, index, copy, _window(request, copy, chunk, since), len(facts.chunks[copy.source]))
        for index, copy in _largest_first(numbered)
        for chunk in facts.chunks[copy.source]
    )
    moving = not request.schema_only
    phases = [
        Phase("check", (Step("copy.check", "check"),)),
        Phase("stage", (Step("copy.stage", "stage"),)),
        Phase("load", loads if moving else (), together=True, hold=SNAPSHOT),
        Phase("verify", _each("verify", numbered) if moving else (), hold=SNAPSHOT),
        Phase("prove", (Step("copy.prove", "prove"),) if moving else ()),
        Phase("seal", _each("seal", numbered), together=True),
        Phase("publish", (Step("copy.publish", "publish"),)),
        Phase(
            "deletes", _each("deletes", [pair for pair in numbered if _merged(pair[1])]) if request.incremental else ()
        ),
        Phase("finish", (Step("copy.finish", "finish"),)),
    ]
    return tuple(p for p in phases if p.steps)


def _largest_first(numbered: Sequence[tuple[int, TableCopy]]) -> list[tuple[int, TableCopy]]:
    """The longest table decides when the load ends, so it starts first."""
    return sorted(numbered, key=lambda pair: -(pair[1].bytes_estimate or pair[1].rows_estimate))


def _load(request: CopyRequest, index: int, copy: TableCopy, chunk: Chunk, count: int) -> Step:
    name = f"load {copy.source} {chunk.index + 1}/{count}"
    return Step("copy.load", name, {"table": index, "chunk": encode(chunk)}, limit_key=request.source.url())


def _merged(copy: TableCopy) -> bool:
    return copy.mode is Mode.MERGE and bool(copy.cursor)


def _window(request: CopyRequest, copy: TableCopy, chunk: Chunk, since: Mapping[str, Bound]) -> Chunk:
    """What an incremental copy reads: after --since, else after the end of the last one, else everything."""
    if not copy.cursor:
        return chunk
    after: Bound = request.since or since.get(copy.source)
    if pa.types.is_integer(copy.table.column(copy.cursor).type) and after is not None:
        after = int(after)
    return replace(chunk, cursor=copy.cursor, after=after)


def _each(verb: str, numbered: Sequence[tuple[int, TableCopy]]) -> tuple[Step, ...]:
    return tuple(Step(f"copy.{verb}", f"{verb} {copy.source}", {"table": index}) for index, copy in numbered)
