"""The effects of a copy, one class each; every one may be repeated. `load.py` has the one that moves rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from wayfare.copy import sequences
from wayfare.copy.deletes import FindDeleted
from wayfare.copy.facts import is_missing
from wayfare.copy.load import VIEW, Load, noted, stages
from wayfare.copy.plan import SNAPSHOT
from wayfare.copy.prove import Prove, Verify
from wayfare.copy.subject import CopySubject, TableCopy, subject_of
from wayfare.core.errors import Conflict
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Alive, Json, StepContext
from wayfare.core.ports import Database, Extends, Mode, Perishable, Snapshots, Views
from wayfare.core.tables import Table
from wayfare.engine.effects import effect, holder
from wayfare.flow.structure import compare_structures

RENEWED = Finding(
    "view_renewed",
    Severity.INFO,
    "The view of the source in which the copy began was lost. What was read in it is compared once more.",
    "source",
    "Where rows changed meanwhile, the copy says that they differ; start it again then.",
)

effect("copy.load")(Load)
effect("copy.verify")(Verify)
effect("copy.deletes")(FindDeleted)
effect("copy.prove")(Prove)


@holder(SNAPSHOT)
@contextmanager
def snapshot(context: StepContext) -> Iterator[Alive | None]:
    """One view of the source for all readers, where the source can; the note VIEW tells of it.

    A later one of the same run (the first was lost, or its process was) may show another state. Nothing that was loaded
    before is taken on trust then: `prove.in_flight` sees two views, and has the source read again in the one open now.
    """
    source = context.open("source")
    if not isinstance(source, Snapshots):
        context.note(VIEW, None)
        yield None
        return
    with source.snapshot() as view:
        if context.notes(VIEW) and context.outcomes("copy.load"):
            context.finding(RENEWED)
        context.note(VIEW, noted(view))
        yield view.alive if isinstance(view, Perishable) else None


@effect("copy.check")
class Check:
    """Both ends answer, and the source's tables are still those that were planned."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        subject = subject_of(context)
        now = {t.label: t for t in context.open("source").tables()}
        for copy in subject.tables:
            found = now.get(copy.source)
            if found is None or _spelling(found) != _spelling(copy.table):
                raise Conflict(
                    f"the source's table {copy.source} has changed since the plan was made.",
                    where="source",
                    remedy="Start the copy again, so that it is planned anew.",
                )
        target = context.open("target")
        return {"target": "" if is_missing(target) else target.check().version}


def _spelling(table: Table) -> list[tuple[str, str]]:
    return [(c.name, c.native) for c in table.columns]


@effect("copy.stage")
class Stage:
    """Empty tables beside the real ones. Undoing it undoes the whole copy."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        tables = [copy.landed for copy in subject_of(context).tables]
        stages(context.open("target")).stage(context.run, tables)
        return {"tables": len(tables)}

    def undo(self, context: StepContext, args: Mapping[str, Json]) -> None:
        """Raises Conflict when the copy has come to its end and what it replaced is gone."""
        if context.outcomes("copy.finish") and not subject_of(context).keep_replaced:
            raise Conflict(
                "the copy had already finished, and stays as it is: what it replaced is gone.",
                remedy="Copies that may have to be rolled back after their end are started with --keep-replaced.",
            )
        stages(context.open("target")).discard(context.run)


@effect("copy.seal")
class Seal:
    """Keys and indexes, after the rows."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        copy = subject_of(context).tables[args["table"]]
        context.stopping()
        stages(context.open("target")).seal(context.run, copy.landed)
        return {"table": copy.target}


@effect("copy.publish")
class Publish:
    """The staged tables take their places, with identities that go on where the source's stand now."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        subject = subject_of(context)
        target = context.open("target")
        for copy in subject.tables:
            if copy.added and copy.exists and isinstance(target, Extends):
                target.add_columns(copy.landed, [copy.landed.column(name) for name in copy.added])
        for finding in sequences.carry(subject.sequences, target):
            context.finding(finding)
        tables = current(subject, context.open("source"))
        for mode in Mode:
            chosen = [t for t, copy in zip(tables, subject.tables, strict=True) if copy.mode is mode]
            if chosen:
                stages(target).publish(context.run, chosen, mode)
        return {"tables": len(tables)}


def current(subject: CopySubject, source: Database) -> list[Table]:
    """The landed tables with the source's identities as they are now: rows may have come since the plan."""
    if not any(c.identity for copy in subject.tables for c in copy.landed.columns):
        return [copy.landed for copy in subject.tables]
    now = {t.label: t for t in source.tables()}
    return [_with_identities(copy, now.get(copy.source)) for copy in subject.tables]


def _with_identities(copy: TableCopy, now: Table | None) -> Table:
    if now is None:
        return copy.landed
    fresh = {c.name: c.identity for c in now.columns if c.identity}
    columns = (
        replace(c, identity=replace(c.identity, next=fresh[c.name].next)) if c.identity and c.name in fresh else c
        for c in copy.landed.columns
    )
    return replace(copy.landed, columns=tuple(columns))


@effect("copy.finish")
class Finish:
    """Views, a look at what is really there now, and the staging area is gone."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        subject = subject_of(context)
        target = context.open("target")
        if subject.views and isinstance(target, Views):
            for finding in target.create_views(subject.views):
                context.finding(finding)
        wrong = compare_structures(current(subject, context.open("source")), target.tables())
        for finding in (*wrong, *sequences.behind(subject.sequences, target)):
            context.finding(finding)
        if not subject.keep_replaced:
            stages(target).finish(context.run)
        return {"tables": len(subject.tables), "views": len(subject.views)}
