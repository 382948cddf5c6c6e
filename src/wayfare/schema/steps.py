"""The effects of a schema change. Every one may be repeated: the target's own history says what is done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wayfare.core.changes import (
    LEADING,
    LOCK_TABLE,
    OWN_HISTORY,
    REVISIONS_TABLE,
    Changeable,
    Entry,
    Examines,
    Part,
    Policy,
    Replicates,
    Schema,
    Standing,
)
from wayfare.core.errors import Busy, Conflict, Refused, Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Json, StepContext
from wayfare.core.switches import Switches
from wayfare.engine.effects import effect
from wayfare.schema import observing, queries
from wayfare.schema.carry import Change, Progress, carry_out, settled
from wayfare.schema.locked import locked
from wayfare.schema.meanwhile import guarded
from wayfare.schema.revisions.files import Revision
from wayfare.schema.revisions.runner import CLIENT_WAIT_SECONDS, Options, apply_these, take_back_these
from wayfare.schema.study import Draft, fingerprint, study
from wayfare.schema.subject import HISTORY, MASTER, ChangeSubject, Known, statements, subject_of
from wayfare.schema.text.reading import read

Args = Mapping[str, Json]
LONG_QUERY_SECONDS = 30.0


def schema_of(context: StepContext, member: str) -> Schema:
    database = context.open(member)
    if not isinstance(database, Changeable):
        raise Unavailable("the schema of this system cannot be changed here.", where=member)
    if isinstance(database, Switches) and context.subject.get("green") == member:
        return database.writing()  # it is frozen for everybody else
    return database.schema()


@effect("schema.check")
class Check:
    """The server answers, is still what it was, and its queries are measured for later comparison."""

    def run(self, context: StepContext, args: Args) -> Json:
        subject, member = subject_of(context), str(args["member"])
        schema = schema_of(context, member)
        if isinstance(schema, Replicates):
            _same_part(schema.part(), subject.part(member), member)
        if member == MASTER:
            _unchanged(schema, subject)
        elif subject.part(member) == Part.SUBSCRIBER and not subject.green:
            _own_history(schema, member)
        _ready(context, schema, member)
        observing.baseline(context, schema, member, subject.limits)
        return {"member": member}


def _unchanged(schema: Schema, subject: ChangeSubject) -> None:
    """A change that is half done has changed the schema itself."""
    begun = latest(schema, subject)
    if not begun and fingerprint(schema) != subject.fingerprint:
        raise Conflict(
            "the schema has changed since this was planned.",
            where=MASTER,
            remedy="Validate the change again; what was approved does not hold for another schema.",
        )


def _same_part(part: str, known: str, member: str) -> None:
    if part != known and not {part, known} <= LEADING:
        told = f"{member} was {known}, and is {part} now."
        raise Conflict(told, where=member, remedy="Plan the change anew: `validate` does.")


def _own_history(schema: Schema, member: str) -> None:
    """Both servers write an entry of the change, and the subscription would stop at the one that arrives."""
    told = schema.examine().get(OWN_HISTORY) if isinstance(schema, Examines) else None
    if told:
        remedy = f"Leave {REVISIONS_TABLE} and {LOCK_TABLE} out of what is published: name the other tables."
        raise Conflict(told, where=member, remedy=remedy)


def latest(schema: Schema, subject: ChangeSubject) -> Entry | None:
    """What this server's history says of the change; None for one that was never begun, or taken back whole."""
    found = (e for e in schema.entries(HISTORY) if e.version == subject.version)
    return next((e for e in found if e.standing is not Standing.UNDONE), None)


@effect("schema.ready")
class Ready:
    """A standby in its turn: nothing on it would hold up, or be cancelled by, the change that it is to replay."""

    def run(self, context: StepContext, args: Args) -> Json:
        member = str(args["member"])
        _ready(context, schema_of(context, member), member)
        return {"member": member}


def _ready(context: StepContext, schema: Schema, member: str) -> None:
    """Raises Busy, which is tried again, while an old transaction or a lag stands in the way."""
    if not isinstance(schema, Replicates):
        return
    limits = subject_of(context).limits
    lag = schema.lag_seconds()
    if lag > limits.lag_seconds_max:
        observing.lagging(context, member, lag, limits)
    if long := schema.long_queries(LONG_QUERY_SECONDS):
        told = f"a transaction has been open for more than {LONG_QUERY_SECONDS:.0f} s: {long[0][:120]}"
        raise Busy(told, where=member, remedy="End it, or wait for its end; the run goes on then.")


@effect("schema.apply")
class Apply:
    """The statements, under the lock. What a crash leaves is read from the target's history."""

    def run(self, context: StepContext, args: Args) -> Json:
        subject, member = subject_of(context), str(args["member"])
        schema = schema_of(context, member)
        began = time.monotonic()
        known = latest(schema, subject)
        if known is None or known.standing is not Standing.APPLIED:
            self._carry(context, subject, schema, member)
        if isinstance(schema, Replicates) and len(subject.members) > 1 and schema.part() in LEADING:
            context.note("position", schema.position())
        return {"member": member, "statements": len(subject.up), "seconds": round(time.monotonic() - began, 3)}

    def _carry(self, context: StepContext, subject: ChangeSubject, schema: Schema, member: str) -> None:
        with (
            locked(schema, subject.by, subject.lock_wait_seconds_max, context.stopping) as (held, _),
            guarded(context, schema, member, subject) as guard,
        ):
            policy = _policy(context, subject)
            policy = replace(policy, interrupted=guard.asked) if guard else policy
            try:
                carry_out(schema, held, _change(subject, subject.up), policy, _teller(context))
            except Refused as error:
                if self._left_something(schema, subject) or context.outcomes("schema.apply") or subject.green:
                    context.ask("rollback", f"{member}: {error}")
                raise

    def _left_something(self, schema: Schema, subject: ChangeSubject) -> bool:
        entry = latest(schema, subject)
        return entry is not None and entry.done > 0

    def undo(self, context: StepContext, args: Args) -> None:
        """The way back: proved for the whole change, or statement by statement for one that is half done."""
        subject, member = subject_of(context), str(args["member"])
        schema = schema_of(context, member)
        with locked(schema, subject.by, subject.lock_wait_seconds_max) as (held, _):
            entry = latest(schema, subject)
            if entry is None:
                return
            if entry.standing is not Standing.UNDOING:
                entry = settled(schema, entry, statements(subject.up))
            back = way_back(context, subject, entry, member)
            patient = replace(_policy(context, subject), stopping=lambda: None)  # nothing stops a way back
            carry_out(schema, held, _change(subject, back, undoing=True), patient, _teller(context))


def way_back(context: StepContext, subject: ChangeSubject, entry: Entry, member: str) -> Sequence[Known]:
    """Chosen once, and kept: a way back that was begun is gone to its end. Raises Conflict where there is none."""
    key = f"back {member}"
    done = context.notes(key)
    if done is None:
        done = entry.done if entry.standing is not Standing.APPLIED else len(subject.up)
        context.note(key, done)
    if done >= len(subject.up) and (subject.down or not subject.up):
        return subject.down
    made = []
    for position in reversed(range(done)):
        if not subject.up[position].back:
            line = subject.up[position].statement.line
            raise Conflict(
                f"the change stopped after {done} of {len(subject.up)} statements, and the one of line {line} has no "
                "way back of its own.",
                where=member,
                remedy="Take those statements back by hand, or correct the change and go on.",
            )
        for text in subject.up[position].back:
            made += [Known(s) for s in read(text, subject.dialect)]
    return made


def _change(subject: ChangeSubject, known: Sequence[Known], *, undoing: bool = False) -> Change:
    return Change(
        HISTORY,
        subject.version,
        subject.name,
        subject.checksum,
        statements(known),
        undoing,
        environment=subject.environment,
        by=subject.by,
        locks={i: k.locks for i, k in enumerate(known)},
        clauses={i: k.clause for i, k in enumerate(known) if k.clause},
    )


def _policy(context: StepContext, subject: ChangeSubject) -> Policy:
    return Policy(lock_wait_seconds_max=subject.lock_wait_seconds_max, stopping=context.stopping)


def _teller(context: StepContext) -> observing.Teller:
    def tell(progress: Progress) -> None:
        context.progress(statements=progress.done, of=progress.total, share=int(progress.share * 100))

    return tell


@effect("schema.observe")
class Observe:
    """Look at a server that has changed, until it has fared well for long enough."""

    def run(self, context: StepContext, args: Args) -> Json:
        subject, member = subject_of(context), str(args["member"])
        return observing.observe(context, schema_of(context, member), member, subject)


@effect("schema.shadow")
class Shadow:
    """Rehearse the change once more, on a clone with a sample of the rows: it must go as it was studied, and leave the
    application its queries.
    """

    def run(self, context: StepContext, args: Args) -> Json:
        subject, schema = subject_of(context), schema_of(context, str(args["member"]))
        wanted, why_not = queries.wanted(schema, subject.reached)
        up, down = statements(subject.up), statements(subject.down) or None
        found = study(schema, Draft(up, down, subject.environment, wanted))
        findings = [*found.findings, *queries.judged(found.queries or (), subject.limits.ratio_max)]
        for finding in findings:
            context.finding(finding)
        if problem := next((f for f in findings if f.severity is Severity.ERROR), None):
            raise Refused(problem.message, where=problem.where, remedy=problem.advice)
        if why_not or found.queries is None:
            context.finding(queries.untried(why_not or "this system plans none on a clone."))
        if found.measured and not found.down_proved:
            told = "the way back was not proved on the clone."
            context.finding(Finding("wayback_unproved", Severity.WARNING, told, "rollback", "Complete it."))
        return {
            "seconds": round(sum(m.seconds for m in found.measured), 3),
            "estimate_seconds": round(found.estimate_seconds, 3),
            "proved": found.down_proved,
            **queries.counted(found.queries or ()),
        }


@effect("schema.revise")
class Revise:
    """Apply revisions of a folder, whose text the plan has: what is applied by now is passed over."""

    def run(self, context: StepContext, args: Args) -> Json:
        chosen = [_revision(kept) for kept in context.subject["revisions"]]
        total = len(chosen)

        def tell(progress: Progress) -> None:
            position = next(i for i, revision in enumerate(chosen) if revision.version == progress.version)
            context.progress(revisions=position + (progress.done == progress.total), of=total, statements=progress.done)

        options = self._options(context)
        done = apply_these(schema_of(context, MASTER), chosen, options, tell)
        context.progress(revisions=total, of=total)
        return {"applied": [entry.version for entry in done.entries], "waited_for": done.waited_for}

    def undo(self, context: StepContext, args: Args) -> None:
        """Takes back what is applied of them, newest first. Raises Invalid where one has no way back."""
        chosen = [_revision(kept) for kept in context.subject["revisions"]]
        take_back_these(schema_of(context, MASTER), chosen, self._options(context), lambda progress: None)

    def _options(self, context: StepContext) -> Options:
        subject = context.subject
        return Options(
            environment=subject["environment"],
            by=subject["by"],
            client_wait_seconds_max=subject.get("client_wait_seconds_max", CLIENT_WAIT_SECONDS),  # none in older plans
            policy=Policy(stopping=context.stopping),
        )


def _revision(kept: Mapping[str, Json]) -> Revision:
    down = Path(kept["down_file"]) if kept["down"] is not None else None
    return Revision(kept["version"], kept["name"], Path(kept["file"]), kept["text"], kept["down"], down)
