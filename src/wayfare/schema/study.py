"""Studying a change before anybody approves it: rehearsed on a clone, with its way back, and asked of the real rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from difflib import unified_diff

from wayfare.core.changes import Measured, Plans, Rehearsal, Rehearses, Schema, Size
from wayfare.core.errors import Forbidden, SystemFailed, Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.ports import Executes
from wayfare.core.statements import Statement
from wayfare.schema.inverse import inverse
from wayfare.schema.lint.facts import Facts
from wayfare.schema.lint.linting import lint
from wayfare.schema.lint.squawk import beside
from wayfare.schema.probes import Probe, probes
from wayfare.schema.queries import Tried
from wayfare.schema.text.reading import read

SAMPLED_ROWS_MIN = 10_000  # a smaller table takes no time worth estimating
DIFFERENCE_LINES_MAX = 500
LOST = "wayback_lost"
VIOLATED = "rows_violate"


@dataclass(frozen=True, slots=True)
class Draft:
    """A change as its author wrote it."""

    up: tuple[Statement, ...]
    down: tuple[Statement, ...] | None = None  # None: the inverse is looked for
    environment: str = ""
    queries: Mapping[str, str] = field(default_factory=dict)  # to be planned before and after it: id → text


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of a change. `measured` is empty where there was nothing to rehearse on."""

    dialect: str
    up: tuple[Statement, ...]
    measured: tuple[Measured, ...]
    down: tuple[Statement, ...]
    down_measured: tuple[Measured, ...]
    down_by: str  # "author", "inverse", or "" where there is no way back
    down_proved: bool  # up and down together left the clone's dump as it was
    findings: tuple[Finding, ...]
    sizes: Mapping[str, Size]  # of the tables that it names
    fingerprint: str  # of the schema it was studied on
    backs: tuple[tuple[str, ...], ...] = ()  # each statement's own inverse, where one is known
    difference: str = ""  # of the schema, before and after, as `diff -u` writes it
    queries: tuple[Tried, ...] | None = None  # None: the clone, if there was one, plans no queries

    @property
    def refused(self) -> bool:
        return any(f.severity is Severity.ERROR for f in self.findings)

    @property
    def accepted(self) -> bool:
        """Did the clone take it? Rows that stand in its way may be gone tomorrow; whatever else may be mended, too."""
        others = (f for f in self.findings if f.code != VIOLATED)
        return bool(self.measured) and all(f.severity is not Severity.ERROR for f in others)

    @property
    def estimate_seconds(self) -> float:
        return sum(m.estimate_seconds for m in self.measured)

    @property
    def rollback_seconds(self) -> float:
        return sum(m.estimate_seconds for m in self.down_measured)


@dataclass(slots=True)
class _Tried:
    measured: list[Measured] = field(default_factory=list)
    backs: list[tuple[str, ...]] = field(default_factory=list)
    down: tuple[Statement, ...] = ()
    down_measured: list[Measured] = field(default_factory=list)
    down_by: str = ""
    proved: bool = False
    difference: str = ""
    queries: tuple[Tried, ...] | None = None
    findings: list[Finding] = field(default_factory=list)


def fingerprint(schema: Schema) -> str:
    """Of the schema as it is now: 16 hexadecimal digits of SHA-256 of its dump."""
    return hashlib.sha256(schema.dump().encode()).hexdigest()[:16]


def study(schema: Schema, draft: Draft, *, sampled: bool = True, replica: Executes | None = None) -> Study:
    """Rehearse it, look for its way back, and ask the rows on `replica` (or nobody) what a clone cannot know.

    Nothing is changed. Raises what the system raises when it cannot be read; what it says of the change is a finding.
    """
    return studies(schema, [draft], sampled=sampled, replica=replica)[0]


def studies(
    schema: Schema, drafts: Sequence[Draft], *, sampled: bool = True, replica: Executes | None = None
) -> list[Study]:
    """The same for changes that come one after another, each on what those before it have made."""
    if not drafts:
        return []
    known = schema.sizes()
    named = {table for draft in drafts for s in (*draft.up, *(draft.down or ())) for table in s.tables}
    large = [t for t in sorted(named) if t in known and known[t].rows >= SAMPLED_ROWS_MIN]
    mark = fingerprint(schema)
    with _clone(schema, large if sampled else ()) as (clone, why_not):
        tried = [_try(clone, why_not, schema.dialect, draft, last=draft is drafts[-1]) for draft in drafts]
    made = zip(drafts, tried, strict=True)
    return [_study(schema.dialect, draft, found, _sizes(known, draft), mark, replica) for draft, found in made]


def _study(
    dialect: str, draft: Draft, tried: _Tried, sizes: Mapping[str, Size], mark: str, replica: Executes | None
) -> Study:
    facts = Facts(dialect, draft.environment, sizes, dict(enumerate(tried.measured)))
    found = [*lint(draft.up, facts), *beside(draft.up, dialect), *tried.findings]
    if replica is not None:
        found += asked(replica, draft.up, dialect)
    return Study(
        dialect,
        draft.up,
        tuple(tried.measured),
        tried.down,
        tuple(tried.down_measured),
        tried.down_by,
        tried.proved,
        tuple(found),
        sizes,
        mark,
        tuple(tried.backs),
        tried.difference,
        tried.queries,
    )


def _sizes(known: Mapping[str, Size], draft: Draft) -> Mapping[str, Size]:
    named = dict.fromkeys(table for s in (*draft.up, *(draft.down or ())) for table in s.tables)
    return {table: known[table] for table in named if table in known}


@contextmanager
def _clone(schema: Schema, sample: Sequence[str]) -> Iterator[tuple[Rehearsal | None, Finding | None]]:
    """None, and a finding that says why, where nothing can be cloned: the rest of the study is worth having."""
    with ExitStack() as stack:
        clone, why_not = None, None
        try:
            if isinstance(schema, Rehearses):
                clone = stack.enter_context(schema.rehearsal(sample))
            else:
                why_not = _unrehearsed("no clone without rows is made of this system.", _BY_HAND)
        except (Forbidden, Unavailable) as error:
            why_not = _unrehearsed(error.message, error.remedy)
        yield clone, why_not


_BY_HAND = "Locks and times are not known, and it counts as of higher risk: try it on a restored copy first."


def _unrehearsed(why: str, remedy: str) -> Finding:
    told = f"the change was not rehearsed: {why}"
    return Finding("not_rehearsed", Severity.WARNING, told, "target", remedy or "Locks and times are not known.")


def _try(clone: Rehearsal | None, why_not: Finding | None, dialect: str, draft: Draft, *, last: bool) -> _Tried:
    tried = _Tried()
    if clone is None:
        tried.findings += [why_not] if why_not else []
        if draft.down is not None:
            tried.down, tried.down_by = draft.down, "author"
        return tried
    _rehearse(clone, dialect, draft, tried)
    if tried.down_measured and not last:  # the next change stands on this one
        for statement in draft.up:
            clone.run(statement)
    return tried


def _rehearse(clone: Rehearsal, dialect: str, draft: Draft, tried: _Tried) -> None:
    before = clone.dump()
    plans = clone.plans(draft.queries) if isinstance(clone, Plans) else None
    lost: list[Finding] = []
    for statement in draft.up:
        back = inverse(statement, dialect, clone.recall)
        tried.backs.append(() if back.refusal else back.statements)
        if back.refusal:
            lost.append(_finding(LOST, Severity.WARNING, statement, back.refusal, "Write its way back yourself."))
        measured = clone.run(statement)
        tried.measured.append(measured)
        if measured.error:
            return  # a rule of lint tells it
    tried.difference = unified(before, clone.dump())
    if isinstance(clone, Plans) and plans is not None:
        after = clone.plans(draft.queries)
        tried.queries = tuple(Tried(key, text, plans[key], after[key]) for key, text in draft.queries.items())
    if draft.down is None:
        tried.findings += lost
        if lost:
            return
        text = "\n".join(f"{s.rstrip(';')};" for back in reversed(tried.backs) for s in back)
        tried.down, tried.down_by = read(text, dialect), "inverse"
    else:
        tried.down, tried.down_by = draft.down, "author"
    _prove(clone, before, tried)


def _prove(clone: Rehearsal, before: str, tried: _Tried) -> None:
    for statement in tried.down:
        measured = clone.run(statement)
        tried.down_measured.append(measured)
        if measured.error:
            advice = "Correct the way back."
            tried.findings.append(_finding("wayback_refused", Severity.ERROR, statement, measured.error, advice))
            return
    difference = first_difference(before, clone.dump())
    tried.proved = not difference
    if difference:
        told = f"up and down together do not give the schema that was before: {difference}"
        advice = "Make the way back complete, or accept that it leads to another schema."
        tried.findings.append(Finding("wayback_differs", Severity.WARNING, told, "rollback", advice))


def unified(before: str, after: str) -> str:
    """The lines that differ, each with a few around it; at most DIFFERENCE_LINES_MAX."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm=""))
    more = [f"… and {len(lines) - DIFFERENCE_LINES_MAX} lines more"] if len(lines) > DIFFERENCE_LINES_MAX else []
    return "\n".join([*lines[:DIFFERENCE_LINES_MAX], *more])


def first_difference(before: str, after: str) -> str:
    """ "" where both dumps say the same; else the first line that only one has."""
    old, new = before.splitlines(), after.splitlines()
    if sorted(old) == sorted(new):
        return ""
    only = [f"missing: {line.strip()}" for line in old if line not in set(new)]
    only += [f"left over: {line.strip()}" for line in new if line not in set(old)]
    return only[0][:200] if only else "a line is there more often."


def asked(replica: Executes, statements: Sequence[Statement], dialect: str) -> Iterator[Finding]:
    """What an empty clone cannot see: rows that the change would refuse."""
    for statement in statements:
        for probe in probes(statement, dialect):
            if finding := _violated(replica, statement, probe):
                yield finding


def asked_again(known: Study, replica: Executes | None) -> Study:
    """The same study with what the rows say now. Raises what the replica raises."""
    if replica is None:
        return known
    kept = [finding for finding in known.findings if finding.code != VIOLATED]
    return replace(known, findings=(*kept, *asked(replica, known.up, known.dialect)))


def _violated(replica: Executes, statement: Statement, probe: Probe) -> Finding | None:
    try:
        rows = replica.execute(probe.sql).to_pylist()
    except SystemFailed as error:  # what the statement itself makes is not there yet
        if error.retryable:
            raise
        return None
    count, example = (*rows[0].values(), None)[:2] if rows else (0, None)
    if not count:
        return None
    told = probe.violation.format(count=count, example=example)
    return _finding(VIOLATED, Severity.ERROR, statement, told, probe.advice)


def _finding(code: str, severity: Severity, statement: Statement, message: str, advice: str) -> Finding:
    return Finding(code, severity, message, f"line {statement.line}", advice)
